//! Times as the API writes them: RFC 3339 in UTC.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `2026-01-02T15:04:05Z`: meta/v1 Time.
pub fn rfc3339(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `2026-01-02T15:04:05.000000Z`: meta/v1 MicroTime.
pub fn rfc3339_micro(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// Reads RFC 3339 with any offset and fraction.
pub fn parse_rfc3339(text: &str) -> Option<Timestamp> {
    let dated = text.as_bytes().get(10).is_some_and(|byte| *byte == b'T') && !text.contains('[');
    if dated { text.parse().ok() } else { None }
}
