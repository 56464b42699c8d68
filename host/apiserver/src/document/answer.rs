//! A document as an HTTP answer: conditional on its ETag, cached as its address allows.

use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, Response, StatusCode};
use objects::status::Status;
use sha2::{Digest, Sha256};

use super::Document;

/// Anyone may keep what an address with a hash answers: another content has another address.
const IMMUTABLE: &str = "public, immutable";
const REVALIDATE: &str = "no-cache, private";

pub(super) fn hash(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02X}").expect("a String takes any text");
    }
    text
}

pub(super) fn answer(document: &Document, headers: &HeaderMap, immutable: bool) -> Response<Bytes> {
    let etag = format!("\"{}\"", document.hash);
    let cache_control = if immutable { IMMUTABLE } else { REVALIDATE };
    let mut fields =
        vec![(header::VARY, "Accept"), (header::CACHE_CONTROL, cache_control), (header::ETAG, etag.as_str())];
    if is_known(headers, &etag) {
        return response(StatusCode::NOT_MODIFIED, &fields, Bytes::new());
    }
    fields.push((header::CONTENT_TYPE, document.media_type));
    response(StatusCode::OK, &fields, document.bytes.clone())
}

/// To the address of the present content.
pub(super) fn moved(address: &str) -> Response<Bytes> {
    let fields = [(header::LOCATION, address), (header::CACHE_CONTROL, REVALIDATE)];
    response(StatusCode::MOVED_PERMANENTLY, &fields, Bytes::new())
}

pub(super) fn not_acceptable(produced: &[&str]) -> Response<Bytes> {
    let status = Status::not_acceptable(produced);
    let fields = [(header::CONTENT_TYPE, "application/json"), (header::VARY, "Accept")];
    response(StatusCode::NOT_ACCEPTABLE, &fields, status.to_tree().to_json())
}

/// Whether the client says that it has this content.
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let texts = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = texts.flat_map(|text| text.split(',')).map(|tag| tag.trim().trim_start_matches("W/"));
    tags.any(|tag| tag == "*" || tag == etag)
}

fn response(code: StatusCode, fields: &[(HeaderName, &str)], body: Bytes) -> Response<Bytes> {
    let start = Response::builder().status(code);
    let builder = fields.iter().fold(start, |builder, (name, value)| builder.header(name, *value));
    builder.body(body).expect("hashes, media types and paths that were parsed are header values")
}
