//! etcd's service Watch: a stream carries many watches. What is told is taken from the store only when the client has
//! taken what was told before, so a client that does not read costs no memory.

mod pieces;
mod step;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use datastore::{Embedded, Told, WatchError, WatchSet};
use futures_util::future::FutureExt;
use futures_util::stream::{self, Stream};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::{Request, Response, Status, Streaming, async_trait};

use super::error::{self, of_stream};
use super::member::Member;
use super::metrics::Metrics;
use super::response;
use crate::wire::etcdserverpb as pb;
use pb::watch_server::Watch;
use step::{Effect, Input, Watches};

/// Streams that began together tell of their progress at so many different moments.
const SPREAD: u32 = 10;

#[async_trait]
impl Watch for Member {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<pb::WatchResponse, Status>> + Send + 'static>>;

    async fn watch(
        &self,
        request: Request<Streaming<pb::WatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let stream = WatchStream::new(self, request.into_inner());
        let responses = stream::try_unfold(stream, async |mut stream| {
            let response = stream.next().await?;
            Ok(Some((response, stream)))
        });
        Ok(Response::new(Box::pin(responses)))
    }
}

/// One stream.
struct WatchStream {
    /// `None` when the client has ended them; what it watches goes on.
    requests: Option<Streaming<pb::WatchRequest>>,
    store: Embedded,
    set: WatchSet,
    watches: Watches,
    /// What the client is to be told before anything else is looked at.
    outbox: VecDeque<pb::WatchResponse>,
    progress: Interval,
    stopped: Pin<Box<WaitForCancellationFutureOwned>>,
    gauges: Gauges,
}

impl WatchStream {
    fn new(member: &Member, requests: Streaming<pb::WatchRequest>) -> Self {
        let period = member.config.progress_notify_interval;
        let place = u32::try_from(member.metrics.watch_streams.get()).unwrap_or_default() % SPREAD;
        let first = Instant::now() + period + period / SPREAD / SPREAD * place;
        let mut progress = interval_at(first, period);
        progress.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            requests: Some(requests),
            store: member.store.clone(),
            set: member.store.watch_set(),
            watches: Watches::new(member.headers(), member.config.max_message_bytes()),
            outbox: VecDeque::new(),
            progress,
            stopped: Box::pin(member.scope.token().cancelled_owned()),
            gauges: Gauges::new(&member.metrics),
        }
    }

    async fn next(&mut self) -> Result<pb::WatchResponse, Status> {
        loop {
            if let Some(response) = self.outbox.pop_front() {
                self.gauges.sent(response.events.len());
                return Ok(response);
            }
            let input = self.input().await?;
            self.step(input);
        }
    }

    /// What happens next.
    async fn input(&mut self) -> Result<Input, Status> {
        while self.watches.owe_progress() {
            // What can be told at once comes first; when there is nothing of that, all is told.
            if let Some(told) = self.set.next().now_or_never() {
                return self.told(told);
            }
            if let Some(revision) = self.set.caught_up() {
                return Ok(Input::CaughtUp(revision));
            }
        }
        loop {
            tokio::select! {
                request = next_request(&mut self.requests) => match request.map_err(of_stream)? {
                    Some(request) => return Ok(Input::Requested(request)),
                    None => self.requests = None,
                },
                told = self.set.next() => return self.told(told),
                _ = self.progress.tick() => return Ok(Input::IntervalPassed),
                () = &mut self.stopped => return Err(error::STOPPED.into()),
            }
        }
    }

    fn told(&self, told: Result<Told, WatchError>) -> Result<Input, Status> {
        match told {
            Ok(Told { id, outcome: Ok(batch) }) => {
                Ok(Input::Told { id, batch, compacted: self.store.compacted() })
            }
            Ok(Told { id, outcome: Err(WatchError::Compacted { compacted, .. }) }) => {
                Ok(Input::Forgotten { id, oldest: compacted })
            }
            Ok(Told { outcome: Err(_), .. }) | Err(_) => Err(error::STOPPED.into()),
        }
    }

    fn step(&mut self, input: Input) {
        let mut next = Some(input);
        while let Some(input) = next.take() {
            for effect in self.watches.step(input, self.store.revision()) {
                match effect {
                    Effect::Add { id, range, from } => {
                        if let Err(WatchError::Compacted { compacted, .. }) =
                            self.set.add(id, range, Some(from))
                        {
                            next = Some(Input::Forgotten { id, oldest: compacted });
                        }
                    }
                    Effect::Remove(id) => drop(self.set.remove(id)),
                    Effect::Send(response) => {
                        self.gauges.taken(response.events.len());
                        self.outbox.push_back(response);
                    }
                }
            }
        }
        self.gauges.watch(self.watches.len());
    }
}

/// Waits for ever when there are no more.
async fn next_request(
    requests: &mut Option<Streaming<pb::WatchRequest>>,
) -> Result<Option<pb::WatchRequest>, Status> {
    match requests {
        Some(requests) => requests.message().await,
        None => std::future::pending().await,
    }
}

/// What a stream adds to the member's gauges, which goes with it.
struct Gauges {
    metrics: Arc<Metrics>,
    watches: i64,
    pending: i64,
}

impl Gauges {
    fn new(metrics: &Arc<Metrics>) -> Self {
        metrics.watch_streams.inc();
        Self { metrics: Arc::clone(metrics), watches: 0, pending: 0 }
    }

    fn watch(&mut self, watches: usize) {
        let watches = response::count(watches);
        self.metrics.watchers.inc_by(watches - self.watches);
        self.watches = watches;
    }

    fn taken(&mut self, events: usize) {
        self.pending += response::count(events);
        self.metrics.pending_events.inc_by(response::count(events));
    }

    fn sent(&mut self, events: usize) {
        self.pending -= response::count(events);
        self.metrics.pending_events.dec_by(response::count(events));
        self.metrics.events.inc_by(events as u64);
    }
}

impl Drop for Gauges {
    fn drop(&mut self) {
        self.metrics.watch_streams.dec();
        self.metrics.watchers.dec_by(self.watches);
        self.metrics.pending_events.dec_by(self.pending);
    }
}
