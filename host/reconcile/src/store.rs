//! [`Store`]: the objects of a resource as a reflector last saw them.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use crate::key::ObjectKey;

type Objects<K> = BTreeMap<String, BTreeMap<String, Arc<K>>>;

/// A read-only handle; clones share the objects. What is read may be older than what the API server has.
pub struct Store<K>(Arc<Shared<K>>);

struct Shared<K> {
    /// By namespace, then by name.
    objects: RwLock<Objects<K>>,
    synced: watch::Sender<bool>,
    /// Everything up to this resourceVersion was read.
    version: watch::Sender<u64>,
}

impl<K> Clone for Store<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K> Store<K> {
    pub(crate) fn new() -> Self {
        let (synced, version) = (watch::Sender::new(false), watch::Sender::new(0));
        Self(Arc::new(Shared { objects: RwLock::default(), synced, version }))
    }

    /// The object of a name; the namespace of a cluster-scoped kind is empty.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        self.read(|objects| objects.get(namespace)?.get(name).cloned())
    }

    /// Every object of a namespace, by name.
    pub fn in_namespace(&self, namespace: &str) -> Vec<Arc<K>> {
        self.read(|objects| objects.get(namespace).into_iter().flat_map(BTreeMap::values).cloned().collect())
    }

    /// Every object, by namespace and name.
    pub fn all(&self) -> Vec<Arc<K>> {
        self.read(|objects| objects.values().flat_map(BTreeMap::values).cloned().collect())
    }

    /// Returns once the objects were listed.
    pub async fn synced(&self) {
        let mut synced = self.0.synced.subscribe();
        synced.wait_for(|synced| *synced).await.expect("the store that is borrowed holds the sender");
    }

    /// Returns once the store shows what was written at a resourceVersion of its resource, so that a reconciler reads
    /// back what it wrote. Of a version that is no number nothing is known: it returns at once.
    pub async fn reached(&self, version: &str) {
        let Ok(written) = version.parse::<u64>() else { return };
        let mut read = self.0.version.subscribe();
        read.wait_for(|read| *read >= written).await.expect("the store that is borrowed holds the sender");
    }

    fn read<T>(&self, look: impl FnOnce(&Objects<K>) -> T) -> T {
        look(&self.0.objects.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Objects<K>) -> T) -> T {
        change(&mut self.0.objects.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Gives what was there.
    pub(crate) fn put(&self, key: &ObjectKey, object: Arc<K>) -> Option<Arc<K>> {
        self.write(|objects| {
            objects.entry(key.namespace.clone()).or_default().insert(key.name.clone(), object)
        })
    }

    /// Gives what was there.
    pub(crate) fn remove(&self, key: &ObjectKey) -> Option<Arc<K>> {
        self.write(|objects| {
            let namespace = objects.get_mut(&key.namespace)?;
            let old = namespace.remove(&key.name);
            if namespace.is_empty() {
                objects.remove(&key.namespace);
            }
            old
        })
    }

    pub(crate) fn keys(&self) -> Vec<ObjectKey> {
        self.read(|objects| {
            let names = |(namespace, objects): (&String, &BTreeMap<String, Arc<K>>)| {
                objects.keys().map(|name| ObjectKey::new(namespace, name)).collect::<Vec<_>>()
            };
            objects.iter().flat_map(names).collect()
        })
    }

    /// Everything up to `version` is in the store.
    pub(crate) fn set_version(&self, version: &str) {
        if let Ok(version) = version.parse::<u64>() {
            self.0.version.send_if_modified(|read| {
                let newer = version > *read;
                *read = version.max(*read);
                newer
            });
        }
    }

    pub(crate) fn set_synced(&self) {
        self.0.synced.send_replace(true);
    }
}
