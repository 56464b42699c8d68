//! The syntax tree: what the parser makes, with macros expanded, and the checker reads.

use std::sync::Arc;

use crate::value::Value;

pub(crate) type Name = Arc<str>;

/// A node. `id` numbers it within its expression, `at` is where it begins, in code points.
#[derive(Clone, Debug)]
pub(crate) struct Expr {
    pub(crate) id: u32,
    pub(crate) at: u32,
    /// How deep the source below it is nested; nodes that a macro adds do not count.
    pub(crate) height: u16,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Literal(Value<'static>),
    Ident(Name),
    Select(Select),
    Call(Call),
    List(Vec<Item>),
    Map(Vec<Entry>),
    Struct { name: Name, fields: Vec<Field> },
    Fold(Box<Fold>),
}

#[derive(Clone, Debug)]
pub(crate) struct Select {
    pub(crate) operand: Box<Expr>,
    pub(crate) field: Name,
    /// `has(operand.field)`
    pub(crate) test: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) function: Name,
    pub(crate) target: Option<Box<Expr>>,
    pub(crate) args: Vec<Expr>,
}

/// An element of a list; an optional one (`[?x]`) is left out when it has no value.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) optional: bool,
    pub(crate) value: Expr,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) optional: bool,
    pub(crate) key: Expr,
    pub(crate) value: Expr,
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) at: u32,
    pub(crate) optional: bool,
    pub(crate) name: Name,
    pub(crate) value: Expr,
}

/// A comprehension: `result` after `step` was applied to the accumulator for each element of `range`, while
/// `condition` holds.
#[derive(Clone, Debug)]
pub(crate) struct Fold {
    pub(crate) range: Expr,
    pub(crate) variable: Name,
    /// The second variable: then the first is a list's index or a map's key.
    pub(crate) second: Option<Name>,
    pub(crate) accumulator: Name,
    pub(crate) init: Expr,
    pub(crate) condition: Expr,
    pub(crate) step: Expr,
    pub(crate) result: Expr,
}

impl Fold {
    /// Whether it only names the value of `init` for `result`, as macros do that need a value twice.
    pub(crate) fn is_binding(&self) -> bool {
        matches!(&self.range.kind, Kind::List(items) if items.is_empty())
            && matches!(self.condition.kind, Kind::Literal(Value::Bool(false)))
    }
}

impl Expr {
    /// The direct children in the order in which they are written.
    pub(crate) fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            Kind::Literal(_) | Kind::Ident(_) => Vec::new(),
            Kind::Select(select) => vec![&select.operand],
            Kind::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
            Kind::List(items) => items.iter().map(|item| &item.value).collect(),
            Kind::Map(entries) => entries.iter().flat_map(|entry| [&entry.key, &entry.value]).collect(),
            Kind::Struct { fields, .. } => fields.iter().map(|field| &field.value).collect(),
            Kind::Fold(fold) => vec![&fold.range, &fold.init, &fold.condition, &fold.step, &fold.result],
        }
    }

    pub(crate) fn nodes(&self) -> usize {
        1 + self.children().into_iter().map(Expr::nodes).sum::<usize>()
    }

    pub(crate) fn as_ident(&self) -> Option<&Name> {
        match &self.kind {
            Kind::Ident(name) => Some(name),
            _ => None,
        }
    }

    pub(crate) fn as_call(&self, function: &str) -> Option<&[Expr]> {
        match &self.kind {
            Kind::Call(call) if &*call.function == function && call.target.is_none() => Some(&call.args),
            _ => None,
        }
    }

    pub(crate) fn as_string(&self) -> Option<&str> {
        match &self.kind {
            Kind::Literal(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// `a.b.c` as one name, if it is nothing but names.
    pub(crate) fn qualified_name(&self) -> Option<String> {
        match &self.kind {
            Kind::Ident(name) => Some(name.to_string()),
            Kind::Select(select) if !select.test => {
                let mut name = select.operand.qualified_name()?;
                name.push('.');
                name.push_str(&select.field);
                Some(name)
            }
            _ => None,
        }
    }
}

/// The names of the operators as functions.
pub(crate) mod operator {
    pub(crate) const AND: &str = "_&&_";
    pub(crate) const OR: &str = "_||_";
    pub(crate) const NOT: &str = "!_";
    pub(crate) const NEGATE: &str = "-_";
    pub(crate) const CONDITIONAL: &str = "_?_:_";
    pub(crate) const ADD: &str = "_+_";
    pub(crate) const EQUALS: &str = "_==_";
    pub(crate) const NOT_EQUALS: &str = "_!=_";
    pub(crate) const IN: &str = "@in";
    pub(crate) const INDEX: &str = "_[_]";
    pub(crate) const OPTIONAL_INDEX: &str = "_[?_]";
    pub(crate) const OPTIONAL_SELECT: &str = "_?._";
    pub(crate) const NOT_STRICTLY_FALSE: &str = "@not_strictly_false";
    pub(crate) const INSERT: &str = "cel.@mapInsert";
    pub(crate) const SORT_BY_KEYS: &str = "@sortByAssociatedKeys";

    /// The operators between two operands: symbol, function, and how tight they bind.
    pub(crate) const BINARY: &[(&str, &str, u8)] = &[
        ("||", OR, OR_TIGHTNESS),
        ("&&", AND, AND_TIGHTNESS),
        ("<", "_<_", 2),
        ("<=", "_<=_", 2),
        (">=", "_>=_", 2),
        (">", "_>_", 2),
        ("==", EQUALS, 2),
        ("!=", NOT_EQUALS, 2),
        ("in", IN, 2),
        ("+", ADD, 3),
        ("-", "_-_", 3),
        ("*", "_*_", 4),
        ("/", "_/_", 4),
        ("%", "_%_", 4),
    ];

    pub(crate) const OR_TIGHTNESS: u8 = 0;
    pub(crate) const AND_TIGHTNESS: u8 = 1;
}
