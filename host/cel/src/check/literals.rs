//! Literals that would fail whenever they are evaluated, and aggregates of mixed types.

use super::Checked;
use crate::ast::{Call, Entry, Expr, Item, Kind};
use crate::cost::Meter;
use crate::error::Issues;
use crate::functions::check_format;
use crate::types::Type;
use crate::value::{Moment, Value, parse_duration};

/// Reports what is wrong with the literals of an expression whose types are right.
pub(super) fn check(expr: &Expr, checked: &Checked, issues: &mut Issues<'_>) {
    let mut walker = Walker { checked, issues, meter: Meter::unlimited() };
    walker.walk(expr, false);
}

struct Walker<'w, 's> {
    checked: &'w Checked,
    issues: &'w mut Issues<'s>,
    meter: Meter,
}

impl Walker<'_, '_> {
    /// `mixed` allows aggregates of several types, as the arguments of `format` are.
    fn walk(&mut self, expr: &Expr, mixed: bool) {
        let mut below = mixed;
        match &expr.kind {
            Kind::Call(call) => {
                self.argument(call);
                if &*call.function == "format" {
                    below = true;
                    format_call(expr, call, self.checked, self.issues);
                }
            }
            Kind::List(items) if !mixed => list(items, self.checked, self.issues),
            Kind::Map(entries) if !mixed => map(entries, self.checked, self.issues),
            _ => {}
        }
        expr.children().into_iter().for_each(|child| self.walk(child, below));
    }

    /// Durations, timestamps and regular expressions that are no such thing.
    fn argument(&mut self, call: &Call) {
        let Some(arg @ Expr { kind: Kind::Literal(value), .. }) = call.args.first() else { return };
        let is_valid = match (&*call.function, value) {
            ("duration", Value::String(text)) => parse_duration(text).is_some(),
            ("timestamp", Value::String(text)) => Moment::parse(text).is_some(),
            ("timestamp", Value::Int(seconds)) => Moment::from_seconds(*seconds).is_some(),
            ("matches", Value::String(text)) => self.meter.regex(text).is_ok(),
            _ => true,
        };
        if !is_valid {
            self.issues.report(Some(arg.at), format!("invalid {} argument", call.function));
        }
    }
}

fn format_call(expr: &Expr, call: &Call, checked: &Checked, issues: &mut Issues<'_>) {
    let format = call.target.as_deref().and_then(Expr::as_string);
    let (Some(format), [Expr { kind: Kind::List(items), .. }]) = (format, call.args.as_slice()) else {
        return;
    };
    let types: Vec<Type> = items.iter().map(|item| checked.type_of(&item.value).clone()).collect();
    if let Err((index, message)) = check_format(format, &types) {
        let at = index.map_or(expr.at, |index| items[index].value.at);
        issues.report(Some(at), message);
    }
}

/// The type of an element; of an optional one what it holds.
fn held(checked: &Checked, value: &Expr, optional: bool) -> Type {
    let of = checked.type_of(value);
    if optional { of.params().first().unwrap_or(of).clone() } else { of.clone() }
}

/// Whether two types are one, where a dynamic type is only itself.
fn differ(first: &Type, other: &Type, at: u32, issues: &mut Issues<'_>) -> bool {
    let differ = first != other;
    if differ {
        issues.report(Some(at), format!("expected type '{first}' but found '{other}'"));
    }
    differ
}

fn list(items: &[Item], checked: &Checked, issues: &mut Issues<'_>) {
    let Some((first, rest)) = items.split_first() else { return };
    let expected = held(checked, &first.value, first.optional);
    for item in rest {
        let found = held(checked, &item.value, item.optional);
        if differ(&expected, &found, item.value.at, issues) {
            return;
        }
    }
}

fn map(entries: &[Entry], checked: &Checked, issues: &mut Issues<'_>) {
    let Some((first, rest)) = entries.split_first() else { return };
    let expected = held(checked, &first.value, first.optional);
    for entry in rest {
        differ(checked.type_of(&first.key), checked.type_of(&entry.key), entry.key.at, issues);
        let found = held(checked, &entry.value, entry.optional);
        differ(&expected, &found, entry.value.at, issues);
    }
}
