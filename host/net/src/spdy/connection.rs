//! One connection whose streams are carried side by side. Its future reads and writes for all of them; it ends with
//! the connection, and begins to end it when nobody uses a stream or can get one.

use std::collections::HashMap;
use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};

use super::SpdyError;
use super::frame::{Decoder, Encoder, Frame, PROTOCOL_ERROR, REFUSED_STREAM};
use super::headers::Headers;
use super::stream::{Entry, Stream};

/// Frames that wait to be written.
const QUEUE: usize = 16;
/// Streams of a connection that are in use at a time.
const STREAMS: usize = 1000;
/// Bytes that are read, or gathered to be written, at a time.
const CHUNK: usize = 32 << 10;

/// The server's side: streams that the client opens.
pub struct Incoming {
    openings: mpsc::Receiver<Opening>,
    /// Keeps the connection open while there is no stream.
    _frames: mpsc::Sender<Frame>,
}

/// A stream that the client waits to have accepted.
pub struct Opening {
    stream: Stream,
    frames: mpsc::Sender<Frame>,
}

/// The client's side. Dropped, with all its streams, it closes the connection.
pub struct Opener {
    next: u32,
    entries: mpsc::Sender<Opened>,
    frames: mpsc::Sender<Frame>,
}

/// A stream that this end opens.
struct Opened {
    id: u32,
    entry: Entry,
    replied: oneshot::Sender<()>,
}

/// The server's side of a connection, and the future that carries it.
pub fn accept<S>(socket: S) -> (Incoming, impl Future<Output = Result<(), SpdyError>> + Send)
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let (offered, openings) = mpsc::channel(1);
    let (_, none) = mpsc::channel(1);
    let (frames, queue) = mpsc::channel(QUEUE);
    let reading = Reading::new(offered, none, frames.downgrade());
    (Incoming { openings, _frames: frames }, drive(socket, reading, queue))
}

/// The client's side of a connection, and the future that carries it.
pub fn open<S>(socket: S) -> (Opener, impl Future<Output = Result<(), SpdyError>> + Send)
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let (offered, _) = mpsc::channel(1);
    let (entries, opened) = mpsc::channel(1);
    let (frames, queue) = mpsc::channel(QUEUE);
    let reading = Reading::new(offered, opened, frames.downgrade());
    (Opener { next: 1, entries, frames }, drive(socket, reading, queue))
}

impl Incoming {
    /// The next stream; `None` when the connection has ended. Cancel-safe.
    pub async fn next(&mut self) -> Option<Opening> {
        self.openings.recv().await
    }
}

impl Opening {
    pub fn headers(&self) -> &Headers {
        &self.stream.headers
    }

    pub async fn accept(self) -> Result<Stream, SpdyError> {
        let reply = Frame::Reply { stream: self.stream.id, fin: false, headers: Headers::default() };
        self.frames.send(reply).await.map_err(|_| SpdyError::Ended)?;
        Ok(self.stream)
    }

    pub async fn refuse(self) -> Result<(), SpdyError> {
        let reset = Frame::Reset { stream: self.stream.id, status: REFUSED_STREAM };
        self.frames.send(reset).await.map_err(|_| SpdyError::Ended)
    }
}

impl Opener {
    /// A stream that the server has accepted.
    pub async fn open(&mut self, headers: Headers) -> Result<Stream, SpdyError> {
        let id = self.next;
        self.next += 2;
        let (stream, entry) = Stream::new(id, headers.clone(), false, self.frames.clone());
        let (replied, reply) = oneshot::channel();
        // The reader knows of the stream before the server does.
        self.entries.send(Opened { id, entry, replied }).await.map_err(|_| SpdyError::Ended)?;
        let frame = Frame::Open { stream: id, fin: false, headers };
        self.frames.send(frame).await.map_err(|_| SpdyError::Ended)?;
        match reply.await {
            Ok(()) => Ok(stream),
            Err(_) if self.frames.is_closed() => Err(SpdyError::Ended),
            Err(_) => Err(SpdyError::Refused),
        }
    }
}

/// The reading half of a connection.
struct Reading {
    decoder: Decoder,
    streams: HashMap<u32, Entry>,
    /// Streams of this end that the peer has not answered yet.
    unanswered: HashMap<u32, oneshot::Sender<()>>,
    /// The highest id of the peer.
    last: u32,
    offered: mpsc::Sender<Opening>,
    opened: mpsc::Receiver<Opened>,
    /// Weak: the queue is open for those who use streams.
    frames: mpsc::WeakSender<Frame>,
}

