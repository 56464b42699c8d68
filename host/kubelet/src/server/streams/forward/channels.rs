//! Forwarding over the channels of a WebSocket: for each port one of data and one for an error, which begin with the
//! port in two bytes, the lower first.

use futures_util::future::join_all;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex, split};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::super::websocket;
use super::Forwarder;
use crate::server::containers::Containers;

/// A byte numbers the channels, and each port has two.
pub(super) const PORTS: usize = 128;
/// Bytes that wait between the WebSocket and a connection, and in a message.
const CHUNK: usize = 32 << 10;
/// Messages that wait for a slow client.
const MESSAGES: usize = 4;

pub(super) async fn serve<C, S>(forwarder: &Forwarder<C>, socket: WebSocketStream<S>, ports: &[u16])
where
    C: Containers,
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let (mut sink, mut incoming) = socket.split();
    let (tell, mut told) = mpsc::channel(MESSAGES);
    let (mut inputs, mut forwarding) = (Vec::new(), Vec::new());
    for (port, channel) in ports.iter().zip((0..=u8::MAX).step_by(2)) {
        let (near, far) = duplex(CHUNK);
        let (output, input) = split(near);
        inputs.push(input);
        forwarding.push(forward(forwarder, *port, channel, far, output, tell.clone()));
    }
    drop(tell);
    let forward = join_all(forwarding);
    let write = async {
        while let Some(message) = told.recv().await {
            sink.send(message).await?;
        }
        Ok::<_, Error>(())
    };
    let read = async {
        while let Some(mut message) = websocket::next(&mut incoming).await {
            if message.is_empty() {
                continue;
            }
            let channel = message.split_to(1)[0];
            let input = (channel % 2 == 0).then(|| inputs.get_mut(usize::from(channel / 2))).flatten();
            if let Some(input) = input
                && let Err(error) = input.write_all(&message).await
            {
                tracing::debug!(%error, "a forwarded connection takes no more");
            }
        }
    };
    tokio::select! {
        (_, written) = async { tokio::join!(forward, write) } => match written {
            Ok(()) => websocket::close(&mut sink, &mut incoming).await,
            Err(error) => tracing::debug!(%error, "a client does not take what is forwarded"),
        },
        () = read => {}
    }
}

/// One port: the connection's bytes become messages, and so does why there is none.
async fn forward<C: Containers>(
    forwarder: &Forwarder<C>,
    port: u16,
    channel: u8,
    far: impl AsyncRead + AsyncWrite + Unpin,
    mut output: impl AsyncRead + Unpin,
    tell: mpsc::Sender<Message>,
) {
    let message = |channel: u8, bytes: &[u8]| Message::binary([&[channel], bytes].concat());
    let error = channel + 1;
    let carry = async {
        for channel in [channel, error] {
            tell.send(message(channel, &port.to_le_bytes())).await.ok()?;
        }
        let mut chunk = vec![0; CHUNK];
        while let Ok(read @ 1..) = output.read(&mut chunk).await {
            tell.send(message(channel, &chunk[..read])).await.ok()?;
        }
        Some(())
    };
    tokio::pin!(carry);
    let forwarded = tokio::select! {
        biased;
        forwarded = forwarder.forward(port, far) => forwarded,
        // A client cannot end one direction, so that the connection's end is the end.
        _ = &mut carry => return,
    };
    if let (Some(()), Err(failed)) = (carry.await, forwarded)
        && tell.send(message(error, failed.as_bytes())).await.is_err()
    {
        tracing::debug!(failed, "a client was gone before it could be told");
    }
}
