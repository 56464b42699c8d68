//! Replays cases against an API server: `api-cases --server URL --token T --ca FILE FOLDER`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use api_cases::{Case, Server, parse, run};
use clap::Parser;

#[derive(Parser)]
#[command(about = "Replays cases against an API server", version)]
struct Arguments {
    /// Where the API server is, as https://127.0.0.1:16443
    #[arg(long)]
    server: String,
    /// Bearer token of somebody who may do everything
    #[arg(long)]
    token: String,
    /// CA certificates (PEM) that the server is verified by
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// Only cases whose name or file holds this text
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Folder of .case files
    folder: PathBuf,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let ca = fs::read(&arguments.ca).with_context(|| format!("read {}", arguments.ca.display()))?;
    let server = Server::new(&arguments.server, &arguments.token, &ca)?;
    let mut output = std::io::stdout().lock();
    let (mut passed, mut failed) = (0, 0);
    for (file, case) in cases(&arguments.folder)? {
        if arguments.only.as_ref().is_some_and(|only| !case.name.contains(only) && !file.contains(only)) {
            continue;
        }
        match run(&server, &case).await {
            Ok(()) => passed += 1,
            Err(why) => {
                failed += 1;
                writeln!(output, "{file}:{}: {}\n    {why}", why.line, case.name)?;
            }
        }
    }
    writeln!(output, "{passed} cases passed, {failed} failed")?;
    Ok(if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The cases of a folder's files in the order of their names, each with its file's name.
fn cases(folder: &Path) -> Result<Vec<(String, Case)>> {
    let entries = fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "case"));
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path)?;
        let cases = parse(&text).with_context(|| format!("read {}", path.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        all.extend(cases.into_iter().map(|case| (name.clone(), case)));
    }
    Ok(all)
}
