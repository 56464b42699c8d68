//! A body that keeps something until it is read to its end or given up.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use net::{Body, BoxError, body};

/// `guard` is dropped when nothing comes any more.
pub(super) fn guarded<G: Send + Unpin + 'static>(body: Body, guard: G) -> Body {
    body::boxed(Guarded { body, guard: Some(guard) })
}

struct Guarded<G> {
    body: Body,
    guard: Option<G>,
}

impl<G: Unpin> hyper::body::Body for Guarded<G> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.guard = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
