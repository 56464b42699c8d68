//! The streams of a container's own process. The runtime holds their ends for the container's log, and shares them by
//! its streaming server: an address that is good once, where SPDY is spoken as to the kubelet.

use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use net::spdy::{self, Opener, Receiver, Sender, SpdyError};
use net::{HttpClient, body};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::sync::Mutex;

use crate::{ContainerId, Error, Runtime, Spawner, wire::runtime as wire};

const PROTOCOL_HEADER: &str = "x-stream-protocol-version";
const PROTOCOL: HeaderValue = HeaderValue::from_static("v4.channel.k8s.io");
/// What of a refusal is shown at most.
const REFUSAL: usize = 1 << 10;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachRequest {
    pub container: ContainerId,
    pub stdin: bool,
    pub stdout: bool,
    /// Not with a terminal, which has one output.
    pub stderr: bool,
    /// Whether the container has a terminal.
    pub terminal: bool,
}

/// A conversation with a container's process. Dropped with its streams, it leaves the container as it is.
pub struct Attachment {
    outcome: Mutex<Outcome>,
    resize: Option<Mutex<Sender>>,
    /// Keeps the connection.
    _opener: Opener,
}

/// Our ends of the streams that were asked for.
pub struct AttachStreams {
    pub stdin: Option<Sender>,
    pub stdout: Option<Receiver>,
    pub stderr: Option<Receiver>,
}

/// What the runtime says in the end, as far as it has come.
struct Outcome {
    receiver: Receiver,
    said: Vec<u8>,
}

impl Runtime {
    /// Joins the streams of a running container, whose process goes on whatever becomes of them.
    pub async fn attach(&self, request: &AttachRequest) -> Result<(Attachment, AttachStreams), Error> {
        let asked = wire::AttachRequest {
            container_id: request.container.0.clone(),
            stdin: request.stdin,
            tty: request.terminal,
            stdout: request.stdout,
            stderr: request.stderr,
        };
        let answer: wire::AttachResponse =
            self.channel.unary("/runtime.v1.RuntimeService/Attach", asked).await?;
        attach_at(&answer.url, request, self.channel.spawner()).await
    }
}

async fn attach_at(
    url: &str,
    request: &AttachRequest,
    spawner: &Spawner,
) -> Result<(Attachment, AttachStreams), Error> {
    let (mut opener, driving) = spdy::open(TokioIo::new(upgraded(url).await?));
    spawner.spawn(async move {
        if let Err(error) = driving.await {
            tracing::debug!(%error, "the connection of an attached container ended");
        }
    });
    // In the order that the server's own clients have.
    let rows = [
        ("error", true),
        ("stdin", request.stdin),
        ("stdout", request.stdout),
        ("stderr", request.stderr),
        ("resize", request.terminal),
    ];
    let mut streams = Vec::new();
    for (kind, wanted) in rows {
        let opened = if wanted { Some(opener.open([("streamtype", kind)].into()).await) } else { None };
        streams.push(opened.transpose().map_err(|error: SpdyError| failed(error))?);
    }
    let [error, stdin, stdout, stderr, resize] =
        <[_; 5]>::try_from(streams).ok().expect("there is one for each row");
    let error = error.expect("it is always wanted");
    let attachment = Attachment {
        outcome: Mutex::new(Outcome { receiver: error.receiver, said: Vec::new() }),
        resize: resize.map(|stream| Mutex::new(stream.sender)),
        _opener: opener,
    };
    let streams = AttachStreams {
        stdin: stdin.map(|stream| stream.sender),
        stdout: stdout.map(|stream| stream.receiver),
        stderr: stderr.map(|stream| stream.receiver),
    };
    Ok((attachment, streams))
}

/// The connection to the streaming server.
async fn upgraded(url: &str) -> Result<hyper::upgrade::Upgraded, Error> {
    let mut request = Request::new(body::empty());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = url.parse::<Uri>().map_err(failed)?;
    let headers = request.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("SPDY/3.1"));
    headers.insert(PROTOCOL_HEADER, PROTOCOL);
    let mut answer = HttpClient::plain().send(request).await.map_err(failed)?;
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        let code = answer.status();
        let said = body::collect(answer.into_body(), REFUSAL).await.unwrap_or_default();
        return Err(failed(format!("{code}: {}", String::from_utf8_lossy(&said).trim_end())));
    }
    hyper::upgrade::on(&mut answer).await.map_err(failed)
}

impl Attachment {
    /// Waits until the process's streams have ended. Cancel-safe.
    pub async fn wait(&self) -> Result<(), Error> {
        let mut outcome = self.outcome.lock().await;
        while let Some(bytes) = outcome.receiver.next().await {
            outcome.said.extend_from_slice(&bytes);
        }
        judge(&outcome.said)
    }

    /// Does nothing where there is no terminal.
    pub async fn resize(&self, width: u32, height: u32) -> Result<(), Error> {
        let Some(resize) = &self.resize else { return Ok(()) };
        let size = json!({ "Width": width, "Height": height }).to_string();
        resize.lock().await.write_all(size.as_bytes()).await.map_err(Error::Streams)
    }
}

