//! What is pushed to an addon: the objects of its kinds and its files, kept so that each instance can catch up, one that
//! is a little behind by what changed, a new one by everything.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use engine::{CallError, File, Instance, Kind, Object, ObjectChange, ObjectKey};
use tokio::sync::watch;
use tracing::warn;

use crate::ports::ObjectUpdate;

/// Changes of a kind that are kept; an instance further behind gets everything.
const LOG: usize = 1024;

pub(crate) struct Pushed {
    feeds: Vec<Feed>,
    files: Option<Mutex<Files>>,
    /// Grows with every change of anything.
    version: AtomicU64,
    complete: watch::Sender<bool>,
    /// Grows with it too, where somebody asks again then.
    told: Option<watch::Sender<u64>>,
}

struct Feed {
    kind: Kind,
    state: Mutex<Objects>,
}

#[derive(Default)]
struct Objects {
    /// None before the first snapshot.
    known: Option<BTreeMap<ObjectKey, Bytes>>,
    /// Changes since then; the last one is number `generation`.
    generation: u64,
    log: VecDeque<ObjectChange>,
}

#[derive(Default)]
struct Files {
    /// None before they were read for the first time.
    read: Option<Vec<File>>,
    fetched: Vec<File>,
    /// Both together.
    known: Option<Arc<[File]>>,
    generation: u64,
}

/// What an instance does not know of a kind.
#[derive(Debug, PartialEq)]
enum News {
    None,
    Changes(Vec<ObjectChange>),
    Snapshot(Vec<Object>),
}

impl Objects {
    fn take(&mut self, update: ObjectUpdate) {
        match (update, &mut self.known) {
            (ObjectUpdate::Snapshot(objects), _) => {
                self.known = Some(objects.into_iter().map(|object| (object.key, object.json)).collect());
                self.generation += 1;
                self.log.clear();
            }
            (ObjectUpdate::Changes(changes), Some(known)) => {
                for change in changes {
                    match &change {
                        ObjectChange::Put(object) => {
                            known.insert(object.key.clone(), object.json.clone());
                        }
                        ObjectChange::Delete(key) => {
                            known.remove(key);
                        }
                    }
                    self.generation += 1;
                    self.log.push_back(change);
                }
                self.log.drain(..self.log.len().saturating_sub(LOG));
            }
            (ObjectUpdate::Changes(_), None) => warn!("changes came before the first snapshot"),
        }
    }

