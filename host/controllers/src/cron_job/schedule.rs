//! When a cron job is due: the last time that passed since it was last started, and when to look again. Pure.

#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use k8s_openapi::api::batch::v1::CronJob;
use objects::cron::{Schedule, time_zone};

/// Clocks differ a little; a look a moment too early would be one too many. Upstream's.
const MARGIN: Duration = Duration::from_millis(100);
/// More missed times than these are told.
const MANY: i64 = 100;

/// What a schedule cannot be worked by: the reason of the event and its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unusable {
    pub(super) reason: &'static str,
    pub(super) message: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Due {
    /// The time at which a job is to be started now.
    pub(super) at: Option<Zoned>,
    pub(super) missed_many: bool,
    /// Nothing for a schedule that comes never again.
    pub(super) again: Option<Duration>,
}

/// The schedule of a cron job and the zone that its times are in: `local` where it names none.
pub(super) fn read(cron: &CronJob, local: &TimeZone) -> Result<(Schedule, TimeZone), Unusable> {
    let spec = &cron.spec;
    let zone = match &spec.time_zone {
        None => local.clone(),
        Some(name) => time_zone(name).map_err(|why| Unusable {
            reason: "UnknownTimeZone",
            message: format!("invalid timeZone: {name:?}: {why}"),
        })?,
    };
    let schedule = Schedule::parse(&spec.schedule).map_err(|why| Unusable {
        reason: "UnparseableSchedule",
        message: format!("unparseable schedule: {:?} : {why}", spec.schedule),
    })?;
    Ok((schedule, zone))
}

pub(super) fn due(
    cron: &CronJob,
    schedule: &Schedule,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<Due, Unusable> {
    let status = cron.status.as_ref();
    let last = status.and_then(|status| status.last_schedule_time.as_ref());
    let since = last.or(cron.metadata.creation_timestamp.as_ref()).map_or(now, |time| time.0);
    let deadline = cron.spec.starting_deadline_seconds;
    let earliest = deadline
        .and_then(|seconds| now.checked_sub(SignedDuration::from_secs(seconds)).ok())
        .map_or(since, |earliest| earliest.max(since));
    let in_zone = |time: Timestamp| time.to_zoned(zone.clone());
    let recent = last_passed(schedule, &in_zone(earliest), now).ok_or_else(|| Unusable {
        reason: "InvalidSchedule",
        message: format!(
            "invalid schedule: {} : time difference between two schedules is less than 1 second",
            cron.spec.schedule
        ),
    })?;
    // Counted from the last start, so that `@every` keeps its beat.
    let passed = last_passed(schedule, &in_zone(since), now);
    let from = match passed {
        Some(Passed { last: Some(last), .. }) => last,
        Some(Passed { missed: 0, .. }) => in_zone(since),
        _ => in_zone(now),
    };
    let again = schedule.next(&from).map(|next| {
        Duration::try_from(next.timestamp().duration_since(now)).unwrap_or(Duration::ZERO) + MARGIN
    });
    Ok(Due { at: recent.last, missed_many: recent.missed > MANY, again })
}

struct Passed {
    last: Option<Zoned>,
    missed: i64,
}

/// The last of the schedule's times after one and not after another; nothing where its times do not differ.
fn last_passed(schedule: &Schedule, after: &Zoned, now: Timestamp) -> Option<Passed> {
    let none = Passed { last: None, missed: 0 };
    let Some(first) = schedule.next(after).filter(|first| first.timestamp() <= now) else {
        return Some(none);
    };
    let Some(second) = schedule.next(&first).filter(|second| second.timestamp() <= now) else {
        return Some(Passed { last: Some(first), missed: 0 });
    };
    let apart = second.timestamp().duration_since(first.timestamp()).as_secs();
    if apart < 1 {
        return None;
    }
    let missed = now.duration_since(first.timestamp()).as_secs() / apart + 1;
    // Most schedules are even: nearly all of the way is jumped over.
    let jump = SignedDuration::from_secs((missed - 2).max(0).saturating_mul(apart));
    let start = first.checked_add(jump).unwrap_or_else(|_| first.clone());
    let times = std::iter::successors(schedule.next(&start), |time| schedule.next(time));
    let last = times.take_while(|time| time.timestamp() <= now).last();
    Some(Passed { last, missed })
}
