//! No seat is lost, limits hold, nobody starves, and flows are served alike.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const QUEUING: Shape = Shape::Queue { queues: 8, hand: 2, length: 4 };

fn at(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[derive(Clone, Debug)]
enum Step {
    Arrive {
        seats: u32,
        flow: u64,
    },
    /// One of those that are seated.
    Leave(usize),
    /// One of those that wait.
    GiveUp(usize),
    Configure(Shape, u32),
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Exempt),
        Just(Shape::Reject),
        (1u32..9, 1u32..4, 0u32..4).prop_map(|(queues, hand, length)| Shape::Queue {
            queues,
            hand: hand.min(queues),
            length
        }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1u32..4, 0u64..100).prop_map(|(seats, flow)| Step::Arrive { seats, flow }),
        4 => any::<usize>().prop_map(Step::Leave),
        1 => any::<usize>().prop_map(Step::GiveUp),
        1 => (shape(), 0u32..6).prop_map(|(shape, limit)| Step::Configure(shape, limit)),
    ]
}

/// Requests by name, as those who ask see them.
#[derive(Default)]
struct Clients {
    seated: BTreeMap<u32, Seat>,
    waiting: BTreeMap<u32, Ticket>,
}

impl Clients {
    fn wake(&mut self, dispatched: Vec<(u32, Seat)>) {
        for (name, seat) in dispatched {
            assert!(self.waiting.remove(&name).is_some(), "{name} did not wait");
            self.seated.insert(name, seat);
        }
    }

    fn seats(&self) -> u32 {
        self.seated.values().map(|seat| seat.seats).sum()
    }
}

fn nth<T>(map: &mut BTreeMap<u32, T>, at: usize) -> Option<T> {
    let name = *map.keys().nth(at.checked_rem(map.len())?)?;
    map.remove(&name)
}

proptest! {
    #[test]
    fn no_seat_is_lost_and_nobody_waits_for_a_free_one(
        steps in prop::collection::vec((step(), 0u64..20), 1..200),
        first in shape(),
    ) {
        let (mut queues, mut clients, mut time) = (Queues::new(first, 3, at(0)), Clients::default(), 0);
        for (name, (step, passed)) in (0u32..).zip(steps) {
            time += passed;
            let before = clients.seats();
            match step {
                Step::Arrive { seats, flow } => {
                    match queues.arrive(seats, flow, at(time), || name) {
                        Arrival::Seated(seat) => {
                            let fits = before + seats <= queues.limit || clients.seated.is_empty();
                            prop_assert!(fits || queues.shape == Shape::Exempt);
                            clients.seated.insert(name, seat);
                        }
                        Arrival::Waiting(ticket) => {
                            clients.waiting.insert(name, ticket);
                            let dispatched = queues.dispatch();
                            clients.wake(dispatched);
                        }
                        Arrival::Refused(Refusal::NoSeat) => prop_assert_eq!(queues.shape, Shape::Reject),
                        Arrival::Refused(Refusal::QueueFull) => prop_assert!(before >= queues.limit),
                    }
                }
                Step::Leave(which) => {
                    if let Some(seat) = nth(&mut clients.seated, which) {
                        let dispatched = queues.leave(seat, at(time));
                        clients.wake(dispatched);
                    }
                }
                Step::GiveUp(which) => {
                    if let Some(ticket) = nth(&mut clients.waiting, which) {
                        let dispatched = queues.give_up(ticket, at(time));
                        clients.wake(dispatched.expect("it waited"));
                    }
                }
                Step::Configure(shape, limit) => clients.wake(queues.configure(shape, limit, at(time))),
            }
            prop_assert_eq!(queues.seats, clients.seats());
            prop_assert_eq!(queues.executing as usize, clients.seated.len());
            prop_assert_eq!(queues.waiting as usize, clients.waiting.len());
            let queued: u32 = queues.queues.iter().map(|queue| queue.seats).sum();
            prop_assert_eq!(queues.queued_seats, queued);
            let active = queues.queues.iter().filter(|queue| queue.is_active()).count();
            prop_assert_eq!(queues.active as usize, active);
            // Whoever waits, waits for the seats of the first one.
            if let Some((_, seats)) = queues.first() {
                prop_assert!(queues.seats >= queues.limit || !queues.has_room(seats));
            }
        }
        // Nobody starves: as long as somebody leaves, those who wait are seated, down to the last.
        clients.wake(queues.configure(first, 1, at(time)));
        while let Some(seat) = nth(&mut clients.seated, 0) {
            time += 1;
            let dispatched = queues.leave(seat, at(time));
            clients.wake(dispatched);
        }
        prop_assert!(clients.waiting.is_empty());
        prop_assert_eq!((queues.seats, queues.active, queues.waiting_seats), (0, 0, 0));
        prop_assert_eq!(queues.queues.len(), queues.wanted());
    }
}

