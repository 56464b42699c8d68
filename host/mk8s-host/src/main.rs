//! mk8s-host: the command line, the files of configuration and the composition of the services. What the services do
//! is theirs; here is who they are, what they get and who asks whom.

mod adapt;
mod ask;
mod author;
mod builtin;
mod certificates;
mod cli;
mod configuration;
mod control;
mod data_dir;
mod db;
mod facts;
mod fetch;
mod node;
mod offline;
mod run;
mod secrets;
mod slot;
mod sockets;
mod status;
mod store;
mod terminal;
mod time_zone;
mod units;

use std::io::{self, Read, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{CommandFactory, Parser};
use clap_complete::Shell;

use crate::cli::{Cli, Command};
use crate::data_dir::DataDir;

/// Objects are many small pieces that one thread makes and another drops, at which the C library's allocator waits for
/// its own locks.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match execute(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            terminal::error(&why);
            ExitCode::FAILURE
        }
    }
}

fn execute(cli: Cli) -> Result<()> {
    let data_dir = || DataDir::locate(cli.data_dir);
    match cli.command {
        Command::Run(options) => run::run(&data_dir()?, &options),
        Command::Status(options) => asking(ask::status(&data_dir()?, options)),
        Command::Plugin(command) => asking(ask::plugin(&data_dir()?, command)),
        Command::Config(command) => asking(ask::config(&data_dir()?, command)),
        Command::RefreshCerts(command) => asking(ask::refresh_certs(&data_dir()?, command)),
        Command::Secrets(command) => asking(ask::secrets(&data_dir()?, command)),
        Command::Kubeconfig => ask::kubeconfig(&data_dir()?),
        Command::Db(command) => asking(db::run(&data_dir()?, command)),
        Command::Images(command) => asking(ask::images(&data_dir()?, command)),
        Command::Completion { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "mk8s-host", &mut text);
            let text = String::from_utf8_lossy(&text);
            terminal::print(&match shell {
                // The dash of the program's name is written in two ways, and no subcommand would be completed.
                Shell::Bash => text.replace("mk8s__subcmd__host", "mk8s__host").into(),
                _ => text,
            })
        }
        Command::Compile => compile(),
    }
}

/// A command that asks and waits needs one thread.
fn asking(command: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("start the runtime")?.block_on(command)
}

/// What the host runs as a child, since a component may be made to compile for minutes or to fill the memory.
fn compile() -> Result<()> {
    let mut component = Vec::new();
    io::stdin().lock().read_to_end(&mut component).context("read the component")?;
    let compiled = engine::compile(&component)?;
    io::stdout().lock().write_all(&compiled).context("write what was compiled")
}
