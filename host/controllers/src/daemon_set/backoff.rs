//! [`Backoff`]: how long it takes until a pod of a node that came to its end is replaced; longer each time, so that a
//! node which refuses a pod is not asked again and again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const FIRST: Duration = Duration::from_secs(1);
const LAST: Duration = Duration::from_mins(15);

/// By uid of the DaemonSet and node.
#[derive(Default)]
pub(super) struct Backoff(Mutex<HashMap<(String, String), Entry>>);

#[derive(Clone, Copy)]
struct Entry {
    delay: Duration,
    since: Instant,
}

impl Backoff {
    /// Takes the next turn of a node.
    ///
    /// # Errors
    /// How long it is until then.
    pub(super) fn turn(&self, uid: &str, node: &str) -> Result<(), Duration> {
        let now = Instant::now();
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, entry| now.duration_since(entry.since) <= LAST * 2);
        let key = (uid.to_owned(), node.to_owned());
        let delay = match entries.get(&key) {
            Some(entry) => match entry.delay.checked_sub(now.duration_since(entry.since)) {
                Some(left) if !left.is_zero() => return Err(left),
                _ => (entry.delay * 2).min(LAST),
            },
            None => FIRST,
        };
        entries.insert(key, Entry { delay, since: now });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_of_one_node_come_ever_later_and_are_forgotten_after_a_while() {
        let backoff = Backoff::default();
        assert_eq!(backoff.turn("a", "n"), Ok(()));
        assert_eq!(backoff.turn("a", "n"), Err(FIRST));
        assert_eq!(backoff.turn("a", "m"), Ok(()));
        tokio::time::advance(FIRST).await;
        assert_eq!(backoff.turn("a", "n"), Ok(()));
        assert_eq!(backoff.turn("a", "n"), Err(FIRST * 2));
        tokio::time::advance(LAST * 2 + FIRST).await;
        assert_eq!(backoff.turn("a", "n"), Ok(()));
        assert_eq!(backoff.turn("a", "n"), Err(FIRST));
    }
}
