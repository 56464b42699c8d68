//! `<`, `<=`, `>` and `>=`, also between numbers of different types.

use std::cmp::Ordering;

use super::{Row, template};
use crate::error::EvalError;
use crate::value::{Evaluated, Value, compare};

/// The pairs of types that have an order between them.
const PAIRS: &[&str] = &[
    "bool, bool",
    "int, int",
    "int, double",
    "int, uint",
    "uint, uint",
    "uint, double",
    "uint, int",
    "double, double",
    "double, int",
    "double, uint",
    "string, string",
    "bytes, bytes",
    "timestamp, timestamp",
    "duration, duration",
];

pub(super) const ROWS: &[Row] = &[
    template("_<_", "({}) -> bool", PAIRS, |args, _| ordered(args, Ordering::is_lt)),
    template("_<=_", "({}) -> bool", PAIRS, |args, _| ordered(args, Ordering::is_le)),
    template("_>_", "({}) -> bool", PAIRS, |args, _| ordered(args, Ordering::is_gt)),
    template("_>=_", "({}) -> bool", PAIRS, |args, _| ordered(args, Ordering::is_ge)),
];

fn ordered<'a>(args: &[Value<'a>], test: fn(Ordering) -> bool) -> Evaluated<'a> {
    let [one, two] = args else { return Err(EvalError::no_such_overload()) };
    compare(one, two).map(|order| Value::Bool(test(order)))
}
