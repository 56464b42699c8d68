//! The queues of one priority level as a state machine: requests and time in, who is seated out. Fair among flows: each
//! queue's next request has a virtual time at which it would begin if every queue were served at once, bit by bit, and the
//! one that would end first goes first (fair queuing, as upstream's KEP-1040 has it for requests of several seats whose
//! length is known only afterwards). It knows no clock and wakes nobody.

mod demand;

use std::collections::VecDeque;
use std::time::Duration;

use self::demand::Demand;
pub(super) use self::demand::Observed;
use super::deal::Hand;

/// What a request is taken to last, in seconds, until it is known: upstream's 3 ms.
const EXPECTED: f64 = 0.003;

/// How a level takes requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// All of them, at once.
    Exempt,
    /// As many as there are seats for.
    Reject,
    /// The others wait.
    Queue { queues: u32, hand: u32, length: u32 },
}

/// `W` is what a waiting request is woken by.
#[derive(Debug)]
pub(super) struct Queues<W> {
    shape: Shape,
    /// Of seats.
    limit: u32,
    queues: Vec<Queue<W>>,
    /// Of requests that are being answered.
    seats: u32,
    executing: u32,
    waiting: u32,
    waiting_seats: u32,
    /// Queues that have a request, waiting or not.
    active: u32,
    /// Seats of the queues' requests that are being answered.
    queued_seats: u32,
    /// Seat-seconds that each active queue would have had.
    virtual_time: f64,
    now: Duration,
    /// The queue that was served last.
    robin: usize,
    deals: usize,
    tickets: u64,
    demand: Demand,
}

#[derive(Debug)]
struct Queue<W> {
    waiting: VecDeque<Waiting<W>>,
    /// The virtual time at which its next request begins.
    next: f64,
    executing: u32,
    seats: u32,
}

#[derive(Debug)]
struct Waiting<W> {
    number: u64,
    seats: u32,
    /// In virtual time.
    arrived: f64,
    waker: W,
}

/// The place of a request that is being answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) seats: u32,
    queue: Option<usize>,
    pub(super) begin: Duration,
}

/// The place of a request that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    queue: usize,
    number: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    Seated(Seat),
    /// Until [`Queues::dispatch`] or [`Queues::leave`] gives its waker, or it [gives up](Queues::give_up).
    Waiting(Ticket),
    Refused(Refusal),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    NoSeat,
    QueueFull,
}

impl<W> Queue<W> {
    const fn new() -> Self {
        Self { waiting: VecDeque::new(), next: 0.0, executing: 0, seats: 0 }
    }

    fn is_active(&self) -> bool {
        self.executing > 0 || !self.waiting.is_empty()
    }

    /// A queue gets nothing later for what it did not ask for before.
    fn bound(&mut self) {
        if let Some(first) = self.waiting.front() {
            self.next = self.next.max(first.arrived);
        }
    }
}

impl<W> Queues<W> {
    pub(super) fn new(shape: Shape, limit: u32, now: Duration) -> Self {
        let mut queues = Self {
            shape,
            limit,
            queues: Vec::new(),
            seats: 0,
            executing: 0,
            waiting: 0,
            waiting_seats: 0,
            active: 0,
            queued_seats: 0,
            virtual_time: 0.0,
            now,
            robin: 0,
            deals: 0,
            tickets: 0,
            demand: Demand::default(),
        };
        queues.reshape(shape);
        queues
    }

