//! Conversions between types.

use super::{Row, row};
use crate::cost::Meter;
use crate::error::EvalError;
use crate::value::{Evaluated, Moment, Value, double_to_string, duration_to_string, parse_duration};

pub(super) const ROWS: &[Row] = &[
    row("type", "(A) -> type(A)", |args, _| {
        let [value] = args else { return Err(EvalError::no_such_overload()) };
        Ok(Value::Type(value.type_name().into()))
    }),
    row("dyn", "(A) -> dyn", same),
    row("bool", "(bool) -> bool", same),
    row("bool", "(string) -> bool", bool),
    row("bytes", "(bytes) -> bytes", same),
    row("bytes", "(string) -> bytes", bytes),
    row("double", "(double) -> double", same),
    row("double", "(int) -> double", double),
    row("double", "(string) -> double", double),
    row("double", "(uint) -> double", double),
    row("duration", "(duration) -> duration", same),
    row("duration", "(string) -> duration", duration),
    row("int", "(int) -> int", same),
    row("int", "(double) -> int", int),
    row("int", "(duration) -> int", int),
    row("int", "(string) -> int", int),
    row("int", "(timestamp) -> int", int),
    row("int", "(uint) -> int", int),
    row("string", "(string) -> string", same),
    row("string", "(bool) -> string", string),
    row("string", "(bytes) -> string", string),
    row("string", "(double) -> string", string),
    row("string", "(duration) -> string", string),
    row("string", "(int) -> string", string),
    row("string", "(timestamp) -> string", string),
    row("string", "(uint) -> string", string),
    row("timestamp", "(timestamp) -> timestamp", same),
    row("timestamp", "(int) -> timestamp", timestamp),
    row("timestamp", "(string) -> timestamp", timestamp),
    row("uint", "(uint) -> uint", same),
    row("uint", "(double) -> uint", uint),
    row("uint", "(int) -> uint", uint),
    row("uint", "(string) -> uint", uint),
];

/// Functions that are worked out once where their argument is a literal.
pub(crate) const CONVERSIONS: &[&str] =
    &["bool", "bytes", "double", "duration", "dyn", "int", "string", "timestamp", "type", "uint"];

fn same<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    args.first().cloned().ok_or_else(EvalError::no_such_overload)
}

/// A conversion of a string to the named type that its text does not allow.
fn failed(of: &Value<'_>, to: &str) -> EvalError {
    EvalError::failed(format!("type conversion error from '{}' to '{to}'", of.type_name()))
}

fn overflow() -> EvalError {
    EvalError::failed("integer overflow")
}

fn bool<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    match args {
        [Value::String(text)] => match &**text {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(Value::Bool(false)),
            _ => Err(failed(&args[0], "bool")),
        },
        _ => Err(EvalError::no_such_overload()),
    }
}

fn bytes<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    match args {
        [Value::String(text)] => Ok(Value::Bytes(text.as_bytes().into())),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn double<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    match args {
        [Value::Int(value)] => Ok(Value::Double(*value as f64)),
        [Value::Uint(value)] => Ok(Value::Double(*value as f64)),
        [Value::String(text)] => text.parse().map(Value::Double).map_err(|_| failed(&args[0], "double")),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn duration<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    match args {
        [Value::String(text)] => parse_duration(text)
            .map(Value::Duration)
            .ok_or_else(|| failed(&args[0], "google.protobuf.Duration")),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn int<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    const LIMIT: f64 = 9_223_372_036_854_775_807.0;
    match args {
        [Value::Double(value)] if value.is_finite() && *value > -LIMIT && *value < LIMIT => {
            Ok(Value::Int(*value as i64))
        }
        [Value::Double(_)] => Err(overflow()),
        [Value::Uint(value)] => i64::try_from(*value).map(Value::Int).map_err(|_| overflow()),
        [Value::Duration(nanos)] => Ok(Value::Int(*nanos)),
        [Value::Timestamp(time)] => Ok(Value::Int(time.seconds())),
        [Value::String(text)] => text.parse().map(Value::Int).map_err(|_| failed(&args[0], "int")),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn uint<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    const LIMIT: f64 = 18_446_744_073_709_551_616.0;
    let overflow = || EvalError::failed("unsigned integer overflow");
    match args {
        [Value::Double(value)] if *value >= 0.0 && *value < LIMIT => Ok(Value::Uint(*value as u64)),
        [Value::Double(_)] => Err(overflow()),
        [Value::Int(value)] => u64::try_from(*value).map(Value::Uint).map_err(|_| overflow()),
        [Value::String(text)] if !text.starts_with('+') => {
            text.parse().map(Value::Uint).map_err(|_| failed(&args[0], "uint"))
        }
        [Value::String(_)] => Err(failed(&args[0], "uint")),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn timestamp<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    match args {
        [Value::Int(seconds)] => Moment::from_seconds(*seconds)
            .map(Value::Timestamp)
            .ok_or_else(|| EvalError::failed("timestamp overflow")),
        [Value::String(text)] => Moment::parse(text)
            .map(Value::Timestamp)
            .ok_or_else(|| failed(&args[0], "google.protobuf.Timestamp")),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn string<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    match args {
        [Value::Bool(value)] => Ok(Value::from(value.to_string())),
        [Value::Int(value)] => Ok(Value::from(value.to_string())),
        [Value::Uint(value)] => Ok(Value::from(value.to_string())),
        [Value::Double(value)] => Ok(Value::from(double_to_string(*value))),
        [Value::Timestamp(time)] => Ok(Value::from(time.to_string())),
        [Value::Duration(nanos)] => Ok(Value::from(duration_to_string(*nanos))),
        [Value::Bytes(bytes)] => std::str::from_utf8(bytes)
            .map(Value::from)
            .map_err(|_| EvalError::failed("invalid UTF-8 in bytes, cannot convert to string")),
        _ => Err(EvalError::no_such_overload()),
    }
}
