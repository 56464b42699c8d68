//! Patterns: Go's regular expressions (RE2) by the `regex` crate, bounded in what they cost.
//!
//! What Go reads differently is rewritten: `\d`, `\w`, `\s` and `\b` are ASCII's, `\Q…\E` quotes, a brace that
//! repeats nothing is a brace, brackets and doubled signs within a class are themselves. What still differs: the
//! wording of syntax errors, repetitions above 1000 and doubled repetitions (`a**`), which Go refuses, and `\B`,
//! which knows Unicode's words.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};

/// What one compiled pattern may cost, tried from the least.
const SIZES: [usize; 4] = [16 << 10, 64 << 10, 256 << 10, 1 << 20];
/// What the patterns of one schema may cost together.
const BUDGET: usize = 64 << 20;
/// What matching may hold on to.
const CACHE: usize = 256 << 10;

/// A compiled `pattern`.
#[derive(Debug)]
pub struct Pattern {
    pub text: Box<str>,
    regex: Regex,
}

impl Pattern {
    /// Whether the pattern occurs anywhere in the text.
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("error parsing regexp: {0}")]
    Syntax(Box<str>),
    #[error("compiled pattern is larger than {} bytes", SIZES[SIZES.len() - 1])]
    Size,
    #[error("compiled patterns of the schema are larger than {BUDGET} bytes")]
    Budget,
}

/// The patterns of one schema, each compiled once.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    compiled: HashMap<Box<str>, Arc<Pattern>>,
    spent: usize,
}

impl Patterns {
    pub(crate) fn get(&mut self, text: &str) -> Result<Arc<Pattern>, PatternError> {
        if let Some(pattern) = self.compiled.get(text) {
            return Ok(pattern.clone());
        }
        let source = from_go(text);
        for size in SIZES {
            if self.spent + size > BUDGET {
                return Err(PatternError::Budget);
            }
            match RegexBuilder::new(&source).size_limit(size).dfa_size_limit(CACHE).build() {
                Ok(regex) => {
                    self.spent += size;
                    let pattern = Arc::new(Pattern { text: text.into(), regex });
                    self.compiled.insert(text.into(), pattern.clone());
                    return Ok(pattern);
                }
                Err(regex::Error::CompiledTooBig(_)) => {}
                Err(error) => return Err(PatternError::Syntax(last_line(&error.to_string()))),
            }
        }
        Err(PatternError::Size)
    }
}

/// The message without the pattern that is drawn above it.
fn last_line(message: &str) -> Box<str> {
    let line = message.lines().next_back().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).into()
}

/// A pattern of Go's in the notation of the `regex` crate.
fn from_go(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_class = false;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        match c {
            '\\' => {
                rest = escape(after, in_class, &mut out);
                continue;
            }
            '[' if !in_class => {
                in_class = true;
                rest = class_start(after, &mut out);
                continue;
            }
            '[' if after.starts_with(':') && after.contains(":]") => out.push('['),
            '[' => out.push_str("\\["),
            ']' if in_class && rest_of_posix(&out) => out.push(']'),
            ']' => {
                in_class = false;
                out.push(']');
            }
            '&' | '~' | '-' if in_class && after.starts_with(c) => {
                out.push('\\');
                out.push(c);
            }
            '{' if !in_class && !repeats(after) => out.push_str("\\{"),
            _ => out.push(c),
        }
        rest = after;
    }
    out
}

/// Whether the class that is being written ends with an open `[:name:`.
fn rest_of_posix(out: &str) -> bool {
    out.ends_with(':')
        && out.rfind("[:").is_some_and(|at| {
            at + 2 < out.len()
                && out[at + 2..out.len() - 1].bytes().all(|b| b.is_ascii_alphabetic() || b == b'^')
        })
}

