//! What a call costs, by its arguments and its result.

use super::range::scale;
use super::{CHECK, CREATE_LIST, CREATE_STRUCT, REGEX, TRAVERSAL};
use crate::functions::Overload;
use crate::types::Type;
use crate::value::{List, Value};

/// The cost of a call; `overload` is known where only one can be meant. Arguments that failed have a size of one.
pub(crate) fn call_cost(
    function: &str,
    overload: Option<&Overload>,
    args: &[Value<'_>],
    result: Option<&Value<'_>>,
) -> u64 {
    let size = |index: usize| args.get(index).map_or(1, Value::size);
    let kubernetes = match function {
        "check" => Some(CHECK),
        "fieldSelector" | "labelSelector" => Some(selector(size(1))),
        "isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf" => {
            Some(args.first().map_or(0, traversal))
        }
        "url"
        | "lowerAscii"
        | "upperAscii"
        | "substring"
        | "trim"
        | "jsonpatch.escapeKey"
        | "cidr"
        | "isIP"
        | "isCIDR"
        | "quantity"
        | "isQuantity"
        | "semver"
        | "isSemver" => Some(scale(size(0), TRAVERSAL)),
        "ip" if matches!(args.first(), Some(Value::Cidr(_))) => Some(1),
        "ip" => Some(scale(size(0), TRAVERSAL)),
        "replace" | "split" | "ip.isCanonical" => Some(scale(size(0), 2.0 * TRAVERSAL)),
        "join" => Some(scale(result.map_or(1, Value::size), 2.0 * TRAVERSAL)),
        "find" | "findAll" => Some(regex(size(0), size(1))),
        "containsIP" => Some(scale(2 * size(0), TRAVERSAL) + parsed(args)),
        "containsCIDR" => Some(scale(2 * size(0), TRAVERSAL) + scale(size(0), TRAVERSAL) + 1 + parsed(args)),
        "validate" => match args.first() {
            Some(Value::Format(format)) => Some(regex(size(1), format.regex_size)),
            _ => None,
        },
        "_==_" => args.first().is_some_and(is_library_value).then_some(1),
        _ => None,
    };
    kubernetes.or_else(|| overload.map(|overload| standard(overload, args, result))).unwrap_or(1)
}

/// The cost of an overload of CEL itself and its extensions.
fn standard(overload: &Overload, args: &[Value<'_>], result: Option<&Value<'_>>) -> u64 {
    let size = |index: usize| args.get(index).map_or(1, Value::size);
    let is_text = matches!(overload.params.first(), Some(Type::String | Type::Bytes));
    match overload.function {
        "startsWith" | "endsWith" => scale(size(0).min(size(1)), TRAVERSAL),
        "strings.quote" | "format" => scale(size(0), TRAVERSAL),
        "bytes" if matches!(overload.params.as_slice(), [Type::String]) => scale(size(0), TRAVERSAL),
        "string" if matches!(overload.params.as_slice(), [Type::Bytes]) => scale(size(0), TRAVERSAL),
        "@in" if matches!(overload.params.get(1), Some(Type::List(_))) => size(1),
        "_<_" | "_<=_" | "_>_" | "_>=_" if is_text => scale(size(0).min(size(1)), TRAVERSAL),
        "_==_" | "_!=_" => scale(size(0).min(size(1)), TRAVERSAL),
        "_+_" if is_text => scale(size(0).saturating_add(size(1)), TRAVERSAL),
        "matches" => regex(size(0), size(1)),
        "contains" => scale(size(0), TRAVERSAL).saturating_mul(scale(size(1), TRAVERSAL)),
        "sets.contains" | "sets.intersects" => 1 + size(0).saturating_mul(size(1)),
        "sets.equivalent" => 1 + size(0).saturating_mul(size(1)).saturating_mul(2),
        "slice" | "lists.range" | "reverse" => allocated(1.0, result.map_or(1, Value::size)),
        "flatten" => {
            let depth = match args.get(1) {
                Some(Value::Int(depth)) => *depth as f64,
                _ => 1.0,
            };
            allocated(depth, size(0))
        }
        "distinct" | "sort" => self_compared(args.first()),
        "@sortByAssociatedKeys" => self_compared(args.get(1)),
        _ => 1,
    }
}

/// A list that is made with so much for each element.
fn allocated(factor: f64, size: u64) -> u64 {
    // Rounded down, unlike the costs of strings.
    ((size as f64 * factor) as u64).saturating_add(1 + CREATE_LIST)
}

/// A list whose elements are compared with one another.
fn self_compared(list: Option<&Value<'_>>) -> u64 {
    let Some(Value::List(list)) = list else { return allocated(2.0, 0) };
    let is_text = matches!(list.get(0), Some(Ok(Value::String(_) | Value::Bytes(_))));
    let size = list.len() as u64;
    allocated(if is_text { 2.0 + TRAVERSAL } else { 2.0 }, size.saturating_mul(size))
}

fn regex(text: u64, expression: u64) -> u64 {
    // An empty text does not make the expression free.
    scale(text.saturating_add(1), TRAVERSAL).saturating_mul(scale(expression, REGEX))
}

/// Parsing a selector makes a list, and a struct and a list for every two characters at worst.
pub(super) fn selector(length: u64) -> u64 {
    let requirements = scale(length, 0.5);
    CREATE_LIST
        .saturating_add(scale(length, TRAVERSAL))
        .saturating_add(requirements.saturating_mul(CREATE_LIST + CREATE_STRUCT))
}

/// The second argument is parsed first if it is a string.
fn parsed(args: &[Value<'_>]) -> u64 {
    match args.get(1) {
        Some(text @ Value::String(_)) => scale(text.size(), TRAVERSAL),
        _ => 0,
    }
}

fn is_library_value(value: &Value<'_>) -> bool {
    matches!(
        value,
        Value::Quantity(_)
            | Value::Ip(_)
            | Value::Cidr(_)
            | Value::Format(_)
            | Value::Url(_)
            | Value::Semver(_)
            | Value::Authorizer(_)
    )
}

/// Going through all that is in a value, strings by their bytes.
fn traversal(value: &Value<'_>) -> u64 {
    match value {
        Value::String(text) => (text.len() as f64 * TRAVERSAL) as u64,
        Value::Bytes(bytes) => (bytes.len() as f64 * TRAVERSAL) as u64,
        Value::List(list) => traverse_list(list),
        Value::Map(map) => map
            .iter()
            .map(|(key, value)| traversal(&key) + value.as_ref().map_or(1, traversal))
            .fold(0, u64::saturating_add),
        _ => 1,
    }
}

fn traverse_list(list: &List<'_>) -> u64 {
    list.iter().map(|item| item.as_ref().map_or(1, traversal)).fold(0, u64::saturating_add)
}
