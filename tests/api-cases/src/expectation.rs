//! What an answer is to hold, told of one place in it.

use std::fmt;

use anyhow::{Context, Result, bail};
use regex::Regex;
use serde_json::Value;

/// `metadata.annotations."a.b/c"`, `items.0`, or `.` for all of it.
#[derive(Clone, Debug)]
pub(crate) struct Path(Vec<String>);

impl Path {
    fn parse(text: &str) -> Result<Self> {
        let mut segments = Vec::new();
        let mut rest = text;
        while !matches!(rest, "" | ".") {
            let segment;
            (segment, rest) = match rest.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').context("a quote in the path is not closed")?,
                None => rest.split_at(rest.find('.').unwrap_or(rest.len())),
            };
            segments.push(segment.to_owned());
            rest = rest.strip_prefix('.').unwrap_or(rest);
        }
        Ok(Self(segments))
    }

    pub(crate) fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(value, |value, segment| match value {
            Value::Array(items) => items.get(segment.parse::<usize>().ok()?),
            _ => value.get(segment),
        })
    }
}

#[derive(Clone, Debug)]
enum Wanted {
    Absent,
    Present,
    Length(usize),
    /// Of an object these members, of an array such an element.
    Has(Value),
    Matches(Regex),
    Is(Value),
}

/// One line below an answer's status.
#[derive(Clone, Debug)]
pub(crate) enum Expectation {
    Holds {
        path: Path,
        wanted: String,
    },
    /// The text found there is this variable from now on.
    Capture {
        variable: String,
        path: Path,
    },
}

impl Expectation {
    pub(crate) fn parse(line: &str) -> Result<Self> {
        if let Some((variable, path)) = line.split_once(" = ") {
            return Ok(Self::Capture { variable: variable.to_owned(), path: Path::parse(path)? });
        }
        let (path, wanted) = line.split_once(": ").context("neither `PATH: WHAT` nor `VARIABLE = PATH`")?;
        Ok(Self::Holds { path: Path::parse(path)?, wanted: wanted.trim().to_owned() })
    }
}

impl Wanted {
    fn parse(text: &str) -> Result<Self> {
        let json = |text: &str| serde_json::from_str(text).with_context(|| format!("{text} is no JSON"));
        if let Some(pattern) = text.strip_prefix('/').and_then(|text| text.strip_suffix('/')) {
            return Ok(Self::Matches(Regex::new(pattern)?));
        }
        Ok(match text.split_once(' ') {
            _ if text == "absent" => Self::Absent,
            _ if text == "present" => Self::Present,
            Some(("length", number)) => Self::Length(number.parse()?),
            Some(("has", part)) => Self::Has(json(part)?),
            _ => Self::Is(json(text)?),
        })
    }

    fn holds(&self, found: Option<&Value>) -> bool {
        match (self, found) {
            (Self::Absent, found) => found.is_none(),
            (_, None) => false,
            (Self::Present, Some(_)) => true,
            (Self::Length(wanted), Some(Value::Array(items))) => items.len() == *wanted,
            (Self::Length(wanted), Some(Value::Object(members))) => members.len() == *wanted,
            (Self::Length(_), Some(_)) => false,
            (Self::Has(part), Some(Value::Array(items))) => items.iter().any(|item| includes(item, part)),
            (Self::Has(part), Some(found)) => includes(found, part),
            (Self::Matches(pattern), Some(Value::String(text))) => pattern.is_match(text),
            (Self::Matches(pattern), Some(other)) => pattern.is_match(&other.to_string()),
            (Self::Is(wanted), Some(found)) => wanted == found,
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str(".") } else { f.write_str(&self.0.join(".")) }
    }
}

/// Whether an object has these members; anything else is to be equal.
fn includes(value: &Value, part: &Value) -> bool {
    match (value, part) {
        (Value::Object(value), Value::Object(part)) => {
            part.iter().all(|(name, part)| value.get(name).is_some_and(|value| includes(value, part)))
        }
        _ => value == part,
    }
}

/// Fails where the answer does not hold at the path what `wanted`, as written in the case, says.
pub(crate) fn check(answer: &Value, path: &Path, wanted: &str) -> Result<()> {
    let found = path.find(answer);
    if !Wanted::parse(wanted)?.holds(found) {
        bail!("{path} is {}, not {wanted}", found.map_or("absent".to_owned(), Value::to_string));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn judge(line: &str, expected: Expect) {
        let answer = serde_json::json!({
            "kind": "Pod", "code": 404, "items": [{"a": 1, "b": 2}], "labels": {"x.y/z": "v"}
        });
        let Expectation::Holds { path, wanted } = Expectation::parse(line).unwrap() else {
            panic!("{line} captures");
        };
        let said = check(&answer, &path, &wanted);
        expected.assert_eq(&said.map_or_else(|why| format!("{why:#}"), |()| "holds".to_owned()));
    }

    #[test]
    fn what_holds_holds() {
        let holds = [
            "kind: \"Pod\"",
            "code: 404",
            "kind: /^P.d$/",
            "nothing: absent",
            "items: present",
            "items: length 1",
            "items: has {\"a\": 1}",
            "items.0.b: 2",
            "labels.\"x.y/z\": \"v\"",
            ".: has {\"kind\": \"Pod\"}",
        ];
        for line in holds {
            judge(line, expect!["holds"]);
        }
    }

    #[test]
    fn what_does_not_hold_is_told_with_what_is_there() {
        judge("kind: \"Node\"", expect![[r#"kind is "Pod", not "Node""#]]);
        judge("kind: absent", expect![[r#"kind is "Pod", not absent"#]]);
        judge("items.1: present", expect!["items.1 is absent, not present"]);
        judge("items: has {\"a\": 2}", expect![[r#"items is [{"a":1,"b":2}], not has {"a": 2}"#]]);
        judge("kind: Pod", expect!["Pod is no JSON: expected value at line 1 column 1"]);
    }
}
