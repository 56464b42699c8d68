//! [`Indexes`]: sets of completion indexes as a job's status writes them, `1,3-5`.

use std::collections::BTreeSet;
use std::fmt;

/// Ranges in their order, both ends in them; no two touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Indexes(Vec<(i32, i32)>);

impl Indexes {
    /// What is below `completions` of a text; what cannot be read of it is left out.
    pub(super) fn parse(text: &str, completions: i32) -> Self {
        let ranges = text.split(',').filter_map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last): (i32, i32) = (first.parse().ok()?, last.parse().ok()?);
            (first < completions).then_some((first, last.min(completions - 1)))
        });
        Self::of_ranges(ranges.collect())
    }

    fn of_ranges(mut ranges: Vec<(i32, i32)>) -> Self {
        ranges.sort_unstable();
        let mut joined: Vec<(i32, i32)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match joined.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => joined.push((first, last)),
            }
        }
        Self(joined)
    }

    pub(super) fn with(&self, more: impl IntoIterator<Item = i32>) -> Self {
        let more = more.into_iter().map(|index| (index, index));
        Self::of_ranges(self.0.iter().copied().chain(more).collect())
    }

    pub(super) fn union(&self, other: &Self) -> Self {
        Self::of_ranges(self.0.iter().chain(&other.0).copied().collect())
    }

    pub(super) fn contains(&self, index: i32) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&index))
    }

    pub(super) fn len(&self) -> i32 {
        self.0.iter().map(|(first, last)| last - first + 1).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many indexes are in both.
    pub(super) fn common(&self, other: &Self) -> i32 {
        let pairs = self.0.iter().flat_map(|one| other.0.iter().map(move |two| (one, two)));
        pairs.map(|(one, two)| (one.1.min(two.1) - one.0.max(two.0) + 1).max(0)).sum()
    }

    /// The first `count` indexes below `completions` that are not in it.
    pub(super) fn missing(&self, count: usize, completions: i32) -> Vec<i32> {
        (0..completions).filter(|index| !self.contains(*index)).take(count).collect()
    }
}

impl FromIterator<i32> for Indexes {
    fn from_iter<I: IntoIterator<Item = i32>>(indexes: I) -> Self {
        let indexes: BTreeSet<i32> = indexes.into_iter().collect();
        Self::default().with(indexes)
    }
}

impl fmt::Display for Indexes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (first, last)) in self.0.iter().enumerate() {
            let comma = if position > 0 { "," } else { "" };
            match last - first {
                0 => write!(f, "{comma}{first}")?,
                1 => write!(f, "{comma}{first},{last}")?,
                _ => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_and_written_as_upstream_does() {
        let check = |text: &str, expected: &str| assert_eq!(Indexes::parse(text, 10).to_string(), expected);
        check("", "");
        check("1", "1");
        check("1,2", "1,2");
        check("1,2,3", "1-3");
        check("1,3-5,7", "1,3-5,7");
        check("3-20,30", "3-9");
        check("x,2", "2");
    }

    #[test]
    fn sets_are_counted_joined_and_compared() {
        let indexes = Indexes::parse("1,3-5", 10);
        assert_eq!(indexes.len(), 4);
        assert_eq!(indexes.with([2, 9]).to_string(), "1-5,9");
        assert_eq!(indexes.union(&Indexes::parse("0,5-6", 10)).to_string(), "0,1,3-6");
        assert_eq!(indexes.common(&Indexes::parse("0-3,5", 10)), 3);
        assert_eq!(indexes.missing(3, 8), [0, 2, 6]);
        assert!(indexes.contains(4) && !indexes.contains(2));
    }
}
