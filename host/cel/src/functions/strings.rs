//! The string functions of CEL and of its string extension, version 2. Indexes count code points.

use super::{Row, row};
use crate::cost::Meter;
use crate::error::EvalError;
use crate::value::{Evaluated, Value};

pub(super) const ROWS: &[Row] = &[
    row("contains", "string.(string) -> bool", |args, _| test(args, |text, part| text.contains(part))),
    row("startsWith", "string.(string) -> bool", |args, _| test(args, |text, part| text.starts_with(part))),
    row("endsWith", "string.(string) -> bool", |args, _| test(args, |text, part| text.ends_with(part))),
    row("charAt", "string.(int) -> string", char_at),
    row("indexOf", "string.(string) -> int", index_of),
    row("indexOf", "string.(string, int) -> int", index_of),
    row("lastIndexOf", "string.(string) -> int", last_index_of),
    row("lastIndexOf", "string.(string, int) -> int", last_index_of),
    row("lowerAscii", "string.() -> string", |args, _| map(args, str::to_ascii_lowercase)),
    row("upperAscii", "string.() -> string", |args, _| map(args, str::to_ascii_uppercase)),
    row("trim", "string.() -> string", |args, _| map(args, |text| text.trim_matches(is_space).to_owned())),
    row("replace", "string.(string, string) -> string", replace),
    row("replace", "string.(string, string, int) -> string", replace),
    row("split", "string.(string) -> list(string)", split),
    row("split", "string.(string, int) -> list(string)", split),
    row("substring", "string.(int) -> string", substring),
    row("substring", "string.(int, int) -> string", substring),
    row("join", "list(string).() -> string", join),
    row("join", "list(string).(string) -> string", join),
    row("format", "string.(list(dyn)) -> string", super::string_format::run),
    row("strings.quote", "(string) -> string", |args, _| map(args, quote)),
];

/// The longest string that a function makes: replacing and joining can blow one up.
const MAX_LEN: usize = 64 << 20;

fn is_space(char: char) -> bool {
    char.is_whitespace() || char == '\u{85}'
}

fn test<'a>(args: &[Value<'a>], test: fn(&str, &str) -> bool) -> Evaluated<'a> {
    let [Value::String(text), Value::String(part)] = args else { return Err(EvalError::no_such_overload()) };
    Ok(Value::Bool(test(text, part)))
}

fn map<'a>(args: &[Value<'a>], map: fn(&str) -> String) -> Evaluated<'a> {
    let [Value::String(text)] = args else { return Err(EvalError::no_such_overload()) };
    Ok(Value::from(map(text)))
}

fn out_of_range(index: i64) -> EvalError {
    EvalError::failed(format!("index out of range: {index}"))
}

/// Where the code point at an index begins; the end of the text is an index too.
fn offset(text: &str, index: i64) -> Result<usize, EvalError> {
    let mut offsets = text.char_indices().map(|(offset, _)| offset).chain([text.len()]);
    usize::try_from(index).ok().and_then(|index| offsets.nth(index)).ok_or_else(|| out_of_range(index))
}

fn char_at<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    let [Value::String(text), Value::Int(index)] = args else { return Err(EvalError::no_such_overload()) };
    let rest = &text[offset(text, *index)?..];
    Ok(Value::from(rest.chars().next().map(String::from).unwrap_or_default()))
}

