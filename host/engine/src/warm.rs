//! Warm instances: taken for a call and put back, dropped and made anew after a fault, given up after three in a row.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::warn;

use crate::instance::CallError;
use crate::values::Refusal;

/// Faults in a row after which nothing is called any more.
const STRIKES: u32 = 3;
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

type Build<T> = Box<dyn Fn() -> Result<T, CallError> + Send + Sync>;

/// Instances of one role. Calls run on their callers' threads, each in an instance of its own; there come to be as
/// many as calls at a time.
pub struct Warm<T> {
    build: Build<T>,
    pool: Mutex<Pool<T>>,
}

struct Pool<T> {
    idle: Vec<T>,
    strikes: Strikes,
    last: Option<Instant>,
}

impl<T> Warm<T> {
    /// `build` makes an instance that knows all that was pushed so far.
    pub fn new(build: impl Fn() -> Result<T, CallError> + Send + Sync + 'static) -> Self {
        let pool = Pool { idle: Vec::new(), strikes: Strikes::default(), last: None };
        Self { build: Box::new(build), pool: Mutex::new(pool) }
    }

    /// Calls an instance. After a fault another one is made and called once more.
    pub fn call<R>(&self, mut work: impl FnMut(&mut T) -> Result<R, CallError>) -> Result<R, Unavailable> {
        self.attempt(&mut work).or_else(|why| match why {
            Unavailable::Fault(_) => self.attempt(&mut work),
            other => Err(other),
        })
    }

    fn attempt<R>(&self, work: &mut impl FnMut(&mut T) -> Result<R, CallError>) -> Result<R, Unavailable> {
        let idle = {
            let mut pool = self.pool();
            if pool.strikes.quarantined {
                return Err(Unavailable::Quarantined);
            }
            pool.idle.pop()
        };
        let mut instance = match idle.map_or_else(&self.build, Ok) {
            Ok(instance) => instance,
            Err(why) => return Err(self.failed(why)),
        };
        match work(&mut instance) {
            Ok(answer) => {
                let mut pool = self.pool();
                pool.strikes.in_a_row = 0;
                pool.idle.push(instance);
                Ok(answer)
            }
            Err(CallError::Guest(refused)) => {
                self.pool().idle.push(instance);
                Err(Unavailable::Refused(refused))
            }
            Err(why) => Err(self.failed(why)),
        }
    }

    /// Counts a fault.
    fn failed(&self, why: CallError) -> Unavailable {
        let mut pool = self.pool();
        if pool.last.is_some_and(|last| last.elapsed() > APART) {
            pool.strikes.in_a_row = 0;
        }
        pool.last = Some(Instant::now());
        pool.strikes.total += 1;
        pool.strikes.in_a_row += 1;
        pool.strikes.quarantined |= pool.strikes.in_a_row >= STRIKES;
        warn!(in_a_row = pool.strikes.in_a_row, %why, "an instance failed and is made anew");
        Unavailable::Fault(why)
    }

    pub fn strikes(&self) -> Strikes {
        self.pool().strikes
    }

    /// Calls again what was given up.
    pub fn pardon(&self) {
        let mut pool = self.pool();
        pool.strikes = Strikes { total: pool.strikes.total, ..Strikes::default() };
    }

    fn pool(&self) -> MutexGuard<'_, Pool<T>> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
