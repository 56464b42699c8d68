//! Formats: the names that are checked, and what each accepts.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use objects::validate::{dns1123_label, dns1123_subdomain};
use regex::Regex;

use super::Type;
use super::url::Url;

/// A `format` that is checked; formats that are unknown for their type are none.
#[derive(Debug)]
pub struct Format {
    /// As the schema has it, dashes included.
    pub name: Box<str>,
    /// What texts are accepted; for the formats of numbers see [`Number`].
    accepts: Option<Accepts>,
    pub(crate) number: Option<Number>,
}

/// Whether a text has a format.
type Accepts = fn(&str) -> bool;

/// Formats of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Int32,
    Int64,
    Float,
    Double,
}

/// The formats of texts without their dashes. The one of passwords accepts any text.
const TEXTS: [(&str, Accepts); 26] = [
    ("bsonobjectid", |text| text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_hexdigit())),
    ("uri", |text| Url::parse_request(text).is_ok()),
    ("email", email),
    ("hostname", hostname),
    ("ipv4", |text| text.contains('.') && ip(text)),
    ("ipv6", |text| text.contains(':') && text.parse::<Ipv6Addr>().is_ok()),
    ("cidr", cidr),
    ("mac", mac),
    ("uuid", |text| uuid(text, None)),
    ("uuid3", |text| uuid(text, Some('3'))),
    ("uuid4", |text| uuid(text, Some('4'))),
    ("uuid5", |text| uuid(text, Some('5'))),
    ("isbn", |text| isbn10(text) || isbn13(text)),
    ("isbn10", isbn10),
    ("isbn13", isbn13),
    ("creditcard", credit_card),
    ("ssn", |text| text.len() == 11 && SSN.is_match(text)),
    ("hexcolor", |text| HEX_COLOR.is_match(text)),
    ("rgbcolor", |text| RGB_COLOR.is_match(text)),
    ("byte", |text| BASE64.is_match(text)),
    ("password", |_| true),
    ("date", date),
    ("duration", duration),
    ("datetime", date_time),
    ("k8sshortname", |text| dns1123_label(text).is_empty()),
    ("k8slongname", |text| dns1123_subdomain(text).is_empty()),
];

impl Format {
    /// The format of a schema of a type; `None` where nothing is to be checked.
    pub(super) fn parse(name: &str, kind: Option<Type>) -> Option<Self> {
        let number = match (kind, name) {
            (Some(Type::Integer), "int32") => Some(Number::Int32),
            (Some(Type::Integer), "int64") => Some(Number::Int64),
            (Some(Type::Number), "float") => Some(Number::Float),
            (Some(Type::Number), "double") => Some(Number::Double),
            _ => None,
        };
        let accepts = matches!(kind, None | Some(Type::String)).then(|| of_text(name)).flatten();
        (number.is_some() || accepts.is_some()).then(|| Self { name: name.into(), accepts, number })
    }

    /// Whether a format is one that is known for a type, as the warning about CRDs tells it.
    pub fn is_known(name: &str, kind: &str) -> bool {
        match kind {
            "" | "string" => of_text(name).is_some(),
            "integer" => ["int32", "int64"].contains(&name),
            "number" => ["float", "double"].contains(&name),
            _ => false,
        }
    }

    /// Whether it is a format of texts.
    pub fn is_of_text(&self) -> bool {
        self.accepts.is_some()
    }

    /// Whether a text has the format.
    pub fn accepts(&self, text: &str) -> bool {
        self.accepts.is_none_or(|accepts| accepts(text))
    }
}

fn of_text(name: &str) -> Option<Accepts> {
    let plain = name.replace('-', "");
    TEXTS.iter().find(|(known, _)| *known == plain).map(|(_, accepts)| *accepts)
}

macro_rules! regexes {
    ($($name:ident $pattern:literal),* $(,)?) => {
        $(static $name: LazyLock<Regex> =
            LazyLock::new(|| Regex::new($pattern).expect("the pattern is a literal that a test compiles"));)*
    };
}

