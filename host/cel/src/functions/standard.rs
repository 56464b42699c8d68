//! Logic, equality, membership and sizes.

use super::{Row, inline, row};
use crate::cost::Meter;
use crate::error::EvalError;
use crate::value::{Evaluated, Value, equal};

pub(super) const ROWS: &[Row] = &[
    row("_?_:_", "(bool, A, A) -> A", inline),
    row("_&&_", "(bool, bool) -> bool", inline),
    row("_||_", "(bool, bool) -> bool", inline),
    row("!_", "(bool) -> bool", not),
    row("@not_strictly_false", "(bool) -> bool", inline),
    row("_==_", "(A, A) -> bool", equals),
    row("_!=_", "(A, A) -> bool", not_equals),
    row("_[_]", "(list(A), int) -> A", inline),
    row("_[_]", "(map(A, B), A) -> B", inline),
    row("@in", "(A, list(A)) -> bool", in_list),
    row("@in", "(A, map(A, B)) -> bool", in_map),
    row("size", "(bytes) -> int", size),
    row("size", "bytes.() -> int", size),
    row("size", "(list(A)) -> int", size),
    row("size", "list(A).() -> int", size),
    row("size", "(map(A, B)) -> int", size),
    row("size", "map(A, B).() -> int", size),
    row("size", "(string) -> int", size),
    row("size", "string.() -> int", size),
    row("cel.@mapInsert", "(map(A, B), A, B) -> map(A, B)", insert),
    row("cel.@mapInsert", "(map(A, B), map(A, B)) -> map(A, B)", insert_all),
];

fn not<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    let [Value::Bool(value)] = args else { return Err(EvalError::no_such_overload()) };
    Ok(Value::Bool(!value))
}

fn equals<'a>(args: &[Value<'a>], meter: &mut Meter) -> Evaluated<'a> {
    let [one, two] = args else { return Err(EvalError::no_such_overload()) };
    equal(one, two, meter).map(Value::Bool)
}

fn not_equals<'a>(args: &[Value<'a>], meter: &mut Meter) -> Evaluated<'a> {
    let [one, two] = args else { return Err(EvalError::no_such_overload()) };
    equal(one, two, meter).map(|equal| Value::Bool(!equal))
}

fn in_list<'a>(args: &[Value<'a>], meter: &mut Meter) -> Evaluated<'a> {
    let [value, Value::List(list)] = args else { return Err(EvalError::no_such_overload()) };
    for item in list.iter() {
        if equal(&item?, value, meter)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn in_map<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    let [key, Value::Map(map)] = args else { return Err(EvalError::no_such_overload()) };
    Ok(Value::Bool(map.get(key)?.is_some()))
}

fn size<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    let [value] = args else { return Err(EvalError::no_such_overload()) };
    Ok(Value::Int(value.size() as i64))
}

fn insert<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    let [Value::Map(map), key, value] = args else { return Err(EvalError::no_such_overload()) };
    let mut map = map.clone();
    map.insert(key, value.clone())?;
    Ok(Value::Map(map))
}

fn insert_all<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    let [Value::Map(map), Value::Map(more)] = args else { return Err(EvalError::no_such_overload()) };
    let mut map = map.clone();
    for (key, value) in more.iter() {
        map.insert(&key, value?)?;
    }
    Ok(Value::Map(map))
}
