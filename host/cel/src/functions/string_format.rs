//! `string.format`: clauses such as `%s`, `%.2f` and `%x`, checked where they are literals and run.

use crate::cost::Meter;
use crate::error::EvalError;
use crate::types::Type;
use crate::value::{Evaluated, Value, double_to_string, duration_to_string};

/// Digits after the point where a clause does not say.
const PRECISION: usize = 6;

/// The most digits after the point; upstream has no limit, but a machine has.
const MAX_PRECISION: usize = 1000;

/// A piece of a format: text as it is, or a clause for the next argument.
enum Piece<'f> {
    Text(&'f str),
    Clause(Clause),
}

#[derive(Clone, Copy)]
enum Clause {
    String,
    Decimal,
    Fixed(usize),
    Scientific(usize),
    Binary,
    Octal,
    Hex,
    UpperHex,
}

/// Reads a format up to its first mistake.
fn pieces(format: &str) -> impl Iterator<Item = Result<Piece<'_>, String>> {
    let mut rest = format;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let piece = match rest.find('%') {
            Some(0) if rest.starts_with("%%") => {
                let text = &rest[..1];
                rest = &rest[2..];
                Ok(Piece::Text(text))
            }
            Some(0) => clause(&rest[1..]).map(|(clause, tail)| {
                rest = tail;
                Piece::Clause(clause)
            }),
            position => {
                let (text, tail) = rest.split_at(position.unwrap_or(rest.len()));
                rest = tail;
                Ok(Piece::Text(text))
            }
        };
        if piece.is_err() {
            rest = "";
        }
        Some(piece)
    })
}

/// A clause after its `%`, and what follows it.
fn clause(text: &str) -> Result<(Clause, &str), String> {
    let failed = |why: String| Err(format!("could not parse formatting clause: {why}"));
    let (precision, text) = match text.strip_prefix('.') {
        None => (PRECISION, text),
        Some(rest) => match rest.find(|char: char| !char.is_ascii_digit()) {
            None => {
                return failed(
                    "error while parsing precision: could not find end of precision specifier".to_owned(),
                );
            }
            Some(end) => match rest[..end].parse::<usize>() {
                Ok(precision) if precision <= MAX_PRECISION => (precision, &rest[end..]),
                Ok(precision) => {
                    return failed(format!(
                        "error while parsing precision: precision {precision} exceeds maximum allowed precision {MAX_PRECISION}"
                    ));
                }
                Err(_) => {
                    let digits = &rest[..end];
                    return failed(format!(
                        "error while parsing precision: error while converting precision to integer: strconv.Atoi: parsing {digits:?}: invalid syntax"
                    ));
                }
            },
        },
    };
    let Some(letter) = text.chars().next() else { return Err("unexpected end of string".to_owned()) };
    let clause = match letter {
        's' => Clause::String,
        'd' => Clause::Decimal,
        'f' => Clause::Fixed(precision),
        'e' => Clause::Scientific(precision),
        'b' => Clause::Binary,
        'o' => Clause::Octal,
        'x' => Clause::Hex,
        'X' => Clause::UpperHex,
        other => return failed(format!("unrecognized formatting clause \"{other}\"")),
    };
    Ok((clause, &text[letter.len_utf8()..]))
}

