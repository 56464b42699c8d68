//! One field of a schedule: lists of ranges with steps, and durations as Go writes them.

use std::time::Duration;

/// What a field may be, and the names of its values, from the least.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) min: u32,
    pub(super) max: u32,
    pub(super) names: &'static [&'static str],
}

/// The values of a field as bits, and whether it is all of them by `*` or `?`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    bits: u64,
    any: bool,
}

impl Field {
    pub(super) fn parse(text: &str, bounds: Bounds) -> Result<Self, String> {
        let mut all = Self { bits: 0, any: false };
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let part = range(part, bounds)?;
            all = Self { bits: all.bits | part.bits, any: all.any | part.any };
        }
        Ok(all)
    }

    pub(super) fn has(self, value: i8) -> bool {
        u32::try_from(value).is_ok_and(|value| self.bits & (1 << value) != 0)
    }

    pub(super) fn is_any(self) -> bool {
        self.any
    }
}

/// `*`, `5`, `1-5`, `mon-fri`, each with `/2` behind it or not.
fn range(text: &str, bounds: Bounds) -> Result<Field, String> {
    let mut steps = text.split('/');
    let (whole, step, more) = (steps.next().unwrap_or_default(), steps.next(), steps.next());
    let mut ends = whole.split('-');
    let (first, second, third) = (ends.next().unwrap_or_default(), ends.next(), ends.next());
    let mut any = first == "*" || first == "?";
    let (start, mut end) = if any {
        (bounds.min, bounds.max)
    } else {
        let start = value(first, bounds)?;
        match (second, third) {
            (None, _) => (start, start),
            (Some(second), None) => (start, value(second, bounds)?),
            _ => return Err(format!("too many hyphens: {text}")),
        }
    };
    if more.is_some() {
        return Err(format!("too many slashes: {text}"));
    }
    let step = match step {
        None => 1,
        Some(step) => {
            let step = number(step)?;
            if second.is_none() {
                end = bounds.max;
            }
            any &= step <= 1;
            step
        }
    };
    match () {
        () if start < bounds.min => {
            Err(format!("beginning of range ({start}) below minimum ({}): {text}", bounds.min))
        }
        () if end > bounds.max => Err(format!("end of range ({end}) above maximum ({}): {text}", bounds.max)),
        () if start > end => Err(format!("beginning of range ({start}) beyond end of range ({end}): {text}")),
        () if step == 0 => Err(format!("step of range should be a positive number: {text}")),
        () => {
            let values = (start..=end).step_by(usize::try_from(step).unwrap_or(usize::MAX));
            Ok(Field { bits: values.fold(0, |bits, value| bits | 1 << value), any })
        }
    }
}

fn value(text: &str, bounds: Bounds) -> Result<u32, String> {
    let name = text.to_lowercase();
    match bounds.names.iter().position(|known| *known == name) {
        Some(position) => Ok(bounds.min + u32::try_from(position).unwrap_or(0)),
        None => number(text),
    }
}

fn number(text: &str) -> Result<u32, String> {
    let failed =
        |why: &str| format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: {why}");
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(failed("invalid syntax"));
    }
    let number: i64 = text.parse().map_err(|_| failed("value out of range"))?;
    if number < 0 {
        return Err(format!("negative number ({number}) not allowed: {text}"));
    }
    Ok(u32::try_from(number).unwrap_or(u32::MAX))
}

const UNITS: &[(&str, f64)] = &[
    ("ns", 1e-9),
    ("us", 1e-6),
    ("µs", 1e-6),
    ("μs", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
];

/// `1h30m`, `1.5h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let amount: f64 = rest[..end].parse().map_err(|_| invalid())?;
        rest = &rest[end..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = &rest[..end];
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {text:?}"));
        }
        let (_, factor) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(|| format!("time: unknown unit {unit:?} in duration {text:?}"))?;
        seconds += amount * factor;
        rest = &rest[end..];
    }
    if negative {
        return Ok(Duration::ZERO);
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| invalid())
}