regexes! {
    HOSTNAME r"^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9\-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.)){1,}([a-zA-Z\p{L}]){2,63})$",
    CREDIT_CARD r"^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35[0-9]{3})[0-9]{11})$",
    SSN r"^[0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4}$",
    HEX_COLOR r"^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$",
    RGB_COLOR r"^rgb\([ \t\n\f\r]*(0|[1-9][0-9]?|1[0-9][0-9]?|2[0-4][0-9]|25[0-5])[ \t\n\f\r]*,[ \t\n\f\r]*(0|[1-9][0-9]?|1[0-9][0-9]?|2[0-4][0-9]|25[0-5])[ \t\n\f\r]*,[ \t\n\f\r]*(0|[1-9][0-9]?|1[0-9][0-9]?|2[0-4][0-9]|25[0-5])[ \t\n\f\r]*\)$",
    BASE64 r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$",
    TIME r"^([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))$",
    GO_DURATION r"^[+-]?(0|([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$",
    LOOSE_DURATION r"([0-9]+)[ \t\n\f\r]*([A-Za-zµ]+)",
    ATOM r"^[^\x00-\x20()<>\[\]:;@\\,.\x22\x7f]+(\.[^\x00-\x20()<>\[\]:;@\\,.\x22\x7f]+)*$",
}

fn hostname(text: &str) -> bool {
    HOSTNAME.is_match(text) && text.len() <= 255 && text.split('.').all(|label| label.len() <= 63)
}

/// `a@b` or `name <a@b>`, as mail headers have it.
fn email(text: &str) -> bool {
    let text = text.trim();
    let address = match text.strip_suffix('>') {
        Some(named) => named.split_once('<').map_or("", |(_, address)| address),
        None => text,
    };
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    let quoted = local.len() > 1 && local.starts_with('"') && local.ends_with('"');
    let literal = domain.starts_with('[') && domain.ends_with(']');
    (quoted || ATOM.is_match(local)) && (literal || ATOM.is_match(domain))
}

/// An address whose decimal parts may have leading zeros.
fn ip(text: &str) -> bool {
    let (head, tail) = text.rsplit_once(':').map_or(("", text), |(head, tail)| (head, tail));
    let plain: Vec<&str> = tail
        .split('.')
        .map(|part| match part.trim_start_matches('0') {
            "" if !part.is_empty() => "0",
            digits => digits,
        })
        .collect();
    let plain = plain.join(".");
    if head.is_empty() && !text.contains(':') {
        plain.parse::<Ipv4Addr>().is_ok()
    } else {
        format!("{head}:{}", if tail.contains('.') { &plain } else { tail }).parse::<Ipv6Addr>().is_ok()
    }
}

fn cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    let most = if address.contains(':') { 128 } else { 32 };
    let digits = !bits.is_empty() && bits.len() <= 3 && bits.bytes().all(|byte| byte.is_ascii_digit());
    ip(address) && digits && bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

/// 6, 8 or 20 octets, by twos with colons or dashes, by fours with dots.
fn mac(text: &str) -> bool {
    let octets = |separator: char, digits: usize| {
        let parts: Vec<&str> = text.split(separator).collect();
        let hex = |part: &&str| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        parts.iter().all(hex).then_some(parts.len() * digits / 2)
    };
    [octets(':', 2), octets('-', 2), octets('.', 4)].into_iter().flatten().any(|n| [6, 8, 20].contains(&n))
}

/// 32 hexadecimal digits, dashes between the groups or not.
fn uuid(text: &str, version: Option<char>) -> bool {
    let mut digits = String::with_capacity(32);
    for (at, c) in text.char_indices() {
        match c {
            '-' if [8, 12, 16, 20].contains(&digits.len()) && at > 0 && !text[..at].ends_with('-') => {}
            c if c.is_ascii_hexdigit() => digits.push(c.to_ascii_lowercase()),
            _ => return false,
        }
    }
    let nth = |n: usize| digits.chars().nth(n);
    // The variant counts in the versions that are random or a hash of today's.
    let variant = || matches!(version, None | Some('3')) || nth(16).is_some_and(|c| "89ab".contains(c));
    digits.len() == 32 && version.is_none_or(|version| nth(12) == Some(version)) && variant()
}

/// The digits of a book number, without spaces and dashes; `X` is ten.
fn book(text: &str) -> Option<Vec<u32>> {
    let digits = text.chars().filter(|c| !" \t\n\u{c}\r-".contains(*c));
    let mut numbers: Vec<Option<u32>> =
        digits.map(|c| if c == 'X' { Some(10) } else { c.to_digit(10) }).collect();
    let last = numbers.pop()?;
    let mut all: Vec<u32> = numbers.into_iter().collect::<Option<_>>()?;
    all.push(last?);
    (!all[..all.len() - 1].contains(&10)).then_some(all)
}

fn isbn10(text: &str) -> bool {
    book(text).is_some_and(|digits| {
        digits.len() == 10
            && digits.iter().zip(1..).map(|(digit, weight)| digit * weight).sum::<u32>() % 11 == 0
    })
}

