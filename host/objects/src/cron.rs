//! Schedules of CronJobs: the five fields of cron, `@every` and `@daily`, read and refused as robfig/cron does, whose
//! words users know.

mod field;

use std::time::Duration;

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Zoned};

use field::{Bounds, Field};

const MINUTES: Bounds = Bounds { min: 0, max: 59, names: &[] };
const HOURS: Bounds = Bounds { min: 0, max: 23, names: &[] };
const DAYS: Bounds = Bounds { min: 1, max: 31, names: &[] };
const MONTHS: Bounds = Bounds {
    min: 1,
    max: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const WEEKDAYS: Bounds = Bounds { min: 0, max: 6, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

const DESCRIPTORS: &[(&str, &str)] = &[
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];
const EVERY: &str = "@every ";

/// How far ahead a next time is looked for: a schedule of 30 February has none.
const YEARS: i16 = 5;

/// When something is to happen.
#[derive(Clone, Debug)]
pub enum Schedule {
    Fields(Box<Fields>),
    /// So long after the last time, whole seconds.
    Every(Duration),
}

/// The five fields, and the time zone that the text names.
#[derive(Clone, Debug)]
pub struct Fields {
    minute: Field,
    hour: Field,
    day: Field,
    month: Field,
    weekday: Field,
    zone: Option<TimeZone>,
}

impl Schedule {
    /// Reads `*/5 * * * *`, with `TZ=Europe/Berlin ` before it if need be; an error is upstream's message.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("empty spec string".to_owned());
        }
        let (zone, text) = zone(text)?;
        if let Some(text) = text.strip_prefix(EVERY) {
            let duration = field::duration(text)
                .map_err(|why| format!("failed to parse duration @every {text}: {why}"))?;
            return Ok(Self::Every(Duration::from_secs(duration.as_secs().max(1))));
        }
        let text = match DESCRIPTORS.iter().find(|(name, _)| *name == text) {
            Some((_, fields)) => fields,
            None if text.starts_with('@') => return Err(format!("unrecognized descriptor: {text}")),
            None => text,
        };
        let parts: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = parts.as_slice() else {
            return Err(format!("expected exactly 5 fields, found {}: [{}]", parts.len(), parts.join(" ")));
        };
        Ok(Self::Fields(Box::new(Fields {
            minute: Field::parse(minute, MINUTES)?,
            hour: Field::parse(hour, HOURS)?,
            day: Field::parse(day, DAYS)?,
            month: Field::parse(month, MONTHS)?,
            weekday: Field::parse(weekday, WEEKDAYS)?,
            zone,
        })))
    }

    /// The first time after another, in the zone of the other unless the schedule names one; nothing where there is
    /// none within some years.
    pub fn next(&self, after: &Zoned) -> Option<Zoned> {
        match self {
            Self::Every(duration) => {
                let whole = after.with().subsec_nanosecond(0).build().ok()?;
                whole.checked_add(*duration).ok()
            }
            Self::Fields(fields) => fields.next(after),
        }
    }
}

impl Fields {
    fn is_day(&self, date: DateTime) -> bool {
        let day = self.day.has(date.day());
        let weekday = self.weekday.has(date.weekday().to_sunday_zero_offset());
        // Two fields that both say something are alternatives.
        if self.day.is_any() || self.weekday.is_any() { day && weekday } else { day || weekday }
    }

    fn next(&self, after: &Zoned) -> Option<Zoned> {
        let zone = self.zone.clone().unwrap_or_else(|| after.time_zone().clone());
        let start = after.with_time_zone(zone.clone());
        let mut at = start.with().second(0).subsec_nanosecond(0).build().ok()?;
        at = at.checked_add(Span::new().minutes(1)).ok()?;
        let last = start.year() + YEARS;
        while at.year() <= last {
            let wall = at.datetime();
            let skipped = if !self.month.has(wall.month()) {
                wall.date().last_of_month().tomorrow().ok()?.to_datetime(Time::midnight())
            } else if !self.is_day(wall) {
                wall.date().tomorrow().ok()?.to_datetime(Time::midnight())
            } else if !self.hour.has(wall.hour()) {
                // By the clock, not by the wall: an hour that comes twice is looked at twice.
                let rest = Span::new().minutes(60 - i64::from(wall.minute()));
                at = at.checked_add(rest).ok()?;
                continue;
            } else if !self.minute.has(wall.minute()) {
                at = at.checked_add(Span::new().minutes(1)).ok()?;
                continue;
            } else {
                return Some(at.with_time_zone(after.time_zone().clone()));
            };
            at = zone.to_zoned(skipped).ok()?;
        }
        None
    }
}

/// The time zone before a schedule.
fn zone(text: &str) -> Result<(Option<TimeZone>, &str), String> {
    if !text.starts_with("TZ=") && !text.starts_with("CRON_TZ=") {
        return Ok((None, text));
    }
    let (head, rest) = text
        .split_once(' ')
        .ok_or("invalid schedule format: runtime error: slice bounds out of range [:-1]")?;
    let name = head.split_once('=').map_or("", |(_, name)| name);
    let zone = time_zone(name).map_err(|why| format!("provided bad location {name}: {why}"))?;
    Ok((Some(zone), rest.trim()))
}

/// A zone of the database that is built in; an error is upstream's message.
pub fn time_zone(name: &str) -> Result<TimeZone, String> {
    match name {
        "" | "UTC" => Ok(TimeZone::UTC),
        name => TimeZone::get(name).map_err(|_| format!("unknown time zone {name}")),
    }
}

#[cfg(test)]
mod tests;
