//! Resource quantities: `100m`, `1.5Gi`, `2e3`. Exact to a nano, printed in upstream's canonical form.

use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

/// Nanos in one.
const ONE: i128 = 1_000_000_000;

/// A fixed-point number with the notation that it was written in. Order and equality look at the number alone.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    nanos: i128,
    notation: Notation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// `k`, `M`, `m`, …
    DecimalSi,
    /// `Ki`, `Mi`, …
    BinarySi,
    /// `e3`
    DecimalExponent,
}

/// Why a text is no quantity, in upstream's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    Format,
    #[error("unable to parse numeric part of quantity")]
    Number,
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

const BINARY: &[(&str, u32)] = &[("Ki", 1), ("Mi", 2), ("Gi", 3), ("Ti", 4), ("Pi", 5), ("Ei", 6)];

const DECIMAL: &[(&str, i32)] = &[
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];

impl Quantity {
    pub const ZERO: Self = Self { nanos: 0, notation: Notation::DecimalSi };

    pub const fn new(value: i64, notation: Notation) -> Self {
        Self { nanos: value as i128 * ONE, notation }
    }

    pub const fn from_milli(value: i64, notation: Notation) -> Self {
        Self { nanos: value as i128 * (ONE / 1000), notation }
    }

    pub const fn notation(&self) -> Notation {
        self.notation
    }

    /// The whole value, rounded up.
    pub fn value(&self) -> i64 {
        self.scaled(ONE)
    }

    /// The value in thousandths, rounded up.
    pub fn milli_value(&self) -> i64 {
        self.scaled(ONE / 1000)
    }

    pub fn as_f64(&self) -> f64 {
        self.nanos as f64 / ONE as f64
    }

    pub const fn is_zero(&self) -> bool {
        self.nanos == 0
    }

    pub const fn is_negative(&self) -> bool {
        self.nanos < 0
    }

    /// The least multiple of a positive step that is no less.
    pub fn up_to_multiple(self, step: Self) -> Self {
        let steps = self.nanos.div_euclid(step.nanos) + i128::from(self.nanos.rem_euclid(step.nanos) != 0);
        Self { nanos: steps.saturating_mul(step.nanos), notation: self.notation }
    }

    fn scaled(&self, unit: i128) -> i64 {
        let rounded = self.nanos.div_euclid(unit) + i128::from(self.nanos.rem_euclid(unit) != 0);
        i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
    }
}

