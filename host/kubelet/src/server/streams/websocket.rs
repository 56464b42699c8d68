//! The server's side of a WebSocket's opening (RFC 6455, section 4.2), with the subprotocol that both speak.

use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use net::{Body, body};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::channel::{Protocol, SERVED};
use crate::server::failure::Failure;

/// The largest message taken: clients send stdin in far smaller ones.
const MESSAGE_LIMIT: usize = 1 << 20;

pub(super) struct Handshake {
    protocol: Protocol,
    accept: HeaderValue,
    upgrade: OnUpgrade,
}

impl Handshake {
    /// Takes the connection out of a request that asks for one.
    pub(super) fn of(head: &mut Parts) -> Result<Self, Failure> {
        let headers = &head.headers;
        let asks = names(headers, CONNECTION).any(|name| name.eq_ignore_ascii_case("upgrade"))
            && names(headers, UPGRADE).any(|name| name.eq_ignore_ascii_case("websocket"))
            && names(headers, SEC_WEBSOCKET_VERSION).any(|version| version == "13");
        let key = headers.get(SEC_WEBSOCKET_KEY).filter(|_| asks).ok_or(Failure::NoUpgrade(SERVED))?;
        let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes()))
            .expect("a digest in base64 is a header's value");
        let protocol = names(headers, SEC_WEBSOCKET_PROTOCOL).find_map(Protocol::of).ok_or_else(|| {
            let asked: Vec<_> = names(headers, SEC_WEBSOCKET_PROTOCOL).collect();
            Failure::Subprotocol { asked: asked.join(", "), served: SERVED }
        })?;
        let upgrade = head.extensions.remove::<OnUpgrade>().ok_or(Failure::NoUpgrade(SERVED))?;
        Ok(Self { protocol, accept, upgrade })
    }

    pub(super) fn protocol(&self) -> Protocol {
        self.protocol
    }

    pub(super) fn response(&self) -> Response<Body> {
        let mut response = Response::new(body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, self.accept.clone());
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(self.protocol.name()));
        response
    }

    /// The connection, when the response is sent.
    pub(super) async fn complete(self) -> hyper::Result<WebSocketStream<TokioIo<Upgraded>>> {
        let io = TokioIo::new(self.upgrade.await?);
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_LIMIT))
            .max_frame_size(Some(MESSAGE_LIMIT));
        Ok(WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await)
    }
}

/// The members of a header that lists some, over all its lines.
fn names(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}
