//! Scopes: tasks with names that end when their scope does.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::runtime::Builder;
use tokio::task::{AbortHandle, JoinHandle};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::error;

use crate::BoxError;

/// A set of named tasks with one stop signal. Clones are handles on the same scope; what is left running when
/// [`close`](Self::close) is called, or when the last handle outside of its own tasks is dropped, is cancelled.
#[derive(Clone)]
pub struct Scope {
    inner: Arc<Inner>,
    /// Shared by the handles that keep the scope open; tasks hold none.
    _open: Arc<CancelOnDrop>,
}

struct Inner {
    name: Cow<'static, str>,
    token: CancellationToken,
    tracker: TaskTracker,
    running: Mutex<BTreeMap<u64, (Cow<'static, str>, AbortHandle)>>,
    next: AtomicU64,
}

struct CancelOnDrop(Arc<Inner>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.token.cancel();
        for (_, task) in self.0.running().values() {
            task.abort();
        }
    }
}

impl Inner {
    fn running(&self) -> MutexGuard<'_, BTreeMap<u64, (Cow<'static, str>, AbortHandle)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a task gave no value.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    #[error("panicked: {0}")]
    Panicked(String),
    #[error("was cancelled")]
    Cancelled,
}

/// A running task; dropping it leaves the task running in its scope.
pub struct Task<T>(JoinHandle<Result<T, String>>);

impl<T> Task<T> {
    /// Ends the task at its next await.
    pub fn abort(&self) {
        self.0.abort();
    }

    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|joined| match joined {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(message)) => Err(TaskError::Panicked(message)),
            Err(_) => Err(TaskError::Cancelled),
        })
    }
}

impl Scope {
    /// A scope that nothing else closes.
    pub fn root(name: impl Into<Cow<'static, str>>) -> Self {
        Self::with_token(name.into(), CancellationToken::new())
    }

    /// A scope that this one's stop signal stops too.
    pub fn child(&self, name: impl Into<Cow<'static, str>>) -> Self {
        Self::with_token(name.into(), self.inner.token.child_token())
    }

    fn with_token(name: Cow<'static, str>, token: CancellationToken) -> Self {
        let inner = Arc::new(Inner {
            name,
            token,
            tracker: TaskTracker::new(),
            running: Mutex::default(),
            next: AtomicU64::new(0),
        });
        Self { _open: Arc::new(CancelOnDrop(inner.clone())), inner }
    }

    /// The stop signal: tasks that see it end by themselves.
    pub fn token(&self) -> CancellationToken {
        self.inner.token.clone()
    }

    /// Spawns a task. It should end soon after the scope's stop signal; a panic is logged and ends it alone.
    pub fn spawn<F>(&self, name: impl Into<Cow<'static, str>>, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let name = name.into();
        let (inner, label) = (self.inner.clone(), name.clone());
        let watched = async move {
            let result = AssertUnwindSafe(future).catch_unwind().await;
            result.map_err(|panic| {
                let message = panic_message(panic.as_ref());
                error!(scope = %inner.name, task = %label, "task panicked: {message}");
                message
            })
        };
        self.track(name, |tracker, entry| {
            tracker.spawn(async move {
                let _entry = entry;
                watched.await
            })
        })
    }

