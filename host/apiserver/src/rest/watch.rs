//! WATCH: a reader of a cache's changes with a cursor of its own. It buffers one batch at most, wakes when its resource
//! changes, and ends when it is slower than the cache's window.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use datastore::Revision;
use futures_util::StreamExt;
use futures_util::stream;
use http::StatusCode;
use objects::Tree;
use objects::status::Status;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};

use super::output::{Render, line};
use super::query::{Begin, Bookmarks, WatchOptions};
use super::select::Selection;
use super::{Rest, random};
use crate::cache::{Cache, Entry, Forgotten};
use crate::call::{Answer, AnswerBody, Call, Content};
use crate::storage::Converter;

/// Changes that are rendered at a time.
const BATCH: usize = 128;
/// How often a quiet watch hears of progress, as upstream.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
/// The shortest watch of a client that names no timeout; upstream's is a random time up to twice as long.
const MIN_TIMEOUT_SECONDS: u64 = 1800;

const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

struct Watcher {
    rest: Rest,
    call: Call,
    cache: Arc<Cache>,
    changed: watch::Receiver<u64>,
    selection: Selection,
    render: Render,
    /// The number of the next change to look at.
    position: u64,
    /// Objects of the state at the beginning that were not sent yet.
    initial: VecDeque<Arc<Entry>>,
    ready: VecDeque<Bytes>,
    bookmark: Option<Instant>,
    deadline: Instant,
    /// Ends with the next of these two. Kept, since every event of every watch would make one.
    timer: Pin<Box<Sleep>>,
    /// Set where nothing may follow what is ready.
    over: bool,
}

impl Rest {
    pub(super) async fn watch(&self, call: &Call) -> Result<Answer, Status> {
        let cache = self.cache(&call.resource)?;
        let options = call.watch_options()?;
        match options.begin {
            Begin::After(_) => self.caches().reached(Revision::INITIAL).await?,
            Begin::State | Begin::StateWithBookmark => self.fresh(options.freshness).await?,
        }
        // Large, and handed on with every line.
        let watcher = Box::new(Watcher::new(self.clone(), call, cache, &options));
        let lines = stream::unfold(watcher, |mut watcher| async move {
            let line = watcher.next().await?;
            Some((line, watcher))
        });
        Ok(Answer { code: StatusCode::OK, body: AnswerBody::Watch(lines.boxed()), warnings: Vec::new() })
    }
}

impl Watcher {
    fn new(rest: Rest, call: &Call, cache: Arc<Cache>, options: &WatchOptions) -> Self {
        let selection = Selection {
            resource: Arc::clone(&call.resource),
            hub: Arc::clone(&cache.hub),
            namespace: call.namespace.clone(),
            labels: options.labels.clone(),
            fields: options.fields.clone(),
        };
        let now = Instant::now();
        let timeout = options
            .timeout_seconds
            .unwrap_or_else(|| MIN_TIMEOUT_SECONDS + random::below(MIN_TIMEOUT_SECONDS));
        let deadline = now + Duration::from_secs(timeout);
        let bookmark = (options.bookmarks == Bookmarks::Wanted).then(|| now + BOOKMARK_EVERY);
        let mut watcher = Self {
            render: Render::new(call, &cache.hub),
            changed: cache.subscribe(),
            position: 0,
            initial: VecDeque::new(),
            ready: VecDeque::new(),
            bookmark,
            deadline,
            timer: Box::pin(sleep_until(next_tick(bookmark, deadline))),
            over: false,
            call: Call { body: Content::default(), ..call.clone() },
            cache,
            selection,
            rest,
        };
        watcher.begin(options.begin);
        watcher
    }

