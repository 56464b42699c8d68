//! The watch caches: for each stored resource its objects as bytes, in the order of their keys, and their last changes.
//! Fed by the store's watch alone, so that every writer of the store is seen.

mod entry;
mod feed;
mod window;

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use arc_swap::ArcSwap;
use datastore::{Datastore, Event, KeyValue, Revision};
use objects::resource::Resource;
use objects::status::Status;
use supervise::Scope;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tracing::error;

use crate::registry::{Registry, Served};
use crate::storage::Values;

pub(crate) use entry::Entry;
pub(crate) use window::{Change, EventType, Forgotten};

use feed::Opening;
use window::Window;

/// Caches that wait to be opened at most.
const OPENINGS: usize = 16;
/// How long a read waits for a revision that the store has not reached, as upstream.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often it asks meanwhile.
const AGAIN: Duration = Duration::from_millis(100);

type ByPrefix = HashMap<Box<str>, Arc<Cache>>;

/// All caches. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Caches {
    by_prefix: Arc<ArcSwap<ByPrefix>>,
    values: Values,
    progress: watch::Receiver<Revision>,
    /// A reader waits for progress, which not every store tells of unasked.
    wanted: Arc<Notify>,
    openings: mpsc::Sender<Opening>,
}

/// The objects of one stored resource.
pub(crate) struct Cache {
    /// The row in whose version the objects are stored.
    pub(crate) hub: Arc<Served>,
    prefix: Box<str>,
    values: Values,
    state: RwLock<State>,
    /// Tells of new changes; the value is the number of the next one.
    changed: watch::Sender<u64>,
}

struct State {
    /// By what their keys have after the prefix.
    entries: BTreeMap<Box<str>, Arc<Entry>>,
    window: Window,
    /// All changes up to this revision are in.
    revision: Revision,
    /// Nothing is added any more, and readers of changes end.
    closed: bool,
}

/// A part of a cache at one revision.
pub(crate) struct Snapshot {
    pub(crate) entries: Vec<Arc<Entry>>,
    /// How many objects there are behind these that were not looked at.
    pub(crate) beyond: usize,
    pub(crate) revision: Revision,
    /// The number of the first change that is not in it.
    pub(crate) position: u64,
}

impl Caches {
    /// Opens a cache for each stored resource and follows the store in a task of the scope.
    pub(crate) fn open(store: &Datastore, values: Values, registry: &Registry, scope: &Scope) -> Self {
        let cache = |(prefix, hub): (String, Arc<Served>)| {
            let prefix = prefix.into_boxed_str();
            (prefix.clone(), Arc::new(Cache::new(hub, prefix, values.clone())))
        };
        let by_prefix: ByPrefix = registry.stored().into_iter().map(cache).collect();
        let (sender, progress) = watch::channel(Revision::NEVER);
        let (openings, waiting) = mpsc::channel(OPENINGS);
        let by_prefix = Arc::new(ArcSwap::from_pointee(by_prefix));
        let caches = Self { by_prefix, values, progress, wanted: Arc::default(), openings };
        scope.spawn("caches", feed::run(store.clone(), caches.clone(), sender, waiting, scope.token()));
        caches
    }

    /// The cache of a resource; `None` for a virtual one.
    pub(crate) fn of(&self, resource: &Resource) -> Option<Arc<Cache>> {
        self.by_prefix.load().get(resource.key_prefix()?.as_str()).cloned()
    }

    /// Opens the cache of a resource that is served from now on, in whose version its objects are written, in place of
    /// the one that there was of its prefix. Returns when it is filled.
    pub(crate) async fn add(&self, hub: Arc<Served>) -> Result<(), Status> {
        let Some(prefix) = hub.key_prefix() else { return Ok(()) };
        let cache = Arc::new(Cache::new(hub, prefix.into_boxed_str(), self.values.clone()));
        let (opened, done) = oneshot::channel();
        let stopped = || Status::unavailable("the watch cache is stopped");
        self.openings.send(Opening { cache, opened }).await.map_err(|_| stopped())?;
        done.await.map_err(|_| stopped())
    }

