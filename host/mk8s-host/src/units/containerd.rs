//! containerd, the one child process: its folders and configuration, its start, and when it answers.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::PathBuf;
use std::time::Duration;

use cri::Runtime;
use cri::containerd::{Layout, Programs};
use supervise::{BoxError, Child, ChildSpec, OnFailure, OrphanError, Unit, UnitContext};
use tokio::sync::watch;

use crate::data_dir::DataDir;
use crate::units::name;

/// containerd leaves its shims at once; what it has to write is little.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a starting containerd is asked whether it answers: it tells nobody else.
const ASK: Duration = Duration::from_millis(10);

/// Which process is ours, below the data directory.
const PID_FILE: &str = "run/containerd.pid";

/// What containerd is started with.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) layout: Layout,
    pub(crate) log_level: String,
    /// `PATH` of its shims and of runc.
    pub(crate) search_path: String,
}

/// Ends the containerd of a host that was killed: it holds the sockets that the next one needs. Blocks.
pub(crate) fn end_orphan(data_dir: &DataDir) -> Result<(), OrphanError> {
    supervise::end_orphan(&data_dir.join(PID_FILE), PATIENCE)
}

/// `missing` tells why containerd cannot be started, as long as it cannot.
pub(crate) fn unit(config: Config, runtime: Runtime, missing: watch::Sender<Option<String>>) -> Unit {
    Unit::new(name::CONTAINERD, &[], OnFailure::Restart, move |context| {
        run(config.clone(), runtime.clone(), missing.clone(), context)
    })
}

async fn run(
    config: Config,
    runtime: Runtime,
    missing: watch::Sender<Option<String>>,
    context: UnitContext,
) -> Result<(), BoxError> {
    let found = Programs::find(&config.layout.data_dir);
    missing.send_replace(found.as_ref().err().map(ToString::to_string));
    let programs = found?;
    prepare(&config.layout, &programs)?;
    let child = Child::start(spec(&config, &programs), &context.scope).await?;
    let waiting = context.clone();
    context.scope.spawn("await-answer", async move {
        while runtime.version().await.is_err() {
            tokio::time::sleep(ASK).await;
        }
        waiting.ready();
    });
    Ok(child.run(context.stop()).await?)
}

fn prepare(layout: &Layout, programs: &Programs) -> std::io::Result<()> {
    for folder in layout.folders() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    fs::write(layout.config_path(), layout.config(programs))?;
    fs::set_permissions(layout.config_path(), fs::Permissions::from_mode(0o600))
}

fn spec(config: &Config, programs: &Programs) -> ChildSpec {
    let Config { layout, log_level, search_path } = config;
    let log_level = ["--log-level".to_owned(), log_level.clone()];
    ChildSpec {
        name: name::CONTAINERD,
        program: programs.containerd.clone(),
        arguments: layout.arguments().into_iter().chain(log_level).map(Into::into).collect(),
        environment: vec![("PATH".into(), search_path.into())],
        directory: PathBuf::from("/"),
        pid_file: layout.data_dir.join(PID_FILE),
        patience: PATIENCE,
    }
}
