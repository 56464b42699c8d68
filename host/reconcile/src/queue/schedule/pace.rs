//! [`Pace`]: how often a key may be looked at. Many times in a row, and then at an even pace: two controllers that undo what
//! the other did would take all of a processor otherwise, and the API server's time with it.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::key::Key;

/// From one look to the next where there are too many.
const EVERY: Duration = Duration::from_millis(20);
/// So many looks go at once.
const BURST: u32 = 250;
/// Fewer keys than that are not worth a look at which of them are forgotten.
const FEW: usize = 256;

/// Until when the looks at a key would last at the even pace.
pub(super) struct Pace<K> {
    spent: HashMap<K, Instant>,
    /// When there are so many, those are forgotten that are at rest.
    sweep_at: usize,
}

impl<K> Default for Pace<K> {
    fn default() -> Self {
        Self { spent: HashMap::new(), sweep_at: FEW }
    }
}

impl<K: Key> Pace<K> {
    /// A worker took the key.
    pub(super) fn took(&mut self, key: &K, now: Instant) {
        if self.spent.len() >= self.sweep_at {
            self.spent.retain(|_, spent| *spent > now);
            self.sweep_at = FEW.max(2 * self.spent.len());
        }
        let spent = self.spent.entry(key.clone()).or_insert(now);
        *spent = (*spent).max(now) + EVERY;
    }

    /// Until when no worker is to take the key, if it was taken too often.
    pub(super) fn rest(&self, key: &K, now: Instant) -> Option<Instant> {
        let until = self.spent.get(key)?.checked_sub(EVERY * BURST)?;
        (until > now).then_some(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_looks_go_at_once_and_the_others_at_an_even_pace() {
        let (mut pace, begun) = (Pace::default(), Instant::now());
        let mut now = begun;
        for _ in 0..BURST + 20 {
            if let Some(until) = pace.rest(&"hot", now) {
                now = until;
            }
            pace.took(&"hot", now);
        }
        assert_eq!(now.duration_since(begun), EVERY * 19);
        assert_eq!(pace.rest(&"cold", now), None);
        assert_eq!(pace.rest(&"hot", now + EVERY * BURST), None, "it has cooled down");
    }

    #[test]
    fn keys_that_are_at_rest_are_forgotten() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        for number in 0..10_000_u64 {
            pace.took(&number, now + EVERY * u32::try_from(number).unwrap());
        }
        assert!(pace.spent.len() <= FEW, "{}", pace.spent.len());
    }
}
