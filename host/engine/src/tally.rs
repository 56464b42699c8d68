//! Faults of a role: after three in a row nothing is called any more, until somebody pardons it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::warn;

use crate::instance::CallError;
use crate::values::Refusal;

/// Faults in a row after which nothing is called any more.
pub(crate) const STRIKES: u32 = 3;
/// Faults further apart than this are not in a row.
const APART: Duration = Duration::from_secs(60);

/// Why no instance answered. It is never an answer by itself: who asked fails closed.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    #[error("it failed {STRIKES} times in a row and is not called any more")]
    Quarantined,
    #[error(transparent)]
    Fault(CallError),
    #[error(transparent)]
    Refused(Refusal),
}

/// The faults so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strikes {
    pub total: u64,
    pub in_a_row: u32,
    pub quarantined: bool,
}

/// Counts the faults of one role.
#[derive(Default)]
pub struct Tally(Mutex<State>);

#[derive(Default)]
struct State {
    strikes: Strikes,
    last: Option<Instant>,
}

impl Tally {
    /// Whether it may be called.
    pub fn allow(&self) -> Result<(), Unavailable> {
        if self.state().strikes.quarantined { Err(Unavailable::Quarantined) } else { Ok(()) }
    }

    /// Takes how a call ended.
    pub fn ended<R>(&self, outcome: Result<R, CallError>) -> Result<R, Unavailable> {
        match outcome {
            Ok(answer) => {
                self.state().strikes.in_a_row = 0;
                Ok(answer)
            }
            Err(CallError::Guest(refused)) => Err(Unavailable::Refused(refused)),
            Err(why) => Err(self.failed(why)),
        }
    }

    fn failed(&self, why: CallError) -> Unavailable {
        let mut state = self.state();
        if state.last.is_some_and(|last| last.elapsed() > APART) {
            state.strikes.in_a_row = 0;
        }
        state.last = Some(Instant::now());
        state.strikes.total += 1;
        state.strikes.in_a_row += 1;
        state.strikes.quarantined |= state.strikes.in_a_row >= STRIKES;
        warn!(in_a_row = state.strikes.in_a_row, %why, "an instance failed and is made anew");
        Unavailable::Fault(why)
    }

    pub fn strikes(&self) -> Strikes {
        self.state().strikes
    }

    /// Lets what was given up be called again.
    pub fn pardon(&self) {
        let mut state = self.state();
        state.strikes = Strikes { total: state.strikes.total, ..Strikes::default() };
    }

    /// Lets what was given up so long ago be called again; whether it was.
    pub fn pardon_after(&self, pause: Duration) -> bool {
        let is_due = {
            let state = self.state();
            state.strikes.quarantined && state.last.is_some_and(|last| last.elapsed() >= pause)
        };
        if is_due {
            self.pardon();
        }
        is_due
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
