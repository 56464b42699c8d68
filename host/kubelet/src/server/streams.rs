//! `/exec` and `/run`: commands in a running container. Streams are those of Kubernetes' remote commands over a
//! WebSocket.

mod channel;
mod session;
mod websocket;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cri::{ContainerId, ExecRequest, ProcessIo};
use http::Response;
use http::request::Parts;
use net::Body;
use supervise::Scope;

use super::containers::Containers;
use super::endpoint::Target;
use super::failure::Failure;
use super::query::Query;
use super::reply;
use crate::handle::{FindError, KubeletHandle};
use crate::pod::facts::PodFacts;
use session::Session;
use websocket::Handshake;

/// How long `/run` waits for its command.
const RUN_LIMIT: Duration = Duration::from_secs(120);

/// What a command with live streams needs.
pub(super) struct Exec<'a, C> {
    pub(super) handle: &'a KubeletHandle,
    pub(super) runtime: &'a Arc<C>,
    /// A folder for named pipes.
    pub(super) pipes: &'a Path,
    /// Where the conversation goes on after the answer.
    pub(super) scope: &'a Scope,
}

impl<C: Containers> Exec<'_, C> {
    pub(super) async fn answer(
        &self,
        target: Target<'_>,
        head: &mut Parts,
    ) -> Result<Response<Body>, Failure> {
        let query = Query::of(&head.uri);
        let wanted = Wanted::of(&query)?;
        let command = query.all("command");
        if command.is_empty() {
            return Err(Failure::NoCommand);
        }
        let container = running(self.handle, target)?;
        let handshake = Handshake::of(head)?;
        let response = handshake.response();
        let request = ExecRequest {
            container,
            command,
            io: if wanted.terminal { ProcessIo::Terminal } else { ProcessIo::Streams },
            stdin: wanted.stdin,
            folder: self.pipes.to_owned(),
        };
        let (runtime, stop) = (self.runtime.clone(), self.scope.token());
        self.scope.spawn("exec", async move {
            let protocol = handshake.protocol();
            match handshake.complete().await {
                Ok(socket) => Session { protocol, wanted, stop }.run(socket, &*runtime, request).await,
                Err(error) => tracing::debug!(%error, "a connection was not upgraded"),
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

/// The container that a path names, if it runs.
fn running(handle: &KubeletHandle, target: Target<'_>) -> Result<ContainerId, Failure> {
    let Target { namespace, pod, uid, container } = target;
    let view = handle.pod(namespace, pod).ok_or(FindError::NoPod)?;
    if uid.is_some_and(|uid| view.pod.uid().0 != uid) {
        return Err(FindError::NoPod.into());
    }
    let container = handle.running(namespace, pod, container)?;
    match &handle.status().borrow().runtime_error {
        Some(why) => Err(Failure::NoRuntime(why.clone())),
        None => Ok(container.id),
    }
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
