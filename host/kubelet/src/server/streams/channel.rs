//! `v5.channel.k8s.io` and its elders on a WebSocket: messages of one byte that names a channel, and its bytes; or the same
//! in text, for browsers, with a digit and base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
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
    /// How it ended is told in words, and only where something went wrong.
    First,
}

/// How channels and bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Binary,
    Base64,
}

impl Form {
    fn write(self, channel: u8, bytes: &[u8]) -> Message {
        match self {
            Self::Binary => Message::binary([&[channel], bytes].concat()),
            Self::Base64 => Message::text(format!("{channel}{}", STANDARD.encode(bytes))),
        }
    }

    /// `None` is nothing that can be read.
    fn read(self, mut message: Bytes) -> Option<(u8, Bytes)> {
        if message.is_empty() {
            return None;
        }
        let channel = message.split_to(1)[0];
        match self {
            Self::Binary => Some((channel, message)),
            Self::Base64 => Some((channel.checked_sub(b'0')?, STANDARD.decode(message).ok()?.into())),
        }
    }
}

impl Said {
    /// `None` is nothing that a server acts on.
    fn of((version, form): (Version, Form), message: Bytes) -> Option<Self> {
        let (channel, message) = form.read(message)?;
        match (channel, version) {
            (STDIN, _) => Some(Self::Input(message)),
            (RESIZE, _) => Self::resize(&message),
            (CLOSE, Version::V5) if *message == [STDIN] => Some(Self::EndOfInput),
            _ => None,
        }
    }
}

impl Told {
    /// `None` where there is nothing to say of an end.
    fn message(&self, (version, form): (Version, Form)) -> Option<Message> {
        Some(match self {
            Self::Output(Output::Stdout, bytes) => form.write(STDOUT, bytes),
            Self::Output(Output::Stderr, bytes) => form.write(STDERR, bytes),
            Self::Outcome(outcome) if version == Version::First => {
                form.write(ERROR, outcome.words()?.as_bytes())
            }
            Self::Outcome(outcome) => form.write(ERROR, &outcome.status()),
        })
    }
}

/// Carries a conversation until it is over or the client is gone.
pub(super) async fn carry<S>(
    socket: WebSocketStream<S>,
    spoken: (Version, Form),
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
        if let Some(channel) = first {
            sink.send(spoken.1.write(channel, b"")).await?;
        }
        while let Some(told) = told.recv().await {
            if let Some(message) = told.message(spoken) {
                sink.send(message).await?;
            }
        }
        Ok::<_, tungstenite::Error>(())
    };
    let listen = async {
        while let Some(message) = websocket::next(&mut incoming).await {
            if let Some(said) = Said::of(spoken, message)
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
    use crate::server::streams::speech::Outcome;

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
            let read = Said::of((version, Form::Binary), Bytes::from_static(message));
            assert_eq!(read, expected, "{version:?} {message:?}");
        }
        let told = Told::Output(Output::Stderr, Bytes::from_static(b"oops"));
        let said = |version, form| told.message((version, form)).unwrap();
        assert_eq!(said(Version::V4, Form::Binary).into_data(), &b"\x02oops"[..]);
        assert_eq!(said(Version::First, Form::Base64), Message::text("2b29wcw=="));
    }

    #[test]
    fn browsers_speak_in_text() {
        let read = |message: &'static str| Said::of((Version::First, Form::Base64), Bytes::from(message));
        assert_eq!(read("0aW4="), Some(Said::Input(Bytes::from_static(b"in"))));
        assert_eq!(read("4eyJXaWR0aCI6ODAsIkhlaWdodCI6MjR9"), Some(Said::Resize { width: 80, height: 24 }));
        for nothing in ["", "0!", "\n", "5"] {
            assert_eq!(read(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn the_first_protocols_tell_an_end_only_where_something_went_wrong() {
        let end = |outcome: Outcome| Told::Outcome(outcome).message((Version::First, Form::Binary));
        assert_eq!(end(Outcome::Exited(0)), None);
        let words = Message::binary(&b"\x03command terminated with non-zero exit code: exit code 3"[..]);
        assert_eq!(end(Outcome::Exited(3)), Some(words));
    }
}