/// Seats of each of some flows, of whom each has always so many requests waiting, after a while.
fn served(limit: u32, flows: &[(u64, usize, u64)]) -> Vec<u32> {
    let shape = Shape::Queue { queues: 64, hand: 1, length: 1000 };
    let mut queues: Queues<usize> = Queues::new(shape, limit, at(0));
    let mut running: Vec<(u64, usize, Seat)> = Vec::new();
    let mut counts = vec![0; flows.len()];
    for time in 0..2000 {
        while let Some(ended) = running.iter().position(|(end, ..)| *end <= time) {
            let (_, _, seat) = running.swap_remove(ended);
            for (flow, seat) in queues.leave(seat, at(time)) {
                counts[flow] += 1;
                running.push((time + flows[flow].2, flow, seat));
            }
        }
        for (flow, (hash, burst, lasts)) in flows.iter().enumerate() {
            for _ in 0..*burst {
                match queues.arrive(1, *hash, at(time), || flow) {
                    Arrival::Seated(seat) => {
                        counts[flow] += 1;
                        running.push((time + lasts, flow, seat));
                    }
                    Arrival::Waiting(_) => {
                        let dispatched = queues.dispatch();
                        assert!(dispatched.is_empty());
                    }
                    Arrival::Refused(_) => {}
                }
            }
        }
    }
    counts
}

#[test]
fn a_flow_that_asks_more_gets_no_more_than_one_that_always_asks() {
    let counts = served(4, &[(1, 50, 5), (2, 3, 5)]);
    assert!(counts[0].abs_diff(counts[1]) * 20 < counts[0], "{counts:?}");
}

#[test]
fn a_flow_of_long_requests_gets_its_share_of_time_and_not_of_requests() {
    let counts = served(4, &[(1, 50, 2), (2, 50, 20)]);
    let [short, long] = [counts[0] * 2, counts[1] * 20];
    assert!(short.abs_diff(long) * 5 < short, "{short} and {long} ms");
}

#[test]
fn a_flow_that_asks_little_hardly_waits() {
    let counts = served(4, &[(1, 50, 10), (2, 1, 1)]);
    assert!(counts[1] > 800, "{counts:?}");
}

#[test]
fn a_wide_request_is_alone_where_the_level_is_narrower() {
    let mut queues = Queues::new(QUEUING, 2, at(0));
    let Arrival::Seated(narrow) = queues.arrive(1, 1, at(0), || "narrow") else { panic!("there is room") };
    let Arrival::Waiting(_) = queues.arrive(5, 2, at(0), || "wide") else { panic!("there is no room") };
    assert!(queues.dispatch().is_empty());
    // What comes later does not overtake it for ever.
    let Arrival::Waiting(_) = queues.arrive(5, 2, at(0), || "later") else { panic!("somebody waits") };
    assert!(queues.dispatch().is_empty());
    let seated = queues.leave(narrow, at(5));
    assert_eq!(seated.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["wide"]);
}

#[test]
fn a_full_queue_refuses_and_a_level_without_queues_does_at_once() {
    let shape = Shape::Queue { queues: 1, hand: 1, length: 1 };
    let mut queues = Queues::new(shape, 1, at(0));
    assert!(matches!(queues.arrive(1, 0, at(0), || ()), Arrival::Seated(_)));
    assert!(matches!(queues.arrive(1, 0, at(0), || ()), Arrival::Waiting(_)));
    assert_eq!(queues.arrive(1, 0, at(0), || ()), Arrival::Refused(Refusal::QueueFull));
    let mut queues = Queues::new(Shape::Reject, 1, at(0));
    assert!(matches!(queues.arrive(1, 0, at(0), || ()), Arrival::Seated(_)));
    assert_eq!(queues.arrive(1, 0, at(0), || ()), Arrival::Refused(Refusal::NoSeat));
}