impl Reading {
    fn new(
        offered: mpsc::Sender<Opening>,
        opened: mpsc::Receiver<Opened>,
        frames: mpsc::WeakSender<Frame>,
    ) -> Self {
        let (streams, unanswered) = (HashMap::new(), HashMap::new());
        Self { decoder: Decoder::new(), streams, unanswered, last: 0, offered, opened, frames }
    }

    /// Reads until the peer closes.
    async fn run(mut self, mut input: impl AsyncRead + Unpin) -> Result<(), SpdyError> {
        let mut buffer = BytesMut::with_capacity(CHUNK);
        loop {
            while let Some(frame) = self.decoder.read(&mut buffer)? {
                self.take(frame).await;
            }
            tokio::select! {
                biased;
                Some(Opened { id, entry, replied }) = self.opened.recv() => {
                    self.streams.insert(id, entry);
                    self.unanswered.insert(id, replied);
                }
                read = input.read_buf(&mut buffer) => if read? == 0 {
                    return Ok(());
                }
            }
        }
    }

    async fn take(&mut self, frame: Frame) {
        match frame {
            Frame::Open { stream, fin, headers } => self.offer(stream, fin, headers).await,
            Frame::Reply { stream, fin, .. } => {
                if let Some(replied) = self.unanswered.remove(&stream) {
                    // Who does not wait any more has dropped the stream too.
                    replied.send(()).ok();
                }
                self.data(stream, Bytes::new(), fin).await;
            }
            Frame::Data { stream, fin, bytes } => self.data(stream, bytes, fin).await,
            Frame::Reset { stream, .. } => {
                self.streams.remove(&stream);
                self.unanswered.remove(&stream);
            }
            Frame::Ping(_) => self.say(frame).await,
            // The peer closes when its streams are through.
            Frame::GoAway { .. } | Frame::Other => {}
        }
    }

    async fn data(&mut self, stream: u32, bytes: Bytes, fin: bool) {
        if let Some(entry) = self.streams.get_mut(&stream) {
            entry.take(bytes, fin).await;
        }
    }

    async fn offer(&mut self, id: u32, fin: bool, headers: Headers) {
        // Only clients open streams, with odd numbers that grow.
        if id % 2 == 0 || id <= self.last {
            return self.say(Frame::Reset { stream: id, status: PROTOCOL_ERROR }).await;
        }
        self.last = id;
        self.streams.retain(|_, entry| entry.is_used());
        let Some(frames) = self.frames.upgrade() else { return };
        let (stream, entry) = Stream::new(id, headers, fin, frames.clone());
        let has_room = self.streams.len() < STREAMS;
        if has_room && self.offered.send(Opening { stream, frames }).await.is_ok() {
            self.streams.insert(id, entry);
        } else {
            self.say(Frame::Reset { stream: id, status: REFUSED_STREAM }).await;
        }
    }

    async fn say(&self, frame: Frame) {
        if let Some(frames) = self.frames.upgrade() {
            // When the writer has ended, so does this in a moment.
            frames.send(frame).await.ok();
        }
    }
}

async fn drive<S>(socket: S, reading: Reading, queue: mpsc::Receiver<Frame>) -> Result<(), SpdyError>
where
    S: AsyncRead + AsyncWrite,
{
    let (input, output) = tokio::io::split(socket);
    let reading = reading.run(input);
    tokio::pin!(reading);
    tokio::select! {
        read = &mut reading => read,
        written = write(output, queue) => match written {
            Ok(()) => reading.await,
            Err(error) => Err(error.into()),
        },
    }
}

/// Writes until nobody has anything to say any more, and closes this end.
async fn write(mut output: impl AsyncWrite + Unpin, mut queue: mpsc::Receiver<Frame>) -> io::Result<()> {
    let (mut encoder, mut bytes) = (Encoder::default(), BytesMut::new());
    while let Some(frame) = queue.recv().await {
        encoder.write(&frame, &mut bytes);
        while bytes.len() < CHUNK
            && let Ok(frame) = queue.try_recv()
        {
            encoder.write(&frame, &mut bytes);
        }
        output.write_all(&bytes).await?;
        output.flush().await?;
        bytes.clear();
    }
    encoder.write(&Frame::GoAway { last: 0 }, &mut bytes);
    output.write_all(&bytes).await?;
    output.shutdown().await
}
