//! Watches over their stream.

use std::time::Duration;

use etcd::server::Config;
use etcd::wire::etcdserverpb as pb;
use etcd::wire::mvccpb::Event;
use futures_util::StreamExt;
use http::Request;
use http_body_util::BodyExt;
use pb::watch_request::RequestUnion;
use tokio::sync::mpsc;
use tonic::Streaming;
use tonic::body::Body;

use crate::fixture::Fixture;

/// A stream, and what it is asked by.
struct Watcher {
    requests: mpsc::Sender<pb::WatchRequest>,
    answers: Streaming<pb::WatchResponse>,
}

impl Watcher {
    async fn open(fixture: &Fixture) -> Self {
        let (requests, receiver) = mpsc::channel(1);
        let asked = futures_util::stream::unfold(receiver, async |mut receiver| {
            let request: pb::WatchRequest = receiver.recv().await?;
            Some((request, receiver))
        });
        let answers = fixture.watch().watch(asked).await.unwrap().into_inner();
        Self { requests, answers }
    }

    async fn ask(&self, union: RequestUnion) {
        self.requests.send(pb::WatchRequest { request_union: Some(union) }).await.unwrap();
    }

    async fn create(&mut self, create: pb::WatchCreateRequest) -> pb::WatchResponse {
        self.ask(RequestUnion::CreateRequest(create)).await;
        self.next().await
    }

    async fn next(&mut self) -> pb::WatchResponse {
        self.answers.message().await.unwrap().unwrap()
    }

    /// Revisions of the next answer's events.
    async fn told(&mut self) -> Vec<i64> {
        self.next().await.events.iter().map(revision).collect()
    }
}

fn revision(event: &Event) -> i64 {
    event.kv.as_ref().unwrap().mod_revision
}

fn all() -> pb::WatchCreateRequest {
    pb::WatchCreateRequest { key: "\0".into(), range_end: "\0".into(), ..Default::default() }
}

#[tokio::test]
async fn watches_of_a_stream_are_told_each_its_own_until_they_are_cancelled() {
    let fixture = Fixture::start().await;
    let mut watcher = Watcher::open(&fixture).await;
    let key = |key: &'static str| pb::WatchCreateRequest { key: key.into(), ..Default::default() };
    for (id, name) in [(0, "a"), (1, "b")] {
        let created = watcher.create(key(name)).await;
        assert_eq!((created.watch_id, created.created, created.canceled), (id, true, false));
    }
    fixture.put("b", "1").await;
    let told = watcher.next().await;
    assert_eq!((told.watch_id, told.header.unwrap().revision, told.events.len()), (1, 2, 1));
    watcher.ask(RequestUnion::CancelRequest(pb::WatchCancelRequest { watch_id: 1 })).await;
    let canceled = watcher.next().await;
    assert_eq!((canceled.watch_id, canceled.canceled), (1, true));
    fixture.put("b", "2").await;
    fixture.put("a", "1").await;
    assert_eq!(watcher.next().await.watch_id, 0);
}

#[tokio::test]
async fn progress_is_told_when_all_events_were() {
    let fixture = Fixture::start().await;
    for _ in 0..3 {
        fixture.put("a", "1").await;
    }
    let mut watcher = Watcher::open(&fixture).await;
    watcher.create(pb::WatchCreateRequest { key: "b".into(), start_revision: 2, ..Default::default() }).await;
    watcher.create(pb::WatchCreateRequest { start_revision: 2, ..all() }).await;
    watcher.ask(RequestUnion::ProgressRequest(pb::WatchProgressRequest {})).await;
    assert_eq!(watcher.told().await, [2, 3, 4]);
    let progress = watcher.next().await;
    assert_eq!((progress.watch_id, progress.header.unwrap().revision, progress.events.len()), (-1, 4, 0));
}

