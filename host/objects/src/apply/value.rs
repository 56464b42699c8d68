//! Values as upstream's library orders them, and the texts that Go makes of them.

use std::cmp::Ordering;

use crate::tree::{Object, Tree};

/// Equality that takes a whole number for the float that it is.
pub(super) fn same(one: &Tree, two: &Tree) -> bool {
    match (one, two) {
        (Tree::Int(whole), Tree::Float(float)) | (Tree::Float(float), Tree::Int(whole)) => {
            *whole as f64 == *float
        }
        (Tree::Array(one), Tree::Array(two)) => same_items(one, two),
        (Tree::Object(one), Tree::Object(two)) => {
            let mut pairs = one.pairs().enumerate();
            one.len() == two.len()
                && pairs.all(|(at, (key, value))| two.get_near(at, key).is_some_and(|two| same(value, two)))
        }
        _ => one == two,
    }
}

pub(super) fn same_items(one: &[Tree], two: &[Tree]) -> bool {
    one.len() == two.len() && one.iter().zip(two).all(|(one, two)| same(one, two))
}

/// A total order: numbers before texts, booleans, lists, maps and null.
pub(super) fn order(one: &Tree, two: &Tree) -> Ordering {
    match (one, two) {
        (Tree::Int(one), Tree::Int(two)) => one.cmp(two),
        (Tree::Str(one), Tree::Str(two)) => one.cmp(two),
        (Tree::Bool(one), Tree::Bool(two)) => one.cmp(two),
        (Tree::Array(one), Tree::Array(two)) => order_all(one.iter(), two.iter()),
        (Tree::Object(one), Tree::Object(two)) => {
            let (one, two) = (sorted(one), sorted(two));
            let keys = one.iter().map(|(key, _)| key).cmp(two.iter().map(|(key, _)| key));
            keys.then_with(|| {
                order_all(one.iter().map(|(_, value)| *value), two.iter().map(|(_, value)| *value))
            })
        }
        _ => match (one.as_f64(), two.as_f64()) {
            (Some(one), Some(two)) => one.partial_cmp(&two).unwrap_or(Ordering::Equal),
            _ => rank(one).cmp(&rank(two)),
        },
    }
}

fn order_all<'a>(one: impl Iterator<Item = &'a Tree>, mut two: impl Iterator<Item = &'a Tree>) -> Ordering {
    for one in one {
        match two.next().map_or(Ordering::Greater, |two| order(one, two)) {
            Ordering::Equal => {}
            other => return other,
        }
    }
    if two.next().is_some() { Ordering::Less } else { Ordering::Equal }
}

fn rank(value: &Tree) -> u8 {
    match value {
        Tree::Int(_) | Tree::Float(_) => 0,
        Tree::Str(_) => 1,
        Tree::Bool(_) => 2,
        Tree::Array(_) => 3,
        Tree::Object(_) => 4,
        Tree::Null => 5,
    }
}

fn sorted(fields: &Object) -> Vec<(&str, &Tree)> {
    let mut pairs: Vec<_> = fields.iter().collect();
    pairs.sort_unstable_by_key(|(key, _)| *key);
    pairs
}

/// How paths show a value: texts quoted.
pub(super) fn shown(value: &Tree) -> String {
    match value {
        Tree::Null => "null".to_owned(),
        Tree::Str(text) => format!("{text:?}"),
        Tree::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(",")),
        Tree::Object(fields) => fields.iter().map(|(key, value)| format!("{key}={}", shown(value))).collect(),
        other => printed(other),
    }
}

/// Go's `%v`. Numbers of a patch are floats in Go, so that is how every number is printed.
pub(super) fn printed(value: &Tree) -> String {
    let joined = |texts: Vec<String>| texts.join(" ");
    match value {
        Tree::Null => "<nil>".to_owned(),
        Tree::Bool(value) => value.to_string(),
        Tree::Int(value) => float(*value as f64),
        Tree::Float(value) => float(*value),
        Tree::Str(text) => text.to_string(),
        Tree::Array(items) => format!("[{}]", joined(items.iter().map(printed).collect())),
        Tree::Object(fields) => {
            let pair = |(key, value): (&str, &Tree)| format!("{key}:{}", printed(value));
            format!("map[{}]", joined(sorted(fields).into_iter().map(pair).collect()))
        }
    }
}

/// Go's `%#v`.
pub(super) fn literal(value: &Tree) -> String {
    let joined = |texts: Vec<String>| texts.join(", ");
    match value {
        Tree::Null => "interface {}(nil)".to_owned(),
        Tree::Str(text) => format!("{text:?}"),
        Tree::Array(items) => format!("[]interface {{}}{{{}}}", joined(items.iter().map(literal).collect())),
        Tree::Object(fields) => {
            let pair = |(key, value): (&str, &Tree)| format!("{key:?}:{}", literal(value));
            format!("map[string]interface {{}}{{{}}}", joined(sorted(fields).into_iter().map(pair).collect()))
        }
        other => printed(other),
    }
}

/// Go's `%T` of a value that came as JSON.
pub(super) fn type_name(value: &Tree) -> &'static str {
    match value {
        Tree::Null => "<nil>",
        Tree::Bool(_) => "bool",
        Tree::Int(_) | Tree::Float(_) => "float64",
        Tree::Str(_) => "string",
        Tree::Array(_) => "[]interface {}",
        Tree::Object(_) => "map[string]interface {}",
    }
}

/// Go's `%v` of a float: the shortest text, with an exponent where that is below -4 or above 5.
fn float(value: f64) -> String {
    let scientific = format!("{value:e}");
    match scientific.split_once('e').and_then(|(digits, exponent)| Some((digits, exponent.parse().ok()?))) {
        Some((digits, exponent @ (..=-5_i32 | 6..))) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => value.to_string(),
    }
}

/// JSON as Go writes it: keys sorted, and what HTML could take for markup escaped.
pub(super) fn go_json(value: &Tree) -> String {
    let mut out = String::new();
    write_json(&mut out, value);
    out
}

fn write_json(out: &mut String, value: &Tree) {
    match value {
        Tree::Str(text) => write_text(out, text),
        Tree::Float(value) => out.push_str(&value.to_string()),
        Tree::Array(items) => {
            write_all(out, ['[', ']'], items.iter(), write_json);
        }
        Tree::Object(fields) => {
            write_all(out, ['{', '}'], sorted(fields).into_iter(), |out, (key, value)| {
                write_text(out, key);
                out.push(':');
                write_json(out, value);
            });
        }
        other => out.push_str(&other.to_json_string()),
    }
}

fn write_all<T>(
    out: &mut String,
    [open, close]: [char; 2],
    items: impl Iterator<Item = T>,
    write: impl Fn(&mut String, T),
) {
    out.push(open);
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(close);
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\x1f' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            _ => out.push(letter),
        }
    }
    out.push('"');
}
