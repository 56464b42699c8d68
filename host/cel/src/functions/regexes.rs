//! Regular expressions: `matches`, `find` and `findAll`, in RE2's syntax and in linear time.

use std::collections::HashMap;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};

use super::{Row, row};
use crate::cost::Meter;
use crate::error::EvalError;
use crate::value::{Evaluated, Value};

pub(super) const ROWS: &[Row] = &[
    row("matches", "(string, string) -> bool", |args, meter| run(Find::Any, args, meter)),
    row("matches", "string.(string) -> bool", |args, meter| run(Find::Any, args, meter)),
    row("find", "string.(string) -> string", |args, meter| run(Find::First, args, meter)),
    row("findAll", "string.(string) -> list(string)", |args, meter| run(Find::All, args, meter)),
    row("findAll", "string.(string, int) -> list(string)", |args, meter| run(Find::All, args, meter)),
];

/// The bytes that a compiled expression may take, and the steps that compiling so much is counted as: most are small,
/// and of those that repeat a repetition there can be only some.
const SIZES: &[(usize, u64)] = &[(32 << 10, 20_000), (8 << 20, 40_000_000)];

/// What the `regex` crate finds wrong, and how Go says it.
const REASONS: &[(&str, &str)] = &[
    ("unopened group", "unexpected )"),
    ("unclosed group", "missing closing )"),
    ("unclosed character class", "missing closing ]"),
    ("repetition operator missing expression", "missing argument to repetition operator"),
    ("unrecognized escape sequence", "invalid escape sequence"),
    ("invalid character class range", "invalid character class range"),
    ("look-around", "invalid or unsupported Perl syntax"),
    ("backreferences are not supported", "invalid escape sequence"),
];

/// The length of the longest count of a repetition, with room to spare: `{1000,1000}`.
const MAX_COUNT: usize = 16;

/// The expressions that were compiled, whether known before evaluation or met in it.
#[derive(Default)]
pub(crate) struct Patterns(HashMap<Box<str>, Result<Arc<Regex>, EvalError>>);

/// A function of this library with its expression compiled.
#[derive(Clone)]
pub(crate) struct Pattern {
    find: Find,
    regex: Arc<Regex>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Find {
    Any,
    First,
    All,
}

impl Patterns {
    pub(crate) fn known(&self, expression: &str) -> Option<Result<Arc<Regex>, EvalError>> {
        self.0.get(expression).cloned()
    }

    pub(crate) fn add(&mut self, expression: &str, compiled: Result<Arc<Regex>, EvalError>) {
        self.0.insert(expression.into(), compiled);
    }
}

/// Compiles an expression that was not met before.
pub(crate) fn compile(expression: &str, meter: &mut Meter) -> Result<Arc<Regex>, EvalError> {
    let failed = |why: &str| EvalError::failed(format!("error parsing regexp: {why}: `{expression}`"));
    let translated = translate(expression);
    if let Some(operator) = stacked(expression) {
        let why = format!("error parsing regexp: invalid nested repetition operator: `{operator}`");
        return Err(EvalError::failed(why));
    }
    for (bytes, steps) in SIZES {
        meter.work(*steps)?;
        match RegexBuilder::new(&translated).size_limit(*bytes).build() {
            Ok(regex) => return Ok(Arc::new(regex)),
            Err(regex::Error::CompiledTooBig(_)) => {}
            Err(error) => {
                let error = error.to_string();
                let reason = REASONS.iter().find(|(ours, _)| error.contains(ours));
                return Err(failed(reason.map_or("invalid syntax", |(_, theirs)| theirs)));
            }
        }
    }
    Err(failed("expression too large"))
}

/// A function of this library for an expression that is known before evaluation; none for other functions.
pub(crate) fn prepare(
    function: &str,
    expression: &str,
    meter: &mut Meter,
) -> Result<Option<Pattern>, EvalError> {
    let find = match function {
        "matches" => Find::Any,
        "find" => Find::First,
        "findAll" => Find::All,
        _ => return Ok(None),
    };
    Ok(Some(Pattern { find, regex: meter.regex(expression)? }))
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
fn run<'a>(find: Find, args: &[Value<'a>], meter: &mut Meter) -> Evaluated<'a> {
    let [_, Value::String(expression), ..] = args else { return Err(EvalError::no_such_overload()) };
    match meter.regex(expression) {
        Ok(regex) => Pattern { find, regex }.run(args),
        Err(EvalError::Failed(why)) if find != Find::Any => {
            Err(EvalError::failed(format!("Illegal regex: {why}")))
        }
        Err(error) => Err(error),
    }
}

/// The first repetition of a repetition, which RE2 refuses and the `regex` crate does not: `a**`, `a++`.
fn stacked(expression: &str) -> Option<&str> {
    let (mut at, mut in_class, mut repeated) = (0, false, None);
    while let Some(char) = expression[at..].chars().next() {
        let rest = &expression[at..];
        let length = match char {
            '\\' => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            '{' => rest.bytes().take(MAX_COUNT).position(|byte| byte == b'}').map_or(1, |end| end + 1),
            // A bracket right after the first belongs to the class.
            '[' if !in_class => {
                ["[^]", "[]", "[^"].iter().find(|open| rest.starts_with(**open)).map_or(1, |open| open.len())
            }
            other => other.len_utf8(),
        };
        let is_count = |text: &str| {
            text.trim_matches(['{', '}']).bytes().all(|byte| byte.is_ascii_digit() || byte == b',')
        };
        let is_operator =
            matches!(char, '*' | '+' | '?') || (char == '{' && length > 2 && is_count(&rest[..length]));
        if in_class || !is_operator {
            in_class = if in_class { char != ']' } else { char == '[' };
            repeated = None;
            at += if is_operator || char != '{' { length } else { 1 };
            continue;
        }
        if let Some(start) = repeated {
            return Some(&expression[start..at + length]);
        }
        // After an operator a question mark makes it lazy; after a group's parenthesis it begins a flag.
        let is_flag = char == '?' && expression[..at].ends_with('(');
        repeated = (!is_flag).then_some(at);
        at += length;
        if !is_flag && expression[at..].starts_with('?') {
            at += 1;
        }
    }
    None
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
            '[' if chars.peek() == Some(&':') => {
                out.push('[');
                for char in chars.by_ref() {
                    out.push(char);
                    if out.ends_with(":]") {
                        break;
                    }
                }
            }
            '[' | '&' | '~' if in_class => out.extend(['\\', char]),
            ']' if in_class && was_first => out.push_str("\\]"),
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
            (r"[:\d]", "[:0-9]"),
            (r"\Qa.b\E+", r"a\.b+"),
            (r"\bx\W", r"(?-u:\b)x[^0-9A-Za-z_]"),
        ];
        for (re2, expected) in cases {
            assert_eq!(translate(re2), expected);
        }
    }

    #[test]
    fn repetitions_of_repetitions_are_found() {
        let cases = [
            ("a++", Some("++")),
            ("a**b", Some("**")),
            ("a{2}{3}", Some("{2}{3}")),
            ("a+?", None),
            ("a+??", Some("+??")),
            ("(?i)a*(?:b+)*", None),
            ("[*+]+a\\++", None),
            ("a{,x}*", None),
            ("[]*+]+", None),
            ("[^]*+]+", None),
        ];
        for (expression, expected) in cases {
            assert_eq!(super::stacked(expression), expected, "{expression}");
        }
    }
}
