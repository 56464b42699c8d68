//! The protocol of a stream, without one.

use std::sync::Arc;

use datastore::{KeyValue, LeaseId};

use super::*;

const NOW: Revision = Revision(9);

struct Stream(Watches);

impl Stream {
    fn new() -> Self {
        Self(Watches::new(Headers { cluster_id: 1, member_id: 2 }, 1 << 20))
    }

    fn request(&mut self, union: RequestUnion) -> Vec<Effect> {
        self.0.step(Input::Requested(pb::WatchRequest { request_union: Some(union) }), NOW)
    }

    fn create(&mut self, create: pb::WatchCreateRequest) -> Vec<Effect> {
        self.request(RequestUnion::CreateRequest(create))
    }

    /// The number that a watch gets.
    fn id(&mut self, create: pb::WatchCreateRequest) -> i64 {
        match &self.create(create)[..] {
            [Effect::Add { id, .. }, Effect::Send(sent)] if sent.created && sent.watch_id == *id => *id,
            other => panic!("{other:?}"),
        }
    }

    fn tell(&mut self, id: i64, events: Vec<Event>) -> Vec<pb::WatchResponse> {
        let batch = WatchBatch { revision: NOW, events };
        sent(self.0.step(Input::Told { id, batch, compacted: Revision(3) }, NOW))
    }

    /// Watches and revisions of the progress that is told.
    fn progress(&mut self, revision: i64) -> Vec<(i64, i64)> {
        let mut told: Vec<_> = sent(self.0.step(Input::CaughtUp(Revision(revision)), NOW))
            .into_iter()
            .map(|sent| (sent.watch_id, sent.header.unwrap().revision))
            .collect();
        told.sort_unstable();
        assert!(!self.0.owe_progress());
        told
    }

    fn ask_progress(&mut self) {
        assert_eq!(self.request(RequestUnion::ProgressRequest(pb::WatchProgressRequest {})), []);
        assert!(self.0.owe_progress());
    }
}

fn sent(effects: Vec<Effect>) -> Vec<pb::WatchResponse> {
    let send = |effect| match effect {
        Effect::Send(response) => response,
        other => panic!("{other:?}"),
    };
    effects.into_iter().map(send).collect()
}

fn key(key: &'static str) -> pb::WatchCreateRequest {
    pb::WatchCreateRequest { key: key.into(), ..Default::default() }
}

fn kv(revision: i64, value: &'static str) -> Arc<KeyValue> {
    Arc::new(KeyValue {
        key: "a".into(),
        value: value.into(),
        create_revision: Revision(2),
        mod_revision: Revision(revision),
        version: 1,
        lease: LeaseId::NONE,
        sub: 0,
    })
}

fn put(revision: i64) -> Event {
    Event::Put { kv: kv(revision, "new"), prev: Some(kv(2, "old")) }
}

fn delete(revision: i64) -> Event {
    Event::delete("a".into(), Revision(revision), Some(kv(2, "old")))
}

#[test]
fn numbers_are_counted_and_those_chosen_by_the_client_passed_over() {
    let mut stream = Stream::new();
    assert_eq!(stream.id(key("a")), 0);
    assert_eq!(stream.id(pb::WatchCreateRequest { watch_id: 1, ..key("a") }), 1);
    assert_eq!(stream.id(key("a")), 2);
    stream.request(RequestUnion::CancelRequest(pb::WatchCancelRequest { watch_id: 0 }));
    assert_eq!(stream.id(key("a")), 3);
}

#[test]
fn what_cannot_be_watched_is_created_and_cancelled_in_one() {
    let mut stream = Stream::new();
    stream.id(pb::WatchCreateRequest { watch_id: 7, ..key("a") });
    let refused = [
        (pb::WatchCreateRequest { watch_id: 7, ..key("b") }, DUPLICATE),
        (pb::WatchCreateRequest { range_end: "a".into(), ..key("b") }, EMPTY_RANGE),
        (pb::WatchCreateRequest { range_end: "b".into(), ..key("b") }, EMPTY_RANGE),
        (pb::WatchCreateRequest { start_revision: -1, ..key("b") }, error::COMPACTED.message()),
    ];
    for (create, reason) in refused {
        let [sent] = &sent(stream.create(create))[..] else { panic!("one answer") };
        assert_eq!(
            (sent.watch_id, sent.created, sent.canceled, &sent.cancel_reason[..]),
            (-1, true, true, reason)
        );
    }
    assert_eq!(stream.0.len(), 1);
}