/// The start of a class, where a bracket that closes is itself.
fn class_start<'a>(after: &'a str, out: &mut String) -> &'a str {
    out.push('[');
    let mut rest = after;
    if let Some(negated) = rest.strip_prefix('^') {
        out.push('^');
        rest = negated;
    }
    match rest.strip_prefix(']') {
        Some(more) => {
            out.push_str("\\]");
            more
        }
        None => rest,
    }
}

/// What follows a backslash; gives what is left.
fn escape<'a>(after: &'a str, in_class: bool, out: &mut String) -> &'a str {
    let Some(c) = after.chars().next() else {
        out.push('\\');
        return after;
    };
    let rest = &after[c.len_utf8()..];
    if c == 'Q' && !in_class {
        let (quoted, rest) = rest.split_once("\\E").unwrap_or((rest, ""));
        out.push_str(&regex::escape(quoted));
        return rest;
    }
    let written = match (c, in_class) {
        ('d', false) => "[0-9]",
        ('w', false) => "[0-9A-Za-z_]",
        ('s', false) => "[\\t\\n\\f\\r ]",
        ('d', true) => "0-9",
        ('w', true) => "0-9A-Za-z_",
        ('s', true) => "\\t\\n\\f\\r ",
        ('D', _) => "[^0-9]",
        ('W', _) => "[^0-9A-Za-z_]",
        ('S', _) => "[^\\t\\n\\f\\r ]",
        ('b', false) => "(?-u:\\b)",
        ('<', _) => "<",
        ('>', _) => ">",
        _ => "",
    };
    if written.is_empty() {
        if write!(out, "\\{c}").is_err() {
            unreachable!("writing to a string does not fail");
        }
    } else {
        out.push_str(written);
    }
    rest
}

/// Whether what follows a brace makes it a repetition: `{2}`, `{2,}`, `{2,3}`.
fn repeats(after: &str) -> bool {
    let Some((counts, _)) = after.split_once('}') else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match counts.split_once(',') {
        Some((least, most)) => digits(least) && (most.is_empty() || digits(most)),
        None => digits(counts),
    }
}

#[cfg(test)]
mod tests {
    use super::{PatternError, Patterns, from_go};

    fn matches(pattern: &str, text: &str) -> bool {
        Patterns::default().get(pattern).unwrap().matches(text)
    }

    #[test]
    fn classes_are_those_of_ascii() {
        assert!(matches(r"^\d+$", "12") && !matches(r"^\d+$", "١٢"));
        assert!(matches(r"^[\w.]+$", "a.b") && !matches(r"^[\w.]+$", "ä"));
        assert!(matches(r"^[^\s]$", "ä") && matches(r"^[\D]$", "x") && matches(r"\bfoo\b", "äfoo"));
    }

    #[test]
    fn what_go_reads_as_itself_is_itself() {
        for (pattern, text) in [
            (r"^{.*}$", "{a}"),
            (r"^\Qa.b\E+$", "a.bbb"),
            (r"^[[a]+$", "[a"),
            (r"^[]a]+$", "]a"),
            (r"^[^]]$", "x"),
            (r"^[a&&b]+$", "a&b"),
            (r"^[!--]+$", "-"),
            (r"^[[:alpha:]&&]+$", "a&"),
            (r"^\<a\>$", "<a>"),
            (r"^a{2,3}$", "aaa"),
            (r"^a{,3}$", "a{,3}"),
            (r"^\/\-\_$", "/-_"),
        ] {
            assert!(matches(pattern, text), "{pattern} {} {text}", from_go(pattern));
        }
        assert!(!matches(r"^[^]]$", "]"));
    }

    #[test]
    fn patterns_are_refused_for_what_they_say_and_for_what_they_cost() {
        let mut patterns = Patterns::default();
        assert!(matches!(patterns.get("("), Err(PatternError::Syntax(_))));
        assert_eq!(patterns.get("((a{1000}){1000}){1000}").unwrap_err(), PatternError::Size);
        let refused = (0..5000).find_map(|n| patterns.get(&format!("x{n}")).err());
        assert_eq!(refused, Some(PatternError::Budget));
    }
}
