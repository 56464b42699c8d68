//! Optional values.

use super::{Row, inline, row};
use crate::cost::Meter;
use crate::error::EvalError;
use crate::value::{Evaluated, Value};

pub(super) const ROWS: &[Row] = &[
    row("optional.of", "(V) -> optional(V)", |args, _| Ok(Value::optional(args.first().cloned()))),
    row("optional.ofNonZeroValue", "(V) -> optional(V)", |args, _| {
        Ok(Value::optional(args.first().filter(|value| !value.is_zero()).cloned()))
    }),
    row("optional.none", "() -> optional(V)", |_, _| Ok(Value::Optional(None))),
    row("value", "optional(V).() -> V", value),
    row("hasValue", "optional(V).() -> bool", has_value),
    row("or", "optional(V).(optional(V)) -> optional(V)", inline),
    row("orValue", "optional(V).(V) -> V", inline),
    row("_?._", "(dyn, string) -> optional(V)", inline),
    row("_[?_]", "(list(V), int) -> optional(V)", inline),
    row("_[?_]", "(optional(list(V)), int) -> optional(V)", inline),
    row("_[?_]", "(map(K, V), K) -> optional(V)", inline),
    row("_[?_]", "(optional(map(K, V)), K) -> optional(V)", inline),
    row("_[_]", "(optional(list(V)), int) -> optional(V)", inline),
    row("_[_]", "(optional(map(K, V)), K) -> optional(V)", inline),
    row("first", "list(V).() -> optional(V)", |args, _| at(args, |_| Some(0))),
    row("last", "list(V).() -> optional(V)", |args, _| at(args, |len| len.checked_sub(1))),
    row("optional.unwrap", "(list(optional(V))) -> list(V)", unwrap),
    row("unwrapOpt", "list(optional(V)).() -> list(V)", unwrap),
];

fn value<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    match args {
        [Value::Optional(Some(value))] => Ok((**value).clone()),
        _ => Err(EvalError::failed("optional.none() dereference")),
    }
}

fn has_value<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    Ok(Value::Bool(matches!(args, [Value::Optional(Some(_))])))
}

fn at<'a>(args: &[Value<'a>], index: fn(usize) -> Option<usize>) -> Evaluated<'a> {
    let [Value::List(list)] = args else { return Err(EvalError::no_such_overload()) };
    let value = index(list.len()).and_then(|index| list.get(index)).transpose()?;
    Ok(Value::optional(value))
}

fn unwrap<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    let [Value::List(list)] = args else { return Err(EvalError::no_such_overload()) };
    let mut items = Vec::new();
    for item in list.iter() {
        match item? {
            Value::Optional(value) => items.extend(value.as_deref().cloned()),
            other => return Err(EvalError::failed(format!("value {other:?} is not optional"))),
        }
    }
    Ok(Value::list(items))
}