impl Clause {
    /// What the clause takes, in its error; the name of the type that was given follows.
    fn refusal(self) -> &'static str {
        match self {
            Self::String => {
                "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given"
            }
            Self::Decimal => "decimal clause can only be used on integers, was given",
            Self::Fixed(_) => "fixed-point clause can only be used on doubles, was given",
            Self::Scientific(_) => "scientific clause can only be used on doubles, was given",
            Self::Binary => "only integers and bools can be formatted as binary, was given",
            Self::Octal => "octal clause can only be used on integers, was given",
            Self::Hex | Self::UpperHex => {
                "only integers, byte buffers, and strings can be formatted as hex, was given"
            }
        }
    }

    fn refuse(self, type_name: &str) -> String {
        format!("error during formatting: {} {type_name}", self.refusal())
    }

    /// Whether arguments of this type can be shown, as far as types tell.
    fn takes(self, of: &Type) -> bool {
        let is_int = matches!(of, Type::Int | Type::Uint);
        match self {
            _ if of.is_dyn_or_error() => true,
            Self::String => !matches!(of, Type::Object(_) | Type::Opaque(..) | Type::Param(_)),
            Self::Decimal | Self::Octal => is_int,
            Self::Fixed(_) | Self::Scientific(_) => matches!(of, Type::Double | Type::String),
            Self::Binary => is_int || matches!(of, Type::Bool),
            Self::Hex | Self::UpperHex => is_int || matches!(of, Type::String | Type::Bytes),
        }
    }

    fn show(self, value: &Value<'_>, out: &mut String) -> Result<(), String> {
        match (self, value) {
            (Self::String, value) => return show(value, out),
            (Self::Decimal, Value::Int(value)) => out.push_str(&value.to_string()),
            (Self::Decimal, Value::Uint(value)) => out.push_str(&value.to_string()),
            (Self::Fixed(precision), value) => match number(value) {
                Some(value) if value.is_finite() => out.push_str(&grouped(&format!("{value:.precision$}"))),
                Some(value) => out.push_str(infinite(value)),
                None => return Err(self.refuse(value.type_name())),
            },
            (Self::Scientific(precision), value) => match number(value) {
                Some(value) if value.is_finite() => out.push_str(&scientific(value, precision)),
                Some(value) => out.push_str(infinite(value)),
                None => return Err(self.refuse(value.type_name())),
            },
            (Self::Binary, Value::Bool(value)) => out.push(if *value { '1' } else { '0' }),
            (Self::Binary, Value::Int(value)) => signed(*value, |value| format!("{value:b}"), out),
            (Self::Binary, Value::Uint(value)) => out.push_str(&format!("{value:b}")),
            (Self::Octal, Value::Int(value)) => signed(*value, |value| format!("{value:o}"), out),
            (Self::Octal, Value::Uint(value)) => out.push_str(&format!("{value:o}")),
            (Self::Hex, Value::Int(value)) => signed(*value, |value| format!("{value:x}"), out),
            (Self::Hex, Value::Uint(value)) => out.push_str(&format!("{value:x}")),
            (Self::UpperHex, Value::Int(value)) => signed(*value, |value| format!("{value:X}"), out),
            (Self::UpperHex, Value::Uint(value)) => out.push_str(&format!("{value:X}")),
            (Self::Hex | Self::UpperHex, Value::String(text)) => self.hex(text.as_bytes(), out),
            (Self::Hex | Self::UpperHex, Value::Bytes(bytes)) => self.hex(bytes, out),
            (clause, other) => return Err(clause.refuse(other.type_name())),
        }
        Ok(())
    }

    fn hex(self, bytes: &[u8], out: &mut String) {
        for byte in bytes {
            out.push_str(&match self {
                Self::UpperHex => format!("{byte:02X}"),
                _ => format!("{byte:02x}"),
            });
        }
    }
}

