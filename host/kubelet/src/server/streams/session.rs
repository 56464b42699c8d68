//! One command's conversation: a process on one side, a WebSocket on the other.

use std::time::Duration;

use bytes::Bytes;
use cri::ExecRequest;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};
use tokio_util::sync::CancellationToken;

use super::Wanted;
use super::channel::{Outcome, Protocol, STDERR, STDOUT, Said};
use crate::server::containers::{Containers, Pipes, Process};

/// Bytes of output in a frame at most.
const FRAME: usize = 32 << 10;
/// Frames that wait for a slow client.
const FRAMES: usize = 4;
/// Output that comes after the exit, from what the command left running, is taken until it is silent for so long.
const SILENCE: Duration = Duration::from_secs(1);
/// How long a client may take to answer the close.
const CLOSING: Duration = Duration::from_secs(2);

pub(super) struct Session {
    pub(super) protocol: Protocol,
    pub(super) wanted: Wanted,
    pub(super) stop: CancellationToken,
}

impl Session {
    /// Runs the command for as long as it, the client and the server want.
    pub(super) async fn run<S, C>(self, socket: WebSocketStream<S>, runtime: &C, request: ExecRequest)
    where
        S: AsyncRead + AsyncWrite + Unpin,
        C: Containers,
    {
        let (mut sink, mut incoming) = socket.split();
        let outcome = match runtime.exec(request).await {
            Ok((process, pipes)) => self.converse(&mut sink, &mut incoming, process, pipes).await,
            Err(error) => Some(Outcome::Failed(error.to_string())),
        };
        let Some(outcome) = outcome else { return };
        let closing = async {
            sink.send(outcome.frame()).await?;
            // Clients take a close without the normal code for a broken stream.
            let normal = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() };
            sink.send(Message::Close(Some(normal))).await?;
            // Read to the end: a connection that is dropped with unread bytes is reset, and its last frames are lost.
            while incoming.next().await.transpose()?.is_some() {}
            Ok::<_, tungstenite::Error>(())
        };
        if let Ok(Err(error)) = tokio::time::timeout(CLOSING, closing).await {
            tracing::debug!(%error, "a client did not take the end of its command");
        }
    }

    /// `None` when the client went away, or this server has to: the process is ended then.
    async fn converse<P: Process>(
        &self,
        sink: &mut (impl Sink<Message, Error = tungstenite::Error> + Unpin),
        incoming: &mut (impl Stream<Item = Result<Message, tungstenite::Error>> + Unpin),
        process: P,
        pipes: Pipes,
    ) -> Option<Outcome> {
        let Pipes { stdin, stdout, stderr } = pipes;
        let (frames, mut outgoing) = mpsc::channel(FRAMES);
        let exited = CancellationToken::new();
        let run = async {
            let exit = async {
                let code = process.wait().await;
                exited.cancel();
                code
            };
            let to = |wanted: bool| wanted.then(|| frames.clone());
            let stdout = pump(STDOUT, stdout, to(self.wanted.stdout), &exited);
            let stderr = async {
                if let Some(stderr) = stderr {
                    pump(STDERR, stderr, to(self.wanted.stderr), &exited).await;
                }
            };
            let (code, (), ()) = tokio::join!(exit, stdout, stderr);
            drop(frames);
            code
        };
        let write = async {
            while let Some(frame) = outgoing.recv().await {
                sink.send(frame).await?;
            }
            Ok::<_, tungstenite::Error>(())
        };
        let ended = tokio::select! {
            ended = async { tokio::try_join!(async { Ok(run.await) }, write) } => ended.ok(),
            () = self.listen(incoming, stdin, &process) => None,
            () = self.stop.cancelled() => None,
        };
        let outcome = match ended {
            Some((Ok(code), ())) => Some(Outcome::Exited(code)),
            Some((Err(error), ())) => Some(Outcome::Failed(error.to_string())),
            None => {
                if let Err(error) = end(&process).await {
                    tracing::debug!(%error, "cannot end a process whose client is gone");
                }
                None
            }
        };
        process.delete().await;
        outcome
    }

    /// Does what the client says until it is gone.
    async fn listen<P: Process>(
        &self,
        incoming: &mut (impl Stream<Item = Result<Message, tungstenite::Error>> + Unpin),
        mut stdin: Option<Box<dyn AsyncWrite + Send + Unpin>>,
        process: &P,
    ) {
        while let Some(Ok(message)) = incoming.next().await {
            let frame = match message {
                Message::Binary(frame) => frame,
                Message::Text(text) => Bytes::from(text),
                Message::Close(_) => return,
                _ => continue,
            };
            let done = match (Said::of(self.protocol, frame), &mut stdin) {
                (Said::Input(input), Some(pipe)) => {
                    if let Err(error) = pipe.write_all(&input).await {
                        tracing::debug!(%error, "a process takes no more input");
                        stdin = None;
                    }
                    Ok(())
                }
                (Said::EndOfInput, Some(_)) => {
                    stdin = None;
                    process.close_stdin().await
                }
                (Said::Resize { width, height }, _) => process.resize(width, height).await,
                _ => Ok(()),
            };
            if let Err(error) = done {
                tracing::debug!(%error, "the runtime did not do what a client said");
            }
        }
    }
}

async fn end<P: Process>(process: &P) -> Result<(), cri::Error> {
    process.kill().await?;
    process.wait().await.map(drop)
}

/// Carries output to the client, or nowhere, until its end.
async fn pump(
    channel: u8,
    mut output: Box<dyn AsyncRead + Send + Unpin>,
    to: Option<mpsc::Sender<Message>>,
    exited: &CancellationToken,
) {
    // An empty frame tells the client that the stream is open.
    if let Some(to) = &to
        && to.send(Message::binary(vec![channel])).await.is_err()
    {
        return;
    }
    let silence = || async {
        exited.cancelled().await;
        tokio::time::sleep(SILENCE).await;
    };
    loop {
        let mut frame = vec![channel; FRAME];
        let read = tokio::select! {
            read = output.read(&mut frame[1..]) => read,
            () = silence() => return,
        };
        match read {
            Ok(0) => return,
            Ok(read) => frame.truncate(1 + read),
            Err(error) => {
                tracing::debug!(%error, "cannot read a process's output");
                return;
            }
        }
        if let Some(to) = &to
            && to.send(Message::binary(frame)).await.is_err()
        {
            return;
        }
    }
}
