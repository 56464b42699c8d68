//! Webhooks: servers of the operator's that are asked about objects over HTTPS, at an address of their own or at a
//! Service.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Uri, header};
use net::{HttpClient, TlsClient, body};
use objects::Tree;

use crate::backend::ServiceRef;
use crate::relay::told;
use crate::view::View;

/// What of an answer is read at most.
const ANSWER_LIMIT: usize = 3 << 20;
/// Clients that are kept; the connections of all are given up beyond that.
const CLIENTS: usize = 256;

const HTTPS: i64 = 443;

/// Where a webhook is, as a `clientConfig` says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Webhook {
    server: Server,
    /// In PEM; empty for those that this machine trusts.
    authorities: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq)]
enum Server {
    Url(String),
    Service { service: ServiceRef, path: String },
}

impl Webhook {
    pub(crate) fn read(client_config: &Tree) -> Self {
        let text = |path: &[&str]| client_config.str_at(path).unwrap_or_default();
        let server = match client_config.str_at(&["url"]) {
            Some(url) => Server::Url(url.to_owned()),
            None => Server::Service {
                service: ServiceRef {
                    namespace: text(&["service", "namespace"]).to_owned(),
                    name: text(&["service", "name"]).to_owned(),
                    port: client_config.i64_at(&["service", "port"]).unwrap_or(HTTPS).to_string(),
                },
                path: text(&["service", "path"]).to_owned(),
            },
        };
        Self { server, authorities: STANDARD.decode(text(&["caBundle"])).unwrap_or_default() }
    }
}

/// Whom a client believes, and where it goes whatever a request names.
type Key = (Vec<u8>, Option<SocketAddr>);

/// The connections to webhooks.
#[derive(Default)]
pub(crate) struct Servers(Mutex<HashMap<Key, HttpClient>>);

impl Servers {
    /// The webhook's answer to a review; an error says why there is none.
    pub(crate) async fn ask(
        &self,
        view: &View,
        webhook: &Webhook,
        timeout: Duration,
        review: &Tree,
    ) -> Result<Tree, String> {
        let (base, at) = match &webhook.server {
            Server::Url(url) => (url.clone(), None),
            Server::Service { service, path } => {
                let slash = if path.starts_with('/') { "" } else { "/" };
                let url = format!("https://{}:{}{slash}{path}", service.host(), service.port);
                let at = service.resolve(view).map_err(|status| {
                    let shown = format!("{url}?timeout={}s", timeout.as_secs());
                    format!("failed to call webhook: Post {shown:?}: {}", status.message)
                })?;
                (url, Some(at))
            }
        };
        let mark = if base.contains('?') { '&' } else { '?' };
        let url = format!("{base}{mark}timeout={}s", timeout.as_secs());
        let uri = Uri::try_from(&url).map_err(|error| format!("{base}: {error}"))?;
        let client = self.client((webhook.authorities.clone(), at))?;
        let request = Request::post(uri)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json")
            .body(body::full(review.to_json()))
            .map_err(|error| error.to_string())?;
        let failed = |why: String| format!("failed to call webhook: Post {url:?}: {why}");
        let answered = async {
            let answer = client.send(request).await.map_err(|error| failed(told(&error)))?;
            let code = answer.status();
            let bytes = body::collect(answer.into_body(), ANSWER_LIMIT).await;
            let bytes = bytes.map_err(|error| failed(told(&error)))?;
            if code.is_success() {
                Ok(bytes)
            } else {
                Err(format!("failed to call webhook: the server responded with {code}: {}", shown(&bytes)))
            }
        };
        let bytes = match tokio::time::timeout(timeout, answered).await {
            Ok(answered) => answered?,
            Err(_) => return Err(failed("context deadline exceeded".to_owned())),
        };
        Tree::from_json(&bytes)
            .map_err(|error| format!("failed to call webhook: the answer is no JSON: {error}"))
    }

    fn client(&self, key: Key) -> Result<HttpClient, String> {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let tls = TlsClient::new_or_system(&key.0, None).map_err(|error| told(&error))?;
        let client = match key.1 {
            Some(at) => HttpClient::tls_at(tls, at),
            None => HttpClient::tls(tls),
        };
        if clients.len() >= CLIENTS {
            clients.clear();
        }
        clients.insert(key, client.clone());
        Ok(client)
    }
}

/// The beginning of a refusal.
fn shown(bytes: &Bytes) -> String {
    const MOST: usize = 1000;
    String::from_utf8_lossy(&bytes[..bytes.len().min(MOST)]).trim_end().to_owned()
}