/// What a Status of the API says, or nothing at all when the connection has ended.
fn judge(said: &[u8]) -> Result<(), Error> {
    match serde_json::from_slice::<Value>(said) {
        Ok(status) if status["status"] == "Success" => Ok(()),
        Ok(status) => Err(failed(status["message"].as_str().unwrap_or_default())),
        Err(_) if said.is_empty() => Err(failed("the connection to the runtime has ended")),
        Err(_) => Err(failed(String::from_utf8_lossy(said))),
    }
}

fn failed(reason: impl ToString) -> Error {
    Error::Attach { reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use net::{Binder, Socket, SocketAddress, Transport};
    use supervise::Scope;
    use tokio::io::AsyncReadExt;

    use super::*;

    /// A streaming server at a port of loopback: echoes stdin on stdout, then says on the error stream what the
    /// terminal's size was; refuses every address but `/attach/token`.
    fn server(scope: &Scope) -> String {
        let address =
            SocketAddress::Ip { address: Ipv4Addr::LOCALHOST.into(), port: 0, transport: Transport::Tcp };
        let row = Socket { name: "test", service: "cri", address, binder: Binder::Host, access: "local" };
        let listener = net::bind_all(vec![row]).unwrap().listener("test").unwrap();
        let port = listener.local_port().unwrap();
        let (echoes, stop) = (scope.clone(), scope.token());
        scope.spawn("serve", async move {
            let answer = move |request: Request<hyper::body::Incoming>| {
                let mut response = http::Response::new(body::empty());
                if request.uri().path() == "/attach/token" && request.headers()[PROTOCOL_HEADER] == PROTOCOL {
                    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
                    for name in [CONNECTION, UPGRADE] {
                        response.headers_mut().insert(name.clone(), request.headers()[name].clone());
                    }
                    echoes.spawn("echo", async move {
                        echo(TokioIo::new(hyper::upgrade::on(request).await.unwrap())).await;
                    });
                } else {
                    *response.status_mut() = StatusCode::NOT_FOUND;
                    *response.body_mut() = body::full("404 page not found\n");
                }
                async move { response }
            };
            net::serve(&listener, None, answer, stop).await;
        });
        format!("http://127.0.0.1:{port}/attach/")
    }

    async fn echo(socket: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin) {
        let (mut incoming, driving) = spdy::accept(socket);
        let talk = async {
            let mut next = async || incoming.next().await.unwrap().accept().await.unwrap();
            let (mut error, mut stdin, mut stdout, mut resize) =
                (next().await, next().await, next().await, next().await);
            let size = resize.receiver.next().await.unwrap();
            tokio::io::copy(&mut stdin.receiver, &mut stdout.sender).await.unwrap();
            stdout.sender.shutdown().await.unwrap();
            let status = json!({ "status": "Failure", "message": String::from_utf8_lossy(&size) });
            error.sender.write_all(status.to_string().as_bytes()).await.unwrap();
            error.sender.shutdown().await.unwrap();
        };
        tokio::join!(talk, async { driving.await.unwrap() });
    }

    fn request() -> AttachRequest {
        AttachRequest {
            container: ContainerId("c".to_owned()),
            stdin: true,
            stdout: true,
            stderr: false,
            terminal: true,
        }
    }

    #[tokio::test]
    async fn streams_are_joined_and_what_the_runtime_says_last_is_the_outcome() {
        let scope = Scope::root("test");
        let (tasks, url) = (scope.clone(), server(&scope) + "token");
        let spawner = Spawner::new(move |work| drop(tasks.spawn("attached", work)));
        let (attachment, mut streams) = attach_at(&url, &request(), &spawner).await.unwrap();
        assert!(streams.stderr.is_none());
        attachment.resize(80, 24).await.unwrap();
        let mut stdin = streams.stdin.take().unwrap();
        stdin.write_all(b"hello").await.unwrap();
        stdin.shutdown().await.unwrap();
        let mut output = String::new();
        streams.stdout.unwrap().read_to_string(&mut output).await.unwrap();
        assert_eq!(output, "hello");
        let outcome = attachment.wait().await.unwrap_err().to_string();
        assert_eq!(outcome, r#"cannot attach to a container: {"Height":24,"Width":80}"#);
    }

    #[tokio::test]
    async fn a_server_that_refuses_is_quoted() {
        let scope = Scope::root("test");
        let url = server(&scope) + "stolen";
        let refused = attach_at(&url, &request(), &Spawner::new(drop)).await.err().unwrap().to_string();
        assert_eq!(refused, "cannot attach to a container: 404 Not Found: 404 page not found");
    }

    #[test]
    fn an_outcome_is_a_status_or_what_was_said() {
        assert!(judge(br#"{"status":"Success"}"#).is_ok());
        for (said, expected) in [("", "the connection to the runtime has ended"), ("broken", "broken")] {
            let error = judge(said.as_bytes()).unwrap_err().to_string();
            assert_eq!(error, format!("cannot attach to a container: {expected}"));
        }
    }
}
