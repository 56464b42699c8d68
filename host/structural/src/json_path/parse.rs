//! Reads a JSONPath expression.

use objects::Tree;

use super::{Filter, JsonPath, Operator, Step};

pub(super) fn parse(text: &str) -> Result<JsonPath, String> {
    let mut steps = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = match c {
            // What stands behind the expression is text, which no column shows.
            '}' => break,
            '\n' | '\r' => return Err("unclosed action".to_owned()),
            ' ' | '@' | '$' => after,
            '[' => match rest.strip_prefix("[?(") {
                Some(inside) => filter(inside, &mut steps)?,
                None => array(after, &mut steps)?,
            },
            '.' => match rest.strip_prefix("..") {
                Some(behind) => descent(behind, &mut steps)?,
                None => field(after, &mut steps),
            },
            '"' | '\'' => quoted(rest, c, &mut steps)?,
            '+' | '-' | '0'..='9' => number(rest, &mut steps)?,
            c if is_word(c) => word(rest, &mut steps)?,
            c => return Err(format!("unrecognized character in action: U+{:04X} '{c}'", u32::from(c))),
        };
    }
    Ok(JsonPath(steps))
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn is_terminator(c: char) -> bool {
    " \t\r\n.,[]$@{}".contains(c)
}

/// A name up to a terminator that no backslash hides; gives what is left.
fn field<'a>(text: &'a str, steps: &mut Vec<Step>) -> &'a str {
    let mut name = String::new();
    let mut chars = text.char_indices();
    let mut end = text.len();
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            name.extend(chars.next().map(|(_, hidden)| hidden).filter(|hidden| *hidden != '\\'));
        } else if is_terminator(c) {
            end = at;
            break;
        } else {
            name.push(c);
        }
    }
    steps.push(if name == "*" { Step::Wildcard } else { Step::Field(name) });
    &text[end..]
}

fn descent<'a>(text: &'a str, steps: &mut Vec<Step>) -> Result<&'a str, String> {
    if matches!(steps.last(), Some(Step::Descent)) {
        return Err("invalid multiple recursive descent".to_owned());
    }
    steps.push(Step::Descent);
    Ok(if text.starts_with(is_word) { field(text, steps) } else { text })
}

/// What stands in brackets, whose opening one is passed.
fn array<'a>(text: &'a str, steps: &mut Vec<Step>) -> Result<&'a str, String> {
    let end = text.find([']', '\n']).filter(|at| text[*at..].starts_with(']'));
    let (inside, rest) = text.split_at(end.ok_or("unterminated array")?);
    let rest = &rest[1..];
    let parts: Vec<&str> = inside.split(',').collect();
    if let [one] = parts.as_slice() {
        element(one, steps)?;
    } else {
        let path = |part: &&str| {
            let mut steps = Vec::new();
            element(part.trim_matches(' '), &mut steps).map(|()| JsonPath(steps))
        };
        steps.push(Step::Union(parts.iter().map(path).collect::<Result<_, _>>()?));
    }
    Ok(rest)
}

/// A quoted name, an index or a slice.
fn element(text: &str, steps: &mut Vec<Step>) -> Result<(), String> {
    let quoted =
        text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).filter(|name| !name.contains('\''));
    if let Some(name) = quoted {
        steps.extend(parse(&format!(".{name}"))?.0);
        return Ok(());
    }
    let invalid = || format!("invalid array index {text}");
    let count = |text: &str| -> Result<Option<i64>, String> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        match digits {
            "" if text.is_empty() => Ok(None),
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().map(Some).map_err(|_| format!("array index {text} is not a number"))
            }
            _ => Err(invalid()),
        }
    };
    let slice = if text == "*" { ":" } else { text };
    let parts = slice.split(':').map(count).collect::<Result<Vec<_>, _>>()?;
    steps.push(match parts.as_slice() {
        [index] => Step::Index(index.unwrap_or(0)),
        [start, end] => Step::Slice { start: *start, end: *end, step: None },
        [start, end, step] => Step::Slice { start: *start, end: *end, step: *step },
        _ => return Err(invalid()),
    });
    Ok(())
}

/// What stands behind `[?(`.
fn filter<'a>(text: &'a str, steps: &mut Vec<Step>) -> Result<&'a str, String> {
    let mut quote = None;
    let mut closed = true;
    let mut before = ' ';
    let mut end = None;
    for (at, c) in text.char_indices() {
        match (c, quote) {
            ('\n', _) => break,
            ('"' | '\'', None) => (quote, closed) = (Some(c), false),
            (c, Some(open)) if c == open && before != '\\' => closed = true,
            (')', _) if closed => {
                end = Some(at);
                break;
            }
            _ => {}
        }
        before = c;
    }
    let (inside, rest) = text.split_at(end.ok_or("unterminated filter")?);
    let rest = rest.strip_prefix(")]").ok_or("unclosed array expect ]")?;
    steps.push(Step::Filter(condition(inside)?));
    Ok(rest)
}

fn condition(text: &str) -> Result<Filter, String> {
    let Some(start) = text.find(['!', '<', '>', '=']).filter(|start| *start > 0) else {
        return Ok(Filter { left: parse(text)?, right: None });
    };
    let len = text[start..].find(|c| !"!<>=~".contains(c)).unwrap_or(0);
    let (sign, right) = text[start..].split_at(len);
    if right.is_empty() {
        return Ok(Filter { left: parse(text)?, right: None });
    }
    let operator = match sign {
        "<" => Operator::Less,
        "<=" => Operator::LessOrEqual,
        ">" => Operator::Greater,
        ">=" => Operator::GreaterOrEqual,
        "==" => Operator::Equal,
        "!=" => Operator::NotEqual,
        "=~" => Operator::Matches,
        other => return Err(format!("unrecognized filter operator {other}")),
    };
    Ok(Filter { left: parse(&text[..start])?, right: Some((operator, parse(right)?)) })
}

fn quoted<'a>(text: &'a str, quote: char, steps: &mut Vec<Step>) -> Result<&'a str, String> {
    let bytes = text.as_bytes();
    let closes = |at: &usize| bytes[*at] == quote as u8 && bytes[at - 1] != b'\\';
    let end = (1..bytes.len()).find(closes).ok_or("unterminated quoted string")?;
    let mut value = String::new();
    let mut chars = text[1..end].chars();
    while let Some(c) = chars.next() {
        value.push(match c {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some(c @ ('\\' | '"' | '\'')) => c,
                _ => return Err(format!("unquote string {} error invalid syntax", &text[..=end])),
            },
            c => c,
        });
    }
    steps.push(Step::Literal(Tree::from(value)));
    Ok(&text[end + 1..])
}

fn number<'a>(text: &'a str, steps: &mut Vec<Step>) -> Result<&'a str, String> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let len = digits.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(digits.len());
    let (number, rest) = text.split_at(text.len() - digits.len() + len);
    let value = number.parse().map(Tree::Int).or_else(|_| number.parse().map(Tree::Float));
    steps.push(Step::Literal(value.map_err(|_| format!("cannot parse number {number}"))?));
    Ok(rest)
}

/// `true` or `false`; what else there is of words needs a template.
fn word<'a>(text: &'a str, steps: &mut Vec<Step>) -> Result<&'a str, String> {
    let (word, rest) = text.split_at(text.find(is_terminator).unwrap_or(text.len()));
    let value = word.parse().map_err(|_| format!("unrecognized identifier {word}"))?;
    steps.push(Step::Literal(Tree::Bool(value)));
    Ok(rest)
}
