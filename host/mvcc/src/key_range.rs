//! Ranges of keys, with etcd's `range_end` conventions as constructors.

use std::ops::Bound;

use bytes::Bytes;

/// A half-open range of keys: from `start`, up to but without `end`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    start: Bytes,
    end: End,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    Single,
    Before(Bytes),
    Unbounded,
}

pub(crate) type KeyBounds<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

impl KeyRange {
    /// Every key there is.
    #[must_use]
    pub fn all() -> Self {
        Self { start: Bytes::new(), end: End::Unbounded }
    }

    /// Exactly one key.
    pub fn key(key: impl Into<Bytes>) -> Self {
        Self { start: key.into(), end: End::Single }
    }

    /// Every key that begins with `prefix`.
    pub fn prefix(prefix: impl Into<Bytes>) -> Self {
        let start = prefix.into();
        let end = successor_of_prefix(&start).map_or(End::Unbounded, End::Before);
        Self { start, end }
    }

    /// Keys from `start`, without `end`. Empty when `end` is not after `start`.
    pub fn between(start: impl Into<Bytes>, end: impl Into<Bytes>) -> Self {
        Self { start: start.into(), end: End::Before(end.into()) }
    }

    /// Every key from `start` on.
    pub fn from(start: impl Into<Bytes>) -> Self {
        Self { start: start.into(), end: End::Unbounded }
    }

    /// The part of this range that comes after `key`: where the page after the one that ended with `key` begins.
    #[must_use]
    pub fn after(&self, key: &[u8]) -> Self {
        let mut start = Vec::with_capacity(key.len() + 1);
        start.extend_from_slice(key);
        start.push(0);
        let start = Bytes::from(start).max(self.start.clone());
        match &self.end {
            End::Single if start > self.start => Self::between(start.clone(), start),
            end => Self { start, end: end.clone() },
        }
    }

    #[must_use]
    pub fn start(&self) -> &Bytes {
        &self.start
    }

    /// The first key behind the range; `None` where there is none, or it is one key.
    #[must_use]
    pub fn end(&self) -> Option<&Bytes> {
        match &self.end {
            End::Before(end) => Some(end),
            End::Single | End::Unbounded => None,
        }
    }

    pub(crate) fn is_unbounded(&self) -> bool {
        matches!(self.end, End::Unbounded)
    }

    /// The one key of a range made by [`KeyRange::key`].
    #[must_use]
    pub fn single(&self) -> Option<&Bytes> {
        matches!(self.end, End::Single).then_some(&self.start)
    }

    /// The prefix that exactly the keys of this range begin with.
    pub(crate) fn as_prefix(&self) -> Option<&Bytes> {
        match &self.end {
            End::Single => None,
            End::Unbounded => self.start.iter().all(|byte| *byte == 0xff).then_some(&self.start),
            End::Before(end) => {
                let next = successor_of_prefix(&self.start);
                (next.as_ref() == Some(end)).then_some(&self.start)
            }
        }
    }

    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        match &self.end {
            End::Single => key == self.start,
            End::Before(end) => key >= &self.start[..] && key < &end[..],
            End::Unbounded => key >= &self.start[..],
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(&self.end, End::Before(end) if *end <= self.start)
    }

    /// The bounds for an ordered map; `None` for an empty range, which `BTreeMap::range` would refuse.
    pub(crate) fn bounds(&self) -> Option<KeyBounds<'_>> {
        if self.is_empty() {
            return None;
        }
        let end = match &self.end {
            End::Single => Bound::Included(&self.start[..]),
            End::Before(end) => Bound::Excluded(&end[..]),
            End::Unbounded => Bound::Unbounded,
        };
        Some((Bound::Included(&self.start[..]), end))
    }
}

/// The least key that is greater than every key with this prefix; none for a prefix of 0xff bytes alone.
fn successor_of_prefix(prefix: &[u8]) -> Option<Bytes> {
    let last = prefix.iter().rposition(|byte| *byte < 0xff)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_holds_its_own_key_and_nothing_of_its_neighbours() {
        let pods = KeyRange::prefix("/registry/pods/");
        assert!(pods.contains(b"/registry/pods/"));
        assert!(pods.contains(b"/registry/pods/default/a"));
        assert!(!pods.contains(b"/registry/pods0"));
        assert!(!pods.contains(b"/registry/pod"));
    }

    #[test]
    fn a_prefix_of_the_highest_bytes_is_unbounded() {
        assert!(KeyRange::prefix(&[0xff, 0xff][..]).contains(&[0xff, 0xff, 0xff]));
        assert_eq!(KeyRange::prefix(&[b'a', 0xff][..]), KeyRange::between(&[b'a', 0xff][..], "b"));
    }

    #[test]
    fn the_part_after_a_key_excludes_that_key() {
        let rest = KeyRange::prefix("a/").after(b"a/1");
        assert!(!rest.contains(b"a/1"));
        assert!(rest.contains(b"a/1\0"));
        assert!(rest.contains(b"a/2"));
        assert!(!rest.contains(b"b"));
        assert!(KeyRange::key("a").after(b"a").is_empty());
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_empty() {
        assert!(KeyRange::between("b", "a").is_empty());
        assert!(KeyRange::between("b", "a").bounds().is_none());
    }
}
