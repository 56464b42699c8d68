//! What is answered with a stream, as the messages of a WebSocket (RFC 6455) for clients that ask for one: a log in bytes or
//! in base64, as its protocol says, and a watch with an event in each.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use net::{Body, BoxError, body};
use objects::status::Status;
use supervise::Scope;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tracing::debug;

use crate::kubelet::BEARER_PROTOCOL;

/// How long a client may take to answer the close.
const CLOSING: Duration = Duration::from_secs(2);
/// The protocols of a log; of a client that names none it is the first.
const OF_LOGS: &[(&str, Form)] =
    &[("", Form::Bytes), ("binary.k8s.io", Form::Bytes), ("base64.binary.k8s.io", Form::Base64)];

/// What is told by messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Log,
    Events,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Bytes,
    Base64,
    Text,
}

/// A client's request for a WebSocket, which it gets where the answer is a stream.
pub(super) struct Offer {
    told: Told,
    form: Form,
    headers: HeaderMap,
    upgrade: OnUpgrade,
}

impl Offer {
    /// Takes the connection out of a request that asks for a WebSocket.
    pub(super) fn of(head: &mut Parts, told: Told) -> Result<Option<Self>, Status> {
        let key = head.headers.get(SEC_WEBSOCKET_KEY).cloned();
        let (true, Some(key)) = (is_asked_for(&head.headers), key) else { return Ok(None) };
        let listed = members(&head.headers, SEC_WEBSOCKET_PROTOCOL);
        let listed: Vec<&str> = listed.filter(|name| !name.starts_with(BEARER_PROTOCOL)).collect();
        let (form, protocol) = agree(told, &listed)?;
        let value =
            |text: &str| HeaderValue::from_str(text).map_err(|error| Status::bad_request(error.to_string()));
        let (protocol, accept) = (value(protocol)?, value(&derive_accept_key(key.as_bytes()))?);
        let Some(upgrade) = head.extensions.remove::<OnUpgrade>() else { return Ok(None) };
        let mut headers = HeaderMap::from_iter([
            (CONNECTION, HeaderValue::from_static("Upgrade")),
            (UPGRADE, HeaderValue::from_static("websocket")),
            (SEC_WEBSOCKET_ACCEPT, accept),
        ]);
        if !protocol.is_empty() {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        // What goes on to others asks for no upgrade any more.
        head.headers.remove(UPGRADE);
        Ok(Some(Self { told, form, headers, upgrade }))
    }

    /// The answer's stream in messages, in a task of the scope; anything but a success stays as it is.
    pub(super) fn carry(self, answer: Response<Body>, scope: &Scope) -> Response<Body> {
        if answer.status() != StatusCode::OK {
            return answer;
        }
        let mut switched = Response::new(body::empty());
        *switched.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *switched.headers_mut() = self.headers;
        let (told, form, upgrade, stream) = (self.told, self.form, self.upgrade, answer.into_body());
        let stop = scope.token();
        scope.spawn("websocket", async move {
            let telling = async {
                let io = TokioIo::new(upgrade.await?);
                let socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
                tell(socket, told, form, stream).await
            };
            if let Some(Err(why)) = stop.run_until_cancelled(telling).await {
                debug!(%why, "a WebSocket broke off");
            }
        });
        switched
    }
}

fn is_asked_for(headers: &HeaderMap) -> bool {
    let has = |name, value: &str| members(headers, name).any(|each| each.eq_ignore_ascii_case(value));
    has(CONNECTION, "upgrade") && has(UPGRADE, "websocket") && has(SEC_WEBSOCKET_VERSION, "13")
}

fn members(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// How messages are written, and the protocol that says so. A watch has none, and takes whatever one the client lists.
fn agree<'p>(told: Told, listed: &[&'p str]) -> Result<(Form, &'p str), Status> {
    match (told, listed) {
        (Told::Events, []) => Ok((Form::Text, "")),
        (Told::Events, [one]) => Ok((Form::Text, one)),
        (Told::Events, _) => Err(Status::bad_request("one protocol of a WebSocket can be asked for")),
        (Told::Log, []) => Ok((OF_LOGS[0].1, "")),
        (Told::Log, listed) => {
            let find =
                |name: &&'p str| OF_LOGS.iter().find(|(known, _)| known == name).map(|row| (row.1, *name));
            listed.iter().find_map(find).ok_or_else(|| {
                let served: Vec<&str> = OF_LOGS.iter().map(|row| row.0).collect();
                let [asked, served] = [listed, &served].map(|names| names.join(" "));
                let why = format!("requested protocol(s) are not supported: [{asked}]; supports [{served}]");
                Status::bad_request(why)
            })
        }
    }
}

impl Form {
    fn message(self, bytes: Bytes) -> Message {
        match self {
            Self::Bytes => Message::Binary(bytes),
            Self::Base64 => Message::text(STANDARD.encode(bytes)),
            Self::Text => Message::text(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }
}

/// Tells all of a stream, or until the client goes.
async fn tell(
    socket: WebSocketStream<TokioIo<Upgraded>>,
    told: Told,
    form: Form,
    mut stream: Body,
) -> Result<(), BoxError> {
    let (mut sink, mut incoming) = socket.split();
    let gone = async {
        while let Some(Ok(message)) = incoming.next().await
            && !message.is_close()
        {}
    };
    let telling = async {
        // An empty message says that the log is found.
        if told == Told::Log {
            sink.send(form.message(Bytes::new())).await?;
        }
        while let Some(frame) = stream.frame().await {
            if let Ok(bytes) = frame?.into_data() {
                sink.send(form.message(bytes)).await?;
            }
        }
        sink.send(Message::Close(None)).await?;
        Ok::<_, BoxError>(())
    };
    tokio::select! {
        told = telling => told?,
        () = gone => return Ok(()),
    }
    // Read to the client's close: a connection that is dropped before is reset, and its last messages are lost.
    let closed = async { while let Some(Ok(_)) = incoming.next().await {} };
    let _late = tokio::time::timeout(CLOSING, closed).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_told_as_its_protocol_says_and_a_watch_as_text() {
        let of = |told, listed: &[&'static str]| agree(told, listed).map_err(|status| status.message);
        assert_eq!(of(Told::Log, &[]), Ok((Form::Bytes, "")));
        let listed = ["v9", "base64.binary.k8s.io", "binary.k8s.io"];
        assert_eq!(of(Told::Log, &listed), Ok((Form::Base64, "base64.binary.k8s.io")));
        let why =
            "requested protocol(s) are not supported: [v9]; supports [ binary.k8s.io base64.binary.k8s.io]";
        assert_eq!(of(Told::Log, &["v9"]), Err(why.to_owned()));
        assert_eq!(of(Told::Events, &["any"]), Ok((Form::Text, "any")));
        assert!(of(Told::Events, &["one", "two"]).is_err());
        assert_eq!(Form::Base64.message(Bytes::from_static(b"in")), Message::text("aW4="));
        assert_eq!(Form::Text.message(Bytes::from_static(b"{}\n")), Message::text("{}\n"));
    }
}