    /// Who is seated by it is given. Queues that are too many go when they are empty.
    pub(super) fn configure(&mut self, shape: Shape, limit: u32, now: Duration) -> Vec<(W, Seat)> {
        self.advance(now);
        self.limit = limit;
        self.reshape(shape);
        self.dispatch()
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    /// The demand for seats since the last look.
    pub(super) fn observe(&mut self, now: Duration) -> Observed {
        self.advance(now);
        self.demand.take()
    }

    /// A request of a flow, by its hash. One that has to wait is woken by what `waker` makes; [`dispatch`](Self::dispatch)
    /// is called after it.
    pub(super) fn arrive(
        &mut self,
        seats: u32,
        flow: u64,
        now: Duration,
        waker: impl FnOnce() -> W,
    ) -> Arrival {
        self.advance(now);
        let Shape::Queue { queues, hand, length } = self.shape else {
            if self.shape == Shape::Reject && !self.has_room(seats) {
                return Arrival::Refused(Refusal::NoSeat);
            }
            return Arrival::Seated(self.seat(None, seats));
        };
        let index = self.choose(flow, queues, hand);
        if self.seats >= self.limit && self.queues[index].waiting.len() >= length as usize {
            return Arrival::Refused(Refusal::QueueFull);
        }
        if !self.queues[index].is_active() {
            self.active += 1;
            self.queues[index].next = self.virtual_time;
        }
        if self.waiting == 0 && self.has_room(seats) {
            return Arrival::Seated(self.seat(Some(index), seats));
        }
        self.tickets += 1;
        self.waiting += 1;
        self.waiting_seats += seats;
        let (number, arrived) = (self.tickets, self.virtual_time);
        let queue = &mut self.queues[index];
        queue.waiting.push_back(Waiting { number, seats, arrived, waker: waker() });
        queue.bound();
        self.note_demand();
        Arrival::Waiting(Ticket { queue: index, number })
    }

    /// A request was answered. Who is seated now is given.
    pub(super) fn leave(&mut self, seat: Seat, now: Duration) -> Vec<(W, Seat)> {
        self.advance(now);
        self.seats -= seat.seats;
        self.executing -= 1;
        if let Some(index) = seat.queue {
            let took = self.now.saturating_sub(seat.begin).as_secs_f64();
            let queue = &mut self.queues[index];
            queue.executing -= 1;
            queue.seats -= seat.seats;
            queue.next += f64::from(seat.seats) * (took - EXPECTED);
            queue.bound();
            self.queued_seats -= seat.seats;
            self.settle(index);
        }
        self.note_demand();
        self.dispatch()
    }

    /// A request waits no longer; `None` where it is seated already. Who is seated now is given.
    pub(super) fn give_up(&mut self, ticket: Ticket, now: Duration) -> Option<Vec<(W, Seat)>> {
        self.advance(now);
        let queue = self.queues.get_mut(ticket.queue)?;
        let at = queue.waiting.iter().position(|waiting| waiting.number == ticket.number)?;
        let gone = queue.waiting.remove(at)?;
        queue.bound();
        self.waiting -= 1;
        self.waiting_seats -= gone.seats;
        self.settle(ticket.queue);
        self.note_demand();
        Some(self.dispatch())
    }

    /// Seats whom there is room for, in the order of fairness. A request that needs more room than there is holds up the
    /// others, or it would never get it.
    pub(super) fn dispatch(&mut self) -> Vec<(W, Seat)> {
        let mut seated = Vec::new();
        while self.waiting > 0 && self.seats < self.limit {
            let Some((index, seats)) = self.first() else { break };
            if !self.has_room(seats) {
                break;
            }
            let Some(first) = self.queues[index].waiting.pop_front() else { break };
            self.waiting -= 1;
            self.waiting_seats -= seats;
            self.robin = index;
            let seat = self.seat(Some(index), seats);
            self.queues[index].bound();
            seated.push((first.waker, seat));
        }
        seated
    }

    /// The queue to be served next, and the seats that its first request needs.
    fn first(&self) -> Option<(usize, u32)> {
        let count = self.queues.len();
        let mut best: Option<(f64, usize, u32)> = None;
        for step in 1..=count {
            let index = (self.robin + step) % count;
            let queue = &self.queues[index];
            let Some(Waiting { seats, .. }) = queue.waiting.front() else { continue };
            let end = queue.next + f64::from(*seats) * EXPECTED;
            if best.is_none_or(|(earliest, ..)| end < earliest) {
                best = Some((end, index, *seats));
            }
        }
        best.map(|(_, index, seats)| (index, seats))
    }

    /// Of the hand of a flow the queue with the least work in front. Where nobody waits they are alike.
    fn choose(&mut self, flow: u64, queues: u32, hand: u32) -> usize {
        if self.waiting == 0 {
            return Hand::first(flow, queues) as usize;
        }
        self.deals = self.deals.wrapping_add(1);
        let hand = Hand::deal(flow, queues, hand);
        let cards = hand.from(self.deals).map(|card| card as usize);
        let work =
            |index: &usize| self.queues[*index].waiting.iter().map(|waiting| waiting.seats).sum::<u32>();
        cards.min_by_key(work).unwrap_or_default()
    }

    /// A request that is wider than the level has the level for itself, if that has a seat at all.
    fn has_room(&self, seats: u32) -> bool {
        let is_alone = self.executing == 0 && self.limit > 0;
        if seats > self.limit { is_alone } else { self.seats + seats <= self.limit }
    }

    fn seat(&mut self, queue: Option<usize>, seats: u32) -> Seat {
        self.seats += seats;
        self.executing += 1;
        if let Some(index) = queue {
            let queue = &mut self.queues[index];
            queue.executing += 1;
            queue.seats += seats;
            queue.next += f64::from(seats) * EXPECTED;
            self.queued_seats += seats;
        }
        self.note_demand();
        Seat { seats, queue, begin: self.now }
    }

    /// After something left a queue.
    fn settle(&mut self, index: usize) {
        if self.queues[index].is_active() {
            return;
        }
        self.active -= 1;
        let wanted = self.wanted();
        while self.queues.len() > wanted && self.queues.last().is_some_and(|queue| !queue.is_active()) {
            self.queues.pop();
        }
    }

    fn wanted(&self) -> usize {
        match self.shape {
            Shape::Queue { queues, .. } => queues as usize,
            Shape::Exempt | Shape::Reject => 0,
        }
    }

    fn reshape(&mut self, shape: Shape) {
        self.shape = shape;
        let wanted = self.wanted();
        while self.queues.len() < wanted {
            self.queues.push(Queue::new());
        }
        while self.queues.len() > wanted && self.queues.last().is_some_and(|queue| !queue.is_active()) {
            self.queues.pop();
        }
    }

    fn advance(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.now).as_secs_f64();
        self.now = self.now.max(now);
        self.demand.pass(passed);
        if self.active > 0 {
            let wanted = self.queued_seats + self.waiting_seats;
            self.virtual_time += passed * f64::from(wanted.min(self.limit)) / f64::from(self.active);
        }
    }

    fn note_demand(&mut self) {
        self.demand.set(self.seats + self.waiting_seats);
    }
}

#[cfg(test)]
mod tests;
