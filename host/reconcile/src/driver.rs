//! The driver: workers that take keys from a queue and hand them to a reconciler.

#[cfg(test)]
mod tests;

use std::error::Error;
use std::future::Future;
use std::num::NonZeroUsize;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use supervise::{Scope, panic_message};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::key::{Key, chain};
use crate::queue::Queue;

/// What is due by the time of day is looked at so often at least: clocks are set, and machines sleep, which no timer knows
/// of.
const LONGEST: Duration = Duration::from_secs(600);

/// How a reconciliation that did not fail went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Until something changes.
    Done,
    /// To be looked at again then at the latest, if nothing changes before.
    After(Duration),
    /// As `Done`, but not before then: what changes until then is taken together.
    Rest(Duration),
}

/// Brings what a key names to the state that is asked for. Idempotent; it does not retry: an error brings the key
/// back later. It may be dropped at any await.
pub trait Reconcile: Send + Sync + 'static {
    type Key: Key;
    type Error: Error + Send;

    fn reconcile(&self, key: &Self::Key) -> impl Future<Output = Result<Outcome, Self::Error>> + Send;
}

/// Reconciles what the queue holds with some workers until `stop`. A panic counts as a failure of its key.
pub async fn run<R: Reconcile>(
    reconciler: R,
    queue: Queue<R::Key>,
    workers: NonZeroUsize,
    stop: CancellationToken,
) {
    let scope = Scope::root(queue.name());
    let reconciler = Arc::new(reconciler);
    for _ in 0..workers.get() {
        scope.spawn("worker", work(reconciler.clone(), queue.clone()));
    }
    stop.cancelled().await;
}

async fn work<R: Reconcile>(reconciler: Arc<R>, queue: Queue<R::Key>) {
    let name = queue.name();
    loop {
        let key = queue.take().await;
        let begun = Instant::now();
        let ended = AssertUnwindSafe(reconciler.reconcile(&key)).catch_unwind().await;
        queue.metrics().work.observe(begun.elapsed().as_secs_f64());
        match ended {
            Ok(Ok(Outcome::Done)) => queue.done(&key, None),
            Ok(Ok(Outcome::After(delay))) => queue.done(&key, Some(delay.min(LONGEST))),
            Ok(Ok(Outcome::Rest(rest))) => queue.rest(&key, rest),
            Ok(Err(why)) => {
                let again = queue.failed(&key);
                warn!(name, %key, error = chain(&why), ?again, "reconcile");
            }
            Err(panic) => {
                queue.metrics().panics.inc();
                let again = queue.failed(&key);
                error!(name, %key, ?again, "reconciler panicked: {}", panic_message(panic.as_ref()));
            }
        }
    }
}
