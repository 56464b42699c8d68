//! The time of day, as tasks see it: the system's, moved on as far as a paused runtime has moved its own time on. Who
//! compares timestamps of objects with timers sees one clock, in a simulation too.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

#[cfg(feature = "test-util")]
mod set {
    use std::cell::Cell;

    use jiff::{SignedDuration, Timestamp};

    thread_local! {
        static AHEAD: Cell<SignedDuration> = const { Cell::new(SignedDuration::ZERO) };
    }

    /// Sets the time of day of this thread, as somebody sets a machine's clock: timers do not know of it.
    pub fn set_by(change: SignedDuration) {
        AHEAD.set(AHEAD.get().saturating_add(change));
    }

    pub(super) fn as_set(time: Timestamp) -> Timestamp {
        time.saturating_add(AHEAD.get()).unwrap_or(time)
    }
}

#[cfg(feature = "test-util")]
pub use set::set_by;

/// Now.
pub fn now() -> Timestamp {
    let now = running();
    #[cfg(feature = "test-util")]
    let now = set::as_set(now);
    now
}

/// As a clock tells it that nobody sets.
fn running() -> Timestamp {
    let (wall, real, runtime) = (Timestamp::now(), std::time::Instant::now(), Instant::now().into_std());
    // Where time is not paused the two instants are the same but for the moments between their readings.
    let ahead = runtime.saturating_duration_since(real);
    let behind = real.saturating_duration_since(runtime);
    if ahead + behind < Duration::from_millis(1) {
        return wall;
    }
    // A simulation of more than the calendar has is no use to anyone; it stays at what there is.
    wall.saturating_add(ahead).and_then(|time| time.saturating_sub(behind)).unwrap_or(wall)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_paused_runtime_moves_the_time_of_day() {
        let before = now();
        tokio::time::advance(Duration::from_secs(3600)).await;
        // The readings of the three clocks are some moments apart.
        let passed = now().duration_since(before).as_millis_f64().round();
        assert_eq!(passed, 3_600_000.0);
    }

    #[tokio::test]
    async fn it_is_the_systems_time_otherwise() {
        let (before, told, after) = (Timestamp::now(), now(), Timestamp::now());
        assert!(before <= told && told <= after);
    }
}
