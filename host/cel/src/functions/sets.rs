//! Lists taken as sets.

use super::{Row, row};
use crate::cost::Meter;
use crate::error::EvalError;
use crate::value::{Evaluated, List, Value, equal};

pub(super) const ROWS: &[Row] = &[
    row("sets.contains", "(list(T), list(T)) -> bool", |args, meter| {
        let (one, two) = lists(args)?;
        contains(one, two, meter).map(Value::Bool)
    }),
    row("sets.equivalent", "(list(T), list(T)) -> bool", |args, meter| {
        let (one, two) = lists(args)?;
        Ok(Value::Bool(contains(one, two, meter)? && contains(two, one, meter)?))
    }),
    row("sets.intersects", "(list(T), list(T)) -> bool", intersects),
];

fn lists<'v, 'a>(args: &'v [Value<'a>]) -> Result<(&'v List<'a>, &'v List<'a>), EvalError> {
    match args {
        [Value::List(one), Value::List(two)] => Ok((one, two)),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn has(list: &List<'_>, value: &Value<'_>, meter: &mut Meter) -> Result<bool, EvalError> {
    for item in list.iter() {
        if equal(&item?, value, meter)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether all of `part` is in `list`.
fn contains(list: &List<'_>, part: &List<'_>, meter: &mut Meter) -> Result<bool, EvalError> {
    for item in part.iter() {
        if !has(list, &item?, meter)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn intersects<'a>(args: &[Value<'a>], meter: &mut Meter) -> Evaluated<'a> {
    let (one, two) = lists(args)?;
    for item in one.iter() {
        if has(two, &item?, meter)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}
