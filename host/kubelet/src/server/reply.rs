//! Successful answers.

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use net::{Body, body};
use serde::Serialize;

pub(super) fn text(text: impl Into<Bytes>) -> Response<Body> {
    of("text/plain; charset=utf-8", text)
}

pub(super) fn json(value: &impl Serialize) -> Response<Body> {
    of("application/json", serde_json::to_vec(value).expect("what this crate answers has only text for keys"))
}

/// An answer of a media type.
pub(super) fn of(kind: &'static str, bytes: impl Into<Bytes>) -> Response<Body> {
    stream(kind, body::full(bytes))
}

pub(super) fn stream(kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
