//! Answers in gzip (RFC 1952) for clients that take it, where it pays: a large one, compressed quickly rather than well,
//! piece by piece while it is sent.

use std::io::Write as _;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{self, HeaderValue};
use http::{HeaderMap, Response};
use hyper::body::{Body as _, Frame};
use net::{Body, BoxError, body};

/// Up to this many bytes an answer goes as it is: upstream's limit.
const PLAIN_UP_TO: u64 = 128 << 10;
/// Bytes that are compressed at a time.
const PIECE: usize = 64 << 10;
/// Upstream's: of all levels the least work.
const LEVEL: Compression = Compression::fast();

const GZIP: HeaderValue = HeaderValue::from_static("gzip");
const BY_ENCODING: HeaderValue = HeaderValue::from_static("Accept-Encoding");

/// Whether the client takes gzip. As upstream: what is qualified in any way does not count.
pub(super) fn is_accepted(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| coding.trim() == "gzip")
}

/// The answer in gzip, if it is large, its size known, and it is not encoded already.
pub(super) fn compress(mut response: Response<Body>) -> Response<Body> {
    let is_large = response.body().size_hint().exact().is_some_and(|size| size > PLAIN_UP_TO);
    let headers = response.headers_mut();
    if !is_large || headers.contains_key(header::CONTENT_ENCODING) {
        return response;
    }
    headers.insert(header::CONTENT_ENCODING, GZIP);
    headers.append(header::VARY, BY_ENCODING);
    headers.remove(header::CONTENT_LENGTH);
    response.map(|plain| {
        let encoder = Some(GzEncoder::new(Vec::new(), LEVEL));
        body::boxed(Gzip { plain, ahead: Bytes::new(), encoder })
    })
}

struct Gzip {
    plain: Body,
    /// What was read of it and not compressed.
    ahead: Bytes,
    /// `None` at the end.
    encoder: Option<GzEncoder<Vec<u8>>>,
}

impl hyper::body::Body for Gzip {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        loop {
            let Some(encoder) = &mut this.encoder else { return Poll::Ready(None) };
            if this.ahead.is_empty() {
                this.ahead = match ready!(Pin::new(&mut this.plain).poll_frame(context)) {
                    Some(frame) => frame?.into_data().unwrap_or_default(),
                    None => {
                        let end = this.encoder.take().map(GzEncoder::finish).transpose()?;
                        return Poll::Ready(end.map(|end| Ok(Frame::data(end.into()))));
                    }
                };
            }
            let piece = this.ahead.split_to(this.ahead.len().min(PIECE));
            encoder.write_all(&piece)?;
            let out = mem::take(encoder.get_mut());
            if !out.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(out.into()))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    fn accepts(value: &'static str) -> bool {
        is_accepted(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]))
    }

    #[test]
    fn gzip_is_accepted_where_it_is_named_without_a_weight() {
        for value in ["gzip", "deflate, gzip", "br,gzip , zstd"] {
            assert!(accepts(value), "{value}");
        }
        for value in ["", "*", "identity", "gzip;q=0", "gzip;q=1", "x-gzip"] {
            assert!(!accepts(value), "{value}");
        }
    }

    /// Encoding and body of an answer of so many bytes.
    async fn compressed(size: usize) -> (bool, Vec<u8>) {
        let text: Vec<u8> = (0..size).map(|at| b"kubernetes"[at * at % 10]).collect();
        let (head, sent) = compress(Response::new(body::full(text.clone()))).into_parts();
        let sent = body::collect(sent, 1 << 30).await.unwrap();
        let is_gzip = head.headers.get(header::CONTENT_ENCODING) == Some(&GZIP);
        assert_eq!(is_gzip, head.headers.get(header::VARY) == Some(&BY_ENCODING));
        let mut plain = Vec::new();
        if is_gzip {
            assert!(sent.len() < size);
            GzDecoder::new(&*sent).read_to_end(&mut plain).unwrap();
        } else {
            plain.extend_from_slice(&sent);
        }
        assert!(plain == text);
        (is_gzip, plain)
    }

    #[tokio::test]
    async fn what_is_larger_than_the_limit_is_compressed_and_nothing_else() {
        assert!(!compressed(0).await.0);
        assert!(!compressed(128 << 10).await.0);
        assert!(compressed((128 << 10) + 1).await.0);
        assert!(compressed(1 << 20).await.0);
    }

    #[tokio::test]
    async fn a_body_of_unknown_size_or_another_encoding_is_left_alone() {
        let (_sender, endless) = body::channel(1);
        assert!(!compress(Response::new(endless)).headers().contains_key(header::CONTENT_ENCODING));
        let mut other = Response::new(body::full(vec![0; 1 << 20]));
        other.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
        assert_eq!(compress(other).headers()[header::CONTENT_ENCODING], "br");
    }
}
