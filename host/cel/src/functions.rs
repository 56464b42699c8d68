//! The functions of expressions: tables of overloads, by library, and how one is chosen.

mod authz;
pub(crate) mod cidr;
mod compare;
mod convert;
pub(crate) mod format;
mod jsonpatch;
mod lists;
mod network;
mod number;
mod optional;
mod quantity;
mod regexes;
pub(crate) mod semver;
mod sets;
mod signature;
mod standard;
mod string_format;
mod strings;
#[cfg(test)]
pub(crate) mod tests;
mod time;
pub(crate) mod url;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::cost::Meter;
use crate::types::Type;
use crate::value::{Evaluated, Value};

pub(crate) use convert::CONVERSIONS;
pub(crate) use regexes::{Pattern, Patterns, compile as compile_regex, prepare};
pub(crate) use string_format::check as check_format;

/// Works out a call of an overload whose parameters accept the arguments; a target is the first.
pub(crate) type Run = for<'a> fn(&[Value<'a>], &mut Meter) -> Evaluated<'a>;

/// A row of a library: in the signature, `{}` stands for each type of `over`.
struct Row {
    name: &'static str,
    /// `string.(int) -> string` is called on a target, `(string) -> bool` is not.
    signature: &'static str,
    over: &'static [&'static str],
    run: Run,
}

const fn row(name: &'static str, signature: &'static str, run: Run) -> Row {
    Row { name, signature, over: &["{}"], run }
}

const fn template(
    name: &'static str,
    signature: &'static str,
    over: &'static [&'static str],
    run: Run,
) -> Row {
    Row { name, signature, over, run }
}

/// Types that have an order.
const COMPARABLE: &[&str] = &["int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes"];

/// One way to call a function.
pub(crate) struct Overload {
    pub(crate) function: &'static str,
    pub(crate) on_target: bool,
    /// With the target first.
    pub(crate) params: Vec<Type>,
    pub(crate) result: Type,
    pub(crate) run: Run,
}

static FUNCTIONS: LazyLock<HashMap<&'static str, Vec<Overload>>> = LazyLock::new(|| {
    let libraries = [
        standard::ROWS,
        number::ROWS,
        compare::ROWS,
        convert::ROWS,
        time::ROWS,
        optional::ROWS,
        strings::ROWS,
        lists::ROWS,
        sets::ROWS,
        regexes::ROWS,
        url::ROWS,
        quantity::ROWS,
        network::ROWS,
        semver::ROWS,
        format::ROWS,
        authz::ROWS,
        jsonpatch::ROWS,
    ];
    let mut functions: HashMap<_, Vec<_>> = HashMap::new();
    for row in libraries.into_iter().flatten() {
        for of in row.over {
            let (on_target, params, result) = signature::read(&row.signature.replace("{}", of));
            let overload = Overload { function: row.name, on_target, params, result, run: row.run };
            functions.entry(row.name).or_default().push(overload);
        }
    }
    functions
});

/// The overloads of a function.
pub(crate) fn find(name: &str) -> Option<&'static [Overload]> {
    FUNCTIONS.get(name.strip_prefix('.').unwrap_or(name)).map(Vec::as_slice)
}

impl Overload {
    /// Whether the arguments are of the types that it takes, as far as values tell.
    pub(crate) fn accepts(&self, args: &[Value<'_>]) -> bool {
        self.params.len() == args.len() && self.params.iter().zip(args).all(|(param, arg)| is_of(arg, param))
    }
}

/// Of an aggregate of scalars the first element tells.
fn is_of(value: &Value<'_>, of: &Type) -> bool {
    match (value, of, of.params()) {
        (_, Type::Dyn | Type::Param(_), _) => true,
        (_, Type::Type(_), _) => matches!(value, Value::Type(_)),
        (Value::List(_), Type::List(_), [Type::List(_) | Type::Map(_)]) => true,
        (Value::List(list), Type::List(_), [items]) => {
            list.get(0).is_none_or(|item| item.is_ok_and(|item| is_of(&item, items)))
        }
        (Value::Map(map), Type::Map(_), [keys, values]) => map
            .iter()
            .next()
            .is_none_or(|(key, value)| is_of(&key, keys) && value.is_ok_and(|value| is_of(&value, values))),
        _ => value.type_name() == of.name(),
    }
}

/// What an overload does that the evaluator never calls, because it works it out itself.
fn inline<'a>(_: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    Err(crate::error::EvalError::no_such_overload())
}
