//! The server's side of an upgrade, to a WebSocket (RFC 6455, section 4.2) or to SPDY/3.1, with the protocol that both
//! speak on it.

use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use net::{Body, body};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::server::failure::Failure;

/// Where SPDY has its protocols.
const STREAM_PROTOCOL: HeaderName = HeaderName::from_static("x-stream-protocol-version");

/// The protocol of a client that lists none.
pub(super) const UNNAMED: &str = "";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upgrade {
    WebSocket,
    Spdy,
}

/// Upgrades and the names of protocols on them, with what each means to the one who serves it.
pub(super) type Protocols<P> = &'static [(Upgrade, &'static str, P)];

/// An upgrade that is agreed on.
pub(super) struct Handshake {
    /// The headers of the answer.
    headers: HeaderMap,
    upgrade: OnUpgrade,
}

impl Upgrade {
    /// The upgrade that a request asks for.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let has = |name, value: &str| names(headers, name).any(|each| each.eq_ignore_ascii_case(value));
        let is_websocket = has(UPGRADE, "websocket")
            && has(SEC_WEBSOCKET_VERSION, "13")
            && headers.contains_key(SEC_WEBSOCKET_KEY);
        match () {
            () if !has(CONNECTION, "upgrade") => None,
            () if is_websocket => Some(Self::WebSocket),
            () if has(UPGRADE, "spdy/3.1") => Some(Self::Spdy),
            () => None,
        }
    }

    /// The header that protocols are listed in.
    fn listing(self) -> HeaderName {
        match self {
            Self::WebSocket => SEC_WEBSOCKET_PROTOCOL,
            Self::Spdy => STREAM_PROTOCOL,
        }
    }
}

impl Handshake {
    /// Takes the connection out of a request that asks for one, by the first of its protocols that is served.
    pub(super) fn of<P: Copy>(head: &mut Parts, served: Protocols<P>) -> Result<(P, Self), Failure> {
        let kind = Upgrade::of(&head.headers).ok_or(Failure::NoUpgrade)?;
        let listing = kind.listing();
        let served = || served.iter().filter(|(upgrade, ..)| *upgrade == kind);
        let find = |name| served().find(|(_, each, _)| *each == name);
        let agreed = match head.headers.contains_key(&listing) {
            true => names(&head.headers, listing.clone()).filter(|name| *name != UNNAMED).find_map(find),
            false => find(UNNAMED),
        };
        let (_, name, protocol) = agreed.ok_or_else(|| Failure::Protocol {
            asked: names(&head.headers, listing.clone()).collect::<Vec<_>>().join(" "),
            served: served()
                .map(|(_, name, _)| *name)
                .filter(|name| *name != UNNAMED)
                .collect::<Vec<_>>()
                .join(" "),
        })?;
        let mut headers = HeaderMap::new();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        if *name != UNNAMED {
            headers.insert(listing, HeaderValue::from_static(name));
        }
        match (kind, head.headers.get(SEC_WEBSOCKET_KEY)) {
            (Upgrade::WebSocket, Some(key)) => {
                let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes()))
                    .expect("a digest in base64 is a header's value");
                headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            }
            _ => {
                headers.insert(UPGRADE, HeaderValue::from_static("SPDY/3.1"));
            }
        }
        let upgrade = head.extensions.remove::<OnUpgrade>().ok_or(Failure::NoUpgrade)?;
        Ok((*protocol, Self { headers, upgrade }))
    }

    pub(super) fn response(&self) -> Response<Body> {
        let mut response = Response::new(body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *response.headers_mut() = self.headers.clone();
        response
    }

    /// The connection, when the response is sent.
    pub(super) async fn complete(self) -> hyper::Result<TokioIo<Upgraded>> {
        self.upgrade.await.map(TokioIo::new)
    }
}

/// The members of a header that lists some, over all its lines.
fn names(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}
