//! How many seats each priority level has: what its shares give it, how much of that it lends, and who borrows it. As
//! upstream's KEP-1040: limits follow the demand of the last period, between a lower and an upper bound.

use super::queues::Observed;

/// The most of a level's seats that one request is taken to need.
const WIDEST: f64 = 0.15;
/// Of a level's smoothed demand so much stays each period: half of it is forgotten in five minutes.
const SMOOTHING: f64 = 0.977;
/// A target that is smaller counts as this much, so that zero can be scaled.
const LEAST_TARGET: f64 = 0.001;
/// Halvings of an interval until it is as small as numbers go.
const STEPS: usize = 100;

/// What a level is configured to have of the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Portion {
    pub(super) shares: u32,
    pub(super) lendable_percent: u32,
    /// `None` borrows whatever there is.
    pub(super) borrowing_percent: Option<u32>,
}

/// Seats of a level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) nominal: u32,
    pub(super) lower: u32,
    pub(super) upper: u32,
}

/// Each level's seats of a total; rounded up, so that they sum to a little more.
pub(super) fn bounds(total: u32, portions: &[Portion]) -> Vec<Bounds> {
    let shares: f64 = portions.iter().map(|portion| f64::from(portion.shares)).sum();
    let of = |portion: &Portion| {
        let exact = f64::from(total) * f64::from(portion.shares) / shares.max(1.0);
        let nominal = whole(exact.ceil());
        let percent = |percent: u32| whole((f64::from(nominal) * f64::from(percent) / 100.0).round());
        let lends = percent(portion.lendable_percent).min(nominal);
        let borrows = portion.borrowing_percent.map_or(total, percent);
        Bounds { nominal, lower: nominal - lends, upper: nominal.saturating_add(borrows) }
    };
    portions.iter().map(of).collect()
}

/// Seats that the widest request of a level may take, of hands of this many queues.
pub(super) fn widest(nominal: u32, hand: u32) -> u32 {
    let part = whole((f64::from(nominal) * WIDEST).ceil());
    part.min(nominal / hand.max(1)).max(1)
}

/// A level's demand, as it is remembered from period to period.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Smoothed {
    seats: f64,
    high: f64,
}

impl Smoothed {
    pub(super) fn take(&mut self, observed: Observed) {
        let envelope = observed.average + observed.deviation;
        self.seats = envelope.max(SMOOTHING * self.seats + (1.0 - SMOOTHING) * envelope);
        self.high = observed.high;
    }
}

/// What a level says when limits are set anew.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) bounds: Bounds,
    pub(super) demand: Smoothed,
    /// Its requests are not limited, and what they take the others do not get.
    pub(super) is_exempt: bool,
    /// The limit that it has.
    pub(super) current: u32,
}

impl Claim {
    /// What it gets in any case while there is enough for all: what it wanted, up to its own.
    fn least(&self) -> f64 {
        let Bounds { nominal, lower, .. } = self.bounds;
        let wanted = if self.is_exempt { self.demand.high } else { self.demand.high.min(f64::from(nominal)) };
        wanted.max(f64::from(lower))
    }

    fn target(&self) -> f64 {
        self.demand.seats.max(self.least()).max(LEAST_TARGET)
    }

    fn scaled(&self, by: f64) -> f64 {
        (self.target() * by).clamp(self.least(), f64::from(self.bounds.upper).max(self.least()))
    }
}

/// The limit of each level.
pub(super) fn limits(claims: &[Claim]) -> Vec<u32> {
    let total: f64 = claims.iter().map(|claim| f64::from(claim.bounds.nominal)).sum();
    let limited = || claims.iter().filter(|claim| !claim.is_exempt);
    let exempt: f64 = claims.iter().filter(|claim| claim.is_exempt).map(Claim::least).sum();
    let left = total - exempt;
    let lowest: f64 = limited().map(|claim| f64::from(claim.bounds.lower)).sum();
    let least: f64 = limited().map(Claim::least).sum();
    let scale = if left > least { scale(total, claims) } else { None };
    let limit = |claim: &Claim| {
        let lower = f64::from(claim.bounds.lower);
        if claim.is_exempt {
            claim.least()
        } else if left <= lowest {
            lower
        } else if left <= least {
            lower + (claim.least() - lower) * (left - lowest) / (least - lowest)
        } else {
            scale.map_or(f64::from(claim.current), |by| claim.scaled(by))
        }
    };
    claims.iter().map(|claim| whole(limit(claim).round())).collect()
}

