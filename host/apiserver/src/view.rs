//! What the caches have, as trees: for those who read objects in passing and take the state as it is.

use std::sync::Arc;

use objects::{Tree, meta};
use tokio::sync::watch;

use crate::cache::{Caches, Entry};
use crate::registry::{Registry, Served};
use crate::storage::convert;

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) registry: Registry,
    pub(crate) caches: Caches,
}

impl View {
    /// The object as it is cached, for who wants but a label or a field of it.
    pub(crate) fn entry(&self, resource: &Served, namespace: &str, name: &str) -> Option<Arc<Entry>> {
        self.caches.of(resource)?.get(namespace, name)
    }

    pub(crate) fn get(&self, resource: &Served, namespace: &str, name: &str) -> Option<Tree> {
        let cache = self.caches.of(resource)?;
        let entry = cache.get(namespace, name)?;
        let mut tree = convert(entry.tree(), &cache.hub, resource);
        meta::set_gvk(&mut tree, &resource.gvk());
        Some(tree)
    }

    /// The objects of a namespace, of all for an empty one, whose entries are wanted.
    pub(crate) fn list(
        &self,
        resource: &Served,
        namespace: &str,
        wanted: impl Fn(&Entry) -> bool,
    ) -> Vec<Tree> {
        let Some(cache) = self.caches.of(resource) else { return Vec::new() };
        let snapshot = cache.snapshot(namespace, wanted);
        snapshot.entries.iter().map(|entry| convert(entry.tree(), &cache.hub, resource)).collect()
    }

    /// How many changes the cache of a resource has seen: another number, another state.
    pub(crate) fn changes_seen(&self, resource: &Served) -> u64 {
        self.caches.of(resource).map_or(0, |cache| cache.changes_seen())
    }

    /// Tells of changes of a resource.
    pub(crate) fn changes(&self, resource: &Served) -> Option<watch::Receiver<u64>> {
        Some(self.caches.of(resource)?.subscribe())
    }
}
