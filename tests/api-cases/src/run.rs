//! A case, replayed: a namespace of its own, its variables, and the first answer that is not as expected.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::Value;

use crate::expectation::{Expectation, check};
use crate::file::{Case, Step};
use crate::server::{Answer, Server};

const NAMESPACES: &str = "/api/v1/namespaces";

/// What went otherwise.
#[derive(Debug)]
pub struct Failure {
    /// Of the request in its file, from 1; 0 where the case did not begin.
    pub line: usize,
    pub why: anyhow::Error,
}

/// Replays a case.
///
/// # Errors
/// With the first answer that is not as the case says.
pub async fn run(server: &Server, case: &Case) -> Result<(), Failure> {
    let namespace = make_namespace(server).await.map_err(|why| Failure { line: 0, why })?;
    let mut variables = Variables(BTreeMap::from([("ns".to_owned(), namespace.clone())]));
    let mut outcome = Ok(());
    for step in &case.steps {
        outcome = replay(server, step, &mut variables).await.map_err(|why| Failure { line: step.line, why });
        if outcome.is_err() {
            break;
        }
    }
    let path = format!("{NAMESPACES}/{namespace}");
    let removed = server.ask((&Method::DELETE, &path), &[], String::new(), None).await;
    outcome.and(removed.map(|_| ()).map_err(|why| Failure { line: 0, why }))
}

async fn make_namespace(server: &Server) -> Result<String> {
    let body = r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"generateName":"api-cases-"}}"#;
    let answer = server.ask((&Method::POST, NAMESPACES), &[], body.to_owned(), None).await?;
    let name = answer.body["metadata"]["name"].as_str();
    Ok(name.with_context(|| format!("no namespace was made: {}", answer.body))?.to_owned())
}

async fn replay(server: &Server, step: &Step, variables: &mut Variables) -> Result<()> {
    let filled = |(name, value): &(String, String)| (name.clone(), variables.fill(value));
    let headers: Vec<_> = step.headers.iter().map(filled).collect();
    let (path, body) = (variables.fill(&step.path), variables.fill(&step.body));
    let answer = server.ask((&step.method, &path), &headers, body, step.events).await?;
    judge(step, &answer, variables).with_context(|| shortened(&answer.body))
}

fn judge(step: &Step, answer: &Answer, variables: &mut Variables) -> Result<()> {
    ensure!(answer.status == step.status, "the status is {}, not {}", answer.status, step.status);
    for (name, wanted) in &step.answer_headers {
        let values: Vec<_> =
            answer.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        let found = (!values.is_empty()).then(|| (name.clone(), Value::String(values.join(", "))));
        let headers = Value::Object(found.into_iter().collect());
        judge_line(&headers, &Expectation::parse(&format!("{name}: {wanted}"))?, variables)?;
    }
    step.expectations.iter().try_for_each(|line| judge_line(&answer.body, line, variables))
}

fn judge_line(answer: &Value, line: &Expectation, variables: &mut Variables) -> Result<()> {
    match line {
        Expectation::Holds { path, wanted } => check(answer, path, &variables.fill(wanted)),
        Expectation::Capture { variable, path } => {
            let found = path.find(answer).with_context(|| format!("{path} is absent"))?;
            let text = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
            variables.0.insert(variable.clone(), text);
            Ok(())
        }
    }
}

/// The text of an answer, so far as it is worth a look.
fn shortened(body: &Value) -> String {
    const SHOWN: usize = 1000;
    let text = body.to_string();
    let kept: String = text.chars().take(SHOWN).collect();
    if kept.len() < text.len() { format!("answer {kept}…") } else { format!("answer {kept}") }
}

/// `$name` stands for what was captured, `$("text" * 3)` for a text that repeats.
struct Variables(BTreeMap<String, String>);

impl Variables {
    fn fill(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            filled.push_str(before);
            let (name, after_name) =
                after.split_at(after.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(after.len()));
            let known = self.0.get(name).map(|value| (value.clone(), after_name));
            let (value, after) = known.or_else(|| repeated(after)).unwrap_or(("$".to_owned(), after));
            filled.push_str(&value);
            rest = after;
        }
        filled + rest
    }
}

/// Of `("text" * 3) and more` the text three times, and what is left.
fn repeated(text: &str) -> Option<(String, &str)> {
    let (text, rest) = text.strip_prefix("(\"")?.split_once("\" * ")?;
    let (times, rest) = rest.split_once(')')?;
    Some((text.repeat(times.parse().ok()?), rest))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.why)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: Expect) {
        let variables = Variables(BTreeMap::from([("ns".to_owned(), "shop".to_owned())]));
        expected.assert_eq(&variables.fill(text));
    }

    #[test]
    fn variables_and_repetitions_are_filled_in_and_other_dollars_stay() {
        check("/namespaces/$ns/pods", expect!["/namespaces/shop/pods"]);
        check("[$(\"ab\" * 3)]", expect!["[ababab]"]);
        check("/^a$/ {\"$ref\": 1} $", expect![[r#"/^a$/ {"$ref": 1} $"#]]);
    }
}
