//! The figures of the API server over TLS: beside a bare server that answers with the same bytes, and beside a datastore
//! that is written to by the same clients. One run, one table; nothing is asserted.
//!
//! `api-bench` starts the servers itself. `api-bench --server URL --token TOKEN --ca FILE` measures one that is there; what
//! only the kernel knows of a process is left out then. A word more is a part that is measured alone.

#![allow(clippy::print_stdout, reason = "the table is what this program is for")]

mod bare;
mod growth;
mod latency;
mod load;
mod objects;
mod process;
mod rates;
mod serve;
mod servers;
mod table;
mod watchers;

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::servers::{Server, Target};

/// What can be measured alone.
const PARTS: [&str; 4] = ["requests", "event", "watchers", "objects"];

/// As the node has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let [word, folder] = arguments.as_slice() {
        let folder = Path::new(folder);
        match word.to_str() {
            Some(serve::ARGUMENT) => return runtime.block_on(serve::run(folder)),
            Some(bare::ARGUMENT) => return runtime.block_on(bare::run(folder)),
            _ => {}
        }
    }
    let (mut parts, mut flags) = (Vec::new(), HashMap::new());
    let mut words = arguments.iter().map(|argument| argument.to_string_lossy().into_owned());
    while let Some(word) = words.next() {
        match word.as_str() {
            "--server" | "--token" | "--ca" => {
                let value = words.next().with_context(|| format!("{word} needs a value"))?;
                flags.insert(word, value);
            }
            part if PARTS.contains(&part) => parts.push(word),
            _ => bail!("{word} is none of --server URL --token TOKEN --ca FILE {}", PARTS.join(" ")),
        }
    }
    if parts.is_empty() {
        parts = PARTS.map(str::to_owned).to_vec();
    }
    runtime.block_on(measure(target(flags)?, |part| parts.iter().any(|wanted| wanted == part)))
}

fn target(mut flags: HashMap<String, String>) -> Result<Option<Target>> {
    if flags.is_empty() {
        return Ok(None);
    }
    let mut value = |name: &str| flags.remove(name).with_context(|| format!("{name} is missing"));
    let (url, token, ca) = (value("--server")?, value("--token")?, value("--ca")?);
    let ca = fs::read(&ca).with_context(|| format!("read {ca}"))?;
    Ok(Some(Target { url: url.trim_end_matches('/').to_owned(), token, ca }))
}

async fn measure(target: Option<Target>, is_wanted: impl Fn(&str) -> bool) -> Result<()> {
    // Beside the program, which is on a disk where /tmp may be in memory.
    let programs = std::env::current_exe()?.parent().context("a program is in a folder")?.to_owned();
    let folder = tempfile::Builder::new().prefix("api-bench-").tempdir_in(programs)?;
    let measured = match target {
        Some(target) => Server::there(target),
        None => Server::start(serve::ARGUMENT, &folder.path().join("measured"))?,
    };
    let prepared = objects::prepare(&measured).await.context("make what is read")?;
    let mut rows = Vec::new();
    if is_wanted("requests") {
        let bare = folder.path().join("bare");
        bare::answer_as(&bare, &prepared)?;
        let bare = Server::start(bare::ARGUMENT, &bare)?;
        rows.extend(rates::measure(&measured, &bare).await.context("measure requests")?);
    }
    if is_wanted("event") {
        rows.push(latency::measure(&measured).await.context("measure an event")?);
    }
    let (mut by_watchers, mut by_objects) = (Vec::new(), Vec::new());
    if is_wanted("watchers") {
        by_watchers = watchers::measure(&measured).await.context("measure watches")?;
        rows.extend(watchers::rows(&by_watchers));
    }
    if is_wanted("objects") {
        // What others left behind is no part of the memory that is measured.
        let empty = match measured.is_own() {
            true => Some(Server::start(serve::ARGUMENT, &folder.path().join("empty"))?),
            false => None,
        };
        let filled = empty.as_ref().unwrap_or(&measured);
        by_objects = growth::measure(filled).await.context("measure many objects")?;
        rows.extend(growth::row(&by_objects));
    }
    if !measured.is_own() {
        objects::remove(&measured).await.context("remove what was made")?;
    }
    table::print(&rows);
    table::print_growth("pods of 4 KB", &growth::COLUMNS, &by_objects);
    table::print_growth("watchers", &watchers::COLUMNS, &by_watchers);
    Ok(())
}
