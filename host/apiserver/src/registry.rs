//! The resources that are served: rows of [`objects::resource`], and what CustomResourceDefinitions add to them while the
//! server runs.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use objects::Tree;
use objects::resource::{self, Resource, Storage};
use structural::{Conversion, CustomResource, Version};

use crate::rules::{self, Rules};

/// Built-in resources that clients are warned of: group, plural, why.
const DEPRECATED: &[(&str, &str, &str)] = &[
    ("", "componentstatuses", "v1 ComponentStatus is deprecated in v1.19+"),
    ("", "endpoints", "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"),
];

/// A resource that is served.
#[derive(Debug)]
pub(crate) struct Served {
    row: Arc<Resource>,
    custom: Option<Custom>,
}

/// A version of what a definition defines.
#[derive(Debug)]
struct Custom {
    definition: Arc<CustomResource>,
    /// The definition as it is stored.
    source: Arc<Tree>,
    version: usize,
    rules: Option<Arc<Rules>>,
    ending: Arc<AtomicBool>,
}

impl Served {
    pub(crate) fn builtin(row: Arc<Resource>) -> Self {
        Self { row, custom: None }
    }

    /// Every version of a custom resource, those that no client sees too.
    pub(crate) fn all_of(
        definition: &Arc<CustomResource>,
        source: Tree,
        ending: &Arc<AtomicBool>,
    ) -> Vec<Arc<Self>> {
        let rules = rules::of_versions(&source, definition);
        let source = Arc::new(source);
        let of = |((version, row), rules): ((usize, &Version), Option<Arc<Rules>>)| {
            let (definition, source) = (Arc::clone(definition), Arc::clone(&source));
            let custom = Custom { definition, source, version, rules, ending: Arc::clone(ending) };
            Arc::new(Self { row: Arc::clone(&row.resource), custom: Some(custom) })
        };
        definition.versions.iter().enumerate().zip(rules).map(of).collect()
    }

    /// The row alone, for who keeps it longer than the resource may be served.
    pub(crate) fn row(&self) -> &Arc<Resource> {
        &self.row
    }

    /// What the definition of a custom resource says of this version.
    pub(crate) fn custom(&self) -> Option<&Version> {
        let custom = self.custom.as_ref()?;
        custom.definition.versions.get(custom.version)
    }

    /// The rules in CEL of this version of a custom resource.
    pub(crate) fn rules(&self) -> Option<&Rules> {
        self.custom.as_ref()?.rules.as_deref()
    }

    /// The CustomResourceDefinition of a custom resource.
    pub(crate) fn definition(&self) -> Option<&Tree> {
        self.custom.as_ref().map(|custom| &*custom.source)
    }

    /// The row in whose version objects of a custom resource are stored.
    pub(crate) fn stored_as(&self) -> Option<&Arc<Resource>> {
        self.custom.as_ref().map(|custom| &custom.definition.storage_version().resource)
    }

    /// What every client of it is warned of.
    pub(crate) fn deprecation(&self) -> Option<&str> {
        match self.custom() {
            Some(version) => version.deprecation_warning.as_deref(),
            None => {
                let is = |row: &&(&str, &str, &str)| row.1 == self.plural && row.0 == self.group;
                DEPRECATED.iter().find(is).map(|row| row.2)
            }
        }
    }

    /// Whether its definition was deleted, so that nothing new is made.
    pub(crate) fn is_ending(&self) -> bool {
        self.custom.as_ref().is_some_and(|custom| custom.ending.load(Ordering::Relaxed))
    }

    /// How objects get from one version of a custom resource to another.
    pub(crate) fn conversion(&self) -> Option<&Conversion> {
        self.custom.as_ref().map(|custom| &custom.definition.conversion)
    }
}

impl Deref for Served {
    type Target = Resource;

    fn deref(&self) -> &Resource {
        &self.row
    }
}

/// Cheap to clone; every clone sees the newest rows.
#[derive(Clone)]
pub(crate) struct Registry(Arc<ArcSwap<Rows>>);

struct Rows {
    /// What clients see, in the order of discovery.
    served: Arc<Vec<Arc<Served>>>,
    /// The same by their plurals: every request looks for one.
    by_plural: HashMap<Box<str>, Vec<Arc<Served>>>,
    /// How many of them are built in: they come first.
    builtin: usize,
}

impl Rows {
    fn new(served: Vec<Arc<Served>>, builtin: usize) -> Self {
        let mut by_plural: HashMap<Box<str>, Vec<Arc<Served>>> = HashMap::new();
        for row in &served {
            by_plural.entry(row.plural.as_ref().into()).or_default().push(Arc::clone(row));
        }
        Self { served: Arc::new(served), by_plural, builtin }
    }
}

impl Registry {
    /// The built-in rows that this release serves.
    pub(crate) fn builtin() -> Self {
        let served = |row: &Arc<Resource>| Arc::new(Served::builtin(Arc::clone(row)));
        let served: Vec<_> = resource::served().map(served).collect();
        let builtin = served.len();
        Self(Arc::new(ArcSwap::from_pointee(Rows::new(served, builtin))))
    }

    /// Every row, in the order of discovery.
    pub(crate) fn rows(&self) -> Arc<Vec<Arc<Served>>> {
        Arc::clone(&self.0.load().served)
    }

    /// Serves these custom resources and no others. The rows stay the same where these are what is served.
    pub(crate) fn replace_custom(&self, mut custom: Vec<Arc<Served>>) {
        custom.sort_by(|one, two| {
            let versions = || structural::compare_versions(&two.version, &one.version);
            one.group.cmp(&two.group).then_with(versions).then_with(|| one.plural.cmp(&two.plural))
        });
        let old = self.0.load();
        let builtin = old.builtin;
        custom.retain(|row| row.served);
        let (known, given) = (old.served[builtin..].iter(), custom.iter());
        if known.map(Arc::as_ptr).eq(given.map(Arc::as_ptr)) {
            return;
        }
        let served = old.served[..builtin].iter().chain(&custom).cloned().collect();
        self.0.store(Arc::new(Rows::new(served, builtin)));
    }

    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Served>> {
        let is = |row: &&Arc<Served>| row.group == group && row.version == version;
        self.0.load().by_plural.get(plural)?.iter().find(is).cloned()
    }

    /// The other versions of a stored resource.
    pub(crate) fn equivalents(&self, of: &Resource) -> Vec<Arc<Served>> {
        let is = |row: &&Arc<Served>| {
            share_storage(row, of) && (&row.group, &row.version) != (&of.group, &of.version)
        };
        self.0.load().served.iter().filter(is).cloned().collect()
    }

    /// The stored prefixes, each with the row in whose version its objects are written.
    pub(crate) fn stored(&self) -> Vec<(String, Arc<Served>)> {
        let mut stored: Vec<(String, Arc<Served>)> = Vec::new();
        for row in self.0.load().served.iter() {
            if let Some(prefix) = row.key_prefix()
                && stored.iter().all(|(known, _)| *known != prefix)
            {
                stored.push((prefix, Arc::clone(row)));
            }
        }
        stored
    }
}

/// Whether two rows are versions of one stored resource.
pub(crate) fn share_storage(one: &Resource, two: &Resource) -> bool {
    matches!((&one.storage, &two.storage), (Storage::Stored { prefix: a }, Storage::Stored { prefix: b }) if a == b)
}
