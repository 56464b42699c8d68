//! `/exec`, `/attach`, `/portForward` and `/run`: talks with what runs in a pod. Those with live streams go over a
//! WebSocket or SPDY/3.1.

mod carrier;
mod channel;
mod forward;
mod handshake;
mod session;
mod spdy;
mod speech;
pub(super) mod websocket;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cri::{AttachRequest, ContainerId, ExecRequest, ProcessIo};
use http::Response;
use http::request::Parts;
use net::Body;
use supervise::Scope;
use tokio::sync::mpsc;

use super::containers::{Containers, Pipes, Process};
use super::endpoint::Target;
use super::failure::Failure;
use super::query::Query;
use super::reply;
use crate::handle::{FindError, KubeletHandle, PodView};
use crate::pod::facts::PodFacts;
use carrier::Carrier;
use forward::Forwarder;
use handshake::Handshake;
use session::Session;

/// How long `/run` waits for its command.
const RUN_LIMIT: Duration = Duration::from_secs(120);
/// How long a client may take to close, or to answer the close.
const CLOSING: Duration = Duration::from_secs(2);
/// What each side of a conversation says before the other has taken it.
const WORDS: usize = 4;

/// What live streams need.
pub(super) struct Streams<'a, C> {
    pub(super) handle: &'a KubeletHandle,
    pub(super) runtime: &'a Arc<C>,
    /// A folder for named pipes.
    pub(super) pipes: &'a Path,
    /// Where the conversation goes on after the answer.
    pub(super) scope: &'a Scope,
}

impl<C: Containers> Streams<'_, C> {
    pub(super) fn exec(&self, target: Target<'_>, head: &mut Parts) -> Result<Response<Body>, Failure> {
        let query = Query::of(&head.uri);
        let wanted = Wanted::of(&query)?;
        let command = query.all("command");
        if command.is_empty() {
            return Err(Failure::NoCommand);
        }
        let request = ExecRequest {
            container: running(self.handle, target)?,
            command,
            io: if wanted.terminal { ProcessIo::Terminal } else { ProcessIo::Streams },
            stdin: wanted.stdin,
            folder: self.pipes.to_owned(),
        };
        let runtime = self.runtime.clone();
        let start = async move { runtime.exec(request).await };
        self.converse("error executing command in container", wanted, head, start)
    }

    pub(super) fn attach(&self, target: Target<'_>, head: &mut Parts) -> Result<Response<Body>, Failure> {
        let wanted = Wanted::of(&Query::of(&head.uri))?;
        let request = AttachRequest {
            container: running(self.handle, target)?,
            stdin: wanted.stdin,
            stdout: wanted.stdout,
            stderr: wanted.stderr,
            terminal: wanted.terminal,
        };
        let runtime = self.runtime.clone();
        let start = async move { runtime.attach(request).await };
        self.converse("error attaching to container", wanted, head, start)
    }

    pub(super) fn port_forward(
        &self,
        target: Target<'_>,
        head: &mut Parts,
    ) -> Result<Response<Body>, Failure> {
        let pod = pod(self.handle, target)?;
        let name = format!("{}/{}", target.namespace, target.pod);
        let sandbox = pod.sandbox.clone().ok_or(Failure::NoSandbox(name))?;
        let ports = Query::of(&head.uri).all("port");
        let (protocol, handshake) = Handshake::of(head, forward::PROTOCOLS)?;
        let ports = forward::ports(protocol, &ports)?;
        let response = handshake.response();
        let forwarder = Forwarder { runtime: self.runtime.clone(), sandbox, pod: target.pod.to_owned() };
        let stop = self.scope.token();
        self.scope.spawn("port forward", async move {
            let forwarding = async {
                match handshake.complete().await {
                    Ok(io) => forwarder.serve(protocol, io, &ports).await,
                    Err(error) => tracing::debug!(%error, "a connection was not upgraded"),
                }
            };
            stop.run_until_cancelled(forwarding).await;
        });
        Ok(response)
    }

    /// Answers, and talks with a process once the connection is there. `failing` begins what is said of a failure.
    fn converse<P: Process>(
        &self,
        failing: &'static str,
        wanted: Wanted,
        head: &mut Parts,
        start: impl Future<Output = Result<(P, Pipes), cri::Error>> + Send + 'static,
    ) -> Result<Response<Body>, Failure> {
        let (protocol, handshake) = Handshake::of(head, carrier::PROTOCOLS)?;
        let response = handshake.response();
        let session = Session { wanted, failing, stop: self.scope.token() };
        self.scope.spawn("conversation", async move {
            let io = match handshake.complete().await {
                Ok(io) => io,
                Err(error) => return tracing::debug!(%error, "a connection was not upgraded"),
            };
            if let Some(carrier) = Carrier::establish(protocol, io, wanted).await {
                let (hear, said) = mpsc::channel(WORDS);
                let (tell, told) = mpsc::channel(WORDS);
                tokio::join!(carrier.carry(hear, told), session.run(start, said, tell));
            }
        });
        Ok(response)
    }
}

