//! Equality and order of values. Numbers of different types are compared as numbers.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use super::list::{map_key, set_key};
use super::{List, Map, Value};
use crate::cost::Meter;
use crate::error::EvalError;
use crate::schema::ListKind;

/// Whether two values are equal; values of different types are not.
pub(crate) fn equal(one: &Value<'_>, two: &Value<'_>, meter: &mut Meter) -> Result<bool, EvalError> {
    meter.work(1)?;
    match (one, two) {
        (Value::Null, Value::Null) => Ok(true),
        (Value::Bool(one), Value::Bool(two)) => Ok(one == two),
        (Value::String(one), Value::String(two)) => {
            meter.work(one.len() as u64)?;
            Ok(**one == **two)
        }
        (Value::Bytes(one), Value::Bytes(two)) => Ok(one == two),
        (Value::Timestamp(one), Value::Timestamp(two)) => Ok(one == two),
        (Value::Duration(one), Value::Duration(two)) => Ok(one == two),
        (Value::Type(one), Value::Type(two)) => Ok(one == two),
        (Value::List(one), Value::List(two)) => equal_lists(one, two, meter),
        (Value::Map(one), Value::Map(two)) => equal_maps(one, two, meter),
        (Value::Optional(one), Value::Optional(two)) => match (one, two) {
            (Some(one), Some(two)) => equal(one, two, meter),
            (one, two) => Ok(one.is_none() && two.is_none()),
        },
        (Value::Struct(one), Value::Struct(two)) => {
            if one.name != two.name || one.fields.len() != two.fields.len() {
                return Ok(false);
            }
            let other: BTreeMap<_, _> = two.fields.iter().map(|(name, value)| (name, value)).collect();
            all(&one.fields, |(name, value)| match other.get(name) {
                Some(other) => equal(value, other, meter),
                None => Ok(false),
            })
        }
        (Value::Quantity(one), Value::Quantity(two)) => Ok(one == two),
        (Value::Url(one), Value::Url(two)) => Ok(one.to_string() == two.to_string()),
        (Value::Ip(one), Value::Ip(two)) => Ok(one == two),
        (Value::Cidr(one), Value::Cidr(two)) => Ok(one == two),
        (Value::Semver(one), Value::Semver(two)) => Ok(one.cmp(two) == Ordering::Equal),
        (Value::Format(one), Value::Format(two)) => Ok(std::ptr::eq(*one, *two)),
        _ => Ok(compare_numbers(one, two) == Some(Ordering::Equal)),
    }
}