    fn begin(&mut self, begin: Begin) {
        if let Begin::After(revision) = begin {
            match self.cache.position_after(revision) {
                Ok(position) => self.position = position,
                Err(Forgotten { oldest }) => {
                    self.fail(&Status::too_old_resource_version(revision.0, oldest.0));
                }
            }
            return;
        }
        let reached = self.rest.caches().revision();
        let selection = &self.selection;
        let snapshot = self.cache.snapshot(&selection.namespace, |entry| selection.selects(entry));
        self.position = snapshot.position;
        self.initial = snapshot.entries.into();
        if begin == Begin::StateWithBookmark {
            let end = [(INITIAL_EVENTS_END.into(), Tree::from("true"))]
                .into_iter()
                .collect::<objects::Object>()
                .into();
            self.ready.push_back(self.render.bookmark(snapshot.revision.max(reached), end));
        }
    }

    /// The next line; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(entry) = self.initial.pop_front() {
                let shown = self.shown(entry).await;
                match shown {
                    Ok((entry, Some(render))) => return Some(render.initial(&entry)),
                    Ok((entry, None)) => return Some(self.render.initial(&entry)),
                    Err(status) => {
                        self.initial.clear();
                        self.fail(&status);
                    }
                }
            }
            if let Some(line) = self.ready.pop_front() {
                return Some(line);
            }
            if self.over {
                return None;
            }
            if !self.read().await {
                self.wait().await;
            }
        }
    }

    /// An entry in the version of the request, and who renders it where a webhook converted it.
    async fn shown(&self, entry: Arc<Entry>) -> Result<(Arc<Entry>, Option<Render>), Status> {
        let hub = &self.cache.hub;
        if !(entry.is_foreign() || Converter::asks(hub, &self.call.resource)) {
            return Ok((entry, None));
        }
        let (mut entries, render) = self.rest.present(&self.call, hub, vec![entry]).await?;
        let entry = entries.pop().ok_or_else(|| Status::internal("the conversion lost the object"))?;
        Ok((entry, Some(render)))
    }

    /// Renders the next changes; false where there are none yet.
    async fn read(&mut self) -> bool {
        self.changed.mark_unchanged();
        let changes = match self.cache.changes(self.position, BATCH) {
            Ok(changes) => changes,
            Err(Forgotten { .. }) => {
                self.fail(&Status::watch_too_old());
                return true;
            }
        };
        for change in &changes {
            let Some((event, entry)) = change.seen(|entry| self.selection.selects(entry)) else { continue };
            let line = match self.shown(Arc::clone(entry)).await {
                Ok((entry, Some(render))) => render.event(change, event, &entry),
                Ok((entry, None)) => self.render.event(change, event, &entry),
                Err(status) => {
                    self.fail(&status);
                    return true;
                }
            };
            self.ready.push_back(line);
        }
        self.position += changes.len() as u64;
        self.over |= changes.is_empty() && self.cache.is_closed();
        self.over || !changes.is_empty()
    }

    async fn wait(&mut self) {
        tokio::select! {
            changed = self.changed.changed() => self.over = changed.is_err(),
            () = &mut self.timer => self.tick(),
        }
    }

    /// The time for a bookmark has come, or the end; a client that takes bookmarks gets a last one.
    fn tick(&mut self) {
        self.over = Instant::now() >= self.deadline;
        if self.bookmark.is_some() {
            // Taken before the look at the cache: every change up to it is among those that were read or is seen there.
            let reached = self.rest.caches().revision();
            if self.cache.changes(self.position, 1).is_ok_and(|changes| changes.is_empty()) {
                self.ready.push_back(self.render.bookmark(reached, Tree::object()));
            }
            self.bookmark = Some(Instant::now() + BOOKMARK_EVERY);
        }
        self.timer.as_mut().reset(next_tick(self.bookmark, self.deadline));
    }

    /// Ends the watch with an error that says why.
    fn fail(&mut self, status: &Status) {
        self.ready.push_back(line("ERROR", &status.to_tree().to_json()));
        self.over = true;
    }
}

fn next_tick(bookmark: Option<Instant>, deadline: Instant) -> Instant {
    bookmark.unwrap_or(deadline).min(deadline)
}
