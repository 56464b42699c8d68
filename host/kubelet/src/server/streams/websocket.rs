//! The server's side of a WebSocket: its messages, its end, and other bytes tunnelled through it.

use std::future::ready;
use std::io;

use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_util::io::{CopyToBytes, SinkWriter, StreamReader};

use super::CLOSING;

/// The largest message taken: clients send their input in far smaller ones.
const MESSAGE_LIMIT: usize = 1 << 20;

/// The WebSocket on an upgraded connection.
pub(super) async fn of<S: AsyncRead + AsyncWrite + Unpin>(io: S) -> WebSocketStream<S> {
    let config =
        WebSocketConfig::default().max_message_size(Some(MESSAGE_LIMIT)).max_frame_size(Some(MESSAGE_LIMIT));
    WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await
}

/// The client's next message; `None` when it is gone. Cancel-safe.
pub(super) async fn next(
    incoming: &mut (impl Stream<Item = Result<Message, Error>> + Unpin),
) -> Option<Bytes> {
    loop {
        match incoming.next().await?.ok()? {
            Message::Binary(message) => return Some(message),
            Message::Text(text) => return Some(Bytes::from(text)),
            Message::Close(_) => return None,
            _ => {}
        }
    }
}

/// Ends a WebSocket in order.
pub(super) async fn close(
    sink: &mut (impl Sink<Message, Error = Error> + Unpin),
    incoming: &mut (impl Stream<Item = Result<Message, Error>> + Unpin),
) {
    let closing = async {
        // Clients take a close without the normal code for a broken stream.
        let normal = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() };
        sink.send(Message::Close(Some(normal))).await?;
        // Read to the end: a connection that is dropped with unread bytes is reset, and its last messages are lost.
        while incoming.next().await.transpose()?.is_some() {}
        Ok::<_, Error>(())
    };
    if let Ok(Err(error)) = tokio::time::timeout(CLOSING, closing).await {
        tracing::debug!(%error, "a client did not take the end of its WebSocket");
    }
}

/// What binary messages hold as one stream of bytes, in both directions.
pub(in crate::server) fn tunnel<S>(socket: WebSocketStream<S>) -> impl AsyncRead + AsyncWrite + Send + Unpin
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let (sink, incoming) = socket.split();
    let received = incoming.filter_map(|message| {
        ready(match message {
            Ok(Message::Binary(bytes)) => Some(Ok(bytes)),
            Ok(_) => None,
            Err(error) => Some(Err(io::Error::other(error))),
        })
    });
    let sent = sink
        .with(|bytes: Bytes| ready(Ok(Message::Binary(bytes))))
        .sink_map_err(|error: Error| io::Error::other(error));
    tokio::io::join(StreamReader::new(received), SinkWriter::new(CopyToBytes::new(sent)))
}
