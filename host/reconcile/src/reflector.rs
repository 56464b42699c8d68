//! [`Reflector`]: keeps a store at the state of a resource, by a list and the watch that follows it.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use client::{Api, ApiError, ListOptions, Unread, WatchEvent, WatchOptions};
use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use objects::{Tree, meta};
use serde::de::DeserializeOwned;
use supervise::Backoff;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::key::{Key, ObjectKey, asks_for_list, chain};
use crate::queue::Queue;
use crate::store::Store;

/// The API server is often in this process and back within moments.
const FIRST_DELAY: Duration = Duration::from_millis(20);
const LAST_DELAY: Duration = Duration::from_secs(5);
/// A watch that stood so long was a good one.
const STEADY: Duration = Duration::from_secs(1);
/// Objects of a chunk of the list; upstream's.
const CHUNK: u32 = 500;

/// What happened to one object, after the store has it.
pub struct Change<'a, K> {
    pub key: &'a ObjectKey,
    /// `None` for one that is new.
    pub old: Option<&'a Arc<K>>,
    /// `None` for one that is gone.
    pub new: Option<&'a Arc<K>>,
}

/// A view of a kind: what of its objects someone needs, decoded from the whole, with what a reflector needs.
pub trait Reflected {
    fn key(&self) -> ObjectKey;
    fn resource_version(&self) -> &str;
}

