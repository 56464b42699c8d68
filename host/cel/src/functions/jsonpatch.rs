//! What JSON patches need.

use super::{Row, row};
use crate::error::EvalError;
use crate::value::Value;

pub(super) const ROWS: &[Row] = &[row("jsonpatch.escapeKey", "(string) -> string", |args, _| match args {
    [Value::String(key)] => Ok(Value::from(key.replace('~', "~0").replace('/', "~1"))),
    _ => Err(EvalError::no_such_overload()),
})];
