//! Answers as HTTP: what every answer carries, and Status objects as whole answers.

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::StreamBody;
use hyper::body::Frame;
use net::{Body, BoxError, body};
use objects::Tree;
use objects::protobuf::{self, EncodeError};
use objects::status::Status;
use tokio_util::sync::CancellationToken;

use crate::call::{Answer, AnswerBody};

pub(crate) const JSON: &str = "application/json";
pub(crate) const YAML: &str = "application/yaml";
pub(crate) const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
const PROTOBUF_WATCH: &str = "application/vnd.kubernetes.protobuf;stream=watch";
pub(crate) const PLAIN: &str = "text/plain; charset=utf-8";

const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("no-cache, private");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// How the objects of an answer are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Json,
    /// JSON for people to read.
    Pretty,
    Yaml,
    Protobuf,
}

/// A text with its media type.
pub(crate) fn text(code: StatusCode, media_type: &'static str, bytes: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(body::full(bytes));
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    response
}

/// A Status with its code, and when to try again.
pub(crate) fn status(status: &Status, encoding: Encoding) -> Response<Body> {
    let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = status.to_tree().to_json();
    let (media_type, bytes) = written(json.clone(), encoding).unwrap_or((JSON, json));
    let mut response = text(code, media_type, bytes);
    if let Some(seconds) = status.retry_after_seconds() {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    warn(&mut response, &status.warnings);
    response
}

fn warn(response: &mut Response<Body>, warnings: &[String]) {
    for value in warnings.iter().filter_map(|warning| warning_value(warning)) {
        response.headers_mut().append(header::WARNING, value);
    }
}

/// What there is for a path that nobody serves.
pub(crate) fn no_such_page() -> Response<Body> {
    text(StatusCode::NOT_FOUND, PLAIN, "404 page not found\n")
}

/// An answer of the verbs; a watch ends with `stop`.
pub(crate) fn answer(
    answer: Answer,
    encoding: Encoding,
    stop: CancellationToken,
) -> Result<Response<Body>, Status> {
    let (media_type, body) = match (answer.body, encoding) {
        (AnswerBody::Json(bytes), encoding) => {
            let (media_type, bytes) = written(bytes, encoding).map_err(Status::internal)?;
            (media_type, body::full(bytes))
        }
        (AnswerBody::Watch(lines), Encoding::Json | Encoding::Pretty | Encoding::Yaml) => {
            (JSON, watch(lines.map(Ok), stop))
        }
        (AnswerBody::Watch(lines), Encoding::Protobuf) => {
            let frames = lines.map(|line| in_protobuf(&line, protobuf::encode_event));
            (PROTOBUF_WATCH, watch(frames, stop))
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = answer.code;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    warn(&mut response, &answer.warnings);
    Ok(response)
}

/// A JSON document as it is wanted, and what that is called.
fn written(json: Bytes, encoding: Encoding) -> Result<(&'static str, Bytes), BoxError> {
    Ok(match encoding {
        Encoding::Json => (JSON, json),
        Encoding::Pretty => (JSON, (Tree::from_json(&json)?.to_json_pretty() + "\n").into()),
        Encoding::Yaml => (YAML, Tree::from_json(&json)?.to_yaml().into()),
        Encoding::Protobuf => (PROTOBUF, in_protobuf(&json, protobuf::encode)?),
    })
}

fn watch(
    events: impl Stream<Item = Result<Bytes, BoxError>> + Send + 'static,
    stop: CancellationToken,
) -> Body {
    let frames = events.map_ok(Frame::data);
    body::boxed(StreamBody::new(frames.take_until(stop.cancelled_owned())))
}

/// A JSON document of this server as protobuf.
fn in_protobuf(json: &[u8], encode: fn(&Tree) -> Result<Bytes, EncodeError>) -> Result<Bytes, BoxError> {
    Ok(encode(&Tree::from_json(json)?)?)
}

/// What every answer carries that does not say otherwise.
pub(crate) fn complete(response: &mut Response<Body>, audit_id: &str) {
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(CACHE_CONTROL);
    if let Ok(id) = HeaderValue::from_str(audit_id) {
        headers.insert(AUDIT_ID, id);
    }
}

pub(crate) const AUDIT_ID: HeaderName = HeaderName::from_static("audit-id");

/// `299 - "…"` (RFC 7234), of characters that a quoted string may hold.
fn warning_value(text: &str) -> Option<HeaderValue> {
    let mut quoted = String::from("299 - \"");
    for character in text.chars().filter(|character| !character.is_control()) {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    HeaderValue::from_bytes(quoted.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_a_quoted_string() {
        let value = warning_value("unknown field \"spec.x\"\n").unwrap();
        assert_eq!(value.as_bytes(), br#"299 - "unknown field \"spec.x\"""#);
    }

    #[tokio::test]
    async fn an_answer_and_its_watch_are_in_protobuf_for_who_asks_for_it() {
        let namespace = objects::tree!({ "kind": "Namespace", "apiVersion": "v1" });
        let stop = CancellationToken::new;
        let of = |bytes: Bytes, encoding| answer(Answer::ok(bytes), encoding, stop());
        let whole = of(namespace.to_json(), Encoding::Protobuf).unwrap();
        assert_eq!(whole.headers()[header::CONTENT_TYPE], PROTOBUF);
        let bytes = body::collect(whole.into_body(), 1 << 10).await.unwrap();
        assert_eq!(bytes, protobuf::encode(&namespace).unwrap());
        assert!(of("{}".into(), Encoding::Protobuf).is_err());

        let event = objects::tree!({ "type": "ADDED", "object": namespace });
        let lines = futures_util::stream::iter([event.to_json()]).boxed();
        let watched = Answer { body: AnswerBody::Watch(lines), ..Answer::ok(Bytes::new()) };
        let watched = answer(watched, Encoding::Protobuf, stop()).unwrap();
        assert_eq!(watched.headers()[header::CONTENT_TYPE], PROTOBUF_WATCH);
        let bytes = body::collect(watched.into_body(), 1 << 10).await.unwrap();
        assert_eq!(bytes, protobuf::encode_event(&event).unwrap());
    }

    #[test]
    fn a_status_says_when_to_try_again() {
        let response = status(&Status::internal("broken").retry_after(1), Encoding::Protobuf);
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }
}
