//! The API server that is asked, and one exchange with it.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use net::{Body, HttpClient, TlsClient, body};
use serde_json::Value;

/// Far more than an answer takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);
/// Bytes of an answer.
const LARGEST: usize = 64 << 20;

/// An API server, and who asks it.
pub struct Server {
    client: HttpClient,
    url: String,
    token: String,
}

/// What came back; a body that is no JSON is a string.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Server {
    /// # Errors
    /// Where the CA (PEM) is none.
    pub fn new(url: &str, token: &str, ca: &[u8]) -> Result<Self> {
        let client = HttpClient::tls(TlsClient::new(ca, None)?);
        Ok(Self { client, url: url.trim_end_matches('/').to_owned(), token: token.to_owned() })
    }

    /// Asks, and reads the answer: whole, or so many events of it.
    pub(crate) async fn ask(
        &self,
        (method, path): (&Method, &str),
        headers: &[(String, String)],
        text: String,
        events: Option<usize>,
    ) -> Result<Answer> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let has = |wanted: &str| headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
        if !has("authorization") {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        if !text.is_empty() && !has("content-type") {
            request = request.header("content-type", "application/json");
        }
        let exchange = self.exchange(request.body(body::full(text))?, events);
        tokio::time::timeout(LIMIT, exchange).await.context("there is no whole answer in time")?
    }

    async fn exchange(&self, request: Request<Body>, events: Option<usize>) -> Result<Answer> {
        let (head, body) = self.client.send(request).await?.into_parts();
        let body = match events {
            Some(events) if head.status.is_success() => first_events(body, events).await?,
            _ => {
                let bytes = body::collect(body, LARGEST).await?;
                let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
                serde_json::from_slice(&bytes).unwrap_or_else(|_| text())
            }
        };
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }
}

/// The first events of a stream, one a line; the rest is left unread.
async fn first_events(mut body: Body, wanted: usize) -> Result<Value> {
    let mut read = Vec::new();
    loop {
        let whole = read.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines = read[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let events: Vec<Value> = lines.map(serde_json::from_slice).collect::<Result<_, _>>()?;
        if events.len() >= wanted {
            return Ok(events.into_iter().take(wanted).collect());
        }
        let Some(frame) = body.frame().await else {
            bail!("the stream ended after {} of {wanted} events", events.len());
        };
        let frame = frame.map_err(anyhow::Error::from_boxed)?;
        read.extend_from_slice(frame.data_ref().context("a stream has no trailers")?);
    }
}
