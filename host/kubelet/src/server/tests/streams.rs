//! Conversations with processes, and forwarded ports, over both kinds of upgrade.

use futures_util::SinkExt;
use hyper_util::rt::TokioIo;
use net::spdy::{self, Opener, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::streams::websocket;
use super::*;

const PORT_FORWARD: &str = "/portForward/ns/web";

impl Served {
    /// The client's side of a SPDY connection, or code and body of a refusal.
    async fn spdy(&self, path: &str, protocols: &str) -> Result<Opener, (u16, String)> {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(self.stream().await)).await.unwrap();
        self.scope.spawn("client", connection.with_upgrades());
        let request = Request::builder().method("POST").uri(path).header("host", "node");
        let request = request.header("authorization", "Bearer admin").header("connection", "Upgrade");
        let request = request.header("upgrade", "SPDY/3.1").header("x-stream-protocol-version", protocols);
        let response = sender.send_request(request.body(net::body::empty()).unwrap()).await.unwrap();
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err((response.status().as_u16(), text(response.into_body()).await));
        }
        assert_eq!(response.headers()["upgrade"], "SPDY/3.1");
        Ok(self.opener(TokioIo::new(hyper::upgrade::on(response).await.unwrap())))
    }

    fn opener<S>(&self, io: S) -> Opener
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
    {
        let (opener, driving) = spdy::open(io);
        self.scope.spawn("spdy", async move { driving.await.ok() });
        opener
    }

    async fn started(&mut self) -> FarEnd {
        tokio::time::timeout(LIMIT, self.started.recv()).await.unwrap().unwrap()
    }
}

async fn open(opener: &mut Opener, kind: &str) -> Stream {
    opener.open([("streamtype", kind)].into()).await.unwrap()
}

/// All that is left to read.
async fn rest(stream: &mut Stream) -> String {
    let mut rest = String::new();
    tokio::time::timeout(LIMIT, stream.receiver.read_to_string(&mut rest)).await.unwrap().unwrap();
    rest
}

#[tokio::test]
async fn over_spdy_each_stream_carries_one_thing_and_ends_by_itself() {
    let mut served = Served::secure();
    let mut opener = served.spdy(EXEC, "v9.channel.k8s.io, v4.channel.k8s.io").await.unwrap();
    let mut error = open(&mut opener, "error").await;
    let mut stdin = open(&mut opener, "stdin").await;
    let mut stdout = open(&mut opener, "stdout").await;
    let stray = opener.open([("streamtype", "resize")].into()).await;
    assert!(matches!(stray, Err(spdy::SpdyError::Refused)), "there is no terminal");
    let mut stderr = open(&mut opener, "stderr").await;
    let far = served.started().await;
    assert_eq!(far.command, ["sh"]);
    let long = "x".repeat(100_000);
    let process = async {
        let (mut stdin, mut stdout, mut stderr) = (far.stdin.unwrap(), far.stdout, far.stderr.unwrap());
        let mut input = Vec::new();
        stdin.read_to_end(&mut input).await.unwrap();
        stdout.write_all(&input).await.unwrap();
        stderr.write_all(b"oops").await.unwrap();
        drop((stdin, stdout, stderr));
        far.exit.send_replace(Some(3));
    };
    let client = async {
        stdin.sender.write_all(long.as_bytes()).await.unwrap();
        stdin.sender.shutdown().await.unwrap();
        (rest(&mut stdout).await, rest(&mut stderr).await, rest(&mut error).await)
    };
    let ((), (stdout, stderr, error)) = tokio::join!(process, client);
    assert_eq!((stdout == long, stderr.as_str()), (true, "oops"));
    let status: Value = serde_json::from_str(&error).unwrap();
    assert_eq!(status["details"]["causes"][0], json!({ "reason": "ExitCode", "message": "3" }));
    served.until_called("delete").await;
    assert_eq!(*served.calls.lock().unwrap(), ["close stdin", "delete"]);
}

#[tokio::test]
async fn over_spdy_a_terminal_is_resized_and_its_process_ends_with_the_client() {
    let mut served = Served::secure();
    let path = "/exec/ns/web/main?command=sh&output=1&tty=1";
    let mut opener = served.spdy(path, "v5.channel.k8s.io").await.unwrap();
    let streams = [open(&mut opener, "error").await, open(&mut opener, "stdout").await];
    let mut resize = open(&mut opener, "resize").await;
    let _far = served.started().await;
    resize.sender.write_all(b"{\"Width\":80,\"Height\":24}\n").await.unwrap();
    served.until_called("resize 80x24").await;
    drop((streams, resize, opener));
    served.until_called("delete").await;
    assert_eq!(*served.calls.lock().unwrap(), ["resize 80x24", "end", "delete"]);
}

