//! The time zone of the machine, where Go's programs look for it: `TZ`, then `/etc/localtime`.

use std::path::Path;

use jiff::tz::TimeZone;

const LOCAL: &str = "/etc/localtime";

/// UTC where nothing usable says otherwise.
#[expect(clippy::disallowed_methods, reason = "the binary reads the environment")]
pub(crate) fn local() -> TimeZone {
    let named = std::env::var("TZ").ok();
    named_or_at(named.as_deref(), Path::new(LOCAL))
}

fn named_or_at(named: Option<&str>, local: &Path) -> TimeZone {
    let zone = match named.map(|name| name.strip_prefix(':').unwrap_or(name)) {
        None => read(local),
        Some(path) if path.starts_with('/') => read(Path::new(path)),
        Some(name) => objects::cron::time_zone(name).ok(),
    };
    zone.unwrap_or(TimeZone::UTC)
}

fn read(path: &Path) -> Option<TimeZone> {
    TimeZone::tzif("Local", &std::fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset(named: Option<&str>, local: &str) -> i32 {
        let winter = jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(24 * 366 * 50);
        named_or_at(named, Path::new(local)).to_offset(winter).seconds() / 3600
    }

    #[test]
    fn what_is_named_comes_before_the_file_and_utc_is_where_there_is_neither() {
        assert_eq!(offset(Some("Europe/Berlin"), "/nowhere"), 1);
        assert_eq!(offset(Some(":America/New_York"), "/nowhere"), -5);
        assert_eq!(
            [offset(Some(""), "/nowhere"), offset(Some("Nowhere"), "/nowhere"), offset(None, "/nowhere")],
            [0; 3]
        );
    }

    #[test]
    fn a_file_that_is_no_zone_is_none() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "Europe/Berlin").unwrap();
        assert_eq!(offset(None, file.path().to_str().unwrap()), 0);
    }
}
