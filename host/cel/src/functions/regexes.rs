//! Regular expressions: `matches`, `find` and `findAll`, in RE2's syntax and in linear time.

use std::sync::Arc;

use regex::{Regex, RegexBuilder};

use super::{Row, row};
use crate::cost::Meter;
use crate::error::EvalError;
use crate::value::{Evaluated, Value};

pub(super) const ROWS: &[Row] = &[
    row("matches", "(string, string) -> bool", |args, meter| run("matches", args, meter)),
    row("matches", "string.(string) -> bool", |args, meter| run("matches", args, meter)),
    row("find", "string.(string) -> string", |args, meter| run("find", args, meter)),
    row("findAll", "string.(string) -> list(string)", |args, meter| run("findAll", args, meter)),
    row("findAll", "string.(string, int) -> list(string)", |args, meter| run("findAll", args, meter)),
];

/// The most bytes that a compiled expression may take.
const MAX_COMPILED: usize = 4 << 20;

/// What compiling takes, for each byte of an expression that is not known before evaluation.
const COMPILE_WORK: u64 = 200;

/// A function of this library with its expression compiled.
#[derive(Clone)]
pub(crate) struct Pattern {
    find: Find,
    regex: Arc<Regex>,
}

#[derive(Clone, Copy)]
enum Find {
    Any,
    First,
    All,
}

/// Reads the expression of a function of this library; none for other functions.
pub(crate) fn compile(function: &str, expression: &str) -> Option<Result<Pattern, EvalError>> {
    let find = match function {
        "matches" => Find::Any,
        "find" => Find::First,
        "findAll" => Find::All,
        _ => return None,
    };
    let regex = RegexBuilder::new(&translate(expression)).size_limit(MAX_COMPILED).build();
    Some(match regex {
        Ok(regex) => Ok(Pattern { find, regex: Arc::new(regex) }),
        Err(regex::Error::CompiledTooBig(_)) => {
            Err(EvalError::failed(format!("error parsing regexp: expression too large: `{expression}`")))
        }
        Err(_) => Err(EvalError::failed(format!("error parsing regexp: `{expression}`"))),
    })
}

impl Pattern {
    /// The function's result for its arguments; the expression among them is not read again.
    pub(crate) fn run<'a>(&self, args: &[Value<'a>]) -> Evaluated<'a> {
        let (text, limit) = match args {
            [Value::String(text), _] => (text, -1),
            [Value::String(text), _, Value::Int(limit)] => (text, *limit),
            _ => return Err(EvalError::no_such_overload()),
        };
        Ok(match self.find {
            Find::Any => Value::Bool(self.regex.is_match(text)),
            Find::First => Value::from(self.regex.find(text).map_or("", |found| found.as_str())),
            Find::All => {
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                let found = self.regex.find_iter(text).take(limit);
                Value::list(found.map(|found| Value::from(found.as_str())).collect())
            }
        })
    }
}

/// A call whose expression is not known before it is evaluated.
fn run<'a>(function: &str, args: &[Value<'a>], meter: &mut Meter) -> Evaluated<'a> {
    let [_, Value::String(expression), ..] = args else { return Err(EvalError::no_such_overload()) };
    meter.work(COMPILE_WORK * (expression.len() as u64 + 1))?;
    match compile(function, expression) {
        Some(Ok(pattern)) => pattern.run(args),
        Some(Err(error)) if function == "matches" => Err(error),
        Some(Err(error)) => Err(EvalError::failed(format!("Illegal regex: {error}"))),
        None => Err(EvalError::no_such_overload()),
    }
}

/// RE2's syntax in that of the `regex` crate: classes are those of ASCII, and what is special in a bracket there
/// alone is escaped.
fn translate(expression: &str) -> String {
    let mut out = String::with_capacity(expression.len() + 8);
    let mut chars = expression.chars().peekable();
    let mut in_class = false;
    // The first character of a class, after `^`, may be a `]` that does not close it.
    let mut is_first = false;
    while let Some(char) = chars.next() {
        let was_first = std::mem::replace(&mut is_first, false);
        match char {
            '\\' => match chars.next() {
                Some('Q') if !in_class => quoted(&mut chars, &mut out),
                Some(letter) => out.push_str(&perl_class(letter, in_class)),
                None => out.push('\\'),
            },
            '[' if !in_class => {
                in_class = true;
                is_first = true;
                out.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
            }
            '[' if chars.peek() == Some(&':') => out.push('['),
            '[' | '&' | '~' if in_class => out.extend(['\\', char]),
            ']' if in_class && was_first => out.push_str("\\]"),
            ':' if in_class && out.ends_with('[') && !out.ends_with("\\[") => {
                out.push(':');
                for char in chars.by_ref() {
                    out.push(char);
                    if out.ends_with(":]") {
                        break;
                    }
                }
            }
            ']' => {
                in_class = false;
                out.push(']');
            }
            other => out.push(other),
        }
    }
    out
}

/// Text after `\Q`, up to `\E`.
fn quoted(chars: &mut impl Iterator<Item = char>, out: &mut String) {
    let mut text = String::new();
    for char in chars {
        text.push(char);
        if text.ends_with("\\E") {
            text.truncate(text.len() - 2);
            break;
        }
    }
    out.push_str(&regex::escape(&text));
}

fn perl_class(letter: char, in_class: bool) -> String {
    const SPACE: &str = r"\t\n\f\r ";
    const WORD: &str = "0-9A-Za-z_";
    let (set, negated) = match letter {
        'd' => ("0-9", false),
        'D' => ("0-9", true),
        's' => (SPACE, false),
        'S' => (SPACE, true),
        'w' => (WORD, false),
        'W' => (WORD, true),
        'b' | 'B' if !in_class => return format!("(?-u:\\{letter})"),
        other => return format!("\\{other}"),
    };
    match (in_class, negated) {
        (true, false) => set.to_owned(),
        (_, true) => format!("[^{set}]"),
        (false, false) => format!("[{set}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::translate;

    #[test]
    fn classes_are_those_of_ascii_and_brackets_mean_what_they_mean_in_re2() {
        let cases = [
            (r"\d+", "[0-9]+"),
            (r"[\w.-]+@[^\s]", r"[0-9A-Za-z_.-]+@[^\t\n\f\r ]"),
            (r"[[&&a]", r"[\[\&\&a]"),
            ("[[:alpha:]_]", "[[:alpha:]_]"),
            ("[]a]", r"[\]a]"),
            (r"\Qa.b\E+", r"a\.b+"),
            (r"\bx\W", r"(?-u:\b)x[^0-9A-Za-z_]"),
        ];
        for (re2, expected) in cases {
            assert_eq!(translate(re2), expected);
        }
    }
}