    fn since(&self, seen: Option<u64>) -> News {
        let Some(known) = &self.known else { return News::None };
        let behind = seen.map(|seen| usize::try_from(self.generation - seen).unwrap_or(usize::MAX));
        match behind {
            Some(0) => News::None,
            Some(behind) if behind <= self.log.len() => {
                News::Changes(self.log.range(self.log.len() - behind..).cloned().collect())
            }
            _ => {
                let object =
                    |(key, json): (&ObjectKey, &Bytes)| Object { key: key.clone(), json: json.clone() };
                News::Snapshot(known.iter().map(object).collect())
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pushed {
    pub(crate) fn new(
        kinds: impl IntoIterator<Item = Kind>,
        files: bool,
        told: Option<watch::Sender<u64>>,
    ) -> Self {
        let feeds: Vec<_> = kinds.into_iter().map(|kind| Feed { kind, state: Mutex::default() }).collect();
        let complete = watch::Sender::new(feeds.is_empty() && !files);
        Self { feeds, files: files.then(Mutex::default), version: AtomicU64::new(0), complete, told }
    }

    pub(crate) fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.feeds.iter().map(|feed| &feed.kind)
    }

    /// Takes what the kind at this place of `kinds` came to.
    pub(crate) fn objects(&self, place: usize, update: ObjectUpdate) {
        lock(&self.feeds[place].state).take(update);
        self.changed();
    }

    /// Takes the files; the same as before change nothing.
    pub(crate) fn files(&self, files: Vec<File>) {
        self.take_files(|state| state.read = Some(files));
    }

    /// Takes the documents, which are pushed with the files and are not waited for.
    pub(crate) fn documents(&self, documents: Vec<File>) {
        self.take_files(|state| state.fetched = documents);
    }

    fn take_files(&self, change: impl FnOnce(&mut Files)) {
        let Some(state) = &self.files else { return };
        {
            let mut state = lock(state);
            change(&mut state);
            let Some(read) = &state.read else { return };
            let all: Arc<[File]> = read.iter().chain(&state.fetched).cloned().collect();
            if state.known.as_ref() == Some(&all) {
                return;
            }
            state.known = Some(all);
            state.generation += 1;
        }
        self.changed();
    }

    fn changed(&self) {
        self.version.fetch_add(1, Ordering::Release);
        let objects = self.feeds.iter().all(|feed| lock(&feed.state).known.is_some());
        let files = self.files.as_ref().is_none_or(|files| lock(files).known.is_some());
        // Never taken back: another thread may have seen less a moment ago.
        if objects && files {
            self.complete.send_if_modified(|complete| !std::mem::replace(complete, true));
        }
        if let Some(told) = &self.told {
            told.send_modify(|changes| *changes += 1);
        }
    }

    /// Everything was told at least once.
    pub(crate) fn is_complete(&self) -> bool {
        *self.complete.borrow()
    }

    pub(crate) fn complete(&self) -> watch::Receiver<bool> {
        self.complete.subscribe()
    }
}

/// An instance that gets what is pushed before it is called.
pub(crate) struct Fed {
    instance: Instance,
    pushed: Arc<Pushed>,
    /// The version up to which it is told everything.
    version: Option<u64>,
    seen: Vec<Option<u64>>,
    files: Option<u64>,
}

impl Fed {
    pub(crate) fn new(instance: Instance, pushed: Arc<Pushed>) -> Self {
        let seen = vec![None; pushed.feeds.len()];
        Self { instance, pushed, version: None, seen, files: None }
    }

    /// The instance, for one call more.
    pub(crate) fn into_instance(self) -> Instance {
        self.instance
    }

    /// Bytes of its largest memory.
    pub(crate) fn memory(&self) -> usize {
        self.instance.memory()
    }

    /// The instance, up to date.
    pub(crate) fn up_to_date(&mut self) -> Result<&mut Instance, CallError> {
        let version = self.pushed.version.load(Ordering::Acquire);
        if self.version != Some(version) {
            self.catch_up()?;
            self.version = Some(version);
        }
        Ok(&mut self.instance)
    }

    fn catch_up(&mut self) -> Result<(), CallError> {
        for (feed, seen) in self.pushed.feeds.iter().zip(&mut self.seen) {
            let (news, generation) = {
                let state = lock(&feed.state);
                (state.since(*seen), state.generation)
            };
            // An instance that failed in between gets everything.
            let before = seen.take();
            match news {
                News::None => {
                    *seen = before;
                    continue;
                }
                News::Changes(changes) => self.instance.changed(&feed.kind, &changes)?,
                News::Snapshot(objects) => self.instance.snapshot(&feed.kind, &objects)?,
            }
            *seen = Some(generation);
        }
        let Some(files) = &self.pushed.files else { return Ok(()) };
        let (known, generation) = {
            let state = lock(files);
            (state.known.clone(), state.generation)
        };
        match known {
            Some(known) if self.files != Some(generation) => {
                match self.instance.files(&known) {
                    Err(CallError::Guest(why)) => {
                        warn!(%why, "an addon refused its files: those of before stay")
                    }
                    other => other?,
                }
                self.files = Some(generation);
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str) -> Object {
        let key = ObjectKey { namespace: String::new(), name: name.to_owned() };
        Object { key, json: Bytes::from_static(b"{}") }
    }

    fn put(names: &[&str]) -> ObjectUpdate {
        ObjectUpdate::Changes(names.iter().map(|name| ObjectChange::Put(object(name))).collect())
    }

    #[test]
    fn a_new_instance_gets_everything_and_one_behind_what_changed() {
        let mut objects = Objects::default();
        assert_eq!(objects.since(None), News::None);
        objects.take(ObjectUpdate::Snapshot(vec![object("a")]));
        let seen = objects.generation;
        objects.take(put(&["b"]));
        objects.take(ObjectUpdate::Changes(vec![ObjectChange::Delete(object("a").key)]));
        let changes = vec![ObjectChange::Put(object("b")), ObjectChange::Delete(object("a").key)];
        assert_eq!(objects.since(Some(seen)), News::Changes(changes));
        assert_eq!(objects.since(None), News::Snapshot(vec![object("b")]));
        assert_eq!(objects.since(Some(objects.generation)), News::None);
    }

    #[test]
    fn an_instance_far_behind_or_before_a_new_snapshot_gets_everything() {
        let mut objects = Objects::default();
        objects.take(ObjectUpdate::Snapshot(Vec::new()));
        let seen = objects.generation;
        for _ in 0..=LOG {
            objects.take(put(&["a"]));
        }
        assert_eq!(objects.since(Some(seen)), News::Snapshot(vec![object("a")]));
        let seen = objects.generation;
        objects.take(ObjectUpdate::Snapshot(vec![object("b")]));
        assert_eq!(objects.since(Some(seen)), News::Snapshot(vec![object("b")]));
    }

    #[test]
    fn it_is_complete_when_every_kind_and_the_files_were_told() {
        let kind =
            |resource: &str| Kind { group: String::new(), version: "v1".into(), resource: resource.into() };
        let pushed = Pushed::new([kind("a"), kind("b")], true, None);
        pushed.objects(0, ObjectUpdate::Snapshot(Vec::new()));
        pushed.files(Vec::new());
        assert!(!pushed.is_complete());
        pushed.objects(1, ObjectUpdate::Snapshot(Vec::new()));
        assert!(pushed.is_complete());
    }
}
