//! A handle that comes and goes with its unit: what depends on it asks for the present one, or waits.

use std::sync::Arc;

use tokio::sync::watch;

/// The present handle of a unit, if it runs.
#[derive(Clone)]
pub(crate) struct Slot<T> {
    sender: Arc<watch::Sender<Option<T>>>,
}

impl<T: Clone> Slot<T> {
    pub(crate) fn empty() -> Self {
        Self { sender: Arc::new(watch::channel(None).0) }
    }

    /// Puts a handle in, until the returned guard is dropped.
    pub(crate) fn fill(&self, handle: T) -> Filled<T> {
        self.sender.send_replace(Some(handle));
        Filled(self.clone())
    }

    /// The present handle.
    pub(crate) fn get(&self) -> Option<T> {
        self.sender.borrow().clone()
    }

    /// Waits for a handle.
    pub(crate) async fn wait(&self) -> T {
        let mut receiver = self.sender.subscribe();
        let filled = receiver.wait_for(Option::is_some).await;
        filled.ok().and_then(|handle| handle.clone()).expect("the sender is held by self")
    }
}

/// Empties its slot when it is dropped.
pub(crate) struct Filled<T: Clone>(Slot<T>);

impl<T: Clone> Drop for Filled<T> {
    fn drop(&mut self) {
        self.0.sender.send_replace(None);
    }
}
