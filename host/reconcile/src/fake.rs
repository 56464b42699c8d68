//! An API server by script: a transport whose answers a test writes, and which tells what it was asked.

use std::sync::Arc;

use bytes::Bytes;
use client::{Body, BoxError, BoxFuture, Client, Transport, TransportError};
use http::{Method, Request, Response, StatusCode};
use objects::Tree;
use objects::status::Status;
use tokio::sync::mpsc;

/// Events of a watch that may wait unread.
const EVENTS: usize = 64;

/// A request as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub method: Method,
    /// With its query.
    pub path: String,
    /// Null where there was no JSON.
    pub body: Tree,
}

type Answer = dyn Fn(&Asked) -> Response<Body> + Send + Sync;

/// The transport.
pub struct Fake {
    answer: Arc<Answer>,
    asked: mpsc::UnboundedSender<Asked>,
}

/// A client of a fake API server, and what that is asked in its order.
pub fn client(
    answer: impl Fn(&Asked) -> Response<Body> + Send + Sync + 'static,
) -> (Client, mpsc::UnboundedReceiver<Asked>) {
    let (asked, requests) = mpsc::unbounded_channel();
    (Client::new(Fake { answer: Arc::new(answer), asked }, "test"), requests)
}

/// An answer of one object.
pub fn object(tree: &Tree) -> Response<Body> {
    with(StatusCode::OK, net::body::full(tree.to_json()))
}

/// An answer of a Status.
pub fn status(status: &Status) -> Response<Body> {
    let code = StatusCode::from_u16(status.code).expect("the code of a Status is one of HTTP");
    with(code, net::body::full(status.to_tree().to_json()))
}

/// A list of items at a version.
pub fn list(version: &str, items: Vec<Tree>) -> Response<Body> {
    object(&objects::tree!({ "metadata": { "resourceVersion": version }, "items": items }))
}

/// A watch whose events a test sends; it ends with its [`Events`].
pub fn watch() -> (Events, Response<Body>) {
    let (sender, body) = net::body::channel(EVENTS);
    (Events(sender), with(StatusCode::OK, body))
}

/// The sending side of a watch.
#[derive(Clone)]
pub struct Events(mpsc::Sender<Result<Bytes, BoxError>>);

impl Events {
    /// `kind` is `ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK` or `ERROR`.
    pub fn send(&self, kind: &str, object: Tree) {
        let line = objects::tree!({ "type": kind, "object": object }).to_json_string() + "\n";
        self.0.try_send(Ok(line.into())).expect("a watch of a test is open and has room");
    }
}

fn with(code: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    response
}

impl Transport for Fake {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<Result<Response<Body>, TransportError>> {
        let asked = Asked {
            method: request.method().clone(),
            path: request.uri().to_string(),
            body: Tree::from_json(request.body()).unwrap_or_default(),
        };
        let response = (self.answer)(&asked);
        // A test that no longer looks at what is asked has dropped the receiver.
        drop(self.asked.send(asked));
        Box::pin(async move { Ok(response) })
    }
}
