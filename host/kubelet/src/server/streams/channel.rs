//! `v4.channel.k8s.io` and `v5.channel.k8s.io` on a WebSocket: messages of one byte that names a channel, and its bytes.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message};

use super::Wanted;
use super::speech::{Output, Said, Told};
use super::websocket;

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;
const RESIZE: u8 = 4;
const CLOSE: u8 = 255;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// Streams can be closed one by one.
    V5,
    V4,
}

impl Said {
    /// `None` is nothing that a server acts on.
    fn of(version: Version, mut message: Bytes) -> Option<Self> {
        if message.is_empty() {
            return None;
        }
        match (message.split_to(1)[0], version) {
            (STDIN, _) => Some(Self::Input(message)),
            (RESIZE, _) => Self::resize(&message),
            (CLOSE, Version::V5) if *message == [STDIN] => Some(Self::EndOfInput),
            _ => None,
        }
    }
}

impl Told {
    fn message(&self) -> Message {
        let of = |channel: u8, bytes: &[u8]| Message::binary([&[channel], bytes].concat());
        match self {
            Self::Output(Output::Stdout, bytes) => of(STDOUT, bytes),
            Self::Output(Output::Stderr, bytes) => of(STDERR, bytes),
            Self::Outcome(outcome) => of(ERROR, &outcome.status()),
        }
    }
}

/// Carries a conversation until it is over or the client is gone.
pub(super) async fn carry<S>(
    socket: WebSocketStream<S>,
    version: Version,
    wanted: Wanted,
    hear: mpsc::Sender<Said>,
    mut told: mpsc::Receiver<Told>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sink, mut incoming) = socket.split();
    let tell = async {
        // An empty message on the first channel that the client reads tells it that the conversation has begun.
        let outputs = [(wanted.stdout, STDOUT), (wanted.stderr, STDERR), (true, ERROR)];
        let first = outputs.into_iter().find_map(|(wanted, channel)| wanted.then_some(channel));
        sink.send(Message::binary(Vec::from_iter(first))).await?;
        while let Some(told) = told.recv().await {
            sink.send(told.message()).await?;
        }
        Ok::<_, tungstenite::Error>(())
    };
    let listen = async {
        while let Some(message) = websocket::next(&mut incoming).await {
            if let Some(said) = Said::of(version, message)
                && hear.send(said).await.is_err()
            {
                // Nobody listens any more, but there may be more to tell.
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        told = tell => match told {
            Ok(()) => websocket::close(&mut sink, &mut incoming).await,
            Err(error) => tracing::debug!(%error, "a client does not take what it is told"),
        },
        () = listen => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_channel_and_its_bytes() {
        for (version, message, expected) in [
            (Version::V4, &b"\0in"[..], Some(Said::Input(Bytes::from_static(b"in")))),
            (Version::V5, b"\x04{\"Width\":80,\"Height\":24}", Some(Said::Resize { width: 80, height: 24 })),
            (Version::V5, b"\x04{\"Width\":-1}", None),
            (Version::V5, b"\xff\0", Some(Said::EndOfInput)),
            (Version::V4, b"\xff\0", None),
            (Version::V5, b"\xff\x01", None),
            (Version::V5, b"\x01out", None),
            (Version::V5, b"", None),
        ] {
            assert_eq!(Said::of(version, Bytes::from_static(message)), expected, "{version:?} {message:?}");
        }
        let told = Told::Output(Output::Stderr, Bytes::from_static(b"oops")).message();
        assert_eq!(told.into_data(), &b"\x02oops"[..]);
    }
}