#[test]
fn a_watch_from_now_on_begins_with_the_next_revision() {
    let mut stream = Stream::new();
    let start = |effects: Vec<Effect>| match &effects[0] {
        Effect::Add { from, .. } => *from,
        other => panic!("{other:?}"),
    };
    assert_eq!(start(stream.create(key("a"))), Revision(10));
    let past = pb::WatchCreateRequest { start_revision: 4, ..key("a") };
    assert_eq!(start(stream.create(past)), Revision(4));
}

#[test]
fn events_are_told_with_what_was_before_where_it_is_asked_for_and_not_compacted() {
    let mut stream = Stream::new();
    let plain = stream.id(key("a"));
    let full = stream.id(pb::WatchCreateRequest { prev_kv: true, ..key("a") });
    let prevs = |told: Vec<pb::WatchResponse>| -> Vec<bool> {
        told[0].events.iter().map(|event| event.prev_kv.is_some()).collect()
    };
    assert_eq!(prevs(stream.tell(plain, vec![put(3), delete(4)])), [false, false]);
    assert_eq!(prevs(stream.tell(full, vec![put(3), delete(4)])), [false, true]);
    let told = stream.tell(plain, vec![delete(4)]);
    let kv = told[0].events[0].kv.as_ref().unwrap();
    assert_eq!((&kv.key[..], kv.mod_revision, kv.create_revision, kv.version), (&b"a"[..], 4, 0, 0));
}

#[test]
fn what_is_filtered_is_not_told() {
    let mut stream = Stream::new();
    let filters = vec![FilterType::Noput.into()];
    let id = stream.id(pb::WatchCreateRequest { filters, ..key("a") });
    assert_eq!(stream.tell(id, vec![put(3)]), []);
    assert_eq!(stream.tell(id, vec![put(3), delete(4)])[0].events.len(), 1);
}

#[test]
fn a_forgotten_watch_keeps_its_number_until_it_is_cancelled() {
    let mut stream = Stream::new();
    let id = stream.id(pb::WatchCreateRequest { watch_id: 7, ..key("a") });
    let told = sent(stream.0.step(Input::Forgotten { id, oldest: Revision(5) }, NOW));
    let header = told[0].header.unwrap();
    assert_eq!((told[0].canceled, told[0].compact_revision, header.revision), (true, 5, 0));
    let again = sent(stream.create(pb::WatchCreateRequest { watch_id: id, ..key("a") }));
    assert_eq!(again[0].cancel_reason, DUPLICATE);
    stream.ask_progress();
    assert_eq!(stream.progress(9), []);
    let canceled = stream.request(RequestUnion::CancelRequest(pb::WatchCancelRequest { watch_id: id }));
    assert_eq!(canceled.len(), 2);
}

#[test]
fn progress_of_all_is_told_once_for_all_and_not_before_each_has_begun() {
    let mut stream = Stream::new();
    stream.ask_progress();
    assert_eq!(stream.progress(9), [], "of no watch there is none");
    stream.id(key("a"));
    stream.id(key("b"));
    stream.ask_progress();
    assert_eq!(stream.progress(9), [(-1, 9)]);
    stream.id(pb::WatchCreateRequest { start_revision: 12, ..key("c") });
    stream.ask_progress();
    assert_eq!(stream.progress(9), []);
    stream.ask_progress();
    assert_eq!(stream.progress(12), [(-1, 12)]);
}

#[test]
fn progress_at_the_interval_is_told_to_who_asked_for_it_and_had_no_events() {
    let mut stream = Stream::new();
    stream.id(key("a"));
    stream.0.step(Input::IntervalPassed, NOW);
    assert!(!stream.0.owe_progress(), "nobody asked");
    let asked = || pb::WatchCreateRequest { progress_notify: true, ..key("a") };
    let (busy, quiet) = (stream.id(asked()), stream.id(asked()));
    stream.tell(busy, vec![put(9)]);
    stream.0.step(Input::IntervalPassed, NOW);
    assert_eq!(stream.progress(9), [(quiet, 9)]);
    stream.0.step(Input::IntervalPassed, NOW);
    assert_eq!(stream.progress(9), [(busy, 9), (quiet, 9)]);
}
