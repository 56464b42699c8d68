//! The resources that are served: rows of [`objects::resource`], and what CustomResourceDefinitions add to them while the
//! server runs.

use std::ops::Deref;
use std::sync::Arc;

use arc_swap::ArcSwap;
use objects::resource::{self, Resource, Storage};

/// A resource that is served.
#[derive(Debug)]
pub(crate) struct Served {
    row: Arc<Resource>,
}

impl Served {
    pub(crate) fn builtin(row: Arc<Resource>) -> Self {
        Self { row }
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
pub(crate) struct Registry(Arc<ArcSwap<Vec<Arc<Served>>>>);

impl Registry {
    /// The built-in rows that this release serves.
    pub(crate) fn builtin() -> Self {
        let served = |row: &Arc<Resource>| Arc::new(Served::builtin(Arc::clone(row)));
        Self(Arc::new(ArcSwap::from_pointee(resource::served().map(served).collect())))
    }

    /// Every row, in the order of discovery.
    pub(crate) fn rows(&self) -> Arc<Vec<Arc<Served>>> {
        self.0.load_full()
    }

    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Served>> {
        let is = |row: &&Arc<Served>| row.plural == plural && row.group == group && row.version == version;
        self.0.load().iter().find(is).cloned()
    }

    /// The other versions of a stored resource.
    pub(crate) fn equivalents(&self, of: &Resource) -> Vec<Arc<Served>> {
        let is = |row: &&Arc<Served>| {
            share_storage(row, of) && (&row.group, &row.version) != (&of.group, &of.version)
        };
        self.0.load().iter().filter(is).cloned().collect()
    }

    /// The stored prefixes, each with the row in whose version its objects are written.
    pub(crate) fn stored(&self) -> Vec<(String, Arc<Served>)> {
        let mut stored: Vec<(String, Arc<Served>)> = Vec::new();
        for row in self.0.load().iter() {
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
