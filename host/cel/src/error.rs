//! What is wrong with an expression, where, and in the words of cel-go, which clients compare.

use std::fmt;

/// The most errors that are kept of one expression.
const MAX_ISSUES: usize = 100;

/// A line longer than this is not quoted below its error.
const MAX_SNIPPET: usize = 16_384;

/// One error of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Counted from one; -1 where the error has no place.
    pub line: i64,
    /// Counted from one; 0 where the error has no place.
    pub column: i64,
    pub message: String,
}

/// Why an expression does not compile. Displays as `ERROR: <input>:1:5: …` with the line and a mark below it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct CompileErrors {
    expression: String,
    issues: Vec<Issue>,
    dropped: usize,
    /// What went wrong after the checks, in something that is worked out once.
    planning: Option<EvalError>,
}

impl CompileErrors {
    pub(crate) fn planning(source: &str, error: EvalError) -> Self {
        Self { expression: source.to_owned(), issues: Vec::new(), dropped: 0, planning: Some(error) }
    }

    /// The step that failed, which upstream puts before the errors: `compilation failed`, or `program instantiation
    /// failed` where a literal cannot be converted or a regular expression is none.
    pub fn step(&self) -> &'static str {
        if self.planning.is_some() { "program instantiation failed" } else { "compilation failed" }
    }

    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }
}

impl fmt::Display for CompileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(error) = &self.planning {
            return fmt::Display::fmt(error, f);
        }
        for (index, issue) in self.issues.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "ERROR: <input>:{}:{}: {}", issue.line, issue.column, issue.message)?;
            let line =
                usize::try_from(issue.line - 1).ok().and_then(|line| self.expression.split('\n').nth(line));
            if let Some(line) = line.filter(|line| line.len() <= MAX_SNIPPET) {
                let line = line.replace('\t', " ");
                write!(f, "\n | {line}\n | ")?;
                write_mark(f, &line, issue.column)?;
            }
        }
        if self.dropped > 0 {
            write!(f, "\n{} more errors were truncated", self.dropped)?;
        }
        Ok(())
    }
}

/// Dots up to the column and a caret below it; wide ones below what is not ASCII.
fn write_mark(f: &mut fmt::Formatter<'_>, line: &str, column: i64) -> fmt::Result {
    let before = usize::try_from(column - 1).unwrap_or(0);
    let mut chars = line.chars();
    for char in chars.by_ref().take(before) {
        f.write_str(if char.is_ascii() { "." } else { "\u{ff0e}" })?;
    }
    f.write_str(if chars.next().is_none_or(|char| char.is_ascii()) { "^" } else { "\u{ff3e}" })
}

/// The errors found so far, by their place in the source.
pub(crate) struct Issues<'s> {
    source: &'s str,
    found: Vec<(Option<u32>, String)>,
    dropped: usize,
}

impl<'s> Issues<'s> {
    pub(crate) fn new(source: &'s str) -> Self {
        Self { source, found: Vec::new(), dropped: 0 }
    }

    /// Notes an error at an offset in code points, or at none.
    pub(crate) fn report(&mut self, at: Option<u32>, message: impl Into<String>) {
        if self.found.len() < MAX_ISSUES {
            self.found.push((at, message.into()));
        } else {
            self.dropped += 1;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub(crate) fn into_errors(self) -> CompileErrors {
        let starts: Vec<u32> = std::iter::once(0)
            .chain(self.source.chars().zip(1_u32..).filter(|(char, _)| *char == '\n').map(|(_, next)| next))
            .collect();
        let mut issues: Vec<Issue> = self
            .found
            .into_iter()
            .map(|(at, message)| match at {
                None => Issue { line: -1, column: 0, message },
                Some(at) => {
                    let line = starts.partition_point(|start| *start <= at);
                    Issue { line: line as i64, column: i64::from(at - starts[line - 1]) + 1, message }
                }
            })
            .collect();
        issues.sort_by_key(|issue| (issue.line, issue.column));
        CompileErrors { expression: self.source.to_owned(), issues, dropped: self.dropped, planning: None }
    }
}

/// Why an evaluation gave no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// The expression failed on its data: `no such key: foo`, `division by zero`.
    #[error("{0}")]
    Failed(Box<str>),
    /// It cost more than a single expression may.
    #[error("operation cancelled: actual cost limit exceeded")]
    CostExceeded,
    /// It cost more than was left of the budget that it shares.
    #[error("validation failed due to running out of cost budget, no further validation rules will be run")]
    BudgetExceeded,
}

impl EvalError {
    pub fn failed(message: impl Into<Box<str>>) -> Self {
        Self::Failed(message.into())
    }

    pub(crate) fn no_such_overload() -> Self {
        Self::failed("no such overload")
    }

    /// Whether logical operators may pass over it, as they do over what is wrong with data.
    pub(crate) fn is_absorbed(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}
