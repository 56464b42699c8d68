//! Answers the control socket: a table of handlers by operation, filled by the composition.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use net::{Body, Listener};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::operation::Operation;

/// Header that carries the request where the body is an upload.
pub(crate) const REQUEST_HEADER: &str = "mk8s-request";

/// Requests without an upload are a few names.
const MAX_REQUEST: usize = 64 << 10;

/// Why the host did not do what was asked, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    pub message: String,
}

impl Refusal {
    pub fn new(why: impl std::fmt::Display) -> Self {
        Self { message: why.to_string() }
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<Vec<u8>, Refusal>> + Send>>;
type Handler = Box<dyn Fn(Bytes, Body) -> Answering + Send + Sync>;

/// The operations of a host and who answers them.
#[derive(Default)]
pub struct Server {
    handlers: HashMap<&'static str, Handler>,
}

impl Server {
    /// Adds the handler of an operation; it gets the request and the upload (empty where there is none).
    pub fn on<O, F, R>(mut self, handler: F) -> Self
    where
        O: Operation,
        F: Fn(O, Body) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O::Answer, Refusal>> + Send + 'static,
    {
        let handler: Handler = Box::new(move |request, upload| match serde_json::from_slice::<O>(&request) {
            Ok(request) => {
                let answering = handler(request, upload);
                Box::pin(async move { serde_json::to_vec(&answering.await?).map_err(Refusal::new) })
            }
            Err(why) => {
                Box::pin(async move { Err(Refusal::new(format!("read the request of {}: {why}", O::NAME))) })
            }
        });
        self.handlers.insert(O::NAME, handler);
        self
    }

    /// Serves the control socket until `stop`.
    pub async fn serve(self, listener: Listener, stop: CancellationToken) {
        let server = Arc::new(self);
        let service = move |request: Request<hyper::body::Incoming>| {
            let server = server.clone();
            async move { server.answer(request).await }
        };
        net::serve(&listener, None, service, stop).await;
    }

    async fn answer(&self, request: Request<hyper::body::Incoming>) -> Response<Body> {
        let name = request.uri().path().strip_prefix("/v1/").unwrap_or_default().to_owned();
        let Some(handler) = self.handlers.get(name.as_str()) else {
            let why = format!("no operation is called {:?}", request.uri().path());
            return refuse(StatusCode::NOT_FOUND, &Refusal::new(why));
        };
        if request.method() != Method::POST {
            return refuse(StatusCode::METHOD_NOT_ALLOWED, &Refusal::new("operations are asked by POST"));
        }
        let (parts, body) = request.into_parts();
        let (question, upload) = match parts.headers.get(REQUEST_HEADER) {
            Some(value) => (Bytes::copy_from_slice(value.as_bytes()), net::body::boxed(body)),
            None => match http_body_util::Limited::new(body, MAX_REQUEST).collect().await {
                Ok(collected) => (collected.to_bytes(), net::body::empty()),
                Err(why) => return refuse(StatusCode::BAD_REQUEST, &Refusal::new(why)),
            },
        };
        match handler(question, upload).await {
            Ok(answer) => respond(StatusCode::OK, answer),
            Err(refusal) => refuse(StatusCode::UNPROCESSABLE_ENTITY, &refusal),
        }
    }
}

fn respond(status: StatusCode, json: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(net::body::full(json));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}

fn refuse(status: StatusCode, refusal: &Refusal) -> Response<Body> {
    respond(status, serde_json::to_vec(refusal).expect("a refusal is a map of one string"))
}
