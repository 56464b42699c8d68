//! How a conversation with a process is carried: by the channels of a WebSocket, or by streams of SPDY.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;

use super::Wanted;
use super::channel::{self, Version};
use super::handshake::{Protocols, Upgrade};
use super::spdy::Streams;
use super::speech::{Said, Told};
use super::websocket;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Channels(Version),
    /// What is new in the fifth version is of WebSockets alone.
    Streams,
}

pub(super) const PROTOCOLS: Protocols<Protocol> = &[
    (Upgrade::WebSocket, "v5.channel.k8s.io", Protocol::Channels(Version::V5)),
    (Upgrade::WebSocket, "v4.channel.k8s.io", Protocol::Channels(Version::V4)),
    (Upgrade::Spdy, "v5.channel.k8s.io", Protocol::Streams),
    (Upgrade::Spdy, "v4.channel.k8s.io", Protocol::Streams),
];

/// A connection over which a conversation can begin.
pub(super) enum Carrier<S> {
    Channels(Box<WebSocketStream<S>>, Version, Wanted),
    Streams(Streams),
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Carrier<S> {
    /// `None` when the client did not open what it asked for.
    pub(super) async fn establish(protocol: Protocol, io: S, wanted: Wanted) -> Option<Self> {
        match protocol {
            Protocol::Channels(version) => {
                Some(Self::Channels(Box::new(websocket::of(io).await), version, wanted))
            }
            Protocol::Streams => Streams::establish(io, wanted).await.map(Self::Streams),
        }
    }

    /// Carries until there is no more to tell, or the client is gone: then nobody is left who says anything.
    pub(super) async fn carry(self, hear: mpsc::Sender<Said>, told: mpsc::Receiver<Told>) {
        match self {
            Self::Channels(socket, version, wanted) => {
                channel::carry(*socket, version, wanted, hear, told).await;
            }
            Self::Streams(streams) => streams.carry(hear, told).await,
        }
    }
}