/// By what the targets are scaled so that the limits sum to the total, where they can.
fn scale(total: f64, claims: &[Claim]) -> Option<f64> {
    let sum = |by: f64| claims.iter().filter(|claim| !claim.is_exempt).map(|claim| claim.scaled(by)).sum();
    let (mut low, mut high) = (0.0, f64::from(u32::MAX) / LEAST_TARGET);
    let (least, most): (f64, f64) = (sum(low), sum(high));
    if !(least..=most).contains(&total) {
        return None;
    }
    for _ in 0..STEPS {
        let middle = f64::midpoint(low, high);
        let there: f64 = sum(middle);
        if there < total { low = middle } else { high = middle }
    }
    Some(high)
}

/// Seats are few and never below zero.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of floats saturates")]
fn whole(seats: f64) -> u32 {
    seats as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn portion(shares: u32, lendable_percent: u32) -> Portion {
        Portion { shares, lendable_percent, borrowing_percent: None }
    }

    fn claim(bounds: Bounds, seats: f64) -> Claim {
        Claim { bounds, demand: Smoothed { seats, high: seats }, is_exempt: false, current: bounds.lower }
    }

    #[test]
    fn shares_are_parts_of_the_total_as_upstream_counts_them() {
        // The suggested levels of upstream, and the seats that its documentation gives them of 600.
        let levels = [(0, 0), (30, 33), (40, 25), (10, 0), (40, 50), (100, 90), (20, 50), (5, 0)];
        let found = bounds(600, &levels.map(|(shares, lends)| portion(shares, lends)));
        let found: Vec<_> = found.iter().map(|of| (of.nominal, of.lower, of.upper)).collect();
        let wanted = [
            (0, 0, 600),
            (74, 50, 674),
            (98, 73, 698),
            (25, 25, 625),
            (98, 49, 698),
            (245, 24, 845),
            (49, 24, 649),
            (13, 13, 613),
        ];
        assert_eq!(found, wanted);
        let bounded = Portion { borrowing_percent: Some(10), ..portion(1, 0) };
        assert_eq!(bounds(100, &[bounded])[0].upper, 110);
    }

    #[test]
    fn one_request_takes_a_small_part_of_a_level() {
        for (nominal, hand, wanted) in [(98, 6, 15), (245, 6, 37), (49, 6, 8), (10, 6, 1), (0, 6, 1)] {
            assert_eq!(widest(nominal, hand), wanted, "{nominal}");
        }
    }

    #[test]
    fn a_level_borrows_what_others_do_not_want() {
        let bounds = bounds(100, &[portion(50, 50), portion(50, 50)]);
        assert_eq!(limits(&[claim(bounds[0], 200.0), claim(bounds[1], 0.0)]), [75, 25]);
        assert_eq!(limits(&[claim(bounds[0], 200.0), claim(bounds[1], 200.0)]), [50, 50]);
        assert_eq!(limits(&[claim(bounds[0], 0.0), claim(bounds[1], 0.0)]), [50, 50]);
    }

    #[test]
    fn what_exempt_requests_take_is_taken_from_the_others() {
        let bounds = bounds(100, &[portion(0, 0), portion(50, 50), portion(50, 50)]);
        let exempt = |seats| Claim { is_exempt: true, ..claim(bounds[0], seats) };
        let busy = claim(bounds[1], 200.0);
        assert_eq!(limits(&[exempt(20.0), busy, busy]), [20, 40, 40]);
        assert_eq!(limits(&[exempt(1000.0), busy, busy]), [1000, 25, 25]);
    }

    #[test]
    fn demand_rises_at_once_and_falls_slowly() {
        let mut demand = Smoothed::default();
        demand.take(Observed { average: 10.0, deviation: 2.0, high: 15.0 });
        assert_eq!((demand.seats, demand.high), (12.0, 15.0));
        demand.take(Observed::default());
        assert!((11.0..12.0).contains(&demand.seats));
    }

    proptest! {
        #[test]
        fn limits_lie_within_their_bounds_and_sum_to_the_total(
            levels in prop::collection::vec((1u32..100, 0u32..=100, prop::option::of(0u32..200), 0.0..500.0), 1..8),
        ) {
            let portions: Vec<Portion> = levels
                .iter()
                .map(|(shares, lendable_percent, borrowing_percent, _)| Portion {
                    shares: *shares, lendable_percent: *lendable_percent, borrowing_percent: *borrowing_percent,
                })
                .collect();
            let bounds = bounds(600, &portions);
            let claims: Vec<Claim> =
                bounds.iter().zip(&levels).map(|(bounds, level)| claim(*bounds, level.3)).collect();
            let limits = limits(&claims);
            for (limit, bounds) in limits.iter().zip(&bounds) {
                prop_assert!((bounds.lower..=bounds.upper).contains(limit));
            }
            let nominal: u32 = bounds.iter().map(|bounds| bounds.nominal).sum();
            prop_assert!(limits.iter().sum::<u32>() <= nominal + u32::try_from(claims.len()).unwrap());
        }
    }
}
