//! Arithmetic, and what else `+` and `-` do.

use super::{Row, row};
use crate::cost::Meter;
use crate::error::EvalError;
use crate::value::{Evaluated, Moment, Text, Value};

pub(super) const ROWS: &[Row] = &[
    row("_+_", "(bytes, bytes) -> bytes", add),
    row("_+_", "(double, double) -> double", add),
    row("_+_", "(duration, duration) -> duration", add),
    row("_+_", "(duration, timestamp) -> timestamp", add),
    row("_+_", "(timestamp, duration) -> timestamp", add),
    row("_+_", "(int, int) -> int", add),
    row("_+_", "(list(A), list(A)) -> list(A)", add),
    row("_+_", "(string, string) -> string", add),
    row("_+_", "(uint, uint) -> uint", add),
    row("_-_", "(double, double) -> double", subtract),
    row("_-_", "(duration, duration) -> duration", subtract),
    row("_-_", "(int, int) -> int", subtract),
    row("_-_", "(timestamp, duration) -> timestamp", subtract),
    row("_-_", "(timestamp, timestamp) -> duration", subtract),
    row("_-_", "(uint, uint) -> uint", subtract),
    row("_*_", "(double, double) -> double", multiply),
    row("_*_", "(int, int) -> int", multiply),
    row("_*_", "(uint, uint) -> uint", multiply),
    row("_/_", "(double, double) -> double", divide),
    row("_/_", "(int, int) -> int", divide),
    row("_/_", "(uint, uint) -> uint", divide),
    row("_%_", "(int, int) -> int", modulo),
    row("_%_", "(uint, uint) -> uint", modulo),
    row("-_", "(double) -> double", negate),
    row("-_", "(int) -> int", negate),
];

fn int<'a>(value: Option<i64>) -> Evaluated<'a> {
    value.map(Value::Int).ok_or_else(|| EvalError::failed("integer overflow"))
}

fn uint<'a>(value: Option<u64>) -> Evaluated<'a> {
    value.map(Value::Uint).ok_or_else(|| EvalError::failed("unsigned integer overflow"))
}

fn duration<'a>(value: Option<i64>) -> Evaluated<'a> {
    value.map(Value::Duration).ok_or_else(|| EvalError::failed("duration overflow"))
}

fn moved<'a>(time: Moment, by: i128) -> Evaluated<'a> {
    time.moved(by).map(Value::Timestamp).ok_or_else(|| EvalError::failed("timestamp overflow"))
}

/// `one + two`, for every pair of types that can be added.
pub(super) fn add<'a>(args: &[Value<'a>], meter: &mut Meter) -> Evaluated<'a> {
    match args {
        [Value::Int(one), Value::Int(two)] => int(one.checked_add(*two)),
        [Value::Uint(one), Value::Uint(two)] => uint(one.checked_add(*two)),
        [Value::Double(one), Value::Double(two)] => Ok(Value::Double(one + two)),
        [Value::String(one), Value::String(two)] => Ok(Value::String(Text::from([&**one, &**two].concat()))),
        [Value::Bytes(one), Value::Bytes(two)] => Ok(Value::Bytes([&**one, &**two].concat().into())),
        [Value::List(one), Value::List(two)] => {
            meter.work(16)?;
            one.clone().add(two.clone()).map(Value::List)
        }
        [Value::Duration(one), Value::Duration(two)] => duration(one.checked_add(*two)),
        [Value::Duration(by), Value::Timestamp(time)] | [Value::Timestamp(time), Value::Duration(by)] => {
            moved(*time, i128::from(*by))
        }
        _ => Err(EvalError::no_such_overload()),
    }
}

fn subtract<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    match args {
        [Value::Int(one), Value::Int(two)] => int(one.checked_sub(*two)),
        [Value::Uint(one), Value::Uint(two)] => uint(one.checked_sub(*two)),
        [Value::Double(one), Value::Double(two)] => Ok(Value::Double(one - two)),
        [Value::Duration(one), Value::Duration(two)] => duration(one.checked_sub(*two)),
        [Value::Timestamp(time), Value::Duration(by)] => moved(*time, -i128::from(*by)),
        [Value::Timestamp(one), Value::Timestamp(two)] => {
            duration(i64::try_from(one.nanos() - two.nanos()).ok())
        }
        _ => Err(EvalError::no_such_overload()),
    }
}

fn multiply<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    match args {
        [Value::Int(one), Value::Int(two)] => int(one.checked_mul(*two)),
        [Value::Uint(one), Value::Uint(two)] => uint(one.checked_mul(*two)),
        [Value::Double(one), Value::Double(two)] => Ok(Value::Double(one * two)),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn divide<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    match args {
        [Value::Int(_), Value::Int(0)] | [Value::Uint(_), Value::Uint(0)] => {
            Err(EvalError::failed("division by zero"))
        }
        [Value::Int(one), Value::Int(two)] => int(one.checked_div(*two)),
        [Value::Uint(one), Value::Uint(two)] => uint(one.checked_div(*two)),
        [Value::Double(one), Value::Double(two)] => Ok(Value::Double(one / two)),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn modulo<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    match args {
        [Value::Int(_), Value::Int(0)] | [Value::Uint(_), Value::Uint(0)] => {
            Err(EvalError::failed("modulus by zero"))
        }
        [Value::Int(one), Value::Int(two)] => int(one.checked_rem(*two)),
        [Value::Uint(one), Value::Uint(two)] => uint(one.checked_rem(*two)),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn negate<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    match args {
        [Value::Int(value)] => int(value.checked_neg()),
        [Value::Double(value)] => Ok(Value::Double(-value)),
        _ => Err(EvalError::no_such_overload()),
    }
}
