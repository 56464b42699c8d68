//! Who wants to know of which keys: single keys and prefixes are looked up, so that a write costs what its own audience
//! costs and not what all watchers cost.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use bytes::Bytes;

use crate::KeyRange;

/// Ranges by who is interested in them; `T` is unique for each [`Interest::add`].
#[derive(Clone, Debug)]
pub struct Interest<T> {
    keys: HashMap<Bytes, Vec<T>>,
    prefixes: HashMap<Bytes, Vec<T>>,
    /// How many prefixes there are of each length.
    lengths: BTreeMap<usize, usize>,
    others: Vec<(KeyRange, T)>,
}

impl<T> Default for Interest<T> {
    fn default() -> Self {
        Self { keys: HashMap::new(), prefixes: HashMap::new(), lengths: BTreeMap::new(), others: Vec::new() }
    }
}

impl<T: Copy + Eq + Hash> Interest<T> {
    pub fn add(&mut self, range: KeyRange, who: T) {
        if let Some(key) = range.single() {
            self.keys.entry(key.clone()).or_default().push(who);
        } else if let Some(prefix) = range.as_prefix() {
            let audience = self.prefixes.entry(prefix.clone()).or_default();
            if audience.is_empty() {
                *self.lengths.entry(prefix.len()).or_default() += 1;
            }
            audience.push(who);
        } else {
            self.others.push((range, who));
        }
    }

    /// Forgets what was added for this range.
    pub fn remove(&mut self, range: &KeyRange, who: T) {
        if let Some(key) = range.single() {
            leave(&mut self.keys, key, who);
        } else if let Some(prefix) = range.as_prefix() {
            if leave(&mut self.prefixes, prefix, who)
                && let Some(count) = self.lengths.get_mut(&prefix.len())
            {
                *count -= 1;
                if *count == 0 {
                    self.lengths.remove(&prefix.len());
                }
            }
        } else {
            self.others.retain(|(_, other)| *other != who);
        }
    }

    /// Calls `visit` for everybody whose range holds the key.
    pub fn visit(&self, key: &[u8], mut visit: impl FnMut(T)) {
        self.keys.get(key).into_iter().flatten().for_each(|who| visit(*who));
        for length in self.lengths.keys().take_while(|length| **length <= key.len()) {
            self.prefixes.get(&key[..*length]).into_iter().flatten().for_each(|who| visit(*who));
        }
        self.others.iter().filter(|(range, _)| range.contains(key)).for_each(|(_, who)| visit(*who));
    }
}

/// Whether nobody is left under the key.
fn leave<T: Eq>(audiences: &mut HashMap<Bytes, Vec<T>>, key: &Bytes, who: T) -> bool {
    let Some(audience) = audiences.get_mut(key) else { return false };
    audience.retain(|other| *other != who);
    let empty = audience.is_empty();
    if empty {
        audiences.remove(key);
    }
    empty
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop::sample::select(vec![0u8, b'a', b'b', 0xff]), 0..4)
    }

    fn range() -> impl Strategy<Value = KeyRange> {
        prop_oneof![
            key().prop_map(KeyRange::key),
            key().prop_map(KeyRange::prefix),
            key().prop_map(KeyRange::from),
            (key(), key()).prop_map(|(start, end)| KeyRange::between(start, end)),
        ]
    }

    proptest! {
        #[test]
        fn a_key_reaches_exactly_those_whose_range_holds_it(
            ranges in prop::collection::vec((range(), any::<bool>()), 0..12),
            key in key(),
        ) {
            let mut interest = Interest::default();
            for (who, (range, _)) in ranges.iter().enumerate() {
                interest.add(range.clone(), who);
            }
            for (who, (range, leaves)) in ranges.iter().enumerate() {
                if *leaves {
                    interest.remove(range, who);
                }
            }
            let mut reached = Vec::new();
            interest.visit(&key, |who| reached.push(who));
            reached.sort_unstable();
            let expected: Vec<_> = ranges
                .iter()
                .enumerate()
                .filter(|(_, (range, leaves))| !leaves && range.contains(&key))
                .map(|(who, _)| who)
                .collect();
            prop_assert_eq!(reached, expected);
        }
    }
}
