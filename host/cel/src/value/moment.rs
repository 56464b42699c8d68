//! [`Moment`]: a time in the years 1 to 9999, all of them, to the nanosecond.

use std::cmp::Ordering;
use std::fmt;

use jiff::civil::{DateTime, date};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);

/// Seconds of the first and the last second that have four digits of a year.
const FIRST: i128 = -62_135_596_800;
const LAST: i128 = 253_402_300_799;

const NANOS: i128 = 1_000_000_000;

/// A time with the offset that it was written in, which only shows when it is written again.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Since 1970.
    nanos: i128,
    /// Seconds east of UTC.
    offset: i32,
}

impl Moment {
    /// None beyond the years that there are.
    pub(crate) fn from_nanos(nanos: i128) -> Option<Self> {
        (FIRST..=LAST).contains(&nanos.div_euclid(NANOS)).then_some(Self { nanos, offset: 0 })
    }

    pub(crate) fn from_seconds(seconds: i64) -> Option<Self> {
        Self::from_nanos(i128::from(seconds) * NANOS)
    }

    /// Whether it is the first of all, which Go takes for no time.
    pub(crate) const fn is_first(self) -> bool {
        self.nanos == FIRST * NANOS
    }

    /// The time so much later or earlier.
    pub(crate) fn moved(self, by: i128) -> Option<Self> {
        Self::from_nanos(self.nanos + by).map(|time| Self { offset: self.offset, ..time })
    }

    pub(crate) const fn nanos(self) -> i128 {
        self.nanos
    }

    pub(crate) const fn seconds(self) -> i64 {
        self.nanos.div_euclid(NANOS) as i64
    }

    /// Reads RFC 3339.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let zone = text.rfind(['Z', '+', '-']).filter(|zone| *zone >= 19)?;
        let (local, zone) = text.split_at(zone);
        let fraction = local.as_bytes().get(19..)?;
        let is_fraction = fraction.is_empty()
            || matches!(fraction, [b'.', digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit));
        let is_at = |index: usize, byte: u8| local.as_bytes().get(index) == Some(&byte);
        let is_plain = is_at(4, b'-') && is_at(10, b'T') && is_at(16, b':') && is_fraction;
        let local: DateTime = local.parse().ok().filter(|_| is_plain)?;
        let since = local.duration_since(EPOCH).as_nanos();
        let offset = offset(zone)?;
        Self::from_nanos(since - i128::from(offset) * NANOS).map(|time| Self { offset, ..time })
    }

    /// The clock at an offset from UTC.
    pub(crate) fn at(self, seconds: i32) -> DateTime {
        let nanos = self.nanos + i128::from(seconds) * NANOS;
        let since = SignedDuration::new(nanos.div_euclid(NANOS) as i64, nanos.rem_euclid(NANOS) as i32);
        // An offset of hours leads out of the years of `DateTime` on the last day alone.
        EPOCH.checked_add(since).unwrap_or(DateTime::MAX)
    }

    /// The clock of a time zone.
    pub(crate) fn within(self, zone: &TimeZone) -> DateTime {
        let known = Timestamp::from_nanosecond(self.nanos).map(|time| zone.to_offset(time));
        self.at(known.unwrap_or(Offset::UTC).seconds())
    }
}

/// Seconds of `Z` or `+01:30`.
fn offset(text: &str) -> Option<i32> {
    if text == "Z" {
        return Some(0);
    }
    let (hours, minutes) = text[1..].split_once(':')?;
    let number = |text: &str, limit: i32| -> Option<i32> {
        let is_pair = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| is_pair && *number <= limit)
    };
    let seconds = number(hours, 24)? * 3600 + number(minutes, 60)? * 60;
    Some(if text.starts_with('-') { -seconds } else { seconds })
}

/// RFC 3339 with the fraction that it has.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.offset.abs() / 60;
        match self.offset {
            0 => write!(f, "{}Z", self.at(0)),
            east => {
                let sign = if east > 0 { '+' } else { '-' };
                write!(f, "{}{sign}{:02}:{:02}", self.at(east), minutes / 60, minutes % 60)
            }
        }
    }
}

impl PartialEq for Moment {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Moment {}

impl PartialOrd for Moment {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Moment {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::Moment;

    #[test]
    fn every_second_of_four_digits_of_a_year_is_read_and_written() {
        for text in [
            "0001-01-01T00:00:00Z",
            "1970-01-01T00:00:00.25Z",
            "9999-12-31T23:59:59.999999999Z",
            "2020-01-01T01:00:00-02:30",
        ] {
            assert_eq!(Moment::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Moment::parse("2020-01-01T01:00:00+01:00"), Moment::parse("2020-01-01T00:00:00Z"));
    }

    #[test]
    fn what_is_no_rfc_3339_is_refused() {
        let texts = [
            "",
            "Z",
            "2020-01-01",
            "2020-01-01T00:00Z",
            "2020-01-01 00:00:00Z",
            "2020-02-30T00:00:00Z",
            "2020-01-01T00:00:00",
        ];
        for text in texts.into_iter().chain([
            "9999-12-31T23:59:59-01:00",
            "2020-01-01T00:00:00+1:00",
            "\u{e9}2020-01-01T00:00:00Z",
        ]) {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }
}