#[tokio::test]
async fn who_asks_for_it_is_told_of_progress_while_nothing_happens() {
    let often = |config| Config { progress_notify_interval: Duration::from_millis(20), ..config };
    let fixture = Fixture::configured(often).await;
    let mut watcher = Watcher::open(&fixture).await;
    watcher.create(pb::WatchCreateRequest { watch_id: 5, ..all() }).await;
    watcher.create(pb::WatchCreateRequest { watch_id: 6, progress_notify: true, ..all() }).await;
    for _ in 0..2 {
        let progress = watcher.next().await;
        assert_eq!((progress.watch_id, progress.header.unwrap().revision, progress.events.len()), (6, 1, 0));
    }
}

#[tokio::test]
async fn what_is_compacted_cancels_a_watch_with_where_to_begin() {
    let fixture = Fixture::start().await;
    for _ in 0..4 {
        fixture.put("a", "1").await;
    }
    fixture.kv().compact(pb::CompactionRequest { revision: 4, physical: false }).await.unwrap();
    let mut watcher = Watcher::open(&fixture).await;
    assert!(watcher.create(pb::WatchCreateRequest { start_revision: 3, ..all() }).await.created);
    let canceled = watcher.next().await;
    assert_eq!((canceled.canceled, canceled.compact_revision), (true, 4));
    watcher.create(pb::WatchCreateRequest { start_revision: 4, ..all() }).await;
    assert_eq!(watcher.told().await, [4, 5]);
}

#[tokio::test]
async fn a_stream_goes_on_when_its_requests_have_ended() {
    let fixture = Fixture::start().await;
    let mut watcher = Watcher::open(&fixture).await;
    watcher.create(all()).await;
    let Watcher { requests, mut answers } = watcher;
    drop(requests);
    fixture.put("a", "1").await;
    assert_eq!(answers.message().await.unwrap().unwrap().events.len(), 1);
}

/// The store's part of events is shared; what a stream would add is counted as pending.
#[tokio::test]
async fn a_client_that_does_not_read_costs_nothing_and_misses_nothing() {
    let fixture = Fixture::start().await;
    let mut watcher = Watcher::open(&fixture).await;
    watcher.create(all()).await;
    let value = bytes::Bytes::from(vec![0; 100_000]);
    for _ in 0..300 {
        fixture.put("a", value.clone()).await;
    }
    let pending = gauge(&fixture, "etcd_debugging_mvcc_pending_events_total").await;
    assert!(pending < 300, "{pending} of 300 events wait");
    assert_eq!(gauge(&fixture, "etcd_debugging_mvcc_slow_watcher_total").await, 1);
    let (mut told, mut messages) = (Vec::new(), 0);
    while told.len() < 300 {
        told.extend(watcher.told().await);
        messages += 1;
    }
    assert_eq!(told, (2..302).collect::<Vec<_>>());
    assert!(messages > 2, "300 events came in {messages} messages");
    assert_eq!(gauge(&fixture, "etcd_debugging_mvcc_slow_watcher_total").await, 0);
}

#[tokio::test]
async fn ten_thousand_streams_share_a_connection() {
    const STREAMS: usize = 10_000;
    let fixture = Fixture::start().await;
    let open = futures_util::stream::iter(0..STREAMS).map(async |_| {
        let mut watcher = Watcher::open(&fixture).await;
        watcher.create(all()).await;
        watcher
    });
    let watchers: Vec<_> = open.buffer_unordered(100).collect().await;
    assert_eq!(gauge(&fixture, "etcd_debugging_mvcc_watcher_total").await, 10_000);
    fixture.put("a", "1").await;
    let told = futures_util::stream::iter(watchers).map(async |mut watcher: Watcher| watcher.told().await);
    let told: Vec<_> = told.buffer_unordered(100).collect().await;
    assert_eq!(told, vec![vec![2]; STREAMS]);
    while gauge(&fixture, "etcd_debugging_mvcc_watcher_total").await > 0 {
        tokio::task::yield_now().await;
    }
}

async fn gauge(fixture: &Fixture, name: &str) -> i64 {
    let request = Request::get("http://etcd/metrics").body(Body::empty()).unwrap();
    let body = fixture.channel.clone().send(request).await.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
    value.unwrap_or_else(|| panic!("{name} is not in\n{text}"))
}
