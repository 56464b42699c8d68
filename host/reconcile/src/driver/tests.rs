use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use observe::Metrics;
use tokio::sync::{Semaphore, mpsc};

use super::*;
use crate::metrics::LoopMetrics;

#[derive(Debug, thiserror::Error)]
#[error("fail on purpose")]
struct OnPurpose;

/// Answers what the test says, and tells which key it got and when.
struct Scripted<F> {
    answer: F,
    got: mpsc::UnboundedSender<(String, Instant)>,
}

impl<F: Fn(&str) -> Result<Outcome, OnPurpose> + Send + Sync + 'static> Reconcile for Scripted<F> {
    type Key = String;
    type Error = OnPurpose;

    async fn reconcile(&self, key: &String) -> Result<Outcome, OnPurpose> {
        self.got.send((key.clone(), Instant::now())).unwrap();
        (self.answer)(key)
    }
}

struct Driven {
    queue: Queue<String>,
    got: mpsc::UnboundedReceiver<(String, Instant)>,
    metrics: Metrics,
    _scope: Scope,
}

fn drive(answer: impl Fn(&str) -> Result<Outcome, OnPurpose> + Send + Sync + 'static) -> Driven {
    let (metrics, scope) = (Metrics::new(), Scope::root("test"));
    let queue = Queue::new("test", &LoopMetrics::new(&metrics));
    let (sender, got) = mpsc::unbounded_channel();
    let workers = NonZeroUsize::MIN;
    scope.spawn("driver", run(Scripted { answer, got: sender }, queue.clone(), workers, scope.token()));
    Driven { queue, got, metrics, _scope: scope }
}

impl Driven {
    /// The next key and the milliseconds since `begun`.
    async fn next(&mut self, begun: Instant) -> (String, u128) {
        let (key, at) = self.got.recv().await.unwrap();
        (key, at.duration_since(begun).as_millis())
    }

    fn counts(&self, line: &str) -> bool {
        self.metrics.text().lines().any(|text| text == line)
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_fails_backs_off_alone() {
    let mut driven = drive(|key| if key == "bad" { Err(OnPurpose) } else { Ok(Outcome::Done) });
    let begun = Instant::now();
    driven.queue.add("bad".to_owned());
    for at in [0, 5, 15, 35] {
        assert_eq!(driven.next(begun).await, ("bad".to_owned(), at));
    }
    driven.queue.add("good".to_owned());
    assert_eq!(driven.next(begun).await, ("good".to_owned(), 35));
    assert_eq!(driven.next(begun).await, ("bad".to_owned(), 75));
    assert!(driven.counts("workqueue_retries_total{name=\"test\"} 5"), "{}", driven.metrics.text());
}

#[tokio::test(start_paused = true)]
async fn a_key_comes_back_when_its_reconciler_asked_for_it() {
    let first = AtomicUsize::new(0);
    let mut driven = drive(move |_| match first.fetch_add(1, Ordering::Relaxed) {
        0 => Ok(Outcome::After(Duration::from_secs(3))),
        _ => Ok(Outcome::Done),
    });
    let begun = Instant::now();
    driven.queue.add("a".to_owned());
    assert_eq!(driven.next(begun).await.1, 0);
    assert_eq!(driven.next(begun).await.1, 3000);
    driven.queue.add_after("b".to_owned(), Duration::from_secs(1));
    assert_eq!(driven.next(begun).await, ("b".to_owned(), 4000));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_due_in_a_year_is_looked_at_before_because_clocks_are_set() {
    let mut driven = drive(|_| Ok(Outcome::After(Duration::from_secs(365 * 24 * 3600))));
    let begun = Instant::now();
    driven.queue.add("a".to_owned());
    assert_eq!(driven.next(begun).await.1, 0);
    assert_eq!(driven.next(begun).await.1, LONGEST.as_millis());
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_of_its_key_and_the_worker_goes_on() {
    let panics = Mutex::new(1);
    let mut driven = drive(move |key| {
        let mut left = panics.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if key == "bad" && *left > 0 {
            *left -= 1;
            panic!("on purpose");
        }
        Ok(Outcome::Done)
    });
    let begun = Instant::now();
    driven.queue.add("bad".to_owned());
    driven.queue.add("good".to_owned());
    let order = [driven.next(begun).await, driven.next(begun).await, driven.next(begun).await];
    assert_eq!(order, [("bad".to_owned(), 0), ("good".to_owned(), 0), ("bad".to_owned(), 5)]);
    assert!(driven.counts("reconcile_panics_total{name=\"test\"} 1"), "{}", driven.metrics.text());
}

/// Holds each key until the test lets it go.
struct Held {
    begun: mpsc::UnboundedSender<String>,
    gate: Arc<Semaphore>,
}

impl Reconcile for Held {
    type Key = String;
    type Error = OnPurpose;

    async fn reconcile(&self, key: &String) -> Result<Outcome, OnPurpose> {
        self.begun.send(key.clone()).unwrap();
        self.gate.acquire().await.unwrap().forget();
        Ok(Outcome::Done)
    }
}

#[tokio::test]
async fn workers_take_different_keys_at_the_same_time_and_the_same_key_never() {
    let (scope, gate) = (Scope::root("test"), Arc::new(Semaphore::new(0)));
    let queue = Queue::new("test", &LoopMetrics::new(&Metrics::new()));
    let (sender, mut begun) = mpsc::unbounded_channel();
    let held = Held { begun: sender, gate: gate.clone() };
    let workers = NonZeroUsize::new(3).unwrap();
    scope.spawn("driver", run(held, queue.clone(), workers, scope.token()));
    queue.add("a".to_owned());
    queue.add("b".to_owned());
    let mut both = [begun.recv().await.unwrap(), begun.recv().await.unwrap()];
    both.sort();
    assert_eq!(both, ["a", "b"]);
    queue.add("a".to_owned());
    queue.add("c".to_owned());
    assert_eq!(begun.recv().await.unwrap(), "c");
    gate.add_permits(3);
    assert_eq!(begun.recv().await.unwrap(), "a");
}
