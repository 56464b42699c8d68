//! What is a schedule, and when.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{Schedule, time_zone};

fn refused(texts: &[&str], expected: Expect) {
    let line = |text: &&str| format!("{text}: {}\n", Schedule::parse(text).err().unwrap_or_default());
    expected.assert_eq(&texts.iter().map(line).collect::<String>());
}

/// The next times after another, one a line.
fn next(schedule: &str, after: &str, count: usize, expected: Expect) {
    let schedule = Schedule::parse(schedule).unwrap();
    let mut at: jiff::Zoned = after.parse().unwrap();
    let mut lines = String::new();
    for _ in 0..count {
        let Some(time) = schedule.next(&at) else {
            lines.push_str("never\n");
            break;
        };
        lines.push_str(&format!("{}\n", time.strftime("%a %F %T %Z")));
        at = time;
    }
    expected.assert_eq(&lines);
}

#[test]
fn what_is_no_schedule_says_why_in_the_words_of_robfig() {
    refused(
        &[
            "* * * * *",
            "*/5 0-23/2 1,15 jan-JUN ?",
            "@every 1h30m",
            "@daily",
            "CRON_TZ=Asia/Tokyo 0 9 * * *",
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* * 0 * *",
            "* * * * 7",
            "5-1 * * * *",
            "1-2-3 * * * *",
            "1/2/3 * * * *",
            "*/0 * * * *",
            "a * * * *",
            "-1 * * * *",
            "@often",
            "@every x",
            "@every 5",
            "@every 5d",
            "TZ=Nowhere * * * * *",
            "TZ=UTC",
        ],
        expect![[r#"
            * * * * *: 
            */5 0-23/2 1,15 jan-JUN ?: 
            @every 1h30m: 
            @daily: 
            CRON_TZ=Asia/Tokyo 0 9 * * *: 
            : empty spec string
            * * * *: expected exactly 5 fields, found 4: [* * * *]
            * * * * * *: expected exactly 5 fields, found 6: [* * * * * *]
            60 * * * *: end of range (60) above maximum (59): 60
            * * 0 * *: beginning of range (0) below minimum (1): 0
            * * * * 7: end of range (7) above maximum (6): 7
            5-1 * * * *: beginning of range (5) beyond end of range (1): 5-1
            1-2-3 * * * *: too many hyphens: 1-2-3
            1/2/3 * * * *: too many slashes: 1/2/3
            */0 * * * *: step of range should be a positive number: */0
            a * * * *: failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax
            -1 * * * *: failed to parse int from : strconv.Atoi: parsing "": invalid syntax
            @often: unrecognized descriptor: @often
            @every x: failed to parse duration @every x: time: invalid duration "x"
            @every 5: failed to parse duration @every 5: time: missing unit in duration "5"
            @every 5d: failed to parse duration @every 5d: time: unknown unit "d" in duration "5d"
            TZ=Nowhere * * * * *: provided bad location Nowhere: unknown time zone Nowhere
            TZ=UTC: invalid schedule format: runtime error: slice bounds out of range [:-1]
        "#]],
    );
}

#[test]
fn the_next_time_is_the_first_that_all_fields_allow() {
    let after = "2026-01-30T12:34:56[UTC]";
    next(
        "*/15 * * * *",
        after,
        3,
        expect![[r#"
            Fri 2026-01-30 12:45:00 UTC
            Fri 2026-01-30 13:00:00 UTC
            Fri 2026-01-30 13:15:00 UTC
        "#]],
    );
    next(
        "0 0 13 * fri",
        after,
        3,
        expect![[r#"
            Fri 2026-02-06 00:00:00 UTC
            Fri 2026-02-13 00:00:00 UTC
            Fri 2026-02-20 00:00:00 UTC
        "#]],
    );
    next(
        "0 0 29 2 *",
        after,
        2,
        expect![[r#"
            Tue 2028-02-29 00:00:00 UTC
            Sun 2032-02-29 00:00:00 UTC
        "#]],
    );
    next(
        "0 0 30 2 *",
        after,
        1,
        expect![[r#"
            never
        "#]],
    );
    next(
        "@every 90s",
        after,
        1,
        expect![[r#"
            Fri 2026-01-30 12:36:26 UTC
        "#]],
    );
}

#[test]
fn an_hour_that_is_skipped_has_no_times_and_one_that_comes_twice_has_them_twice() {
    next(
        "30 2 * * *",
        "2026-03-28T12:00:00[Europe/Berlin]",
        2,
        expect![[r#"
            Mon 2026-03-30 02:30:00 CEST
            Tue 2026-03-31 02:30:00 CEST
        "#]],
    );
    next(
        "30 2 * * *",
        "2026-10-24T12:00:00[Europe/Berlin]",
        3,
        expect![[r#"
            Sun 2026-10-25 02:30:00 CEST
            Sun 2026-10-25 02:30:00 CET
            Mon 2026-10-26 02:30:00 CET
        "#]],
    );
    next(
        "TZ=Asia/Tokyo 0 9 * * *",
        "2026-01-01T12:00:00[UTC]",
        1,
        expect![[r#"
            Fri 2026-01-02 00:00:00 UTC
        "#]],
    );
}

#[test]
fn zones_are_those_of_the_database() {
    assert!(time_zone("Europe/Berlin").is_ok() && time_zone("UTC").is_ok());
    assert_eq!(time_zone("Mars/Base").unwrap_err(), "unknown time zone Mars/Base");
}

proptest! {
    #[test]
    fn a_next_time_is_later_and_on_a_minute(minute in 0_u32..60, hour in 0_u32..24, second in 0_i64..4_000_000_000) {
        let schedule = Schedule::parse(&format!("{minute} {hour} * * *")).unwrap();
        let after = jiff::Timestamp::from_second(second).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
        let next = schedule.next(&after).unwrap();
        prop_assert!(next > after);
        prop_assert_eq!((next.minute() as u32, next.hour() as u32, next.second()), (minute, hour, 0));
        prop_assert!(next.timestamp().as_second() - after.timestamp().as_second() <= 86_400);
    }

    #[test]
    fn no_text_is_too_strange(text in "\\PC{0,40}") {
        drop(Schedule::parse(&text));
    }
}
