//! Bodies: whole, empty, from a channel, from a reader.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Frame;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc;

use crate::{Body, BoxError};

/// Bytes read at a time.
const CHUNK: usize = 64 << 10;

/// A body of nothing.
pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A body that is there already.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Why a body was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    #[error("read no more than {0} bytes: there are more")]
    TooLarge(usize),
    #[error(transparent)]
    Broken(BoxError),
}

/// All of a body that is no larger than `limit`.
pub async fn collect(mut body: Body, limit: usize) -> Result<Bytes, CollectError> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(CollectError::Broken)?.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(CollectError::TooLarge(limit));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

/// Any other body in the house's type.
pub fn boxed<B>(body: B) -> Body
where
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    body.map_err(Into::into).boxed_unsync()
}

/// A body whose chunks are sent while it is read; it ends with its sender. `capacity` chunks wait unread.
pub fn channel(capacity: usize) -> (mpsc::Sender<Result<Bytes, BoxError>>, Body) {
    let (sender, receiver) = mpsc::channel(capacity);
    (sender, Channel(receiver).boxed_unsync())
}

/// What a reader gives until its end.
pub fn from_reader(reader: impl AsyncRead + Send + 'static) -> Body {
    Reader(Box::pin(reader)).boxed_unsync()
}

struct Channel(mpsc::Receiver<Result<Bytes, BoxError>>);

impl hyper::body::Body for Channel {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.0.poll_recv(context).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }
}

struct Reader(Pin<Box<dyn AsyncRead + Send>>);

impl hyper::body::Body for Reader {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut chunk = BytesMut::zeroed(CHUNK);
        let mut buffer = ReadBuf::new(&mut chunk);
        match self.0.as_mut().poll_read(context, &mut buffer) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(why)) => Poll::Ready(Some(Err(why.into()))),
            Poll::Ready(Ok(())) => {
                let read = buffer.filled().len();
                chunk.truncate(read);
                Poll::Ready((read > 0).then(|| Ok(Frame::data(chunk.freeze()))))
            }
        }
    }
}