/// A double, or the name of one that has no digits.
fn number(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Double(value) => Some(*value),
        Value::String(text) => match &**text {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

fn infinite(value: f64) -> &'static str {
    match value {
        value if value.is_nan() => "NaN",
        value if value > 0.0 => "\u{221e}",
        _ => "-\u{221e}",
    }
}

/// The digits before the point in groups of three, as upstream prints them for English.
fn grouped(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let (whole, fraction) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let mut out = sign.to_owned();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + fraction
}

/// As upstream prints it for English: `1.052033×10⁰³`.
fn scientific(value: f64, precision: usize) -> String {
    let text = format!("{value:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let power: i32 = exponent.parse().unwrap_or(0);
    let digits = format!("{:02}", power.abs());
    let raised: String =
        digits.bytes().filter_map(|digit| "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(usize::from(digit - b'0'))).collect();
    format!("{mantissa}\u{d7}10{}{raised}", if power < 0 { "\u{207b}" } else { "" })
}

fn signed(value: i64, digits: fn(u64) -> String, out: &mut String) {
    if value < 0 {
        out.push('-');
    }
    out.push_str(&digits(value.unsigned_abs()));
}

/// `%s` of a value.
fn show(value: &Value<'_>, out: &mut String) -> Result<(), String> {
    match value {
        Value::String(text) => out.push_str(text),
        Value::Bytes(bytes) => out.push_str(&String::from_utf8_lossy(bytes)),
        Value::Double(value) => out.push_str(&double_to_string(*value)),
        Value::Timestamp(time) => out.push_str(&time.to_string()),
        Value::Duration(nanos) => out.push_str(&duration_to_string(*nanos)),
        Value::Type(name) => out.push_str(name),
        other => return show_inner(other, out),
    }
    Ok(())
}

/// A value as an element: quoted where CEL would quote it.
fn show_inner(value: &Value<'_>, out: &mut String) -> Result<(), String> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(&value.to_string()),
        Value::Int(value) => out.push_str(&value.to_string()),
        Value::Uint(value) => out.push_str(&value.to_string()),
        Value::String(text) => out.push_str(&format!("{:?}", &**text)),
        Value::Bytes(bytes) => out.push_str(&format!("b{:?}", String::from_utf8_lossy(bytes))),
        Value::Double(value) if value.is_finite() => out.push_str(&format!("{value:.PRECISION$}")),
        Value::Double(value) => out.push_str(&format!("{:?}", double_to_string(*value))),
        Value::Timestamp(time) => out.push_str(&format!("timestamp({:?})", time.to_string())),
        Value::Duration(nanos) => out.push_str(&format!("duration({:?})", duration_to_string(*nanos))),
        Value::Type(name) => out.push_str(name),
        Value::List(list) => {
            out.push('[');
            for (index, item) in list.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                show_inner(&item.map_err(|error| error.to_string())?, out)?;
            }
            out.push(']');
        }
        Value::Map(map) => {
            let mut entries = Vec::new();
            for (key, value) in map.iter() {
                let mut entry = String::new();
                show_inner(&key, &mut entry)?;
                entry.push(':');
                show_inner(&value.map_err(|error| error.to_string())?, &mut entry)?;
                entries.push(entry);
            }
            entries.sort();
            out.push_str(&format!("{{{}}}", entries.join(", ")));
        }
        other => return Err(Clause::String.refuse(other.type_name())),
    }
    Ok(())
}

pub(super) fn run<'a>(args: &[Value<'a>], meter: &mut Meter) -> Evaluated<'a> {
    let [Value::String(format), Value::List(list)] = args else { return Err(EvalError::no_such_overload()) };
    let (mut out, mut index) = (String::new(), 0);
    for piece in pieces(format) {
        match piece.map_err(EvalError::failed)? {
            Piece::Text(text) => out.push_str(text),
            Piece::Clause(clause) => {
                let value = list
                    .get(index)
                    .ok_or_else(|| EvalError::failed(format!("index {index} out of range")))?;
                clause.show(&value?, &mut out).map_err(EvalError::failed)?;
                index += 1;
            }
        }
        meter.work(out.len() as u64 / 16)?;
    }
    Ok(Value::from(out))
}

/// What is wrong with a call whose format and number of arguments are known, and with which argument.
pub(crate) fn check(format: &str, args: &[Type]) -> Result<(), (Option<usize>, String)> {
    let mut index = 0;
    for piece in pieces(format) {
        if let Piece::Clause(clause) = piece.map_err(|why| (None, why))? {
            let Some(of) = args.get(index) else { return Err((None, format!("index {index} out of range"))) };
            if !clause.takes(of) {
                return Err((Some(index), clause.refuse(of.name())));
            }
            index += 1;
        }
    }
    if args.len() > index {
        let message =
            format!("too many arguments supplied to string.format (expected {index}, got {})", args.len());
        return Err((None, message));
    }
    Ok(())
}