#[tokio::test]
async fn protocols_that_are_not_served_are_refused_by_name() {
    let served = Served::secure();
    for (path, asked, expected) in [
        (EXEC, "v1.channel.k8s.io, channel.k8s.io", "v5.channel.k8s.io v4.channel.k8s.io"),
        (PORT_FORWARD, "v1.channel.k8s.io, channel.k8s.io", "portforward.k8s.io"),
    ] {
        let (code, text) = served.spdy(path, asked).await.err().unwrap();
        let why = "unable to upgrade: unable to negotiate protocol: client supports [v1.channel.k8s.io channel.k8s.io]";
        assert_eq!((code, text), (403, format!("{why}, server accepts [{expected}]")));
    }
}

#[tokio::test]
async fn who_attaches_talks_with_the_containers_own_process() {
    let mut served = Served::secure();
    let path = "/attach/ns/web/main?input=1&output=1";
    let mut socket = served.dial(path, "v5.channel.k8s.io").await.unwrap();
    let far = served.started().await;
    assert_eq!(far.command, [""; 0]);
    let echo = async {
        let (mut stdin, mut stdout) = (far.stdin.unwrap(), far.stdout);
        tokio::io::copy(&mut stdin, &mut stdout).await.unwrap();
        far.exit.send_replace(Some(0));
    };
    let client = async {
        socket.send(Message::binary(&b"\0hello"[..])).await.unwrap();
        socket.send(Message::binary(vec![255, 0])).await.unwrap();
        drain(&mut socket).await
    };
    let ((), channels) = tokio::join!(echo, client);
    assert_eq!(channels[&1], b"hello");
    let status: Value = serde_json::from_slice(&channels[&3]).unwrap();
    assert_eq!(status["status"], "Success");
}

/// Forwards two connections at a time and one that fails.
async fn check_forwarding(served: &mut Served, mut opener: Opener) {
    let mut pair = async |port: &str, request: &str| {
        let headers = |kind| [("streamtype", kind), ("port", port), ("requestid", request)].into();
        let error = opener.open(headers("error")).await.unwrap();
        (opener.open(headers("data")).await.unwrap(), error)
    };
    let (mut first, first_error) = pair("80", "0").await;
    let (mut second, mut second_error) = pair("81", "1").await;
    let (mut none, mut none_error) = pair("1000", "2").await;
    assert_eq!(
        rest(&mut none_error).await,
        "error forwarding port 1000 to pod web: cannot connect to port 1000 of the pod: connection refused"
    );
    assert_eq!(rest(&mut none).await, "");
    let (port, mut far_first) = served.connected.recv().await.unwrap();
    assert_eq!(port, 80);
    let (port, mut far_second) = served.connected.recv().await.unwrap();
    assert_eq!(port, 81);

    second.sender.write_all(b"to the second").await.unwrap();
    second.sender.shutdown().await.unwrap();
    let mut received = String::new();
    far_second.read_to_string(&mut received).await.unwrap();
    assert_eq!(received, "to the second", "its end comes through");
    far_second.write_all(b"answer").await.unwrap();
    drop(far_second);
    assert_eq!(rest(&mut second).await, "answer");
    assert_eq!(rest(&mut second_error).await, "");

    first.sender.write_all(b"still there").await.unwrap();
    let mut received = [0; 11];
    far_first.read_exact(&mut received).await.unwrap();
    drop(((first, first_error), (second, second_error), (none, none_error), opener));
    let end = tokio::time::timeout(LIMIT, far_first.read(&mut received)).await.unwrap();
    assert_eq!(end.unwrap_or(0), 0, "it ends with its client");
}

#[tokio::test]
async fn ports_are_forwarded_over_spdy() {
    let mut served = Served::secure();
    let opener = served.spdy(PORT_FORWARD, "portforward.k8s.io").await.unwrap();
    check_forwarding(&mut served, opener).await;
}

#[tokio::test]
async fn ports_are_forwarded_over_spdy_in_a_websocket() {
    let mut served = Served::secure();
    let socket = served.dial(PORT_FORWARD, "SPDY/3.1+portforward.k8s.io").await.unwrap();
    let opener = served.opener(websocket::tunnel(socket));
    check_forwarding(&mut served, opener).await;
}

#[tokio::test]
async fn over_spdy_ports_are_named_and_streams_pair_up_without_a_request() {
    let mut served = Served::secure();
    let mut opener = served.spdy(PORT_FORWARD, "portforward.k8s.io").await.unwrap();
    for (kind, port) in [("data", ""), ("data", "0"), ("data", "65536"), ("stdin", "80")] {
        let refused = opener.open([("streamtype", kind), ("port", port)].into()).await;
        assert!(matches!(refused, Err(spdy::SpdyError::Refused)), "{kind} {port}");
    }
    let _error = opener.open([("streamtype", "error"), ("port", "80")].into()).await.unwrap();
    let _data = opener.open([("streamtype", "data"), ("port", "80")].into()).await.unwrap();
    assert_eq!(served.connected.recv().await.unwrap().0, 80);
}