    /// Closes the cache of a resource that is not served any more.
    pub(crate) fn remove(&self, resource: &Resource) {
        let Some(prefix) = resource.key_prefix() else { return };
        self.replace(&prefix, None);
    }

    /// Puts a cache in the place of the one of its prefix, whose readers end.
    fn replace(&self, prefix: &str, cache: Option<Arc<Cache>>) {
        let old = self.by_prefix.rcu(|old| {
            let mut new = ByPrefix::clone(old);
            match &cache {
                Some(cache) => new.insert(prefix.into(), Arc::clone(cache)),
                None => new.remove(prefix),
            };
            new
        });
        if let Some(old) = old.get(prefix) {
            old.close();
        }
    }

    /// The revision up to which every cache is complete; zero before the first reading of the store.
    pub(crate) fn revision(&self) -> Revision {
        *self.progress.borrow()
    }

    /// Waits until every cache shows the given revision, which the store has reached.
    pub(crate) async fn reached(&self, revision: Revision) -> Result<(), Status> {
        // Mostly there is nothing to wait for.
        if self.revision() >= revision {
            return Ok(());
        }
        self.wanted.notify_one();
        let mut progress = self.progress.clone();
        match progress.wait_for(|reached| *reached >= revision).await {
            Ok(_) => Ok(()),
            Err(_) => Err(Status::unavailable("the watch cache is stopped")),
        }
    }

    /// Waits for a revision that a client named, which may never come.
    pub(crate) async fn reaches(&self, revision: Revision) -> Result<(), Status> {
        let reached = async {
            loop {
                if let Ok(reached) = tokio::time::timeout(AGAIN, self.reached(revision)).await {
                    return reached;
                }
            }
        };
        match tokio::time::timeout(PATIENCE, reached).await {
            Ok(reached) => reached,
            Err(_) => Err(Status::too_large_resource_version(revision.0, self.revision().0)),
        }
    }

    fn reset(&self, kvs: &[Arc<KeyValue>], revision: Revision) {
        let by_prefix = self.by_prefix.load();
        let mut all: HashMap<&str, BTreeMap<Box<str>, Arc<Entry>>> = HashMap::new();
        for kv in kvs {
            let Some((cache, key)) = by_key(&by_prefix, &kv.key) else { continue };
            if let Some(entry) = cache.read(kv) {
                all.entry(&cache.prefix).or_default().insert(key, Arc::new(entry));
            }
        }
        for cache in by_prefix.values() {
            cache.reset(all.remove(&*cache.prefix).unwrap_or_default(), revision);
        }
    }

    /// Applies what happened; the events of one revision come together.
    fn apply(&self, events: &[Event]) {
        let by_prefix = self.by_prefix.load();
        let mut by_cache: HashMap<&str, (&Arc<Cache>, Vec<Write>)> = HashMap::new();
        for event in events {
            let Some((cache, key)) = by_key(&by_prefix, event.key()) else { continue };
            let new = match event {
                Event::Put { kv, .. } => cache.read(kv).map(Arc::new),
                Event::Delete { .. } => None,
            };
            let write = Write { key, revision: event.revision(), new };
            by_cache.entry(&cache.prefix).or_insert_with(|| (cache, Vec::new())).1.push(write);
        }
        for (cache, writes) in by_cache.into_values() {
            cache.apply(writes);
        }
    }
}

/// The cache of a key, and what the key has after its prefix.
fn by_key<'a>(caches: &'a ByPrefix, key: &[u8]) -> Option<(&'a Arc<Cache>, Box<str>)> {
    let key = std::str::from_utf8(key).ok()?;
    key.match_indices('/').skip(2).find_map(|(at, _)| {
        let (prefix, rest) = key.split_at(at + 1);
        Some((caches.get(prefix)?, rest.into()))
    })
}

/// What one event does to a cache.
struct Write {
    key: Box<str>,
    revision: Revision,
    new: Option<Arc<Entry>>,
}

