//! Warm instances: taken for a call and put back, dropped and made anew after a fault, given up after three in a row.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::instance::CallError;
use crate::tally::{Strikes, Tally, Unavailable};

type Build<T> = Box<dyn Fn() -> Result<T, CallError> + Send + Sync>;

/// Instances of one role. Calls run on their callers' threads, each in an instance of its own; there come to be as
/// many as calls at a time.
pub struct Warm<T> {
    build: Build<T>,
    idle: Mutex<Vec<T>>,
    tally: Tally,
}

impl<T> Warm<T> {
    /// `build` makes an instance that knows all that was pushed so far.
    pub fn new(build: impl Fn() -> Result<T, CallError> + Send + Sync + 'static) -> Self {
        Self { build: Box::new(build), idle: Mutex::default(), tally: Tally::default() }
    }

    /// Calls an instance. After a fault another one is made and called once more.
    pub fn call<R>(&self, mut work: impl FnMut(&mut T) -> Result<R, CallError>) -> Result<R, Unavailable> {
        match self.attempt(&mut work) {
            Err(Unavailable::Fault(first)) => self.attempt(&mut work).map_err(|again| match again {
                // The first was the one too many.
                Unavailable::Quarantined => Unavailable::Fault(first),
                other => other,
            }),
            outcome => outcome,
        }
    }

    fn attempt<R>(&self, work: &mut impl FnMut(&mut T) -> Result<R, CallError>) -> Result<R, Unavailable> {
        self.tally.allow()?;
        let idle = self.idle().pop();
        let mut instance = match idle.map_or_else(&self.build, Ok) {
            Ok(instance) => instance,
            Err(why) => return self.tally.ended(Err(why)),
        };
        let outcome = work(&mut instance);
        if !outcome.as_ref().is_err_and(CallError::is_fault) {
            self.idle().push(instance);
        }
        self.tally.ended(outcome)
    }

    pub fn strikes(&self) -> Strikes {
        self.tally.strikes()
    }

    /// Calls again what was given up.
    pub fn pardon(&self) {
        self.tally.pardon();
    }

    /// Calls again what was given up so long ago; whether there was that.
    pub fn pardon_after(&self, pause: Duration) -> bool {
        self.tally.pardon_after(pause)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<T>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