/// The text, the part that is looked for, and the index to look from.
fn search<'v>(args: &'v [Value<'_>]) -> Result<(&'v str, &'v str, Option<i64>), EvalError> {
    match args {
        [Value::String(text), Value::String(part)] => Ok((text, part, None)),
        [Value::String(_), Value::String(_), Value::Int(from)] if *from < 0 => Err(out_of_range(*from)),
        [Value::String(text), Value::String(part), Value::Int(from)] => Ok((text, part, Some(*from))),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn count(text: &str) -> i64 {
    text.chars().count() as i64
}

fn index_of<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    let (text, part, from) = search(args)?;
    let from = from.unwrap_or(0);
    let index = match offset(text, from) {
        _ if part.is_empty() => from.min(count(text)),
        Ok(start) => text[start..].find(part).map_or(-1, |found| from + count(&text[start..start + found])),
        Err(_) => -1,
    };
    Ok(Value::Int(index))
}

fn last_index_of<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    let (text, part, from) = search(args)?;
    let len = count(text);
    let index = match from {
        _ if part.is_empty() => from.map_or(len, |from| from.min(len)),
        Some(from) if from >= len => -1,
        from => {
            // An occurrence may begin at the index, so that it ends behind it.
            let start = offset(text, from.unwrap_or(len))?;
            let end = text.floor_char_boundary(start + part.len());
            text[..end].rfind(part).map_or(-1, |found| count(&text[..found]))
        }
    };
    Ok(Value::Int(index))
}

fn replace<'a>(args: &[Value<'a>], meter: &mut Meter) -> Evaluated<'a> {
    let (text, old, new, limit) = match args {
        [Value::String(text), Value::String(old), Value::String(new)] => (text, old, new, -1),
        [Value::String(text), Value::String(old), Value::String(new), Value::Int(limit)] => {
            (text, old, new, *limit)
        }
        _ => return Err(EvalError::no_such_overload()),
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let most = (text.len() + 1).min(limit).saturating_mul(new.len());
    let count = if most > MAX_LEN { text.matches(&**old).take(limit).count() } else { 0 };
    if count.saturating_mul(new.len()) > MAX_LEN {
        return Err(EvalError::CostExceeded);
    }
    let replaced = text.replacen(&**old, new, limit);
    meter.work(replaced.len() as u64)?;
    Ok(Value::from(replaced))
}

fn split<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    let (text, separator, limit) = match args {
        [Value::String(text), Value::String(separator)] => (text, separator, -1),
        [Value::String(text), Value::String(separator), Value::Int(limit)] => (text, separator, *limit),
        _ => return Err(EvalError::no_such_overload()),
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let parts: Vec<Value<'a>> = if limit == 0 {
        Vec::new()
    } else if separator.is_empty() {
        let last = offset(text, (limit - 1).min(text.len()) as i64).unwrap_or(text.len());
        let rest = (!text[last..].is_empty()).then(|| Value::from(&text[last..]));
        text[..last].chars().map(|char| Value::from(char.to_string())).chain(rest).collect()
    } else {
        text.splitn(limit, &**separator).map(Value::from).collect()
    };
    Ok(Value::list(parts))
}

fn substring<'a>(args: &[Value<'a>], _: &mut Meter) -> Evaluated<'a> {
    let (text, start, end) = match args {
        [Value::String(text), Value::Int(start)] => (text, *start, None),
        [Value::String(text), Value::Int(start), Value::Int(end)] => (text, *start, Some(*end)),
        _ => return Err(EvalError::no_such_overload()),
    };
    if let Some(end) = end.filter(|end| start > *end) {
        let message = format!("invalid substring range. start: {start}, end: {end}");
        return Err(EvalError::failed(message));
    }
    let from = offset(text, start)?;
    let to = end.map_or(Ok(text.len()), |end| offset(text, end))?;
    Ok(Value::from(&text[from..to]))
}

fn join<'a>(args: &[Value<'a>], meter: &mut Meter) -> Evaluated<'a> {
    let (list, separator) = match args {
        [Value::List(list)] => (list, ""),
        [Value::List(list), Value::String(separator)] => (list, &**separator),
        _ => return Err(EvalError::no_such_overload()),
    };
    let mut joined = String::new();
    for (index, item) in list.iter().enumerate() {
        if index > 0 {
            joined.push_str(separator);
        }
        match item? {
            Value::String(text) => joined.push_str(&text),
            other => return Err(EvalError::failed(format!("join: invalid input: {other:?}"))),
        }
        if joined.len() > MAX_LEN {
            return Err(EvalError::CostExceeded);
        }
    }
    meter.work(joined.len() as u64)?;
    Ok(Value::from(joined))
}

/// The text between double quotes, with what is special escaped.
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for char in text.chars() {
        match char {
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
