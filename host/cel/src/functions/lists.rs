//! The list functions of Kubernetes and of CEL's list extension, version 3.

use std::cmp::Ordering;

use super::{COMPARABLE, Row, number, row, template};
use crate::cost::Meter;
use crate::error::EvalError;
use crate::value::{Evaluated, List, Value, compare, equal};

pub(super) const ROWS: &[Row] = &[
    template("isSorted", "list({}).() -> bool", COMPARABLE, is_sorted),
    row("sum", "list(int).() -> int", |args, meter| sum(args, Value::Int(0), meter)),
    row("sum", "list(uint).() -> uint", |args, meter| sum(args, Value::Uint(0), meter)),
    row("sum", "list(double).() -> double", |args, meter| sum(args, Value::Double(0.0), meter)),
    row("sum", "list(duration).() -> duration", |args, meter| sum(args, Value::Duration(0), meter)),
    template("max", "list({}).() -> {}", COMPARABLE, |args, _| extreme(args, "max", Ordering::Less)),
    template("min", "list({}).() -> {}", COMPARABLE, |args, _| extreme(args, "min", Ordering::Greater)),
    row("indexOf", "list(A).(A) -> int", index_of),
    row("lastIndexOf", "list(A).(A) -> int", last_index_of),
    row("slice", "list(T).(int, int) -> list(T)", slice),
    row("flatten", "list(list(T)).() -> list(T)", flatten),
    row("flatten", "list(dyn).(int) -> list(dyn)", flatten),
    template("sort", "list({}).() -> list({})", COMPARABLE, sort),
    template("@sortByAssociatedKeys", "list(T).(list({})) -> list(T)", COMPARABLE, sort),
    row("lists.range", "(int) -> list(int)", range),
    row("reverse", "list(T).() -> list(T)", reverse),
    row("distinct", "list(T).() -> list(T)", distinct),
];

fn list_of<'v, 'a>(args: &'v [Value<'a>]) -> Result<&'v List<'a>, EvalError> {
    match args.first() {
        Some(Value::List(list)) => Ok(list),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn is_sorted<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    let mut previous = None;
    for item in list_of(args)?.iter() {
        let item = item?;
        if let Some(previous) = &previous
            && compare(previous, &item)?.is_gt()
        {
            return Ok(Value::Bool(false));
        }
        previous = Some(item);
    }
    Ok(Value::Bool(true))
}

fn sum<'a>(args: &[Value<'a>], zero: Value<'a>, meter: &mut Meter) -> Evaluated<'a> {
    list_of(args)?.iter().try_fold(zero, |sum, item| number::add(&[sum, item?], meter))
}

/// The element from which no other one lies on the side of `worse`.
fn extreme<'a>(args: &[Value<'a>], name: &str, worse: Ordering) -> Evaluated<'a> {
    let mut items = list_of(args)?.iter();
    let first = items.next().ok_or_else(|| EvalError::failed(format!("{name} called on empty list")))?;
    items.try_fold(first?, |best, item| {
        let item = item?;
        Ok(if compare(&best, &item)? == worse { item } else { best })
    })
}

fn index_of<'a>(args: &[Value<'a>], meter: &mut Meter) -> Evaluated<'a> {
    let list = list_of(args)?;
    find(list, 0..list.len(), args, meter)
}

fn last_index_of<'a>(args: &[Value<'a>], meter: &mut Meter) -> Evaluated<'a> {
    let list = list_of(args)?;
    find(list, (0..list.len()).rev(), args, meter)
}

fn find<'a>(
    list: &List<'a>,
    places: impl Iterator<Item = usize>,
    args: &[Value<'a>],
    meter: &mut Meter,
) -> Evaluated<'a> {
    let [_, wanted] = args else { return Err(EvalError::no_such_overload()) };
    for place in places {
        if let Some(item) = list.get(place)
            && equal(&item?, wanted, meter)?
        {
            return Ok(Value::from(place));
        }
    }
    Ok(Value::Int(-1))
}

fn slice<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    let [Value::List(list), Value::Int(start), Value::Int(end)] = args else {
        return Err(EvalError::no_such_overload());
    };
    let failed = |why: String| Err(EvalError::failed(format!("cannot slice({start}, {end}), {why}")));
    let (Ok(from), Ok(to)) = (usize::try_from(*start), usize::try_from(*end)) else {
        return failed("negative indexes not supported".to_owned());
    };
    if from > to {
        return failed("start index must be less than or equal to end index".to_owned());
    }
    if list.len() < to {
        return failed(format!("list is length {}", list.len()));
    }
    let items = (from..to).filter_map(|index| list.get(index)).collect::<Result<_, _>>()?;
    Ok(Value::list(items))
}

fn flatten<'a>(args: &[Value<'a>], meter: &mut Meter) -> Evaluated<'a> {
    let depth = match args {
        [_] => 1,
        [_, Value::Int(depth)] if *depth < 0 => {
            return Err(EvalError::failed("level must be non-negative"));
        }
        [_, Value::Int(depth)] => *depth,
        _ => return Err(EvalError::no_such_overload()),
    };
    let mut flat = Vec::new();
    flatten_into(list_of(args)?, depth, &mut flat, meter)?;
    Ok(Value::list(flat))
}

fn flatten_into<'a>(
    list: &List<'a>,
    depth: i64,
    flat: &mut Vec<Value<'a>>,
    meter: &mut Meter,
) -> Result<(), EvalError> {
    for item in list.iter() {
        meter.work(1)?;
        match item? {
            Value::List(inner) if depth > 0 => flatten_into(&inner, depth - 1, flat, meter)?,
            other => flat.push(other),
        }
    }
    Ok(())
}

/// The list in the order of its elements, or of the keys in another list.
fn sort<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    let (list, keys) = match args {
        [Value::List(list)] => (list, list),
        [Value::List(list), Value::List(keys)] => (list, keys),
        _ => return Err(EvalError::no_such_overload()),
    };
    if list.len() != keys.len() {
        let message = format!(
            "@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got {} and {} elements respectively",
            list.len(),
            keys.len()
        );
        return Err(EvalError::failed(message));
    }
    let mut pairs: Vec<(Value<'a>, Value<'a>)> = keys
        .iter()
        .zip(list.iter())
        .map(|(key, item)| Ok((key?, item?)))
        .collect::<Result<_, EvalError>>()?;
    if let Some((first, _)) = pairs.first() {
        if pairs.iter().any(|(key, _)| key.type_name() != first.type_name()) {
            return Err(EvalError::failed("list elements must have the same type"));
        }
        if compare(first, first).is_err() && !matches!(first, Value::Double(_)) {
            return Err(EvalError::failed("list elements must be comparable"));
        }
    }
    pairs.sort_by(|(one, _), (two, _)| compare(one, two).unwrap_or(Ordering::Equal));
    Ok(Value::list(pairs.into_iter().map(|(_, item)| item).collect()))
}

fn range<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    match args {
        [Value::Int(count)] => Ok(Value::List(List::Range(usize::try_from(*count).unwrap_or(0)))),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn reverse<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    let list = list_of(args)?;
    let items = (0..list.len()).rev().filter_map(|index| list.get(index)).collect::<Result<_, _>>()?;
    Ok(Value::list(items))
}

fn distinct<'a>(args: &[Value<'a>], meter: &mut Meter) -> Evaluated<'a> {
    let mut items: Vec<Value<'a>> = Vec::new();
    'next: for item in list_of(args)?.iter() {
        let item = item?;
        for seen in &items {
            if equal(&item, seen, meter)? {
                continue 'next;
            }
        }
        items.push(item);
    }
    Ok(Value::list(items))
}
