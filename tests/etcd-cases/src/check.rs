//! Compares what a server answers with what the files hold, and records what a real etcd answers.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, Result};

use crate::connection::Endpoint;
use crate::file::{CaseFile, Edition, Outcome};
use crate::run::run;

/// How many files run at a time; a server mostly waits, for its election and for leases to end.
const AT_A_TIME: usize = 6;

/// A server that answers until it is dropped.
pub trait Running {
    fn endpoint(&self) -> Endpoint;
}

/// The files of cases, by name.
///
/// # Panics
/// Where the folder cannot be read.
pub fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Runs every file, each on a server of its own that `start` starts with an empty store and etcd's defaults; it is
/// called from a thread outside of any runtime, which drops the server.
///
/// # Panics
/// With each answer that is not the one that its file holds for this edition.
pub fn check_all<S: Running>(edition: Edition, start: impl Fn() -> Result<S> + Sync) {
    let failures = each_file(|path| check_file(path, edition, &start()?));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Runs one file; its error tells each answer that is not the one of the file.
///
/// # Errors
/// Where an answer differs, the file is not in the format, or the server cannot be reached.
pub fn check_file(path: &Path, edition: Edition, server: &impl Running) -> Result<()> {
    let expected = read(path)?;
    let recorded = run_file(&expected, edition, server)?;
    let differences = differences(path, &expected, &recorded);
    anyhow::ensure!(differences.is_empty(), "{}", differences.join("\n"));
    Ok(())
}

/// Writes what a server answers into every file.
///
/// # Panics
/// Where a file does not run through.
pub fn record_all<S: Running>(edition: Edition, start: impl Fn() -> Result<S> + Sync) {
    let failures = each_file(|path| {
        let recorded = run_file(&read(path)?, edition, &start()?)?;
        Ok(fs::write(path, recorded.to_string())?)
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Does something with every file, some at a time; gives the errors.
fn each_file(act: impl Fn(&Path) -> Result<()> + Sync) -> Vec<String> {
    let waiting = Mutex::new(files());
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(path) = { waiting.lock().unwrap().pop() } {
                    if let Err(error) = act(&path) {
                        failures.lock().unwrap().push(format!("{}: {error:#}", path.display()));
                    }
                }
            });
        }
    });
    failures.into_inner().unwrap()
}

fn read(path: &Path) -> Result<CaseFile> {
    let source = fs::read_to_string(path)?;
    let mut file = CaseFile::parse(&source)?;
    file.sort_any_order();
    Ok(file)
}

fn run_file(file: &CaseFile, edition: Edition, server: &impl Running) -> Result<CaseFile> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("make a runtime")?;
    runtime.block_on(run(file, &server.endpoint(), edition))
}

/// Each answer that is not the expected one, with its place.
fn differences(path: &Path, expected: &CaseFile, recorded: &CaseFile) -> Vec<String> {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let mut expectations = expected.entries.iter().peekable();
    let mut differences = Vec::new();
    for (index, entry) in recorded.entries.iter().enumerate() {
        let wanted = expectations
            .next_if(|wanted| std::mem::discriminant(&wanted.kind) == std::mem::discriminant(&entry.kind));
        let received = entry.kind.outcome();
        // What was never recorded holds nothing, and so does a server that says nothing.
        let alike = wanted.is_some_and(|wanted| wanted.kind.outcome() == received);
        if alike && received != Some(&Outcome::Nothing) {
            continue;
        }
        let wanted = wanted.map_or("nothing recorded".to_owned(), |wanted| wanted.kind.to_string());
        let case = recorded.case_of(index);
        differences
            .push(format!("{file}:{}: {case}\n  expected {wanted}\n  received {}", entry.line, entry.kind));
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_never_as_expected() {
        let file = CaseFile::parse("# a case\nw = Watch.Watch\nw> create_request {}\nw<").unwrap();
        let expected = ["x.case:4: a case\n  expected w<\n  received w<"];
        assert_eq!(differences(Path::new("x.case"), &file, &file), expected);
    }
}
