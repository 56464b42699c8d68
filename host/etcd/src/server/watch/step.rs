//! The protocol of one watch stream: what happened in, what to do out. It waits for nothing and asks nobody.

use std::collections::HashMap;

use bytes::Bytes;
use datastore::{Event, KeyRange, Revision, WatchBatch};

use super::pieces::{Cut, pieces};
use crate::server::error;
use crate::server::member::Headers;
use crate::server::{request, response};
use crate::wire::etcdserverpb as pb;
use pb::watch_create_request::FilterType;
use pb::watch_request::RequestUnion;

/// The number in answers that are of no watch, or of all.
const NO_WATCH: i64 = -1;
/// The number by which a client has one chosen.
const CHOOSE: i64 = 0;
/// Bytes after which events are sent on to a client that did not ask for fragments.
const WHOLE: usize = 16 << 20;
/// etcd's reasons for a watch that does not come to be.
const EMPTY_RANGE: &str = "mvcc: watcher range is empty";
const DUPLICATE: &str = "mvcc: duplicate watch ID provided on the WatchStream";

#[derive(Debug)]
pub(super) enum Input {
    Requested(pb::WatchRequest),
    /// `compacted` is the oldest revision that can be read.
    Told {
        id: i64,
        batch: WatchBatch,
        compacted: Revision,
    },
    /// Events that a watch should have told are no longer held; those from `oldest` on are. The watch is gone.
    Forgotten {
        id: i64,
        oldest: Revision,
    },
    /// Every watch was told everything up to this revision.
    CaughtUp(Revision),
    /// It is time to tell of the progress of watches that had no events.
    IntervalPassed,
}

#[derive(Debug, PartialEq)]
pub(super) enum Effect {
    /// Where it fails it is answered by [`Input::Forgotten`], after the other effects.
    Add {
        id: i64,
        range: KeyRange,
        from: Revision,
    },
    Remove(i64),
    Send(pb::WatchResponse),
}

/// The watches of a stream.
#[derive(Debug)]
pub(super) struct Watches {
    headers: Headers,
    /// Bytes that a message is smaller than, for who asked for fragments.
    limit: usize,
    watches: HashMap<i64, Watch>,
    next: i64,
    /// The client asked for the progress of all.
    asked: bool,
    /// The interval has passed.
    due: bool,
}

#[derive(Debug)]
struct Watch {
    /// As asked for: zero is from now on.
    start: i64,
    filters: Filters,
    with_prev: bool,
    cut: Cut,
    notify: Notify,
    /// What it should have told is gone, and it has nothing more to tell; until the client cancels it, its number is not
    /// free, and there is no progress of all to tell.
    ended: bool,
}

#[derive(Debug, Default)]
struct Filters {
    no_put: bool,
    no_delete: bool,
}

/// Whether a watch tells of its progress when the interval has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notify {
    Never,
    /// It told of events since.
    NextTime,
    Due,
}

impl Watches {
    pub(super) fn new(headers: Headers, limit: usize) -> Self {
        Self { headers, limit, watches: HashMap::new(), next: 0, asked: false, due: false }
    }

    pub(super) fn len(&self) -> usize {
        self.watches.len()
    }

    /// Whether [`Input::CaughtUp`] is waited for.
    pub(super) fn owe_progress(&self) -> bool {
        self.asked || self.due
    }

    /// `now` is the present revision.
    pub(super) fn step(&mut self, input: Input, now: Revision) -> Vec<Effect> {
        match input {
            Input::Requested(request) => match request.request_union {
                Some(RequestUnion::CreateRequest(create)) => self.create(create, now),
                Some(RequestUnion::CancelRequest(cancel)) => self.cancel(cancel.watch_id, now),
                Some(RequestUnion::ProgressRequest(_)) => {
                    self.asked = true;
                    Vec::new()
                }
                None => Vec::new(),
            },
            Input::Told { id, batch, compacted } => self.tell(id, &batch, compacted),
            Input::Forgotten { id, oldest } => self.forget(id, oldest),
            Input::CaughtUp(revision) => self.show_progress(revision),
            Input::IntervalPassed => {
                self.due = self.watches.values().any(|watch| watch.notify != Notify::Never);
                Vec::new()
            }
        }
    }

    fn create(&mut self, create: pb::WatchCreateRequest, now: Revision) -> Vec<Effect> {
        let id = match self.admit(&create) {
            Ok(id) => id,
            Err(reason) => {
                return vec![Effect::Send(pb::WatchResponse {
                    created: true,
                    canceled: true,
                    cancel_reason: reason.to_owned(),
                    ..self.response(NO_WATCH, now)
                })];
            }
        };
        let filters = Filters {
            no_put: create.filters().any(|filter| filter == FilterType::Noput),
            no_delete: create.filters().any(|filter| filter == FilterType::Nodelete),
        };
        let watch = Watch {
            start: create.start_revision,
            filters,
            with_prev: create.prev_kv,
            cut: if create.fragment { Cut::Anywhere } else { Cut::BetweenRevisions },
            notify: if create.progress_notify { Notify::Due } else { Notify::Never },
            ended: false,
        };
        self.watches.insert(id, watch);
        let range = request::key_range(&first_key(&create), &create.range_end);
        let from = if create.start_revision == 0 { now.next() } else { Revision(create.start_revision) };
        let created = pb::WatchResponse { created: true, ..self.response(id, now) };
        vec![Effect::Add { id, range, from }, Effect::Send(created)]
    }

