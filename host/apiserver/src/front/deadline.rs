//! How long a request may take: the server's limit, or the shorter time that its client gives in `?timeout=`.

use std::time::Duration;

use objects::request::RequestInfo;
use objects::status::Status;

/// The time that a request may take; a stream takes what it likes once it has begun.
pub(super) fn allotted(info: &RequestInfo, limit: Duration) -> Result<Duration, Status> {
    let text = info.query_value("timeout").unwrap_or_default();
    if text.is_empty() || info.is_long_running() {
        return Ok(limit);
    }
    match parse(text) {
        Ok(wanted) if wanted > Duration::ZERO && wanted < limit => Ok(wanted),
        Ok(_) => Ok(limit),
        Err(why) => {
            Err(Status::bad_request(format!("invalid timeout specified in the request URL - time: {why}")))
        }
    }
}

/// Nanoseconds of each unit.
const UNITS: &[(&str, f64)] = &[
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
];

/// A duration as Go writes it, with Go's words for what is wrong; what is below zero is zero.
fn parse(text: &str) -> Result<Duration, String> {
    let invalid = || format!("invalid duration {text:?}");
    let is_negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    let mut total = 0.0;
    loop {
        let (number, after) = rest.split_at(number_length(rest));
        let number: f64 = number.parse().map_err(|_| invalid())?;
        let next = after.find(|c: char| c.is_ascii_digit() || c == '.');
        let (unit, after) = after.split_at(next.unwrap_or(after.len()));
        if unit.is_empty() {
            return Err(format!("missing unit in duration {text:?}"));
        }
        let known = UNITS.iter().find(|(name, _)| *name == unit);
        let (_, nanoseconds) = known.ok_or_else(|| format!("unknown unit {unit:?} in duration {text:?}"))?;
        total += number * nanoseconds;
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    // What Go's 64 bits of nanoseconds hold.
    if total >= 9.223_372_036_854_776e18 {
        return Err(invalid());
    }
    Ok(if is_negative { Duration::ZERO } else { Duration::from_secs_f64(total / 1e9) })
}

/// Of digits, and more after a point.
fn number_length(text: &str) -> usize {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let whole = digits(text);
    text[whole..].strip_prefix('.').map_or(whole, |fraction| whole + 1 + digits(fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(timeout: &str) -> Result<u128, String> {
        let info = RequestInfo::read("GET", "/api/v1/pods", &format!("timeout={timeout}"));
        let allotted = allotted(&info, Duration::from_secs(60));
        allotted.map(|allotted| allotted.as_millis()).map_err(|status| status.message)
    }

    #[test]
    fn a_client_may_shorten_its_time_and_not_lengthen_it() {
        for (timeout, milliseconds) in [
            ("", 60_000),
            ("5s", 5_000),
            ("1.5s", 1_500),
            ("250ms", 250),
            ("0.5m1s", 31_000),
            ("%2B5s", 5_000),
            ("60s", 60_000),
            ("1h", 60_000),
            ("0", 60_000),
            ("0s", 60_000),
            ("-5s", 60_000),
        ] {
            assert_eq!(of(timeout), Ok(milliseconds), "{timeout}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_in_the_words_of_go() {
        for (timeout, why) in [
            ("soon", r#"invalid duration "soon""#),
            ("-", r#"invalid duration "-""#),
            (".s", r#"invalid duration ".s""#),
            ("9999999999h", r#"invalid duration "9999999999h""#),
            ("30", r#"missing unit in duration "30""#),
            ("1.2.3s", r#"missing unit in duration "1.2.3s""#),
            ("30y", r#"unknown unit "y" in duration "30y""#),
        ] {
            let wanted = format!("invalid timeout specified in the request URL - time: {why}");
            assert_eq!(of(timeout), Err(wanted), "{timeout}");
        }
    }
}
