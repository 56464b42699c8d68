//! Child processes: started with an empty environment, their output in the log, ended by SIGTERM and then SIGKILL.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::orphan::{self, OrphanError};
use crate::{Scope, Task};

/// How a long-running child is started and ended.
#[derive(Clone, Debug)]
pub struct ChildSpec {
    /// Its name in logs and errors.
    pub name: &'static str,
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    /// The whole environment.
    pub environment: Vec<(OsString, OsString)>,
    pub directory: PathBuf,
    /// Where the process is recorded, so that the next run of the host knows it as its own.
    pub pid_file: PathBuf,
    /// From SIGTERM to SIGKILL.
    pub patience: Duration,
}

/// Why a child does not run.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    #[error("start {name} ({})", program.display())]
    Start { name: &'static str, program: PathBuf, source: io::Error },
    #[error("{name} ended by itself with {status}{}", last_line.as_deref().map(|line| format!(": {line}")).unwrap_or_default())]
    Ended { name: &'static str, status: ExitStatus, last_line: Option<String> },
    #[error("wait for {name}")]
    Wait { name: &'static str, source: io::Error },
    #[error("limit what {name} may use")]
    Limit { name: &'static str, source: io::Error },
    #[error("exchange input and output with {name}")]
    Pipes { name: &'static str, source: io::Error },
    #[error("{name} did not end within {deadline:?}")]
    Deadline { name: &'static str, deadline: Duration },
    #[error(transparent)]
    Orphan(#[from] OrphanError),
}

/// A started child.
pub struct Child {
    spec: ChildSpec,
    process: tokio::process::Child,
    output: Vec<Task<Option<String>>>,
}

impl Child {
    /// Ends what an earlier run of the host left, and starts the process anew. Its output goes to the log, by tasks of
    /// `scope`.
    pub async fn start(spec: ChildSpec, scope: &Scope) -> Result<Self, ChildError> {
        let (file, patience) = (spec.pid_file.clone(), spec.patience);
        let ended = scope.spawn_blocking("end-orphan", move || orphan::end_orphan(&file, patience));
        if let Ok(result) = ended.await {
            result?;
        }
        #[expect(clippy::disallowed_methods, reason = "this module owns child processes")]
        let mut command = Command::new(&spec.program);
        command
            .args(&spec.arguments)
            .env_clear()
            .envs(spec.environment.iter().cloned())
            .current_dir(&spec.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A Ctrl-C on the terminal is for the host, which ends its children in order.
            .process_group(0);
        let fail = |source| ChildError::Start { name: spec.name, program: spec.program.clone(), source };
        let mut process = command.spawn().map_err(fail)?;
        if let Some(pid) = process.id() {
            orphan::record(&spec.pid_file, pid)?;
            info!(child = spec.name, pid, "started");
        }
        let mut output = Vec::new();
        if let Some(stdout) = process.stdout.take() {
            output.push(scope.spawn("stdout", log_lines(spec.name, stdout)));
        }
        if let Some(stderr) = process.stderr.take() {
            output.push(scope.spawn("stderr", log_lines(spec.name, stderr)));
        }
        Ok(Self { spec, process, output })
    }

    /// Waits until the process ends, which is an error, or ends it at `stop`.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), ChildError> {
        let name = self.spec.name;
        tokio::select! {
            status = self.process.wait() => {
                let status = status.map_err(|source| ChildError::Wait { name, source })?;
                let mut last_line = None;
                for task in self.output {
                    last_line = task.await.ok().flatten().or(last_line);
                }
                return Err(ChildError::Ended { name, status, last_line });
            }
            () = stop.cancelled() => {}
        }
        self.signal(Signal::TERM);
        if tokio::time::timeout(self.spec.patience, self.process.wait()).await.is_err() {
            warn!(child = name, "does not end after SIGTERM: killing it");
            self.process.kill().await.map_err(|source| ChildError::Wait { name, source })?;
        }
        match std::fs::remove_file(&self.spec.pid_file) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => Err(ChildError::Wait { name, source: why }),
            _ => Ok(()),
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = self.process.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        if let Some(Err(why)) = pid.map(|pid| kill_process(pid, signal)) {
            debug!(child = self.spec.name, %why, "signal not sent");
        }
    }
}

/// Logs each line and gives the last one.
async fn log_lines(name: &'static str, output: impl AsyncRead + Unpin) -> Option<String> {
    let mut lines = BufReader::new(output).lines();
    let mut last = None;
    while let Ok(Some(line)) = lines.next_line().await {
        debug!(target: "child", child = name, "{line}");
        last = Some(line);
    }
    last
}

/// A process that reads its stdin, writes its stdout and ends.
#[derive(Debug)]
pub struct OneShot {
    /// Its name in errors.
    pub name: &'static str,
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    pub stdin: Vec<u8>,
    pub deadline: Duration,
    /// Bytes of address space that it may use; what needs more fails within the process.
    pub memory: Option<u64>,
    /// Time of processors that it may use, in whole seconds; what needs more is ended by a signal.
    pub processor: Option<Duration>,
}

/// Runs a process to its end and gives its stdout; an exit other than 0 is an error with the last line of its stderr.
pub async fn run_to_end(shot: OneShot) -> Result<Vec<u8>, ChildError> {
    let OneShot { name, program, arguments, stdin, deadline, memory, processor } = shot;
    #[expect(clippy::disallowed_methods, reason = "this module owns child processes")]
    let mut command = Command::new(&program);
    command.args(arguments).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true).process_group(0);
    let mut process = command.spawn().map_err(|source| ChildError::Start { name, program, source })?;
    // Before it reads anything that could make it grow.
    for (resource, most) in [(Resource::As, memory), (Resource::Cpu, processor.map(|time| time.as_secs()))] {
        limit(&process, resource, most).map_err(|source| ChildError::Limit { name, source })?;
    }
    let pipes = (process.stdin.take(), process.stdout.take(), process.stderr.take());
    let (Some(mut input), Some(mut output), Some(mut errors)) = pipes else {
        let source = io::Error::other("a pipe is missing");
        return Err(ChildError::Pipes { name, source });
    };
    let exchange = async {
        let (mut out, mut err) = (Vec::new(), String::new());
        let write = async {
            // A process that ends before it has read everything says why on stderr.
            input.write_all(&stdin).await.ok();
            drop(input);
            Ok(())
        };
        tokio::try_join!(write, output.read_to_end(&mut out), errors.read_to_string(&mut err))?;
        Ok((out, err))
    };
    let ended = tokio::time::timeout(deadline, async {
        let exchanged = exchange.await.map_err(|source| ChildError::Pipes { name, source })?;
        let status = process.wait().await.map_err(|source| ChildError::Wait { name, source })?;
        Ok::<_, ChildError>((status, exchanged))
    });
    let (status, (out, err)) = ended.await.map_err(|_| ChildError::Deadline { name, deadline })??;
    if status.success() {
        Ok(out)
    } else {
        Err(ChildError::Ended { name, status, last_line: err.lines().last().map(str::to_owned) })
    }
}

fn limit(process: &tokio::process::Child, resource: Resource, most: Option<u64>) -> io::Result<()> {
    // One that has ended already needs no limit.
    let pid = process.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
    if let (Some(pid), Some(most)) = (pid, most) {
        prlimit(Some(pid), resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, folder: &std::path::Path) -> ChildSpec {
        ChildSpec {
            name: "shell",
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            environment: Vec::new(),
            directory: folder.to_owned(),
            pid_file: folder.join("pid"),
            patience: Duration::from_millis(200),
        }
    }

    #[tokio::test]
    async fn an_end_by_itself_is_an_error_with_the_last_line() {
        let folder = tempfile::tempdir().unwrap();
        let scope = Scope::root("test");
        let child =
            Child::start(shell("echo the port is taken >&2; exit 3", folder.path()), &scope).await.unwrap();
        let why = child.run(CancellationToken::new()).await.unwrap_err().to_string();
        assert_eq!(why, "shell ended by itself with exit status: 3: the port is taken");
    }

    #[tokio::test]
    async fn a_child_deaf_to_sigterm_is_killed_and_its_file_removed() {
        let folder = tempfile::tempdir().unwrap();
        let scope = Scope::root("test");
        let child = Child::start(shell("trap '' TERM; while :; do sleep 0.1; done", folder.path()), &scope)
            .await
            .unwrap();
        let stop = CancellationToken::new();
        stop.cancel();
        child.run(stop).await.unwrap();
        assert!(!folder.path().join("pid").exists());
    }

    #[tokio::test]
    async fn a_one_shot_turns_input_into_output() {
        let shot = OneShot {
            name: "cat",
            program: "/bin/cat".into(),
            arguments: Vec::new(),
            stdin: vec![b'x'; 300_000],
            deadline: Duration::from_secs(10),
            memory: None,
            processor: None,
        };
        assert_eq!(run_to_end(shot).await.unwrap().len(), 300_000);
    }

    #[tokio::test]
    async fn a_one_shot_that_computes_for_ever_is_ended() {
        let shot = OneShot {
            name: "spinner",
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), "while :; do :; done".into()],
            stdin: Vec::new(),
            deadline: Duration::from_secs(600),
            memory: None,
            processor: Some(Duration::from_secs(1)),
        };
        let why = run_to_end(shot).await.unwrap_err().to_string();
        assert!(why.starts_with("spinner ended by itself with signal: "), "{why}");
    }

    #[tokio::test]
    async fn a_one_shot_that_fills_the_memory_fails_alone() {
        let shot = OneShot {
            name: "hoarder",
            program: "/bin/sh".into(),
            // A variable that doubles: 2^30 bytes do not fit.
            arguments: vec!["-c".into(), "x=a; for _ in $(seq 30); do x=$x$x; done; echo ${#x}".into()],
            stdin: Vec::new(),
            deadline: Duration::from_secs(60),
            memory: Some(256 << 20),
            processor: None,
        };
        let why = run_to_end(shot).await.unwrap_err();
        assert!(matches!(why, ChildError::Ended { .. }), "{why}");
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let shot = OneShot {
            name: "ghost",
            program: "/nonexistent/ghost".into(),
            arguments: Vec::new(),
            stdin: Vec::new(),
            deadline: Duration::from_secs(10),
            memory: None,
            processor: None,
        };
        assert_eq!(run_to_end(shot).await.unwrap_err().to_string(), "start ghost (/nonexistent/ghost)");
    }
}