    /// Runs a closure on a thread that may block.
    pub fn spawn_blocking<F, T>(&self, name: impl Into<Cow<'static, str>>, work: F) -> Task<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let name = name.into();
        let (inner, label) = (self.inner.clone(), name.clone());
        self.track(name, |tracker, entry| {
            tracker.spawn_blocking(move || {
                let _entry = entry;
                std::panic::catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
                    let message = panic_message(panic.as_ref());
                    error!(scope = %inner.name, task = %label, "task panicked: {message}");
                    message
                })
            })
        })
    }

    /// Runs a future on a thread of its own with a runtime of its own, and so everything that it spawns: for what has much to
    /// wake and is faster where that wakes no other thread, or what keeps its thread waiting. A panic is logged and ends it
    /// alone.
    pub fn spawn_thread<W, F, T>(
        &self,
        name: impl Into<Cow<'static, str>>,
        work: W,
    ) -> Task<Result<T, BoxError>>
    where
        W: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<T, BoxError>>,
        T: Send + 'static,
    {
        let name = name.into();
        let token = CancellationToken::new();
        let dropped = token.clone().drop_guard();
        let thread = self.spawn_blocking(format!("thread of {name}"), move || {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let ended = runtime.block_on(async { token.run_until_cancelled(work()).await });
            ended.unwrap_or_else(|| Err(TaskError::Cancelled.into()))
        });
        self.spawn(name, async move {
            let _dropped = dropped;
            thread.await?
        })
    }

    fn track<T>(
        &self,
        name: Cow<'static, str>,
        spawn: impl FnOnce(&TaskTracker, Entry) -> JoinHandle<Result<T, String>>,
    ) -> Task<T> {
        let id = self.inner.next.fetch_add(1, Ordering::Relaxed);
        // Locked over the spawn, so that a task that ends at once removes its entry after it was made.
        let mut running = self.inner.running();
        let handle = spawn(&self.inner.tracker, Entry { inner: self.inner.clone(), id });
        running.insert(id, (name, handle.abort_handle()));
        Task(handle)
    }

    /// Gives the stop signal and waits for the tasks; those left at the deadline are aborted and named.
    pub async fn close(&self, deadline: Duration) -> Vec<String> {
        self.inner.token.cancel();
        self.inner.tracker.close();
        if tokio::time::timeout(deadline, self.inner.tracker.wait()).await.is_ok() {
            return Vec::new();
        }
        let running = self.inner.running();
        running
            .values()
            .map(|(name, task)| {
                task.abort();
                format!("{}/{name}", self.inner.name)
            })
            .collect()
    }
}

/// Takes the task off the list when it ends, however it ends.
struct Entry {
    inner: Arc<Inner>,
    id: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.inner.running().remove(&self.id);
    }
}

/// What a panic said.
pub fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn close_waits_for_tasks_that_heed_the_signal() {
        let scope = Scope::root("test");
        let token = scope.token();
        let task = scope.spawn("obedient", async move { token.cancelled().await });
        assert!(scope.close(Duration::from_secs(5)).await.is_empty());
        assert!(task.await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn close_names_and_aborts_what_is_left_at_the_deadline() {
        let scope = Scope::root("test");
        let task = scope.spawn("deaf", std::future::pending::<()>());
        assert_eq!(scope.close(Duration::from_secs(1)).await, ["test/deaf"]);
        assert!(matches!(task.await, Err(TaskError::Cancelled)));
    }

    #[tokio::test]
    async fn a_panic_ends_its_task_alone() {
        let scope = Scope::root("test");
        let bad = scope.spawn("bad", async { panic!("broken on purpose") });
        let good = scope.spawn("good", async { 7 });
        assert!(matches!(bad.await, Err(TaskError::Panicked(message)) if message == "broken on purpose"));
        assert_eq!(good.await.unwrap(), 7);
    }

    #[tokio::test]
    async fn what_a_thread_of_its_own_spawns_stays_there() {
        let scope = Scope::root("test");
        let here = std::thread::current().id();
        let ran = scope.spawn_thread("apart", || async {
            let inner = Scope::root("inner");
            let spawned = inner.spawn("task", async { std::thread::current().id() });
            Ok((std::thread::current().id(), spawned.await?))
        });
        let (outer, inner) = ran.await.unwrap().unwrap();
        assert!(outer == inner && outer != here);
    }

    #[tokio::test]
    async fn a_thread_of_its_own_ends_when_its_task_is_aborted_and_tells_of_its_panic() {
        let scope = Scope::root("test");
        let (dropped, told) = tokio::sync::oneshot::channel::<()>();
        let deaf = scope.spawn_thread("deaf", move || async move {
            let _dropped = dropped;
            std::future::pending::<()>().await;
            Ok(())
        });
        deaf.abort();
        assert!(told.await.is_err() && deaf.await.is_err());
        let bad = scope.spawn_thread::<_, _, ()>("bad", || async { panic!("broken on purpose") });
        assert_eq!(bad.await.unwrap().unwrap_err().to_string(), "panicked: broken on purpose");
    }

    #[tokio::test]
    async fn dropping_a_scope_cancels_its_tasks_and_its_children() {
        let scope = Scope::root("parent");
        let child = scope.child("child");
        let deaf = scope.spawn("deaf", std::future::pending::<()>());
        let token = child.token();
        drop(scope);
        assert!(matches!(deaf.await, Err(TaskError::Cancelled)));
        assert!(token.is_cancelled());
    }
}