pub(super) async fn run<C: Containers>(
    handle: &KubeletHandle,
    runtime: &C,
    target: Target<'_>,
    head: &Parts,
) -> Result<Response<Body>, Failure> {
    let query = Query::of(&head.uri);
    let command = query.first("cmd").ok_or(Failure::NoCommand)?;
    let container = running(handle, target)?;
    let words = command.split_whitespace().map(str::to_owned).collect();
    let ended = runtime.run(&container, words, RUN_LIMIT).await?;
    let output = [ended.stdout, ended.stderr].concat();
    if ended.exit_code == 0 {
        return Ok(reply::text(output));
    }
    let output = String::from_utf8_lossy(&output).into_owned();
    Err(Failure::Exited { command: command.to_owned(), code: ended.exit_code, output })
}

/// The streams that a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted {
    stdin: bool,
    stdout: bool,
    stderr: bool,
    terminal: bool,
}

impl Wanted {
    /// By the kubelet's names of the parameters, which are not those of the pod's subresource.
    fn of(query: &Query) -> Result<Self, Failure> {
        let terminal = query.flag("tty")?;
        let wanted = Self {
            stdin: query.flag("input")?,
            stdout: query.flag("output")?,
            // A terminal has one output.
            stderr: query.flag("error")? && !terminal,
            terminal,
        };
        if wanted.stdin || wanted.stdout || wanted.stderr { Ok(wanted) } else { Err(Failure::NoStreams) }
    }
}

/// The pod that a path names, if anything can be reached in it.
fn pod(handle: &KubeletHandle, target: Target<'_>) -> Result<Arc<PodView>, Failure> {
    let pod = handle.pod(target.namespace, target.pod).ok_or(FindError::NoPod)?;
    if target.uid.is_some_and(|uid| pod.pod.uid().0 != uid) {
        return Err(FindError::NoPod.into());
    }
    match &handle.status().borrow().runtime_error {
        Some(why) => Err(Failure::NoRuntime(why.clone())),
        None => Ok(pod),
    }
}

/// The container that a path names, if it runs.
fn running(handle: &KubeletHandle, target: Target<'_>) -> Result<ContainerId, Failure> {
    pod(handle, target)?;
    Ok(handle.running(target.namespace, target.pod, target.container)?.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_has_no_stderr_and_no_stream_at_all_is_refused() {
        let wanted = |query: &str| Wanted::of(&Query::of(&format!("/exec/n/p/c?{query}").parse().unwrap()));
        let terminal = wanted("input=1&output=1&error=1&tty=1").unwrap();
        assert_eq!(terminal, Wanted { stdin: true, stdout: true, stderr: false, terminal: true });
        assert!(matches!(wanted("error=1&tty=1"), Err(Failure::NoStreams)));
        assert!(matches!(wanted("stdout=1"), Err(Failure::NoStreams)));
        assert!(matches!(wanted("output=yes"), Err(Failure::Query { parameter: "output", .. })));
    }
}
