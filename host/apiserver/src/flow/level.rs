//! A priority level and its schemas at work: the [queues](Queues) behind a lock that is held for a step, and the places
//! of requests, which go when they are dropped.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use observe::counter::Counter;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::config::{Distinguisher, LevelConfig, SchemaConfig};
use super::deal;
use super::metrics::SchemaMetrics;
use super::pushback::Pushback;
use super::queues::{Arrival, Queues, Refusal, Seat, Shape, Ticket};
use super::rule::Rule;
use super::share::{Bounds, Claim, Smoothed};

pub(super) struct Level {
    pub(super) name: String,
    /// What the queues count time from.
    epoch: Instant,
    gate: Mutex<Gate>,
}

struct Gate {
    queues: Queues<Waker>,
    shape: Shape,
    bounds: Bounds,
    demand: Smoothed,
    pushback: Pushback,
}

/// A schema with everything that a request of it needs.
pub(crate) struct Schema {
    pub(super) level: Arc<Level>,
    pub(super) name: String,
    seed: u64,
    pub(super) rules: Vec<Rule>,
    pub(super) distinguisher: Distinguisher,
    /// Seats that one request may take at most.
    pub(super) widest: u32,
    pub(super) uid: HeaderValue,
    pub(super) level_uid: HeaderValue,
    pub(super) metrics: SchemaMetrics,
}

/// Wakes a request that waits.
struct Waker {
    schema: Arc<Schema>,
    sender: oneshot::Sender<Permit>,
}

type Dispatched = Vec<(Waker, Seat)>;

/// The place of a request that is being answered, until it is dropped.
pub(crate) struct Permit {
    schema: Arc<Schema>,
    /// `None` while it is dropped.
    seat: Option<Seat>,
}

/// What becomes of a request that arrives.
enum Arrived {
    Seated(Permit),
    Waiting(Ticket, oneshot::Receiver<Permit>),
    Refused(Refusal),
}

/// The place of a request that waits, until it is dropped.
struct Place<'a> {
    schema: &'a Schema,
    ticket: Ticket,
    seats: u32,
    /// Counts a wait that was in vain.
    refused: &'a Counter,
}

/// A request was not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Seconds.
    pub(crate) retry_after: u64,
}

impl Level {
    pub(super) fn new(config: &LevelConfig, bounds: Bounds, epoch: Instant) -> Self {
        let queues = Queues::new(config.shape, bounds.nominal, epoch.elapsed());
        let (demand, pushback) = (Smoothed::default(), Pushback::new());
        let gate = Gate { queues, shape: config.shape, bounds, demand, pushback };
        Self { name: config.name.clone(), epoch, gate: Mutex::new(gate) }
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    pub(super) fn configure(&self, shape: Shape, bounds: Bounds) {
        let now = self.now();
        let mut gate = self.gate();
        (gate.shape, gate.bounds) = (shape, bounds);
        let limit = gate.queues.limit();
        let dispatched = gate.queues.configure(shape, limit, now);
        drop(gate);
        wake(dispatched);
    }

    /// What it wants; the period that it is asked of ends now.
    pub(super) fn claim(&self) -> Claim {
        let now = self.now();
        let mut gate = self.gate();
        let observed = gate.queues.observe(now);
        gate.demand.take(observed);
        Claim {
            bounds: gate.bounds,
            demand: gate.demand,
            is_exempt: gate.shape == Shape::Exempt,
            current: gate.queues.limit(),
        }
    }

    pub(super) fn limit(&self, limit: u32) -> Bounds {
        let now = self.now();
        let mut gate = self.gate();
        let (shape, bounds) = (gate.shape, gate.bounds);
        let dispatched = gate.queues.configure(shape, limit, now);
        drop(gate);
        wake(dispatched);
        bounds
    }

    fn leave(&self, seat: Seat, now: Duration) {
        let dispatched = self.gate().queues.leave(seat, now);
        wake(dispatched);
    }

    fn refused(&self) -> Refused {
        let now = self.now();
        Refused { retry_after: self.gate().pushback.refuse(now.as_secs()) }
    }
}

/// After the lock is given back: a request that is gone gives back its seat at once.
fn wake(dispatched: Dispatched) {
    for (Waker { schema, sender }, seat) in dispatched {
        // Nobody waits any more: the permit comes back and is dropped.
        drop(sender.send(Permit::new(schema, seat)));
    }
}

impl Schema {
    pub(super) fn new(
        config: SchemaConfig,
        of: &LevelConfig,
        level: Arc<Level>,
        widest: u32,
        metrics: SchemaMetrics,
    ) -> Self {
        let uid = |uid: &str| HeaderValue::from_str(uid).unwrap_or(HeaderValue::from_static(""));
        Self {
            uid: uid(&config.uid),
            level_uid: uid(&of.uid),
            seed: deal::seed(&config.name),
            name: config.name,
            rules: config.rules,
            distinguisher: config.distinguisher,
            level,
            widest,
            metrics,
        }
    }

