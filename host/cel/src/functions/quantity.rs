//! Resource quantities.

use std::cmp::Ordering;

use objects::quantity::{Notation, Quantity};

use super::{Row, row};
use crate::error::EvalError;
use crate::value::{Evaluated, Value};

pub(super) const ROWS: &[Row] = &[
    row("quantity", "(string) -> quantity", |args, _| match args {
        [Value::String(text)] => {
            text.parse().map(Value::Quantity).map_err(|error| EvalError::failed(format!("{error}")))
        }
        _ => Err(EvalError::no_such_overload()),
    }),
    row("isQuantity", "(string) -> bool", |args, _| match args {
        [Value::String(text)] => Ok(Value::Bool(text.parse::<Quantity>().is_ok())),
        _ => Err(EvalError::no_such_overload()),
    }),
    row("sign", "quantity.() -> int", |args, _| {
        let quantity = one(args)?;
        Ok(Value::Int(order(quantity.cmp(&Quantity::ZERO))))
    }),
    row("isGreaterThan", "quantity.(quantity) -> bool", |args, _| Ok(Value::Bool(compare(args)?.is_gt()))),
    row("isLessThan", "quantity.(quantity) -> bool", |args, _| Ok(Value::Bool(compare(args)?.is_lt()))),
    row("compareTo", "quantity.(quantity) -> int", |args, _| Ok(Value::Int(order(compare(args)?)))),
    row("asApproximateFloat", "quantity.() -> double", |args, _| Ok(Value::Double(one(args)?.as_f64()))),
    row("asInteger", "quantity.() -> int", |args, _| {
        whole(one(args)?).map(Value::Int).ok_or_else(|| EvalError::failed("cannot convert value to integer"))
    }),
    row("isInteger", "quantity.() -> bool", |args, _| Ok(Value::Bool(whole(one(args)?).is_some()))),
    row("add", "quantity.(quantity) -> quantity", |args, _| combine(args, |one, two| one + two)),
    row("add", "quantity.(int) -> quantity", |args, _| combine(args, |one, two| one + two)),
    row("sub", "quantity.(quantity) -> quantity", |args, _| combine(args, |one, two| one - two)),
    row("sub", "quantity.(int) -> quantity", |args, _| combine(args, |one, two| one - two)),
];

pub(super) fn order(order: Ordering) -> i64 {
    order as i64
}

fn one<'v>(args: &'v [Value<'_>]) -> Result<&'v Quantity, EvalError> {
    match args.first() {
        Some(Value::Quantity(quantity)) => Ok(quantity),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn compare(args: &[Value<'_>]) -> Result<Ordering, EvalError> {
    match args {
        [Value::Quantity(one), Value::Quantity(two)] => Ok(one.cmp(two)),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// The value, if it is whole and in range.
fn whole(quantity: &Quantity) -> Option<i64> {
    let value = quantity.value();
    (Quantity::new(value, quantity.notation()) == *quantity).then_some(value)
}

fn combine<'a>(args: &[Value<'a>], combine: fn(Quantity, Quantity) -> Quantity) -> Evaluated<'a> {
    match args {
        [Value::Quantity(one), Value::Quantity(two)] => Ok(Value::Quantity(combine(*one, *two))),
        [Value::Quantity(one), Value::Int(two)] => {
            Ok(Value::Quantity(combine(*one, Quantity::new(*two, Notation::DecimalExponent))))
        }
        _ => Err(EvalError::no_such_overload()),
    }
}