#[tokio::test]
async fn ports_are_forwarded_by_channels_which_begin_with_the_port() {
    let mut served = Served::secure();
    let path = "/portForward/ns/web?port=80&port=1000";
    let mut socket = served.dial(path, "v4.channel.k8s.io").await.unwrap();
    let (_, mut far) = served.connected.recv().await.unwrap();
    socket.send(Message::binary(&b"\0hello"[..])).await.unwrap();
    let mut received = [0; 5];
    far.read_exact(&mut received).await.unwrap();
    far.write_all(b"world").await.unwrap();
    drop(far);
    let channels = drain(&mut socket).await;
    assert_eq!((&channels[&0][..], &channels[&1][..]), (&b"\x50\0world"[..], &b"\x50\0"[..]));
    assert_eq!(channels[&2], b"\xe8\x03");
    let refused = String::from_utf8_lossy(&channels[&3][2..]);
    assert!(refused.starts_with("error forwarding port 1000 to pod web: "), "{refused}");
    let unnamed = served.dial(PORT_FORWARD, "v4.channel.k8s.io").await.unwrap_err();
    assert_eq!(code_of(unnamed), 400);
}

#[tokio::test]
async fn input_ends_output_comes_by_stream_and_the_exit_code_is_last() {
    let mut served = Served::secure();
    let mut socket = served.dial(EXEC, "v5.channel.k8s.io, v4.channel.k8s.io").await.unwrap();
    let far = tokio::time::timeout(LIMIT, served.started.recv()).await.unwrap().unwrap();
    assert_eq!(far.command, ["sh"]);
    let long = vec![b'x'; 10_000];
    let process = async {
        let (mut stdin, mut stdout, mut stderr) = (far.stdin.unwrap(), far.stdout, far.stderr.unwrap());
        let mut input = Vec::new();
        stdin.read_to_end(&mut input).await.unwrap();
        stdout.write_all(&input).await.unwrap();
        stderr.write_all(b"oops").await.unwrap();
        drop((stdin, stdout, stderr));
        far.exit.send_replace(Some(3));
    };
    let client = async {
        for chunk in long.chunks(3_000) {
            socket.send(Message::binary([&[0], chunk].concat())).await.unwrap();
        }
        socket.send(Message::binary(vec![255, 0])).await.unwrap();
        drain(&mut socket).await
    };
    let ((), channels) = tokio::join!(process, client);
    assert_eq!(channels[&1], long);
    assert_eq!(channels[&2], b"oops");
    let status: Value = serde_json::from_slice(&channels[&3]).unwrap();
    assert_eq!(status["details"]["causes"][0], json!({ "reason": "ExitCode", "message": "3" }));
    assert_eq!(*served.calls.lock().unwrap(), ["close stdin", "delete"]);
}

#[tokio::test]
async fn a_command_that_cannot_start_is_an_error_on_its_channel() {
    let served = Served::secure();
    let mut socket =
        served.dial("/exec/ns/web/main?command=missing&output=1", "v4.channel.k8s.io").await.unwrap();
    let status: Value = serde_json::from_slice(&drain(&mut socket).await[&3]).unwrap();
    assert_eq!(status["reason"], "InternalError");
    let message = status["message"].as_str().unwrap();
    assert!(message.ends_with("executable file not found in $PATH"), "{message}");
}

#[tokio::test]
async fn a_terminal_is_resized_and_its_process_ends_with_the_client() {
    let mut served = Served::secure();
    let path = "/exec/ns/web/main?command=sh&input=1&output=1&tty=1";
    let mut socket = served.dial(path, "v5.channel.k8s.io").await.unwrap();
    let far = served.started.recv().await.unwrap();
    assert!(far.stderr.is_none());
    socket.send(Message::binary(&b"\x04{\"Width\":80,\"Height\":24}"[..])).await.unwrap();
    served.until_called("resize 80x24").await;
    drop(socket);
    served.until_called("delete").await;
    assert_eq!(*served.calls.lock().unwrap(), ["resize 80x24", "end", "delete"]);
}

#[tokio::test]
async fn the_stop_ends_processes_and_followed_logs() {
    let mut served = Served::secure();
    let _socket = served.dial(EXEC, "v5.channel.k8s.io").await.unwrap();
    let _far = served.started.recv().await.unwrap();
    let path = "/containerLogs/ns/web/main?follow=true";
    let mut following = served.send("GET", path, Some("admin")).await.into_body();
    assert_eq!(following.frame().await.unwrap().unwrap().into_data().unwrap(), "hello\n");
    let (rest, left) = tokio::join!(text(following), served.scope.close(LIMIT));
    assert_eq!((rest.as_str(), left.len()), ("", 0));
    assert_eq!(*served.calls.lock().unwrap(), ["end", "delete"]);
}
