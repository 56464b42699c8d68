//! Processes run inside a container with live streams, by containerd's task service and named pipes: unlike a process of
//! CRI's own streaming server, one of these can be ended when its client is gone.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::fs::{CWD, Mode, mkfifoat};
use serde_json::{Value, json};
use tokio::net::unix::pipe;

use crate::{ContainerId, Error, Runtime, wire::containerd as wire};

const PROCESS_SPEC: &str = "types.containerd.io/opencontainers/runtime-spec/1/Process";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessIo {
    /// Separate stdout and stderr.
    Streams,
    /// One terminal; there is no stderr.
    Terminal,
}

#[derive(Clone, Debug)]
pub struct ExecRequest {
    pub container: ContainerId,
    pub command: Vec<String>,
    pub io: ProcessIo,
    /// Whether a stdin pipe is made; without it the process reads end of file.
    pub stdin: bool,
    /// An existing folder for the named pipes, in the runtime's view of the file system.
    pub folder: PathBuf,
}

/// A started process, and the calls about it.
pub struct Process {
    runtime: Runtime,
    container: String,
    id: String,
    _pipes: Pipes,
}

/// Our ends of a process's pipes.
pub struct ProcessStreams {
    pub stdin: Option<pipe::Sender>,
    pub stdout: pipe::Receiver,
    pub stderr: Option<pipe::Receiver>,
}

/// The named pipes of a process; removed with it.
struct Pipes {
    folder: PathBuf,
}

impl Drop for Pipes {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::debug!(%error, folder = %self.folder.display(), "cannot remove the pipes of a process");
        }
    }
}

impl Pipes {
    fn make(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.folder.join(name);
        let made = mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR);
        made.map_err(|error| Error::Streams(error.into()))?;
        Ok(path)
    }
}

/// Ids of processes differ within this process by count and between processes by pid.
fn next_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("exec-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

impl Runtime {
    /// Starts a command in a running container.
    pub async fn exec(&self, request: ExecRequest) -> Result<(Process, ProcessStreams), Error> {
        let ExecRequest { container: ContainerId(container), command, io, stdin, folder } = request;
        let id = next_id();
        let pipes = Pipes { folder: folder.join(&id) };
        fs::create_dir_all(&pipes.folder).map_err(Error::Streams)?;
        let terminal = io == ProcessIo::Terminal;

        let stdin_path = if stdin { Some(pipes.make("stdin")?) } else { None };
        let stdout_path = pipes.make("stdout")?;
        let stderr_path = if terminal { None } else { Some(pipes.make("stderr")?) };

        // Opened for reading before the shim opens them for writing, which would block it otherwise.
        let receive = |path: &Path| pipe::OpenOptions::new().open_receiver(path).map_err(Error::Streams);
        let stdout = receive(&stdout_path)?;
        let stderr = stderr_path.as_deref().map(receive).transpose()?;

        let spec = self.process_spec(&container, command, terminal).await?;
        let added = wire::ExecProcessRequest {
            container_id: container.clone(),
            stdin: stdin_path.as_deref().map(text).unwrap_or_default(),
            stdout: text(&stdout_path),
            stderr: stderr_path.as_deref().map(text).unwrap_or_default(),
            terminal,
            spec: Some(spec),
            exec_id: id.clone(),
        };
        let _: wire::Empty = self.channel.unary("/containerd.services.tasks.v1.Tasks/Exec", added).await?;

        // Read and write, so that the open does not fail while the shim has not opened its end.
        let stdin = stdin_path
            .map(|path| pipe::OpenOptions::new().read_write(true).open_sender(path))
            .transpose()
            .map_err(Error::Streams)?;
        let process = Process { runtime: self.clone(), container, id, _pipes: pipes };
        let start = wire::StartProcessRequest {
            container_id: process.container.clone(),
            exec_id: process.id.clone(),
        };
        let started: Result<wire::StartProcessResponse, _> =
            self.channel.unary("/containerd.services.tasks.v1.Tasks/Start", start).await;
        if let Err(error) = started {
            process.delete().await;
            return Err(error);
        }
        Ok((process, ProcessStreams { stdin, stdout, stderr }))
    }

    /// The container's own process, with another command.
    async fn process_spec(
        &self,
        container: &str,
        command: Vec<String>,
        terminal: bool,
    ) -> Result<wire::Any, Error> {
        let method = "/containerd.services.containers.v1.Containers/Get";
        let request = wire::GetContainerRequest { id: container.to_owned() };
        let answer: wire::GetContainerResponse = self.channel.unary(method, request).await?;
        let spec = answer.container.and_then(|container| container.spec);
        let spec = spec.ok_or(Error::Incomplete { method, missing: "a spec" })?;
        let spec: Value = serde_json::from_slice(&spec.value)
            .map_err(|_| Error::Incomplete { method, missing: "a spec in JSON" })?;
        let mut process = spec.get("process").cloned().unwrap_or_else(|| json!({}));
        process["args"] = json!(command);
        process["terminal"] = json!(terminal);
        if terminal && let Some(env) = process["env"].as_array_mut() {
            env.push(json!("TERM=xterm"));
        }
        Ok(wire::Any { type_url: PROCESS_SPEC.to_owned(), value: process.to_string().into_bytes() })
    }
}

impl Process {
    /// Waits for the exit and gives its code; 128 + n after signal n. Cancel-safe.
    pub async fn wait(&self) -> Result<u32, Error> {
        let request =
            wire::WaitProcessRequest { container_id: self.container.clone(), exec_id: self.id.clone() };
        let answer: wire::WaitProcessResponse =
            self.runtime.channel.unary("/containerd.services.tasks.v1.Tasks/Wait", request).await?;
        Ok(answer.exit_status)
    }

    /// Ends the process's stdin; our end of the pipe must be dropped before.
    pub async fn close_stdin(&self) -> Result<(), Error> {
        let request = wire::CloseIoRequest {
            container_id: self.container.clone(),
            exec_id: self.id.clone(),
            stdin: true,
        };
        let _: wire::Empty =
            self.runtime.channel.unary("/containerd.services.tasks.v1.Tasks/CloseIO", request).await?;
        Ok(())
    }

    pub async fn resize(&self, width: u32, height: u32) -> Result<(), Error> {
        let request = wire::ResizePtyRequest {
            container_id: self.container.clone(),
            exec_id: self.id.clone(),
            width,
            height,
        };
        let _: wire::Empty =
            self.runtime.channel.unary("/containerd.services.tasks.v1.Tasks/ResizePty", request).await?;
        Ok(())
    }

    pub async fn kill(&self) -> Result<(), Error> {
        let request = wire::KillProcessRequest {
            container_id: self.container.clone(),
            exec_id: self.id.clone(),
            signal: 9,
            all: false,
        };
        let _: wire::Empty =
            self.runtime.channel.unary("/containerd.services.tasks.v1.Tasks/Kill", request).await?;
        Ok(())
    }

    /// Lets the runtime forget the process; to be called when it has exited.
    pub async fn delete(self) {
        let request =
            wire::DeleteProcessRequest { container_id: self.container.clone(), exec_id: self.id.clone() };
        let answer: Result<wire::DeleteProcessResponse, _> =
            self.runtime.channel.unary("/containerd.services.tasks.v1.Tasks/DeleteProcess", request).await;
        if let Err(error) = answer {
            tracing::debug!(%error, process = self.id, "cannot delete an exited process");
        }
    }
}
