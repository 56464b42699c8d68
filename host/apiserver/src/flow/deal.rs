//! Shuffle sharding: a flow is dealt a hand of the queues, so that two flows seldom share all of theirs, and one that
//! fills its own leaves others theirs.

/// A hand of this many needs no more than the 64 bits of a hash, whatever the number of queues.
pub(super) const MOST: usize = 15;
/// Bits of a hash that a hand may need: upstream's.
const ENTROPY: f64 = 60.0;

/// Whether hands of this size can be dealt from so many queues.
pub(super) fn is_possible(queues: u32, hand: u32) -> bool {
    let bits = f64::from(queues.max(1)).log2() * f64::from(hand);
    (1..=queues).contains(&hand) && hand as usize <= MOST && bits.ceil() <= ENTROPY
}

/// The queues of a flow, all different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hand {
    cards: [u32; MOST],
    size: usize,
}

impl Hand {
    /// Every hand is as likely as any other, where hashes are.
    pub(super) fn deal(mut hash: u64, queues: u32, size: u32) -> Self {
        let mut hand = Self { cards: [0; MOST], size: size as usize };
        let drawn = (queues - size + 1..=queues).rev();
        for (at, left) in drawn.enumerate() {
            let mut card = u32::try_from(hash % u64::from(left)).unwrap_or_default();
            hash /= u64::from(left);
            // The card is the one at that place among those that are left: those before it that are gone are skipped.
            let mut gone: [u32; MOST] = hand.cards;
            gone[..at].sort_unstable();
            for taken in &gone[..at] {
                if card >= *taken {
                    card += 1;
                }
            }
            hand.cards[at] = card;
        }
        hand
    }

    /// The first card of the hand, without dealing the others.
    pub(super) fn first(hash: u64, queues: u32) -> u32 {
        u32::try_from(hash % u64::from(queues)).unwrap_or_default()
    }

    /// Beginning anywhere, so that no queue is first for ever.
    pub(super) fn from(&self, offset: usize) -> impl Iterator<Item = u32> {
        (0..self.size).map(move |at| self.cards[(offset + at) % self.size])
    }
}

/// What the numbers of a schema's flows begin with.
pub(super) fn seed(schema: &str) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    fold(fold(BASIS, schema), "\0")
}

/// A number of a flow: FNV-1a, its bits mixed well, since a hand takes them from below.
pub(super) fn hash(seed: u64, distinguisher: &str) -> u64 {
    let hash = fold(seed, distinguisher);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

fn fold(hash: u64, text: &str) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    text.bytes().fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_hand_is_of_different_queues_that_there_are(hash: u64, queues in 1u32..200, size in 1u32..=15) {
            prop_assume!(size <= queues);
            let hand: BTreeSet<u32> = Hand::deal(hash, queues, size).from(0).collect();
            prop_assert_eq!(hand.len(), size as usize);
            prop_assert!(hand.contains(&Hand::first(hash, queues)));
            prop_assert!(hand.iter().all(|queue| *queue < queues));
        }
    }

    #[test]
    fn every_hand_is_dealt_equally_often() {
        let hands: BTreeSet<Vec<u32>> =
            (0..6 * 5 * 4).map(|hash| Hand::deal(hash, 6, 3).from(0).collect()).collect();
        assert_eq!(hands.len(), 6 * 5 * 4);
    }

    #[test]
    fn a_hand_that_needs_more_than_a_hash_is_not_possible() {
        assert!(is_possible(128, 6) && is_possible(64, 8) && is_possible(1, 1));
        assert!(!is_possible(4, 5) && !is_possible(0, 0) && !is_possible(4096, 6) && !is_possible(64, 0));
    }

    #[test]
    fn flows_differ_by_schema_and_distinguisher() {
        let of = |schema, distinguisher| hash(seed(schema), distinguisher);
        let hashes = [of("a", "bc"), of("ab", "c"), of("a", "b"), of("abc", "")];
        assert_eq!(hashes.iter().collect::<BTreeSet<_>>().len(), 4);
    }
}