    /// Lets a request of a flow through: at once, or when there are seats for it before `patience` ends.
    pub(super) async fn enter(
        self: &Arc<Self>,
        flow: &str,
        seats: u32,
        patience: Duration,
    ) -> Result<Permit, Refused> {
        let (ticket, mut receiver) = match self.arrive(flow, seats) {
            Arrived::Seated(permit) => {
                self.metrics.waited.observe(0.0);
                return Ok(permit);
            }
            Arrived::Waiting(ticket, receiver) => (ticket, receiver),
            Arrived::Refused(refusal) => {
                let refused = match refusal {
                    Refusal::NoSeat => &self.metrics.no_seat,
                    Refusal::QueueFull => &self.metrics.queue_full,
                };
                refused.inc();
                return Err(self.level.refused());
            }
        };
        let mut place = Place::new(self, ticket, seats);
        let begin = Instant::now();
        if let Ok(Ok(permit)) = tokio::time::timeout(patience, &mut receiver).await {
            self.metrics.waited.observe(begin.elapsed().as_secs_f64());
            return Ok(permit);
        }
        self.metrics.waited_in_vain.observe(begin.elapsed().as_secs_f64());
        place.refused = &self.metrics.timed_out;
        drop(place);
        Err(self.level.refused())
    }

    fn arrive(self: &Arc<Self>, flow: &str, seats: u32) -> Arrived {
        let (hash, now) = (deal::hash(self.seed, flow), self.level.now());
        let mut receiver = None;
        let waker = || {
            let (sender, receives) = oneshot::channel();
            receiver = Some(receives);
            Waker { schema: Arc::clone(self), sender }
        };
        let mut gate = self.level.gate();
        let ticket = match gate.queues.arrive(seats, hash, now, waker) {
            Arrival::Seated(seat) => return Arrived::Seated(Permit::new(Arc::clone(self), seat)),
            Arrival::Refused(refusal) => return Arrived::Refused(refusal),
            Arrival::Waiting(ticket) => ticket,
        };
        let dispatched = gate.queues.dispatch();
        drop(gate);
        wake(dispatched);
        Arrived::Waiting(ticket, receiver.expect("who waits has a waker"))
    }
}

impl Permit {
    fn new(schema: Arc<Schema>, seat: Seat) -> Self {
        let metrics = &schema.metrics;
        metrics.dispatched.inc();
        metrics.executing_requests.inc();
        metrics.executing_seats.inc_by(seat.seats.into());
        Self { schema, seat: Some(seat) }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some(seat) = self.seat.take() else { return };
        let Schema { metrics, level, .. } = &*self.schema;
        let now = level.now();
        metrics.executing_requests.dec();
        metrics.executing_seats.dec_by(seat.seats.into());
        metrics.executed.observe(now.saturating_sub(seat.begin).as_secs_f64());
        level.leave(seat, now);
    }
}

impl<'a> Place<'a> {
    fn new(schema: &'a Schema, ticket: Ticket, seats: u32) -> Self {
        schema.metrics.inqueue_requests.inc();
        schema.metrics.inqueue_seats.inc_by(seats.into());
        Self { schema, ticket, seats, refused: &schema.metrics.cancelled }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Self { schema, ticket, seats, refused } = self;
        schema.metrics.inqueue_requests.dec();
        schema.metrics.inqueue_seats.dec_by((*seats).into());
        let now = schema.level.now();
        let gone = schema.level.gate().queues.give_up(*ticket, now);
        if let Some(dispatched) = gone {
            refused.inc();
            wake(dispatched);
        }
    }
}
