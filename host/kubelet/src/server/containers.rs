//! What the ports ask of the container runtime: `cri::Runtime`, or a fake.

use std::collections::BTreeMap;
use std::time::Duration;

use cri::{AttachRequest, ContainerId, ContainerStats, ContainerStatus, ExecOutput, ExecRequest, SandboxId};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// The labels by which containers name their pods: upstream's.
pub(super) const POD_NAME: &str = "io.kubernetes.pod.name";
pub(super) const POD_NAMESPACE: &str = "io.kubernetes.pod.namespace";
pub(super) const POD_UID: &str = "io.kubernetes.pod.uid";

pub(super) trait Containers: Send + Sync + 'static {
    type Process: Process;
    type Attachment: Process;
    type Connection: AsyncRead + AsyncWrite + Send + Unpin;

    fn exec(
        &self,
        request: ExecRequest,
    ) -> impl Future<Output = Result<(Self::Process, Pipes), cri::Error>> + Send;

    /// The streams of a container's own process.
    fn attach(
        &self,
        request: AttachRequest,
    ) -> impl Future<Output = Result<(Self::Attachment, Pipes), cri::Error>> + Send;

    /// Connects to a port of loopback in a sandbox.
    fn connect(
        &self,
        sandbox: &SandboxId,
        port: u16,
    ) -> impl Future<Output = Result<Self::Connection, cri::Error>> + Send;

    /// Runs a command to its end.
    fn run(
        &self,
        container: &ContainerId,
        command: Vec<String>,
        limit: Duration,
    ) -> impl Future<Output = Result<ExecOutput, cri::Error>> + Send;

    fn list(&self) -> impl Future<Output = Result<Vec<ContainerStatus>, cri::Error>> + Send;

    fn stats(&self) -> impl Future<Output = Result<Vec<ContainerStats>, cri::Error>> + Send;
}

/// The near ends of a process's streams.
pub(super) struct Pipes {
    pub(super) stdin: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    pub(super) stdout: Box<dyn AsyncRead + Send + Unpin>,
    pub(super) stderr: Option<Box<dyn AsyncRead + Send + Unpin>>,
}

/// The calls about a process that is talked with.
pub(super) trait Process: Send + Sync + 'static {
    /// The exit code; of a process that one was only attached to, zero. Cancel-safe.
    fn wait(&self) -> impl Future<Output = Result<u32, cri::Error>> + Send;
    /// Called when the near end of stdin is shut down and dropped.
    fn close_stdin(&self) -> impl Future<Output = Result<(), cri::Error>> + Send;
    fn resize(&self, width: u32, height: u32) -> impl Future<Output = Result<(), cri::Error>> + Send;
    /// Ends what was started for this conversation alone.
    fn end(&self) -> impl Future<Output = Result<(), cri::Error>> + Send;
    fn delete(self) -> impl Future<Output = ()> + Send;
}

impl Containers for cri::Runtime {
    type Process = cri::Process;
    type Attachment = cri::Attachment;
    type Connection = TcpStream;

    async fn exec(&self, request: ExecRequest) -> Result<(cri::Process, Pipes), cri::Error> {
        let (process, streams) = cri::Runtime::exec(self, request).await?;
        let pipes = Pipes {
            stdin: streams.stdin.map(|stdin| Box::new(stdin) as _),
            stdout: Box::new(streams.stdout),
            stderr: streams.stderr.map(|stderr| Box::new(stderr) as _),
        };
        Ok((process, pipes))
    }

    async fn attach(&self, request: AttachRequest) -> Result<(cri::Attachment, Pipes), cri::Error> {
        let (attachment, streams) = cri::Runtime::attach(self, &request).await?;
        let pipes = Pipes {
            stdin: streams.stdin.map(|stdin| Box::new(stdin) as _),
            stdout: streams
                .stdout
                .map_or_else(|| Box::new(tokio::io::empty()) as _, |out| Box::new(out) as _),
            stderr: streams.stderr.map(|stderr| Box::new(stderr) as _),
        };
        Ok((attachment, pipes))
    }

    async fn connect(&self, sandbox: &SandboxId, port: u16) -> Result<TcpStream, cri::Error> {
        cri::Runtime::connect(self, sandbox, port).await
    }

    async fn run(
        &self,
        container: &ContainerId,
        command: Vec<String>,
        limit: Duration,
    ) -> Result<ExecOutput, cri::Error> {
        self.exec_sync(container, command, limit).await
    }

    async fn list(&self) -> Result<Vec<ContainerStatus>, cri::Error> {
        self.containers(BTreeMap::new()).await
    }

    async fn stats(&self) -> Result<Vec<ContainerStats>, cri::Error> {
        cri::Runtime::stats(self).await
    }
}

impl Process for cri::Process {
    async fn wait(&self) -> Result<u32, cri::Error> {
        cri::Process::wait(self).await
    }

    async fn close_stdin(&self) -> Result<(), cri::Error> {
        cri::Process::close_stdin(self).await
    }

    async fn resize(&self, width: u32, height: u32) -> Result<(), cri::Error> {
        cri::Process::resize(self, width, height).await
    }

    async fn end(&self) -> Result<(), cri::Error> {
        self.kill().await?;
        self.wait().await.map(drop)
    }

    async fn delete(self) {
        cri::Process::delete(self).await;
    }
}

impl Process for cri::Attachment {
    async fn wait(&self) -> Result<u32, cri::Error> {
        cri::Attachment::wait(self).await.map(|()| 0)
    }

    async fn close_stdin(&self) -> Result<(), cri::Error> {
        Ok(())
    }

    async fn resize(&self, width: u32, height: u32) -> Result<(), cri::Error> {
        cri::Attachment::resize(self, width, height).await
    }

    async fn end(&self) -> Result<(), cri::Error> {
        Ok(())
    }

    async fn delete(self) {}
}
