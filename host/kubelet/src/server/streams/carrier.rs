//! How a conversation with a process is carried: by the channels of a WebSocket, or by streams of SPDY.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;

use super::Wanted;
use super::channel::{self, Form, Version};
use super::handshake::{Protocols, UNNAMED, Upgrade};
use super::spdy::Streams;
use super::speech::{Said, Told};
use super::websocket;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Channels(Version, Form),
    /// What is new in the fifth version is of WebSockets alone.
    Streams,
}

pub(super) const PROTOCOLS: Protocols<Protocol> = &[
    (Upgrade::WebSocket, "v5.channel.k8s.io", Protocol::Channels(Version::V5, Form::Binary)),
    (Upgrade::WebSocket, "v4.channel.k8s.io", Protocol::Channels(Version::V4, Form::Binary)),
    (Upgrade::WebSocket, "v4.base64.channel.k8s.io", Protocol::Channels(Version::V4, Form::Base64)),
    (Upgrade::WebSocket, "channel.k8s.io", Protocol::Channels(Version::First, Form::Binary)),
    (Upgrade::WebSocket, "base64.channel.k8s.io", Protocol::Channels(Version::First, Form::Base64)),
    (Upgrade::WebSocket, UNNAMED, Protocol::Channels(Version::First, Form::Binary)),
    (Upgrade::Spdy, "v5.channel.k8s.io", Protocol::Streams),
    (Upgrade::Spdy, "v4.channel.k8s.io", Protocol::Streams),
];

/// A connection over which a conversation can begin.
pub(super) enum Carrier<S> {
    Channels(Box<WebSocketStream<S>>, (Version, Form), Wanted),
    Streams(Streams),
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Carrier<S> {
    /// `None` when the client did not open what it asked for.
    pub(super) async fn establish(protocol: Protocol, io: S, wanted: Wanted) -> Option<Self> {
        match protocol {
            Protocol::Channels(version, form) => {
                Some(Self::Channels(Box::new(websocket::of(io).await), (version, form), wanted))
            }
            Protocol::Streams => Streams::establish(io, wanted).await.map(Self::Streams),
        }
    }

    /// Carries until there is no more to tell, or the client is gone: then nobody is left who says anything.
    pub(super) async fn carry(self, hear: mpsc::Sender<Said>, told: mpsc::Receiver<Told>) {
        match self {
            Self::Channels(socket, spoken, wanted) => {
                channel::carry(*socket, spoken, wanted, hear, told).await;
            }
            Self::Streams(streams) => streams.carry(hear, told).await,
        }
    }
}
