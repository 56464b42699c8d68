//! Ranges of costs and sizes, whose arithmetic saturates.

/// The least and the most that something may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub min: u64,
    pub max: u64,
}

impl Range {
    pub(super) const ZERO: Self = Self::exactly(0);
    pub(super) const ONE: Self = Self::exactly(1);
    pub(super) const UNKNOWN: Self = Self { min: 0, max: u64::MAX };
    /// The union of no ranges.
    pub(super) const NONE: Self = Self { min: u64::MAX, max: 0 };

    pub(super) const fn exactly(value: u64) -> Self {
        Self { min: value, max: value }
    }

    pub(super) const fn add(self, other: Self) -> Self {
        Self { min: self.min.saturating_add(other.min), max: self.max.saturating_add(other.max) }
    }

    pub(super) const fn multiply(self, other: Self) -> Self {
        Self { min: self.min.saturating_mul(other.min), max: self.max.saturating_mul(other.max) }
    }

    /// Each end times a factor, rounded up.
    pub(super) fn scale(self, factor: f64) -> Self {
        Self { min: scale(self.min, factor), max: scale(self.max, factor) }
    }

    pub(super) fn union(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }
}

/// A value times a factor, rounded up; what is too large for a number is the largest.
pub(super) fn scale(value: u64, factor: f64) -> u64 {
    // The cast of a float saturates.
    (value as f64 * factor).ceil() as u64
}