impl Default for Quantity {
    fn default() -> Self {
        Self::ZERO
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let (negative, rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(end);
        if number.is_empty() || !is_suffix(suffix) {
            return Err(QuantityError::Format);
        }
        let (notation, binary, exponent) = read_suffix(suffix)?;
        let magnitude = magnitude(number, binary, exponent)?;
        Ok(Self { nanos: if negative { -magnitude } else { magnitude }, notation })
    }
}

/// Letters of suffixes, then an optional sign and digits.
fn is_suffix(text: &str) -> bool {
    let rest = text.trim_start_matches(|c: char| "eEinumkKMGTP".contains(c));
    let digits = rest.strip_prefix(['+', '-']).unwrap_or(rest);
    digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn read_suffix(suffix: &str) -> Result<(Notation, u32, i32), QuantityError> {
    if let Some((_, power)) = BINARY.iter().find(|(name, _)| *name == suffix) {
        return Ok((Notation::BinarySi, *power, 0));
    }
    if let Some((_, exponent)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        return Ok((Notation::DecimalSi, 0, *exponent));
    }
    let exponent = suffix.strip_prefix(['e', 'E']).ok_or(QuantityError::Suffix)?;
    exponent
        .parse()
        .map(|exponent| (Notation::DecimalExponent, 0, exponent))
        .map_err(|_| QuantityError::Suffix)
}

/// Nanos of a number with its suffix; what is smaller than a nano rounds up, what is too large is capped.
fn magnitude(number: &str, binary: u32, exponent: i32) -> Result<i128, QuantityError> {
    const CAP: i128 = i64::MAX as i128 * ONE;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
        return Err(QuantityError::Number);
    }
    let digits = whole.bytes().chain(fraction.bytes()).map(|byte| i128::from(byte - b'0'));
    let factor = 1024_i128.pow(binary);
    // 10^power turns the digits, read as one whole number, into nanos.
    let power = i64::from(exponent) + 9 - fraction.len() as i64;
    let (mut value, mut lost, mut left) = (0_i128, false, (whole.len() + fraction.len()) as i64);
    for digit in digits {
        // Digits that lie far below a nano only decide whether it rounds up.
        if power + left < -12 {
            lost |= digit != 0;
        } else if value < CAP {
            value = value * 10 + digit;
        } else {
            return Ok(CAP);
        }
        left -= 1;
    }
    let mut power = power;
    value = value.checked_mul(factor).unwrap_or(CAP);
    while power > 0 && value != 0 && value < CAP {
        value *= 10;
        power -= 1;
    }
    while power < 0 && value != 0 {
        lost |= value % 10 != 0;
        value /= 10;
        power += 1;
    }
    Ok((value + i128::from(lost)).min(CAP))
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanos == 0 {
            return f.write_str("0");
        }
        let small = self.nanos.abs() < 1024 * ONE;
        if self.notation == Notation::BinarySi && !small && self.nanos % ONE == 0 {
            let (mut value, mut power) = (self.nanos / ONE, 0);
            while value % 1024 == 0 && power < BINARY.len() {
                value /= 1024;
                power += 1;
            }
            let suffix =
                power.checked_sub(1).and_then(|index| BINARY.get(index)).map_or("", |(name, _)| name);
            return write!(f, "{value}{suffix}");
        }
        let (mut value, mut exponent) = (self.nanos, -9);
        while value % 1000 == 0 && exponent < 18 {
            value /= 1000;
            exponent += 3;
        }
        if self.notation == Notation::DecimalExponent {
            return if exponent == 0 { write!(f, "{value}") } else { write!(f, "{value}e{exponent}") };
        }
        let suffix = DECIMAL.iter().find(|(_, power)| *power == exponent).map_or("", |(name, _)| name);
        write!(f, "{value}{suffix}")
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl Add for Quantity {
    type Output = Self;

    /// The notation of a zero gives way to the other's.
    fn add(self, other: Self) -> Self {
        let notation = if self.is_zero() { other.notation } else { self.notation };
        Self { nanos: self.nanos.saturating_add(other.nanos), notation }
    }
}

impl Neg for Quantity {
    type Output = Self;

    fn neg(self) -> Self {
        Self { nanos: -self.nanos, ..self }
    }
}

impl Sub for Quantity {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl AddAssign for Quantity {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Quantity {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl std::iter::Sum for Quantity {
    fn sum<I: Iterator<Item = Self>>(quantities: I) -> Self {
        quantities.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::{Notation, Quantity};

    fn parse(text: &str) -> Quantity {
        text.parse().unwrap()
    }

    fn check(texts: &[&str], expected: Expect) {
        let show = |text: &&str| match text.parse::<Quantity>() {
            Ok(quantity) => format!("{text} = {quantity}\n"),
            Err(error) => format!("{text} : {error}\n"),
        };
        expected.assert_eq(&texts.iter().map(show).collect::<String>());
    }

    #[test]
    fn the_canonical_form_has_no_fraction_and_the_largest_suffix() {
        check(
            &[
                "0",
                "0.5",
                "1.5",
                "1000m",
                "100000",
                "1500k",
                "0.001",
                "1e3",
                "1.5e-3",
                "1Gi",
                "1.5Gi",
                "1024Mi",
                "100Ki",
                "1000Ki",
                "0.5Ki",
                "0.1Ki",
                "-2Gi",
                "+1",
                ".5",
                "1.",
                "1E",
                "12E2",
                "0.0000000001",
                "8Ei",
            ],
            expect![[r#"
                0 = 0
                0.5 = 500m
                1.5 = 1500m
                1000m = 1
                100000 = 100k
                1500k = 1500k
                0.001 = 1m
                1e3 = 1e3
                1.5e-3 = 1500e-6
                1Gi = 1Gi
                1.5Gi = 1536Mi
                1024Mi = 1Gi
                100Ki = 100Ki
                1000Ki = 1000Ki
                0.5Ki = 512
                0.1Ki = 102400m
                -2Gi = -2Gi
                +1 = 1
                .5 = 500m
                1. = 1
                1E = 1E
                12E2 = 1200
                0.0000000001 = 1n
                8Ei = 9223372036854775807
            "#]],
        );
    }

    #[test]
    fn what_is_no_quantity_says_why() {
        check(
            &["", "x", "1 Gi", "1.2.3", ".", "1KiB", "1mi", "1ee3", "1e"],
            expect![[r#"
                 : quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'
                x : quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'
                1 Gi : quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'
                1.2.3 : unable to parse numeric part of quantity
                . : unable to parse numeric part of quantity
                1KiB : quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'
                1mi : unable to parse quantity's suffix
                1ee3 : unable to parse quantity's suffix
                1e : unable to parse quantity's suffix
            "#]],
        );
    }

    #[test]
    fn values_round_up() {
        assert_eq!((parse("100m").value(), parse("100m").milli_value()), (1, 100));
        assert_eq!((parse("-1500m").value(), parse("1u").milli_value()), (-1, 1));
    }

    #[test]
    fn sums_are_exact_and_keep_the_first_notation() {
        assert_eq!((parse("0.1") + parse("0.2")).to_string(), "300m");
        assert_eq!((Quantity::ZERO + parse("1Gi") - parse("512Mi")).to_string(), "512Mi");
        assert!(parse("1Gi") > parse("1G") && parse("1000m") == parse("1"));
    }

    proptest! {
        #[test]
        fn the_canonical_form_reads_back(value in -1_000_000_000_000_i64..1_000_000_000_000, binary: bool) {
            let notation = if binary { Notation::BinarySi } else { Notation::DecimalSi };
            for quantity in [Quantity::new(value, notation), Quantity::from_milli(value, notation)] {
                prop_assert_eq!(parse(&quantity.to_string()), quantity);
            }
        }
    }
}
