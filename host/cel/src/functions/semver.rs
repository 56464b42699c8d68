//! Semantic versions.

use std::cmp::Ordering;
use std::fmt;

use super::quantity::order;
use super::{Row, row};
use crate::error::EvalError;
use crate::value::Value;

pub(super) const ROWS: &[Row] = &[
    row("semver", "(string) -> semver", |args, _| {
        parse(args).and_then(|version| {
            version.map(|version| Value::Semver(version.into())).map_err(EvalError::failed)
        })
    }),
    row("semver", "(string, bool) -> semver", |args, _| {
        parse(args).and_then(|version| {
            version.map(|version| Value::Semver(version.into())).map_err(EvalError::failed)
        })
    }),
    row("isSemver", "(string) -> bool", |args, _| Ok(Value::Bool(parse(args)?.is_ok()))),
    row("isSemver", "(string, bool) -> bool", |args, _| Ok(Value::Bool(parse(args)?.is_ok()))),
    row("isGreaterThan", "semver.(semver) -> bool", |args, _| Ok(Value::Bool(compare(args)?.is_gt()))),
    row("isLessThan", "semver.(semver) -> bool", |args, _| Ok(Value::Bool(compare(args)?.is_lt()))),
    row("compareTo", "semver.(semver) -> int", |args, _| Ok(Value::Int(order(compare(args)?)))),
    row("major", "semver.() -> int", |args, _| Ok(Value::Int(one(args)?.numbers[0] as i64))),
    row("minor", "semver.() -> int", |args, _| Ok(Value::Int(one(args)?.numbers[1] as i64))),
    row("patch", "semver.() -> int", |args, _| Ok(Value::Int(one(args)?.numbers[2] as i64))),
];

/// `1.2.3-rc.1+build`
#[derive(Clone, Debug)]
pub struct Semver {
    numbers: [u64; 3],
    pre: Vec<Identifier>,
    build: String,
}

/// A part of a pre-release; numbers come before words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    Number(u64),
    Word(String),
}

impl Semver {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("Version string empty".to_owned());
        }
        let parts: Vec<&str> = text.splitn(3, '.').collect();
        let [major, minor, rest] = parts.as_slice() else {
            return Err("No Major.Minor.Patch elements found".to_owned());
        };
        let (rest, build) = rest.split_once('+').map_or((*rest, None), |(rest, build)| (rest, Some(build)));
        let (patch, pre) = rest.split_once('-').map_or((rest, None), |(patch, pre)| (patch, Some(pre)));
        let numbers = [number(major, "Major")?, number(minor, "Minor")?, number(patch, "Patch")?];
        let pre = match pre {
            Some(pre) => pre.split('.').map(identifier).collect::<Result<_, _>>()?,
            None => Vec::new(),
        };
        for word in build.into_iter().flat_map(|build| build.split('.')) {
            if word.is_empty() {
                return Err("Build meta data is empty".to_owned());
            }
            if !is_word(word) {
                return Err(format!("Invalid character(s) found in build meta data {word:?}"));
            }
        }
        Ok(Self { numbers, pre, build: build.unwrap_or_default().to_owned() })
    }

    pub(crate) fn cmp(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| match (self.pre.is_empty(), other.pre.is_empty()) {
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            _ => self.pre.cmp(&other.pre),
        })
    }
}

impl fmt::Display for Semver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{major}.{minor}.{patch}")?;
        for (index, part) in self.pre.iter().enumerate() {
            f.write_str(if index == 0 { "-" } else { "." })?;
            match part {
                Identifier::Number(number) => write!(f, "{number}")?,
                Identifier::Word(word) => f.write_str(word)?,
            }
        }
        if self.build.is_empty() { Ok(()) } else { write!(f, "+{}", self.build) }
    }
}

fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn number(text: &str, which: &str) -> Result<u64, String> {
    if !is_number(text) {
        return Err(if text.is_empty() {
            "strconv.ParseUint: parsing \"\": invalid syntax".to_owned()
        } else {
            format!("Invalid character(s) found in {} number {text:?}", which.to_lowercase())
        });
    }
    if text.len() > 1 && text.starts_with('0') {
        return Err(format!("{which} number must not contain leading zeroes {text:?}"));
    }
    text.parse().map_err(|_| format!("strconv.ParseUint: parsing {text:?}: value out of range"))
}

fn identifier(text: &str) -> Result<Identifier, String> {
    if text.is_empty() {
        return Err("Prerelease is empty".to_owned());
    }
    if is_number(text) {
        if text.len() > 1 && text.starts_with('0') {
            return Err(format!("Numeric PreRelease version must not contain leading zeroes {text:?}"));
        }
        let out_of_range = |_| format!("strconv.ParseUint: parsing {text:?}: value out of range");
        return text.parse().map(Identifier::Number).map_err(out_of_range);
    }
    if is_word(text) {
        return Ok(Identifier::Word(text.to_owned()));
    }
    Err(format!("Invalid character(s) found in prerelease {text:?}"))
}

/// `v1.02` as `1.2.0`: without the letter and leading zeroes, and with the parts that it lacks.
fn normalize(text: &str) -> Result<String, String> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let mut parts: Vec<String> = text.splitn(3, '.').map(without_zeroes).collect();
    if parts.len() < 3 && parts.last().is_some_and(|last| last.contains(['+', '-'])) {
        return Err("short version cannot contain PreRelease/Build meta data".to_owned());
    }
    parts.resize(3, "0".to_owned());
    Ok(parts.join("."))
}

fn without_zeroes(part: &str) -> String {
    let trimmed = if part.len() > 1 { part.trim_start_matches('0') } else { part };
    if trimmed.len() < part.len() && !trimmed.starts_with(|char: char| char.is_ascii_digit()) {
        return format!("0{trimmed}");
    }
    trimmed.to_owned()
}

/// The version in a text, which a second argument may ask to normalize.
fn parse(args: &[Value<'_>]) -> Result<Result<Semver, String>, EvalError> {
    match args {
        [Value::String(text)] | [Value::String(text), Value::Bool(false)] => Ok(Semver::parse(text)),
        [Value::String(text), Value::Bool(true)] => Ok(normalize(text).and_then(|text| Semver::parse(&text))),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn one<'v>(args: &'v [Value<'_>]) -> Result<&'v Semver, EvalError> {
    match args.first() {
        Some(Value::Semver(version)) => Ok(version),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn compare(args: &[Value<'_>]) -> Result<Ordering, EvalError> {
    match args {
        [Value::Semver(one), Value::Semver(two)] => Ok(one.cmp(two)),
        _ => Err(EvalError::no_such_overload()),
    }
}
