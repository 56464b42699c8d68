//! How many seats are wanted, over time.

/// Wanted seats since the last look, by the time for which they were.
#[derive(Debug, Default)]
pub(super) struct Demand {
    seats: f64,
    high: f64,
    elapsed: f64,
    /// Of seats, and of their squares.
    sum: f64,
    squares: f64,
}

/// A period's demand, in seats.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::flow) struct Observed {
    pub(in crate::flow) average: f64,
    pub(in crate::flow) deviation: f64,
    pub(in crate::flow) high: f64,
}

impl Demand {
    pub(super) fn pass(&mut self, seconds: f64) {
        self.elapsed += seconds;
        self.sum += seconds * self.seats;
        self.squares += seconds * self.seats * self.seats;
    }

    pub(super) fn set(&mut self, seats: u32) {
        self.seats = f64::from(seats);
        self.high = self.high.max(self.seats);
    }

    /// What it was; a new period begins.
    pub(super) fn take(&mut self) -> Observed {
        let period = std::mem::replace(self, Self { seats: self.seats, high: self.seats, ..Self::default() });
        if period.elapsed <= 0.0 {
            return Observed { average: period.seats, deviation: 0.0, high: period.high };
        }
        let average = period.sum / period.elapsed;
        let variance = period.squares / period.elapsed - average * average;
        Observed { average, deviation: variance.max(0.0).sqrt(), high: period.high }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn demand_is_weighed_by_time_and_begins_anew_where_it_was() {
        let mut demand = Demand::default();
        demand.pass(5.0);
        demand.set(9);
        demand.set(4);
        demand.pass(5.0);
        assert_eq!(demand.take(), Observed { average: 2.0, deviation: 2.0, high: 9.0 });
        assert_eq!(demand.take(), Observed { average: 4.0, deviation: 0.0, high: 4.0 });
    }
}
