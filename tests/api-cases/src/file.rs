//! A file of cases, in the format that `README.md` describes.

use anyhow::{Context, Result, bail};
use http::Method;

use crate::expectation::Expectation;

/// Requests that follow one another in a namespace of their own.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// Of its request, from 1.
    pub(crate) line: usize,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) status: u16,
    /// How many events of a stream are read.
    pub(crate) events: Option<usize>,
    pub(crate) answer_headers: Vec<(String, String)>,
    pub(crate) expectations: Vec<Expectation>,
}

/// Where in a step the next line stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Request,
    Body,
    Answer,
}

/// The cases of a file's text.
///
/// # Errors
/// With the line that is none.
pub fn parse(text: &str) -> Result<Vec<Case>> {
    let mut cases: Vec<Case> = Vec::new();
    let mut part = Part::Answer;
    for (line, text) in (1..).zip(text.lines()) {
        part =
            read(&mut cases, part, line, text.trim_end()).with_context(|| format!("line {line}: {text}"))?;
    }
    if part != Part::Answer {
        bail!("the last request has no answer");
    }
    Ok(cases)
}

fn read(cases: &mut Vec<Case>, part: Part, line: usize, text: &str) -> Result<Part> {
    if part == Part::Answer {
        if let Some(name) = text.strip_prefix("# ") {
            cases.push(Case { name: name.to_owned(), steps: Vec::new() });
            return Ok(part);
        }
        if text.is_empty() || text.starts_with("//") {
            return Ok(part);
        }
    }
    let steps = &mut cases.last_mut().context("a case begins with `# ` and its name")?.steps;
    if let (Part::Answer, Some(request)) = (part, text.strip_prefix("> ")) {
        steps.push(request_line(line, request)?);
        return Ok(Part::Request);
    }
    let step = steps.last_mut().context("`> METHOD PATH` comes first")?;
    match (part, text.strip_prefix("> "), text.strip_prefix("< ")) {
        (Part::Request, Some(header), _) => step.headers.push(split_header(header)?),
        (Part::Request | Part::Body, _, Some(status)) => {
            (step.status, step.events) = status_line(status)?;
            return Ok(Part::Answer);
        }
        (Part::Request | Part::Body, ..) => {
            step.body.push_str(text);
            step.body.push('\n');
            return Ok(Part::Body);
        }
        (Part::Answer, _, Some(header)) => step.answer_headers.push(split_header(header)?),
        (Part::Answer, ..) => step.expectations.push(Expectation::parse(text)?),
    }
    Ok(part)
}

fn request_line(line: usize, text: &str) -> Result<Step> {
    let (method, path) = text.split_once(' ').context("a request is `> METHOD PATH`")?;
    Ok(Step {
        line,
        method: method.parse()?,
        path: path.to_owned(),
        headers: Vec::new(),
        body: String::new(),
        status: 0,
        events: None,
        answer_headers: Vec::new(),
        expectations: Vec::new(),
    })
}

fn status_line(text: &str) -> Result<(u16, Option<usize>)> {
    let number = |text: &str| text.parse::<usize>().with_context(|| format!("{text:?} is no number"));
    let (status, events) = match text.split_once(" events ") {
        Some((status, events)) => (status, Some(number(events)?)),
        None => (text, None),
    };
    Ok((status.parse().with_context(|| format!("{status:?} is no status"))?, events))
}

fn split_header(text: &str) -> Result<(String, String)> {
    let (name, value) = text.split_once(": ").context("a header is `NAME: VALUE`")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: Expect) {
        let said = match parse(text) {
            Ok(cases) => {
                cases.iter().map(|case| format!("{}: {}\n", case.name, shown(&case.steps))).collect()
            }
            Err(why) => format!("{why:#}"),
        };
        expected.assert_eq(&said);
    }

    fn shown(steps: &[Step]) -> String {
        let steps = steps.iter().map(|step| {
            let wanted = step.expectations.len() + step.answer_headers.len();
            let (headers, body) = (&step.headers, &step.body);
            format!("{} {} {headers:?} {body:?} -> {} and {wanted}", step.method, step.path, step.status)
        });
        steps.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn a_case_holds_requests_with_headers_and_bodies_and_their_answers() {
        check(
            "// of this and that\n# one\n> POST /a\n> accept: x\n{\n}\n< 201\n< etag: y\nkind: \"A\"\n> GET /b\n< 200\n\n# two\n> GET /c\n< 404\n",
            expect![[r#"
                one: POST /a [("accept", "x")] "{\n}\n" -> 201 and 2; GET /b [] "" -> 200 and 0
                two: GET /c [] "" -> 404 and 0
            "#]],
        );
    }

    #[test]
    fn what_is_no_case_is_told_with_its_line() {
        check("> GET /\n< 200\n", expect!["line 1: > GET /: a case begins with `# ` and its name"]);
        check("# a\nkind: 1\n", expect!["line 2: kind: 1: `> METHOD PATH` comes first"]);
        check(
            "# a\n> GET /\n< ok\n",
            expect![[r#"line 3: < ok: "ok" is no status: invalid digit found in string"#]],
        );
        check("# a\n> GET /\n{}\n", expect!["the last request has no answer"]);
        check(
            "# a\n> GET /\n< 200\nkind\n",
            expect!["line 4: kind: neither `PATH: WHAT` nor `VARIABLE = PATH`"],
        );
    }
}
