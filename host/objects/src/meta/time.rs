//! Times as the API writes them: RFC 3339 in UTC.

use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::temporal::Pieces;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

const EPOCH: DateTime = DateTime::from_parts(Date::constant(1970, 1, 1), Time::midnight());

/// A time of an object, to the last second of the year 9999, which some use for "never". A [`Timestamp`] ends a day
/// before that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(DateTime);

impl Moment {
    /// Reads RFC 3339 with any offset and fraction.
    pub fn parse(text: &str) -> Option<Self> {
        if text.as_bytes().get(10) != Some(&b'T') || text.contains('[') {
            return None;
        }
        let pieces = Pieces::parse(text).ok()?;
        let local = pieces.date().to_datetime(pieces.time()?);
        let offset = SignedDuration::from_secs(pieces.to_numeric_offset()?.seconds().into());
        local.checked_sub(offset).ok().map(Self)
    }

    pub fn of_unix(seconds: i64, nanos: i32) -> Option<Self> {
        EPOCH.checked_add(SignedDuration::new(seconds, nanos)).ok().map(Self)
    }

    /// Seconds since 1970, and the nanoseconds that follow them.
    pub fn unix(self) -> (i64, i32) {
        let since = self.0.duration_since(EPOCH);
        // Before 1970 the seconds are rounded down.
        match since.subsec_nanos() {
            nanos @ ..0 => (since.as_secs() - 1, nanos + 1_000_000_000),
            nanos => (since.as_secs(), nanos),
        }
    }

    /// `2026-01-02T15:04:05Z`: meta/v1 Time.
    pub fn rfc3339(self) -> String {
        self.0.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// `2026-01-02T15:04:05.000000Z`: meta/v1 MicroTime.
    pub fn rfc3339_micro(self) -> String {
        self.0.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
    }
}

impl From<Timestamp> for Moment {
    fn from(time: Timestamp) -> Self {
        Self(time.to_zoned(TimeZone::UTC).datetime())
    }
}

/// [`Moment::rfc3339`]
pub fn rfc3339(time: Timestamp) -> String {
    Moment::from(time).rfc3339()
}

/// [`Moment::rfc3339_micro`]
pub fn rfc3339_micro(time: Timestamp) -> String {
    Moment::from(time).rfc3339_micro()
}

/// Reads RFC 3339 to reckon with it: what is later than any timestamp is the last one.
pub fn parse_rfc3339(text: &str) -> Option<Timestamp> {
    let Moment(time) = Moment::parse(text)?;
    Some(time.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |time| time.timestamp()))
}
