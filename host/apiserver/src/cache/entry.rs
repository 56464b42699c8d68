//! One cached object: its bytes without TypeMeta, and the head that lists and watches select by.

mod text;

use std::borrow::Cow;

use datastore::{KeyValue, Revision};
use objects::Tree;
use objects::meta;
use objects::selector::field::field_value;

use self::text::Text;
use crate::registry::Served;
use crate::storage::{ValueError, Values};

#[derive(Debug)]
pub(crate) struct Entry {
    /// Empty for cluster scope.
    pub(crate) namespace: Box<str>,
    pub(crate) name: Box<str>,
    pub(crate) labels: Box<[(Box<str>, Box<str>)]>,
    /// The values of the row's selectable fields, in their order.
    fields: Box<[Box<str>]>,
    /// The apiVersion of one that is in another version than its cache, and needs a webhook to get there.
    foreign: Option<Box<str>>,
    pub(crate) revision: Revision,
    text: Text,
}

impl Entry {
    /// Reads a stored value. Its bytes are the store's own where that is possible.
    pub(crate) fn read(resource: &Served, values: &Values, kv: &KeyValue) -> Result<Self, ValueError> {
        let (tree, _) = values.read(resource, &kv.key, &kv.value)?;
        // What is read of a custom resource may be another shape than what is stored.
        let is_as_stored = resource.custom().is_none() && meta::resource_version(&tree).is_empty();
        let shared = is_as_stored.then(|| Text::shared(resource, &kv.value)).flatten();
        Ok(Self::of(resource, tree, kv.mod_revision, shared))
    }

    pub(crate) fn new(resource: &Served, tree: Tree, revision: Revision) -> Self {
        Self::of(resource, tree, revision, None)
    }

    fn of(resource: &Served, mut tree: Tree, revision: Revision, shared: Option<Text>) -> Self {
        tree.remove("kind");
        let version = tree.remove("apiVersion");
        let foreign = version
            .as_ref()
            .and_then(Tree::as_str)
            .filter(|version| resource.custom().is_some() && **version != *resource.api_version());
        let fields = resource.selectable.iter().map(|row| field_value(resource, &tree, &row.name).into());
        Self {
            namespace: meta::namespace(&tree).into(),
            name: meta::name(&tree).into(),
            labels: meta::labels(&tree).map(|(key, value)| (key.into(), value.into())).collect(),
            fields: fields.collect(),
            foreign: foreign.map(Into::into),
            revision,
            text: shared.unwrap_or_else(|| Text::of(tree)),
        }
    }

    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        self.labels.iter().find(|(name, _)| **name == *key).map(|(_, value)| &**value)
    }

    /// The value of a field of the row that the entry was made with.
    pub(crate) fn field(&self, resource: &Served, name: &str) -> Cow<'_, str> {
        Cow::Borrowed(match name {
            "metadata.name" => &self.name,
            "metadata.namespace" => &self.namespace,
            _ => {
                let position = resource.selectable.iter().position(|row| row.name == name);
                position.and_then(|at| self.fields.get(at)).map_or("", |value| value)
            }
        })
    }

    /// Whether it is in another version than its cache.
    pub(crate) fn is_foreign(&self) -> bool {
        self.foreign.is_some()
    }

    /// The object with its own kind and apiVersion.
    pub(crate) fn complete(&self, hub: &Served) -> Tree {
        let mut tree = self.tree();
        let fields = tree.object_mut();
        let own = hub.api_version();
        fields.insert_first("apiVersion", self.foreign.as_deref().unwrap_or(&own));
        fields.insert_first("kind", &*hub.kind);
        tree
    }

    /// The object, without kind and apiVersion.
    pub(crate) fn tree(&self) -> Tree {
        let mut json = Vec::with_capacity(1 + self.len());
        json.push(b'{');
        self.write_fields(&mut json);
        Tree::from_json(&json).expect("read or written as JSON when the entry was made")
    }

    /// Appends the fields of the object without kind and apiVersion as JSON, and the brace that ends it: what comes
    /// before them is the caller's.
    pub(crate) fn write_fields(&self, out: &mut Vec<u8>) {
        self.text.write(self.revision, out);
    }

    /// No fewer bytes than [`write_fields`](Self::write_fields) appends.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }
}
