//! [`Loops`]: the tasks of one component, which run together or not at all.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use supervise::{Scope, TaskError};
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// What is left of a component then is cut off.
const GRACE: Duration = Duration::from_secs(5);

/// A loop came to its end though nobody stopped it: the component is to be started anew.
#[derive(Debug, thiserror::Error)]
#[error("run the loop {name}: it ended")]
pub struct LoopEnded {
    pub name: &'static str,
    #[source]
    source: Option<TaskError>,
}

/// Tasks that run until one stop.
pub struct Loops {
    scope: Scope,
    running: FuturesUnordered<BoxFuture<'static, (&'static str, Result<(), TaskError>)>>,
}

impl Loops {
    pub fn new(component: &'static str) -> Self {
        Self { scope: Scope::root(component), running: FuturesUnordered::new() }
    }

    /// Starts a loop; it ends soon after the signal that it is given.
    pub fn spawn<F>(&mut self, name: &'static str, make: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let task = self.scope.spawn(name, make(self.scope.token()));
        self.running.push(Box::pin(async move { (name, task.await) }));
    }

    /// Waits for `stop`, then for the loops.
    ///
    /// # Errors
    /// The first loop that ends before; the others end with it.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), LoopEnded> {
        tokio::select! {
            () = stop.cancelled() => {
                for left in self.scope.close(GRACE).await {
                    warn!(left, "cut off a loop that did not stop");
                }
                Ok(())
            }
            Some((name, ended)) = self.running.next() => Err(LoopEnded { name, source: ended.err() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn loops_end_at_the_stop() {
        let mut loops = Loops::new("test");
        loops.spawn("idle", |stop| async move { stop.cancelled().await });
        let stop = CancellationToken::new();
        stop.cancel();
        loops.run(stop).await.unwrap();
    }

    #[tokio::test]
    async fn a_loop_that_panics_ends_its_component() {
        let mut loops = Loops::new("test");
        loops.spawn("idle", |stop| async move { stop.cancelled().await });
        loops.spawn("broken", |_| async { panic!("on purpose") });
        let ended = loops.run(CancellationToken::new()).await.unwrap_err();
        assert_eq!(ended.name, "broken");
    }
}