    /// The number of a watch that may come to be, or why it may not.
    fn admit(&mut self, create: &pb::WatchCreateRequest) -> Result<i64, &'static str> {
        if create.start_revision < 0 {
            return Err(error::COMPACTED.message());
        }
        let end = &create.range_end[..];
        if !matches!(end, b"" | b"\0") && first_key(create)[..] >= *end {
            return Err(EMPTY_RANGE);
        }
        if create.watch_id != CHOOSE {
            let taken = self.watches.contains_key(&create.watch_id);
            return if taken { Err(DUPLICATE) } else { Ok(create.watch_id) };
        }
        while self.watches.contains_key(&self.next) {
            self.next += 1;
        }
        self.next += 1;
        Ok(self.next - 1)
    }

    fn cancel(&mut self, id: i64, now: Revision) -> Vec<Effect> {
        if self.watches.remove(&id).is_none() {
            return Vec::new();
        }
        let canceled = pb::WatchResponse { canceled: true, ..self.response(id, now) };
        vec![Effect::Remove(id), Effect::Send(canceled)]
    }

    fn tell(&mut self, id: i64, batch: &WatchBatch, compacted: Revision) -> Vec<Effect> {
        let mut response = self.response(id, batch.revision);
        let Some(watch) = self.watches.get_mut(&id) else { return Vec::new() };
        let passed = batch.events.iter().filter(|event| watch.filters.pass(event));
        // What was before the compacted revision is not told, as in etcd.
        // What is changed twice at a revision had no version before that a client could have read.
        let is_readable = |event: &Event| event.prev().is_some_and(|kv| kv.mod_revision < event.revision());
        let with_prev = |event: &Event| watch.with_prev && event.revision() > compacted && is_readable(event);
        response.events = passed.map(|event| response::event(event, with_prev(event))).collect();
        if response.events.is_empty() {
            return Vec::new();
        }
        if watch.notify == Notify::Due {
            watch.notify = Notify::NextTime;
        }
        let limit = if watch.cut == Cut::Anywhere { self.limit } else { WHOLE };
        pieces(response, limit, watch.cut).into_iter().map(Effect::Send).collect()
    }

    /// As in etcd, the header has no revision.
    fn forget(&mut self, id: i64, oldest: Revision) -> Vec<Effect> {
        let Some(watch) = self.watches.get_mut(&id) else { return Vec::new() };
        watch.ended = true;
        vec![Effect::Send(pb::WatchResponse {
            canceled: true,
            compact_revision: oldest.0,
            ..self.response(id, Revision::NEVER)
        })]
    }

    fn show_progress(&mut self, revision: Revision) -> Vec<Effect> {
        let mut effects = Vec::new();
        let all_have = self.watches.values().all(|watch| watch.has_progress(revision));
        if std::mem::take(&mut self.asked) && all_have && !self.watches.is_empty() {
            effects.push(Effect::Send(self.response(NO_WATCH, revision)));
        }
        if std::mem::take(&mut self.due) {
            let headers = self.headers;
            for (id, watch) in &mut self.watches {
                if watch.notify == Notify::Due && watch.has_progress(revision) {
                    effects.push(Effect::Send(answer(headers, *id, revision)));
                }
                if watch.notify == Notify::NextTime {
                    watch.notify = Notify::Due;
                }
            }
        }
        effects
    }

    fn response(&self, id: i64, revision: Revision) -> pb::WatchResponse {
        answer(self.headers, id, revision)
    }
}

impl Watch {
    /// Not when it is still to begin.
    fn has_progress(&self, revision: Revision) -> bool {
        self.start <= revision.0 && !self.ended
    }
}

impl Filters {
    fn pass(&self, event: &Event) -> bool {
        match event {
            Event::Put { .. } => !self.no_put,
            Event::Delete(_) => !self.no_delete,
        }
    }
}

fn answer(headers: Headers, id: i64, revision: Revision) -> pb::WatchResponse {
    pb::WatchResponse { header: Some(headers.at(revision)), watch_id: id, ..Default::default() }
}

/// No key stands for the smallest.
fn first_key(create: &pb::WatchCreateRequest) -> Bytes {
    if create.key.is_empty() { Bytes::from_static(b"\0") } else { create.key.clone() }
}

#[cfg(test)]
mod tests;
