//! A runtime whose containers are a table, and an API server that knows two tokens.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use client::{BoxFuture, Client, Transport, TransportError};
use cri::{AttachRequest, ContainerId, ContainerStats, ContainerStatus, ExecOutput, ExecRequest, SandboxId};
use http::{Request, Response};
use net::{Body, body};
use serde_json::{Value, json};
use tokio::io::{DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio::sync::{mpsc, watch};

use super::containers::{Containers, Pipes, Process};

/// What was called on a process, in order.
pub(super) type Calls = Arc<Mutex<Vec<String>>>;

pub(super) struct FakeRuntime {
    pub(super) containers: Vec<ContainerStatus>,
    pub(super) calls: Calls,
    /// Each started process appears here.
    pub(super) started: mpsc::UnboundedSender<FarEnd>,
    /// And each connection to a port.
    pub(super) connected: mpsc::UnboundedSender<(u16, DuplexStream)>,
}

/// The process's side of its streams.
pub(super) struct FarEnd {
    pub(super) command: Vec<String>,
    pub(super) stdin: Option<ReadHalf<DuplexStream>>,
    pub(super) stdout: WriteHalf<DuplexStream>,
    pub(super) stderr: Option<WriteHalf<DuplexStream>>,
    pub(super) exit: watch::Sender<Option<u32>>,
}

pub(super) struct FakeProcess {
    exit: watch::Sender<Option<u32>>,
    calls: Calls,
}

/// An answer of a runtime that refuses.
pub(super) fn refused(message: &str) -> cri::Error {
    cri::Error::Refused { method: "exec", code: cri::Code::Other, message: message.to_owned() }
}

impl Containers for FakeRuntime {
    type Process = FakeProcess;
    type Attachment = FakeProcess;
    type Connection = DuplexStream;

    async fn exec(&self, request: ExecRequest) -> Result<(FakeProcess, Pipes), cri::Error> {
        if request.command == ["missing"] {
            return Err(refused("executable file not found in $PATH"));
        }
        let separate = request.io == cri::ProcessIo::Streams;
        Ok(self.start(request.command, request.stdin, separate))
    }

    /// What is attached to has no command.
    async fn attach(&self, request: AttachRequest) -> Result<(FakeProcess, Pipes), cri::Error> {
        Ok(self.start(Vec::new(), request.stdin, request.stderr))
    }

    /// Something is served on every port below 1000.
    async fn connect(&self, _: &SandboxId, port: u16) -> Result<DuplexStream, cri::Error> {
        if port >= 1000 {
            let source = std::io::ErrorKind::ConnectionRefused.into();
            return Err(cri::Error::Connect { port, source });
        }
        let (near, far) = duplex(64);
        self.connected.send((port, far)).ok();
        Ok(near)
    }

    async fn run(
        &self,
        _: &ContainerId,
        command: Vec<String>,
        _: Duration,
    ) -> Result<ExecOutput, cri::Error> {
        let exit_code = i32::from(command == ["false"]);
        Ok(ExecOutput { stdout: command.join("|").into_bytes(), stderr: b"!".to_vec(), exit_code })
    }

    async fn list(&self) -> Result<Vec<ContainerStatus>, cri::Error> {
        Ok(self.containers.clone())
    }

    async fn stats(&self) -> Result<Vec<ContainerStats>, cri::Error> {
        let stats = |container: &ContainerStatus| ContainerStats {
            id: container.id.clone(),
            name: container.metadata.name.clone(),
            labels: container.labels.clone(),
            at: None,
            cpu_nanoseconds: 1_500_000_000,
            memory_working_set: 4096,
            memory_usage: 8192,
            memory_rss: 2048,
            writable_layer: 1024,
        };
        Ok(self.containers.iter().map(stats).collect())
    }
}

impl FakeRuntime {
    fn start(&self, command: Vec<String>, stdin: bool, separate: bool) -> (FakeProcess, Pipes) {
        let pipe = || {
            let (near, far) = duplex(64);
            (split(near), split(far))
        };
        let ((_, near_in), (far_in, _)) = pipe();
        let ((near_out, _), (_, far_out)) = pipe();
        let ((near_err, _), (_, far_err)) = pipe();
        let (exit, _) = watch::channel(None);
        let far = FarEnd {
            command,
            stdin: stdin.then_some(far_in),
            stdout: far_out,
            stderr: separate.then_some(far_err),
            exit: exit.clone(),
        };
        self.started.send(far).ok();
        let pipes = Pipes {
            stdin: stdin.then(|| Box::new(near_in) as _),
            stdout: Box::new(near_out),
            stderr: separate.then(|| Box::new(near_err) as _),
        };
        (FakeProcess { exit, calls: self.calls.clone() }, pipes)
    }
}

impl FakeProcess {
    fn note(&self, call: impl Into<String>) {
        self.calls.lock().unwrap().push(call.into());
    }
}

impl Process for FakeProcess {
    async fn wait(&self) -> Result<u32, cri::Error> {
        let mut exit = self.exit.subscribe();
        let code = exit.wait_for(Option::is_some).await.unwrap();
        Ok(code.unwrap())
    }

    async fn close_stdin(&self) -> Result<(), cri::Error> {
        self.note("close stdin");
        Ok(())
    }

    async fn resize(&self, width: u32, height: u32) -> Result<(), cri::Error> {
        self.note(format!("resize {width}x{height}"));
        Ok(())
    }

    async fn end(&self) -> Result<(), cri::Error> {
        self.note("end");
        self.exit.send_replace(Some(137));
        Ok(())
    }

    async fn delete(self) {
        self.note("delete");
    }
}

/// Knows the tokens `admin` and `reader`; the reader may get `nodes/pods` and `nodes/stats`.
pub(super) struct FakeApi;

impl Transport for FakeApi {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<Result<Response<Body>, TransportError>> {
        let mut asked: Value = serde_json::from_slice(request.body()).unwrap();
        let token = asked["spec"]["token"].as_str().unwrap_or_default().to_owned();
        if token == "broken" {
            return Box::pin(async { Err(TransportError::Stopped) });
        }
        let attributes = &asked["spec"]["resourceAttributes"];
        let field = |name: &str| attributes[name].as_str().unwrap_or_default();
        let readable = field("verb") == "get" && matches!(field("subresource"), "pods" | "stats");
        let own = field("resource") == "nodes" && field("name") == "node-1";
        let allowed = own && (asked["spec"]["user"] == "admin" || readable);
        asked["status"] = if request.uri().path().ends_with("tokenreviews") {
            let known = matches!(token.as_str(), "admin" | "reader");
            json!({ "authenticated": known, "user": { "username": token } })
        } else {
            json!({ "allowed": allowed })
        };
        let response = Response::builder().status(201).body(body::full(asked.to_string())).unwrap();
        Box::pin(async { Ok(response) })
    }
}

pub(super) fn client() -> Client {
    Client::new(FakeApi, "kubelet/test")
}
