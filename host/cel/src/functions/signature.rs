//! Reads the signatures of the function tables.

use crate::types::{Param, Type};

/// A name and how its type is made.
type NamedType = (&'static str, fn() -> Type);

/// The types that signatures name, besides those with parameters.
const TYPES: &[NamedType] = &[
    ("dyn", || Type::Dyn),
    ("null", || Type::Null),
    ("bool", || Type::Bool),
    ("int", || Type::Int),
    ("uint", || Type::Uint),
    ("double", || Type::Double),
    ("string", || Type::String),
    ("bytes", || Type::Bytes),
    ("timestamp", || Type::Timestamp),
    ("duration", || Type::Duration),
    ("quantity", || Type::object("kubernetes.Quantity")),
    ("url", || Type::object("kubernetes.URL")),
    ("semver", || Type::object("kubernetes.Semver")),
    ("format", || Type::object("kubernetes.NamedFormat")),
    ("ip", || Type::Opaque("net.IP", crate::types::Params::none())),
    ("cidr", || Type::Opaque("net.CIDR", crate::types::Params::none())),
    ("authorizer", || Type::object("kubernetes.authorization.Authorizer")),
    ("pathcheck", || Type::object("kubernetes.authorization.PathCheck")),
    ("groupcheck", || Type::object("kubernetes.authorization.GroupCheck")),
    ("resourcecheck", || Type::object("kubernetes.authorization.ResourceCheck")),
    ("decision", || Type::object("kubernetes.authorization.Decision")),
];

/// Whether it is called on a target, its parameters with the target first, and its result.
///
/// The tables are part of the program: a mistake in them panics at first use, in every test.
pub(super) fn read(text: &str) -> (bool, Vec<Type>, Type) {
    let (call, result) = text.split_once(" -> ").expect("a signature has a result");
    let open = call.rfind(".(").map_or(0, |dot| dot + 1);
    let target = call[..open].strip_suffix('.');
    let params = call[open..].strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let params = split(params.expect("a signature has its parameters in parentheses"));
    let types = target.into_iter().chain(params).map(read_type).collect();
    (target.is_some(), types, read_type(result))
}

/// The parts between the commas that are in no parentheses.
fn split(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, char) in text.char_indices() {
        match char {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    let last = text[start..].trim();
    parts.extend((!last.is_empty()).then_some(last));
    parts
}

fn read_type(text: &str) -> Type {
    if let Some((name, params)) = text.split_once('(') {
        let params: Vec<_> = split(&params[..params.len() - 1]).into_iter().map(read_type).collect();
        return match (name, params.as_slice()) {
            ("list", [items]) => Type::list(items.clone()),
            ("map", [keys, values]) => Type::map(keys.clone(), values.clone()),
            ("optional", [value]) => Type::optional(value.clone()),
            ("type", [value]) => Type::type_of(value.clone()),
            _ => panic!("no type {text}"),
        };
    }
    let named = TYPES.iter().find(|(name, _)| *name == text).map(|(_, make)| make());
    named.unwrap_or_else(|| {
        let letter =
            text.chars().next().filter(|_| text.len() == 1).expect("a type or the letter of a variable");
        Type::Param(Param::Named(letter))
    })
}
