use objects::tree::from_tree;
use objects::{Tree, tree};

use super::*;

/// What is due at a time, in words.
fn check(spec: Tree, last: Option<&str>, now: &str, expected: &str) {
    check_in(&TimeZone::UTC, spec, last, now, expected);
}

/// The same where the machine is in a zone.
fn check_in(local: &TimeZone, spec: Tree, last: Option<&str>, now: &str, expected: &str) {
    let mut cron = tree!({
        "metadata": { "name": "c", "creationTimestamp": "2026-01-01T00:00:30Z" },
        "spec": { "schedule": "*/10 * * * *", "jobTemplate": {} },
        "status": {}
    });
    if let Some(last) = last {
        cron.set_at(&["status", "lastScheduleTime"], last);
    }
    cron.merge(&tree!({ "spec": spec }));
    let cron: CronJob = from_tree(&cron).unwrap();
    let now: Timestamp = now.parse().unwrap();
    let shown =
        read(&cron, local).and_then(|(schedule, zone)| due(&cron, &schedule, &zone, now)).map_or_else(
            |unusable| format!("{}: {}", unusable.reason, unusable.message),
            |due| {
                let at = due.at.map_or("-".to_owned(), |at| at.timestamp().to_string());
                let many = if due.missed_many { " many" } else { "" };
                format!("{at}{many}, again in {:?}", due.again.map(|again| again.as_secs()))
            },
        );
    assert_eq!(shown, expected);
}

#[test]
fn the_last_time_that_passed_is_due() {
    check(tree!({}), None, "2026-01-01T00:05:00Z", "-, again in Some(300)");
    check(tree!({}), None, "2026-01-01T00:10:00Z", "2026-01-01T00:10:00Z, again in Some(600)");
    check(tree!({}), None, "2026-01-01T01:05:00Z", "2026-01-01T01:00:00Z, again in Some(300)");
    let last = Some("2026-01-01T01:00:00Z");
    check(tree!({}), last, "2026-01-01T01:05:00Z", "-, again in Some(300)");
    check(tree!({}), last, "2026-01-03T01:05:00Z", "2026-01-03T01:00:00Z many, again in Some(300)");
}

#[test]
fn a_deadline_forgets_what_is_long_past() {
    let spec = || tree!({ "startingDeadlineSeconds": 60 });
    check(spec(), None, "2026-01-01T01:05:00Z", "-, again in Some(300)");
    check(spec(), None, "2026-01-01T01:00:30Z", "2026-01-01T01:00:00Z, again in Some(570)");
}

#[test]
fn times_are_in_the_zone_that_is_named() {
    let spec = tree!({ "schedule": "0 3 * * *", "timeZone": "Europe/Berlin" });
    check(spec, None, "2026-01-01T02:00:10Z", "2026-01-01T02:00:00Z, again in Some(86390)");
    check(
        tree!({ "timeZone": "Nowhere" }),
        None,
        "2026-01-01T02:00:00Z",
        "UnknownTimeZone: invalid timeZone: \"Nowhere\": unknown time zone Nowhere",
    );
}

#[test]
fn without_a_zone_times_are_those_of_the_machine() {
    let berlin = objects::cron::time_zone("Europe/Berlin").unwrap();
    let spec = |zone: Option<&str>| {
        let mut spec = tree!({ "schedule": "0 3 * * *" });
        zone.into_iter().for_each(|zone| spec.set_at(&["timeZone"], zone));
        spec
    };
    let now = "2026-01-01T03:00:10Z";
    check_in(&berlin, spec(None), None, now, "2026-01-01T02:00:00Z, again in Some(82790)");
    check_in(&berlin, spec(Some("Etc/UTC")), None, now, "2026-01-01T03:00:00Z, again in Some(86390)");
}

#[test]
fn a_schedule_may_never_come_or_not_be_one() {
    check(tree!({ "schedule": "0 0 30 2 *" }), None, "2026-01-01T02:00:00Z", "-, again in None");
    check(
        tree!({ "schedule": "x" }),
        None,
        "2026-01-01T02:00:00Z",
        "UnparseableSchedule: unparseable schedule: \"x\" : expected exactly 5 fields, found 1: [x]",
    );
}

#[test]
fn an_interval_keeps_its_beat() {
    let spec = tree!({ "schedule": "@every 45s" });
    check(
        spec,
        Some("2026-01-01T01:00:00Z"),
        "2026-01-01T01:02:20Z",
        "2026-01-01T01:02:15Z, again in Some(40)",
    );
}
