//! [`Written`]: objects as they were last written, while the store has them older.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use reconcile::{ObjectKey, Store};

/// Decisions of one worker see its own earlier writes, so that it undoes none and makes none twice.
pub(super) struct Written<K>(Mutex<HashMap<ObjectKey, Arc<K>>>);

impl<K> Default for Written<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Metadata<Ty = ObjectMeta>> Written<K> {
    /// What the API server answered to a write.
    pub(super) fn put(&self, object: K) -> Arc<K> {
        let object = Arc::new(object);
        self.objects().insert(ObjectKey::of(object.metadata()), Arc::clone(&object));
        object
    }

    /// The newest that is known of an object; what is gone from the store is gone.
    pub(super) fn get(&self, store: &Store<K>, key: &ObjectKey) -> Option<Arc<K>> {
        let Some(stored) = store.get(&key.namespace, &key.name) else {
            self.objects().remove(key);
            return None;
        };
        Some(self.newest(stored))
    }

    /// The newest that is known of every object of a store.
    pub(super) fn all(&self, store: &Store<K>) -> Vec<Arc<K>> {
        store.all().into_iter().map(|stored| self.newest(stored)).collect()
    }

    fn newest(&self, stored: Arc<K>) -> Arc<K> {
        let key = ObjectKey::of(stored.metadata());
        let mut objects = self.objects();
        match objects.get(&key) {
            Some(written) if is_newer(written.metadata(), stored.metadata()) => Arc::clone(written),
            Some(_) => {
                objects.remove(&key);
                stored
            }
            None => stored,
        }
    }

    fn objects(&self) -> std::sync::MutexGuard<'_, HashMap<ObjectKey, Arc<K>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether one state of an object is of a later version than another.
fn is_newer(one: &ObjectMeta, other: &ObjectMeta) -> bool {
    let version = |metadata: &ObjectMeta| metadata.resource_version.as_ref()?.parse::<u64>().ok();
    one.uid == other.uid && version(one) > version(other)
}