type Hook<K> = Box<dyn Fn(&Change<'_, K>) + Send + Sync>;

/// Where an object says who it is and how new.
struct Head {
    key: ObjectKey,
    version: String,
}

/// Reads one resource. Made with its store empty; the store fills while [`run`](Self::run) runs.
pub struct Reflector<K> {
    api: Api<K>,
    list: ListOptions,
    head: fn(&K) -> Head,
    store: Store<K>,
    hooks: Vec<Hook<K>>,
}

impl<K: Metadata<Ty = ObjectMeta>> Reflector<K> {
    /// Of a typed kind; of `options` the selectors count.
    pub fn new(api: Api<K>, options: ListOptions) -> Self {
        Self::reading(api, options, |object| {
            let metadata = object.metadata();
            Head {
                key: ObjectKey::of(metadata),
                version: metadata.resource_version.clone().unwrap_or_default(),
            }
        })
    }
}

impl Reflector<Tree> {
    /// Of any resource, its objects as trees.
    pub fn dynamic(api: Api<Tree>, options: ListOptions) -> Self {
        Self::reading(api, options, |tree| Head {
            key: ObjectKey::new(meta::namespace(tree), meta::name(tree)),
            version: meta::resource_version(tree).to_owned(),
        })
    }
}

impl<K: Reflected> Reflector<K> {
    /// Of a kind that is read as a view (see [`Api::viewed`]): what the view leaves out takes no memory.
    pub fn view(api: Api<K>, options: ListOptions) -> Self {
        Self::reading(api, options, |view| Head {
            key: view.key(),
            version: view.resource_version().to_owned(),
        })
    }
}

impl<K> Reflector<K> {
    fn reading(api: Api<K>, options: ListOptions, head: fn(&K) -> Head) -> Self {
        let list = ListOptions { limit: CHUNK, ..options };
        Self { api, list, head, store: Store::new(), hooks: Vec::new() }
    }

    pub fn store(&self) -> Store<K> {
        self.store.clone()
    }

    /// Calls a hook for every change, in their order. It must not wait.
    pub fn on_change(mut self, hook: impl Fn(&Change<'_, K>) + Send + Sync + 'static) -> Self {
        self.add_hook(hook);
        self
    }

    /// As [`on_change`](Self::on_change), of a reflector that others hold too.
    pub fn add_hook(&mut self, hook: impl Fn(&Change<'_, K>) + Send + Sync + 'static) {
        self.hooks.push(Box::new(hook));
    }

    /// Queues the key that `key` makes of an object whenever it changed; of both its states when they differ.
    pub fn feed<Q: Key>(
        self,
        queue: &Queue<Q>,
        key: impl Fn(&K) -> Option<Q> + Send + Sync + 'static,
    ) -> Self {
        let queue = queue.clone();
        self.on_change(move |change| {
            let states = [change.old, change.new].into_iter().flatten();
            states.filter_map(|state| key(state)).for_each(|key| queue.add(key));
        })
    }

    fn tell(&self, key: &ObjectKey, old: Option<&Arc<K>>, new: Option<&Arc<K>>) {
        let change = Change { key, old, new };
        self.hooks.iter().for_each(|hook| hook(&change));
    }

    fn put(&self, object: K) -> Head {
        let head = (self.head)(&object);
        let object = Arc::new(object);
        let old = self.store.put(&head.key, object.clone());
        self.tell(&head.key, old.as_ref(), Some(&object));
        head
    }

    /// Leaves an object that cannot be read as it was last seen: it harms no other, and is not taken for gone.
    fn keep(&self, object: &Unread) -> ObjectKey {
        warn!(path = self.api.path(), %object, "an object cannot be read; what was last read of it counts");
        ObjectKey::new(&object.namespace, &object.name)
    }

    fn remove(&self, key: &ObjectKey) {
        if let Some(old) = self.store.remove(key) {
            self.tell(key, Some(&old), None);
        }
    }
}

impl<K: DeserializeOwned> Reflector<K> {
    /// Reflects until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.reflect() => {}
        }
    }

    async fn reflect(&self) {
        let mut backoff = Backoff::new(FIRST_DELAY, LAST_DELAY);
        loop {
            match self.list().await {
                Ok(version) => self.follow(version, &mut backoff).await,
                Err(error) => warn!(path = self.api.path(), error = chain(&error), "list"),
            }
            tokio::time::sleep(backoff.next_delay()).await;
        }
    }

    /// Makes the store what the API server has now; gives the version of that.
    async fn list(&self) -> Result<String, ApiError> {
        let (list, unread) = self.api.list_readable(&self.list).await?;
        let version = list.resource_version().to_owned();
        let mut gone: HashSet<ObjectKey> = self.store.keys().into_iter().collect();
        for object in list.items {
            gone.remove(&self.put(object).key);
        }
        for object in &unread {
            gone.remove(&self.keep(object));
        }
        gone.iter().for_each(|key| self.remove(key));
        self.store.set_version(&version);
        self.store.set_synced();
        Ok(version)
    }

    /// Watches from a version on, again and again, until only a list can help.
    async fn follow(&self, mut version: String, backoff: &mut Backoff) {
        loop {
            let (opened, before) = (Instant::now(), version.clone());
            if let Err(error) = self.watch(&mut version).await {
                if asks_for_list(&error) {
                    debug!(path = self.api.path(), error = chain(&error), "list again");
                    return;
                }
                warn!(path = self.api.path(), error = chain(&error), "watch");
            }
            if version != before || opened.elapsed() >= STEADY {
                backoff.reset();
            } else {
                tokio::time::sleep(backoff.next_delay()).await;
            }
        }
    }

    /// One watch to its end; leaves the version up to which everything was seen.
    async fn watch(&self, version: &mut String) -> Result<(), ApiError> {
        let options = WatchOptions {
            label_selector: self.list.label_selector.clone(),
            field_selector: self.list.field_selector.clone(),
            resource_version: version.clone(),
            timeout: None,
        };
        let mut watch = self.api.watch(&options).await?;
        while let Some(event) = watch.next().await {
            *version = match event? {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => self.put(object).version,
                WatchEvent::Deleted(object) => {
                    let head = (self.head)(&object);
                    self.remove(&head.key);
                    head.version
                }
                WatchEvent::Unread { object, deleted } => {
                    let key = self.keep(&object);
                    if deleted {
                        self.remove(&key);
                    }
                    object.resource_version
                }
                WatchEvent::Bookmark { resource_version, .. } => resource_version,
            };
            self.store.set_version(version);
        }
        Ok(())
    }
}
