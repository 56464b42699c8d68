//! Which objects of a resource a request sees.

use std::sync::Arc;

use objects::selector::field::FieldSelector;
use objects::selector::label::LabelSelector;

use crate::cache::Entry;
use crate::registry::Served;
use crate::storage::convert;

/// A namespace and two selectors, answered from the heads of entries.
#[derive(Clone)]
pub(crate) struct Selection {
    pub(crate) resource: Arc<Served>,
    /// The row in whose version the entries are.
    pub(crate) hub: Arc<Served>,
    /// Empty for all.
    pub(crate) namespace: String,
    pub(crate) labels: LabelSelector,
    pub(crate) fields: FieldSelector,
}

impl Selection {
    pub(crate) fn selects(&self, entry: &Entry) -> bool {
        (self.namespace.is_empty() || *entry.namespace == *self.namespace)
            && self.labels.matches(|key| entry.label(key))
            && self.fields_match(entry)
    }

    /// Whether it selects by more than the namespace.
    pub(crate) fn is_filtered(&self) -> bool {
        !self.labels.is_everything() || !self.fields.is_everything()
    }

    fn fields_match(&self, entry: &Entry) -> bool {
        let of_head = |field: &str| field.starts_with("metadata.");
        if Arc::ptr_eq(&self.resource, &self.hub)
            || self.fields.terms().iter().all(|term| of_head(&term.field))
        {
            return self.fields.matches(|field| entry.field(&self.hub, field));
        }
        let tree = convert(entry.tree(), &self.hub, &self.resource);
        self.fields.matches_object(&self.resource, &tree)
    }
}
