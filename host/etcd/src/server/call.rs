//! A call from its begin to its end, which is counted by the code that it ends with.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Body, Frame, SizeHint};
use net::BoxError;
use tonic::{Code, Status};

use super::error::of_receiving;
use super::methods::Method;

/// A call under way; one that ends in no other way was cancelled.
pub(super) struct Call(Option<Arc<Method>>);

impl Call {
    pub(super) fn start(method: &Arc<Method>) -> Self {
        method.started.inc();
        Self(Some(Arc::clone(method)))
    }

    /// Counts when the answer has come to its end.
    pub(super) fn answer(mut self, mut response: Response<tonic::body::Body>) -> Response<net::Body> {
        if let Some(status) = Status::from_header_map(response.headers()) {
            if status.code() == Code::OutOfRange {
                response = of_receiving(status).into_http();
            }
            self.end(response.headers());
            return response.map(net::body::boxed);
        }
        response.map(|body| net::body::boxed(Counted { body, call: self }))
    }

    fn end(&mut self, status: &HeaderMap) {
        let code =
            status.get(Status::GRPC_STATUS).map_or(Code::Unknown, |code| Code::from_bytes(code.as_bytes()));
        if let Some(method) = self.0.take() {
            method.handled(code);
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(method) = self.0.take() {
            method.handled(Code::Cancelled);
        }
    }
}

/// The body of an answer, whose trailers tell how the call ended.
struct Counted {
    body: tonic::body::Body,
    call: Call,
}

impl Body for Counted {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(trailers) = frame.trailers_ref()
        {
            self.call.end(trailers);
        }
        polled.map(|frame| frame.map(|frame| frame.map_err(BoxError::from)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
