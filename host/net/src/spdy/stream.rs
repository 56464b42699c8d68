//! One stream of a connection: bytes in both directions, each of which ends by itself.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::PollSender;

use super::frame::Frame;
use super::headers::Headers;

/// Bytes of a data frame at most.
const FRAME: usize = 32 << 10;
/// Pieces of data that wait for their reader. When they are full the whole connection waits.
const PIECES: usize = 8;

/// A stream that both ends know.
pub struct Stream {
    pub id: u32,
    pub headers: Headers,
    pub receiver: Receiver,
    pub sender: Sender,
}

/// What the peer sends; it ends when the peer ends it, or with the connection.
pub struct Receiver {
    pieces: mpsc::Receiver<Bytes>,
    rest: Bytes,
}

/// What is sent to the peer, who is told of its end by a shutdown.
pub struct Sender {
    stream: u32,
    frames: PollSender<Frame>,
    alive: watch::Receiver<()>,
}

/// What a connection keeps of a stream.
pub(super) struct Entry {
    /// `None` when the peer sends no more.
    pieces: Option<mpsc::Sender<Bytes>>,
    /// Dropped to tell that the stream is not there any more.
    alive: watch::Sender<()>,
}

impl Stream {
    /// `fin`: the peer has nothing to send.
    pub(super) fn new(id: u32, headers: Headers, fin: bool, frames: mpsc::Sender<Frame>) -> (Self, Entry) {
        let (pieces, received) = mpsc::channel(PIECES);
        let (alive, living) = watch::channel(());
        let receiver = Receiver { pieces: received, rest: Bytes::new() };
        let sender = Sender { stream: id, frames: PollSender::new(frames), alive: living };
        (Self { id, headers, receiver, sender }, Entry { pieces: (!fin).then_some(pieces), alive })
    }
}

impl Entry {
    /// Whether anybody still reads or writes.
    pub(super) fn is_used(&self) -> bool {
        let read = self.pieces.as_ref().is_some_and(|pieces| !pieces.is_closed());
        read || !self.alive.is_closed()
    }

    /// Hands on what the peer has sent, when the reader has room for it.
    pub(super) async fn take(&mut self, bytes: Bytes, fin: bool) {
        if let Some(pieces) = &self.pieces
            && !bytes.is_empty()
            && pieces.send(bytes).await.is_err()
        {
            self.pieces = None;
        }
        if fin {
            self.pieces = None;
        }
    }
}

impl Receiver {
    /// The next bytes; `None` at the end. Cancel-safe.
    pub async fn next(&mut self) -> Option<Bytes> {
        if !self.rest.is_empty() {
            return Some(std::mem::take(&mut self.rest));
        }
        self.pieces.recv().await
    }
}

impl AsyncRead for Receiver {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.rest.is_empty() {
            self.rest = ready!(self.pieces.poll_recv(context)).unwrap_or_default();
        }
        let taken = self.rest.len().min(into.remaining());
        into.put_slice(&self.rest[..taken]);
        self.rest.advance(taken);
        Poll::Ready(Ok(()))
    }
}

impl Sender {
    /// Returns when the peer has reset the stream, or the connection has ended.
    pub fn gone(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut alive = self.alive.clone();
        async move { while alive.changed().await.is_ok() {} }
    }

    fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        fin: bool,
        bytes: impl FnOnce() -> Bytes,
    ) -> Poll<io::Result<()>> {
        let broken = || io::Error::from(io::ErrorKind::BrokenPipe);
        if self.alive.has_changed().is_err() {
            return Poll::Ready(Err(broken()));
        }
        ready!(self.frames.poll_reserve(context)).map_err(|_| broken())?;
        let frame = Frame::Data { stream: self.stream, fin, bytes: bytes() };
        Poll::Ready(self.frames.send_item(frame).map_err(|_| broken()))
    }
}

impl AsyncWrite for Sender {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let taken = &bytes[..bytes.len().min(FRAME)];
        ready!(self.poll_send(context, false, || Bytes::copy_from_slice(taken)))?;
        Poll::Ready(Ok(taken.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_send(context, true, Bytes::new)
    }
}
