//! Words for the operator, on stdout, and errors with their causes on stderr.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Context, Result, bail};

/// Writes to stdout; a reader that went away is no error.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(why) if why.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("write to stdout"),
    }
}

/// Writes an error and its causes to stderr, one line.
pub(crate) fn error(why: &anyhow::Error) {
    let mut line = String::from("mk8s-host:");
    for (depth, cause) in why.chain().enumerate() {
        line.push_str(if depth == 0 { " " } else { ": " });
        line.push_str(&cause.to_string());
    }
    line.push('\n');
    // There is nobody left to tell where stderr is gone.
    io::stderr().write_all(line.as_bytes()).ok();
}

/// Writes lines beside the answer, to stderr.
pub(crate) fn remarks(lines: &[String]) {
    let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    // There is nobody left to tell where stderr is gone.
    io::stderr().write_all(text.as_bytes()).ok();
}

/// Asks a question that is answered by `y` or `yes`; refuses where there is no terminal to ask on.
pub(crate) fn confirm(question: &str, way_out: &str) -> Result<bool> {
    if !io::stdin().is_terminal() {
        bail!("{question} cannot be asked without a terminal: {way_out}");
    }
    print(&format!("{question} [y/N] "))?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).context("read the answer")?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
