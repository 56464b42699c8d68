//! Values: whether a text is one of a kind, and what it means.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;

use crate::table::Kind;

impl Kind {
    /// What a value has to be, for messages.
    pub(crate) fn wanted(self) -> String {
        match self {
            Self::Text | Self::Path => "a text".to_owned(),
            Self::Bool => "true or false".to_owned(),
            Self::Number => "a number".to_owned(),
            Self::Decimal => "a number like 0.1".to_owned(),
            Self::Port => "a port, from 0 to 65535".to_owned(),
            Self::Duration => "a duration like 90s or 1h30m".to_owned(),
            Self::Address => "an IP address".to_owned(),
            Self::Url => "an address like https://0.0.0.0:12379".to_owned(),
            Self::Cidr => "a CIDR like 10.152.183.0/24".to_owned(),
            Self::List => "values with commas between".to_owned(),
            Self::Pairs => "key=value with commas between".to_owned(),
            Self::Choices(choices) => format!("some of {}", choices.join(", ")),
        }
    }

    pub(crate) fn is_valid(self, value: &str) -> bool {
        match self {
            Self::Text | Self::Path | Self::List => true,
            Self::Bool => boolean(value).is_some(),
            Self::Number => value.parse::<u64>().is_ok(),
            Self::Decimal => decimal(value).is_some(),
            Self::Port => value.parse::<u16>().is_ok(),
            Self::Duration => duration(value).is_some(),
            Self::Address => value.parse::<IpAddr>().is_ok(),
            Self::Url => url(value).is_some(),
            Self::Cidr => !value.is_empty() && list(value).all(|part| part.parse::<IpNet>().is_ok()),
            Self::Pairs => {
                list(value).all(|part| part.split_once('=').is_some_and(|(key, _)| !key.is_empty()))
            }
            Self::Choices(choices) => !value.is_empty() && list(value).all(|part| choices.contains(&part)),
        }
    }

    /// Several lines of the flag add up.
    pub(crate) fn adds_up(self) -> bool {
        matches!(self, Self::List | Self::Pairs)
    }

    /// No value is a value.
    pub(crate) fn may_be_empty(self) -> bool {
        matches!(self, Self::Text | Self::Path | Self::List | Self::Pairs)
    }
}

/// As Go's `strconv.ParseBool` has it.
pub(crate) fn boolean(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// The address and port of an `https:` URL without a path.
pub(crate) fn url(value: &str) -> Option<SocketAddr> {
    value.strip_prefix("https://")?.trim_end_matches('/').parse().ok()
}

/// The values between commas; nothing between two commas is no value.
pub(crate) fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// A number that is not below zero.
pub(crate) fn decimal(value: &str) -> Option<f64> {
    value.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)
}

/// As Go's `time.ParseDuration` has it, without signs and fractions.
pub(crate) fn duration(value: &str) -> Option<Duration> {
    const UNITS: &[(&str, u64)] = &[
        ("ns", 1),
        ("us", 1_000),
        ("ms", 1_000_000),
        ("h", 3_600_000_000_000),
        ("m", 60_000_000_000),
        ("s", 1_000_000_000),
    ];
    if value == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = value;
    let mut total = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (name, tail) = tail.split_at(unit);
        let (_, nanoseconds) = UNITS.iter().find(|(unit, _)| *unit == name)?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(*nanoseconds)?)?;
        rest = tail;
    }
    (!value.is_empty()).then(|| Duration::from_nanos(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_a_number_that_is_not_below_zero() {
        assert_eq!(decimal("0.1"), Some(0.1));
        assert_eq!(decimal("0"), Some(0.0));
        for wrong in ["", "-0.1", "inf", "NaN", "a tenth"] {
            assert_eq!(decimal(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn durations_are_read_as_go_writes_them() {
        assert_eq!(duration("1h30m"), Some(Duration::from_secs(5400)));
        assert_eq!(duration("300ms"), Some(Duration::from_millis(300)));
        assert_eq!(duration("0"), Some(Duration::ZERO));
        for wrong in ["", "5", "m", "5 m", "1h-1m", "99999999999999h"] {
            assert_eq!(duration(wrong), None, "{wrong:?}");
        }
    }
}