fn all<T>(
    items: impl IntoIterator<Item = T>,
    mut test: impl FnMut(T) -> Result<bool, EvalError>,
) -> Result<bool, EvalError> {
    for item in items {
        if !test(item)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn equal_lists(one: &List<'_>, two: &List<'_>, meter: &mut Meter) -> Result<bool, EvalError> {
    if one.len() != two.len() {
        return Ok(false);
    }
    match one.kind() {
        ListKind::Atomic => all(one.iter().zip(two.iter()), |(one, two)| equal(&one?, &two?, meter)),
        ListKind::Set => {
            meter.work(one.len() as u64 * 16)?;
            let keys = |list: &List<'_>| -> Result<std::collections::BTreeSet<_>, EvalError> {
                list.iter().map(|item| item.map(|item| set_key(&item))).collect()
            };
            Ok(keys(one)? == keys(two)?)
        }
        ListKind::Map(names) => {
            let names = &*names;
            meter.work(one.len() as u64 * 16)?;
            let mut by_key = BTreeMap::new();
            for item in one.iter() {
                let item = item?;
                by_key.insert(map_key(&item, names), item);
            }
            let count = by_key.len();
            let mut seen = std::collections::BTreeSet::new();
            let alike = all(two.iter(), |item| {
                let item = item?;
                let key = map_key(&item, names);
                let Some(own) = by_key.get(&key) else { return Ok(false) };
                seen.insert(key);
                equal(own, &item, meter)
            })?;
            Ok(alike && seen.len() == count)
        }
    }
}

fn equal_maps(one: &Map<'_>, two: &Map<'_>, meter: &mut Meter) -> Result<bool, EvalError> {
    if one.len() != two.len() {
        return Ok(false);
    }
    if let (Map::Tree(one), Map::Tree(two)) = (one, two)
        && !one.has_equal_unknowns(two)
    {
        return Ok(false);
    }
    // Looking up a field of an object takes time in its size.
    meter.work((one.len() * one.len()) as u64 / 16)?;
    all(one.iter(), |(key, value)| match two.get(&key)? {
        Some(other) => equal(&value?, &other, meter),
        None => Ok(false),
    })
}

/// The order of two values of a type that has one, or of two numbers.
pub(crate) fn compare(one: &Value<'_>, two: &Value<'_>) -> Result<Ordering, EvalError> {
    match (one, two) {
        (Value::Bool(one), Value::Bool(two)) => Ok(one.cmp(two)),
        (Value::String(one), Value::String(two)) => Ok((**one).cmp(two)),
        (Value::Bytes(one), Value::Bytes(two)) => Ok(one.cmp(two)),
        (Value::Timestamp(one), Value::Timestamp(two)) => Ok(one.cmp(two)),
        (Value::Duration(one), Value::Duration(two)) => Ok(one.cmp(two)),
        (Value::Double(value), _) | (_, Value::Double(value)) if value.is_nan() => {
            Err(EvalError::failed("NaN values cannot be ordered"))
        }
        _ => compare_numbers(one, two).ok_or_else(EvalError::no_such_overload),
    }
}

fn compare_numbers(one: &Value<'_>, two: &Value<'_>) -> Option<Ordering> {
    let whole = |value: &Value<'_>| match value {
        Value::Int(value) => Some(i128::from(*value)),
        Value::Uint(value) => Some(i128::from(*value)),
        _ => None,
    };
    match (one, two) {
        (Value::Double(one), Value::Double(two)) => one.partial_cmp(two),
        (Value::Double(one), two) => compare_double(*one, whole(two)?),
        (one, Value::Double(two)) => compare_double(*two, whole(one)?).map(Ordering::reverse),
        _ => Some(whole(one)?.cmp(&whole(two)?)),
    }
}

/// As Go compares them: a whole number that no double can be is taken for one next to it.
fn compare_double(double: f64, whole: i128) -> Option<Ordering> {
    double.partial_cmp(&(whole as f64))
}

/// How CEL would write it, to tell values apart and to show them in tests.
impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = |_| fmt::Error;
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Uint(value) => write!(f, "{value}u"),
            Self::Double(value) => write!(f, "{value:?}"),
            Self::String(text) => write!(f, "{:?}", &**text),
            Self::Bytes(bytes) => write!(f, "b\"{}\"", bytes.escape_ascii()),
            Self::Timestamp(time) => write!(f, "timestamp({:?})", time.to_string()),
            Self::Duration(nanos) => write!(f, "duration({:?})", super::duration_to_string(*nanos)),
            Self::Type(name) => f.write_str(name),
            Self::List(list) => {
                let mut shown = f.debug_list();
                for item in list.iter() {
                    shown.entry(&item.map_err(failed)?);
                }
                shown.finish()
            }
            Self::Map(map) => {
                let mut shown = f.debug_map();
                for (key, value) in map.iter() {
                    shown.entry(&key, &value.map_err(failed)?);
                }
                shown.finish()
            }
            Self::Optional(None) => f.write_str("optional.none()"),
            Self::Optional(Some(value)) => write!(f, "optional.of({value:?})"),
            Self::Struct(object) => {
                let mut shown = f.debug_struct(&object.name);
                object.fields.iter().for_each(|(name, value)| {
                    shown.field(name, value);
                });
                shown.finish()
            }
            Self::Quantity(quantity) => write!(f, "quantity({:?})", quantity.to_string()),
            Self::Url(url) => write!(f, "url({:?})", url.to_string()),
            Self::Ip(ip) => write!(f, "ip(\"{ip}\")"),
            Self::Cidr(cidr) => write!(f, "cidr(\"{cidr}\")"),
            Self::Semver(version) => write!(f, "semver(\"{version}\")"),
            Self::Format(format) => write!(f, "format.{}()", format.name),
            Self::Authorizer(check) => f.write_str(check.type_name()),
        }
    }
}