impl Cache {
    fn new(hub: Arc<Served>, prefix: Box<str>, values: Values) -> Self {
        let state = State {
            entries: BTreeMap::new(),
            window: Window::new(),
            revision: Revision::NEVER,
            closed: false,
        };
        Self { hub, prefix, values, state: RwLock::new(state), changed: watch::channel(0).0 }
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(crate) fn get(&self, namespace: &str, name: &str) -> Option<Arc<Entry>> {
        self.state().entries.get(relative_key(namespace, name).as_str()).cloned()
    }

    /// The number of its objects.
    pub(crate) fn count(&self) -> usize {
        self.state().entries.len()
    }

    /// What is selected of a namespace, or of all for an empty one.
    pub(crate) fn snapshot(&self, namespace: &str, selects: impl Fn(&Entry) -> bool) -> Snapshot {
        self.first(usize::MAX, namespace, selects)
    }

    /// The first `most` of what is selected of a namespace, or of all for an empty one.
    pub(crate) fn first(&self, most: usize, namespace: &str, selects: impl Fn(&Entry) -> bool) -> Snapshot {
        // A slash is what follows the namespace in a key, and a zero what follows a slash in the order of keys.
        let bounds = match namespace {
            "" => (String::new(), None),
            namespace => (format!("{namespace}/"), Some(format!("{namespace}0"))),
        };
        let end = bounds.1.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let state = self.state();
        let mut all = state.entries.range::<str, _>((Bound::Included(bounds.0.as_str()), end));
        let selected = all.by_ref().map(|(_, entry)| entry).filter(|entry| selects(entry));
        let entries = selected.take(most).cloned().collect();
        Snapshot { entries, beyond: all.count(), revision: state.revision, position: state.window.end() }
    }

    /// Where a reader of changes after a revision starts.
    pub(crate) fn position_after(&self, revision: Revision) -> Result<u64, Forgotten> {
        self.state().window.position_after(revision)
    }

    /// At most `limit` changes from a position on; none where all are read.
    pub(crate) fn changes(&self, position: u64, limit: usize) -> Result<Vec<Arc<Change>>, Forgotten> {
        self.state().window.from(position, limit)
    }

    /// The number of the next change.
    pub(crate) fn changes_seen(&self) -> u64 {
        *self.changed.borrow()
    }

    /// Whether nothing is told any more: its resource is gone, or written otherwise.
    pub(crate) fn is_closed(&self) -> bool {
        self.state().closed
    }

    fn close(&self) {
        let mut state = self.state_mut();
        state.closed = true;
        self.changed.send_replace(state.window.end());
    }

    /// Fills a cache that nobody reads yet.
    fn fill(&self, kvs: &[Arc<KeyValue>], revision: Revision) {
        let entry = |kv: &Arc<KeyValue>| {
            let key = kv.key.get(self.prefix.len()..).and_then(|key| std::str::from_utf8(key).ok())?;
            Some((key.into(), Arc::new(self.read(kv)?)))
        };
        self.reset(kvs.iter().filter_map(entry).collect(), revision);
    }

    /// Follows the number of the next change.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// A value that cannot be read is reported and not shown.
    fn read(&self, kv: &KeyValue) -> Option<Entry> {
        match Entry::read(&self.hub, &self.values, kv) {
            Ok(entry) => Some(entry),
            Err(error) => {
                error!(key = %String::from_utf8_lossy(&kv.key), %error, "a stored value cannot be read");
                None
            }
        }
    }

    fn reset(&self, entries: BTreeMap<Box<str>, Arc<Entry>>, revision: Revision) {
        let mut state = self.state_mut();
        state.entries = entries;
        state.window.reset(revision);
        state.revision = revision;
        self.changed.send_replace(state.window.end());
    }

    fn apply(&self, writes: Vec<Write>) {
        let mut state = self.state_mut();
        for Write { key, revision, new } in writes {
            let old = match &new {
                Some(new) => state.entries.insert(key, Arc::clone(new)),
                None => state.entries.remove(&key),
            };
            state.revision = revision;
            if old.is_some() || new.is_some() {
                state.window.push(Arc::new(Change::new(revision, old, new)));
            }
        }
        self.changed.send_replace(state.window.end());
    }
}

/// What a key has after the prefix of its resource.
pub(crate) fn relative_key(namespace: &str, name: &str) -> String {
    if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") }
}
