//! The resources that are served: rows of [`objects::resource`], in the order of discovery. Custom resources will be
//! rows of the same table, in a later snapshot.

use std::sync::Arc;

use arc_swap::ArcSwap;
use objects::resource::{self, Resource, Storage};

/// Cheap to clone; every clone sees the newest rows.
#[derive(Clone)]
pub(crate) struct Registry(Arc<ArcSwap<Vec<Arc<Resource>>>>);

impl Registry {
    /// The built-in rows that this release serves.
    pub(crate) fn builtin() -> Self {
        Self(Arc::new(ArcSwap::from_pointee(resource::served().cloned().collect())))
    }

    /// Every row, in the order of discovery.
    pub(crate) fn rows(&self) -> Arc<Vec<Arc<Resource>>> {
        self.0.load_full()
    }

    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Resource>> {
        let is = |row: &&Arc<Resource>| row.plural == plural && row.group == group && row.version == version;
        self.0.load().iter().find(is).cloned()
    }

    /// The other versions of a stored resource.
    pub(crate) fn equivalents(&self, of: &Resource) -> Vec<Arc<Resource>> {
        let is = |row: &&Arc<Resource>| {
            share_storage(row, of) && (&row.group, &row.version) != (&of.group, &of.version)
        };
        self.0.load().iter().filter(is).cloned().collect()
    }

    /// The stored prefixes, each with the row in whose version its objects are written.
    pub(crate) fn stored(&self) -> Vec<(String, Arc<Resource>)> {
        let mut stored: Vec<(String, Arc<Resource>)> = Vec::new();
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