fn isbn13(text: &str) -> bool {
    book(text).is_some_and(|digits| {
        let weighted = digits.iter().zip([1, 3].into_iter().cycle()).map(|(digit, weight)| digit * weight);
        digits.len() == 13 && digits[12] < 10 && weighted.sum::<u32>() % 10 == 0
    })
}

/// A known range of numbers, and Luhn's sum.
fn credit_card(text: &str) -> bool {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let sum: u32 = digits
        .bytes()
        .rev()
        .zip([1, 2].into_iter().cycle())
        .map(|(digit, factor)| u32::from(digit - b'0') * factor)
        .map(|number| number / 10 + number % 10)
        .sum();
    CREDIT_CARD.is_match(&digits) && sum.is_multiple_of(10)
}

fn date(text: &str) -> bool {
    let shape = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    shape && text.parse::<jiff::civil::Date>().is_ok()
}

fn date_time(text: &str) -> bool {
    let lower = text.to_lowercase();
    let mut parts = lower.split('t');
    let (Some(day), Some(time)) = (parts.next(), parts.next()) else { return false };
    let in_range = |time: regex::Captures<'_>| &time[1] <= "23" && &time[2] <= "59" && &time[3] <= "59";
    date(day) && TIME.captures(time).is_some_and(in_range)
}

/// What Go's `time.ParseDuration` reads, or numbers with the names of units anywhere in the text.
fn duration(text: &str) -> bool {
    const EXACT: [&str; 16] =
        ["ns", "us", "µs", "ms", "s", "m", "h", "hr", "d", "w", "wk", "nano", "micro", "milli", "sec", "min"];
    const PREFIXES: [&str; 8] = ["nano", "micro", "milli", "sec", "min", "hour", "day", "week"];
    if GO_DURATION.is_match(text) {
        return true;
    }
    let mut known = false;
    for found in LOOSE_DURATION.captures_iter(text) {
        if found[1].parse::<i64>().is_err() {
            return false;
        }
        let unit = found[2].to_lowercase();
        known |= EXACT.contains(&unit.as_str()) || PREFIXES.iter().any(|prefix| unit.starts_with(prefix));
    }
    known
}

#[cfg(test)]
mod tests {
    use super::Format;
    use crate::schema::Type;

    #[test]
    fn each_format_accepts_and_refuses() {
        for (name, good, bad) in [
            ("bsonobjectid", "507f1f77bcf86cd799439011", "507f"),
            ("uri", "https://example.com/a?b", "a b"),
            ("email", "Me <a.b@example.com>", "a@b@"),
            ("hostname", "a-b.example.com", "-a"),
            ("ipv4", "010.0.0.1", "10.0.0"),
            ("ipv6", "fd00::1", "10.0.0.1"),
            ("cidr", "10.0.0.0/8", "10.0.0.0/33"),
            ("mac", "00:00:5e:00:53:01", "00:00"),
            ("uuid", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "0f1e2d3c"),
            ("uuid4", "0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0", "0f1e2d3c-4b5a-4978-0796-a5b4c3d2e1f0"),
            ("isbn", "978-0321751041", "978-0321751042"),
            ("isbn10", "0321751043", "0321751044"),
            ("creditcard", "4111 1111 1111 1111", "4111 1111 1111 1112"),
            ("ssn", "111-11-1111", "111-11-111"),
            ("hexcolor", "#FFFFFF", "#FF"),
            ("rgbcolor", "rgb(255,255,2)", "rgb(256,1,1)"),
            ("byte", "aGVsbG8=", "aGVsbG8"),
            ("date", "2026-02-28", "2026-02-30"),
            ("date-time", "2014-12-15T19:30:20.000Z", "2014-12-15"),
            ("duration", "1h30m", "soon"),
            ("duration", "3 weeks", "3 moons"),
            ("k8s-short-name", "a-b", "A"),
            ("k8s-long-name", "a.b", "a..b"),
        ] {
            let format = Format::parse(name, Some(Type::String)).unwrap();
            assert!(format.accepts(good), "{name} {good}");
            assert!(!format.accepts(bad), "{name} {bad}");
        }
    }

    #[test]
    fn a_format_counts_for_its_type_alone() {
        assert!(Format::parse("int32", Some(Type::Integer)).is_some());
        assert!(Format::parse("int32", Some(Type::String)).is_none());
        assert!(Format::parse("date", Some(Type::Integer)).is_none());
        assert!(Format::parse("password", None).unwrap().accepts(""));
    }
}
