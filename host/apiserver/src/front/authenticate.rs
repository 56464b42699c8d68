//! Who asks: a user that a front proxy vouches for, a service account, a user of an authenticator, or nobody.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, header};
use net::{Peer, PeerCertificates, TrustAnchor};
use objects::request::decode;
use objects::status::Status;
use tracing::{debug, warn};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::Parts;
use crate::authn::{Authentication, Credentials, UserInfo};
use crate::kubelet::BEARER_PROTOCOL;

/// The one front proxy that is believed, by the name of its certificate.
pub(crate) const FRONT_PROXY: &str = "front-proxy-client";

const ANONYMOUS: &str = "system:anonymous";
const AUTHENTICATED: &str = "system:authenticated";
const UNAUTHENTICATED: &str = "system:unauthenticated";

impl Parts {
    /// The user of a request, with the groups that everybody has; or 401.
    pub(super) fn authenticate(&self, headers: &HeaderMap, peer: &Peer) -> Result<UserInfo, Status> {
        let proxied = peer.certificates.as_ref().filter(|proof| proof.anchor == TrustAnchor::FrontProxyCa);
        if let Some(proof) = proxied {
            if common_name(proof).as_deref() != Some(FRONT_PROXY) {
                return Err(Status::unauthorized());
            }
            if let Some(user) = vouched(headers) {
                return Ok(grouped(user));
            }
        }
        let credentials = Credentials {
            certificates: peer.certificates.clone().filter(|proof| proof.anchor != TrustAnchor::FrontProxyCa),
            ..shown(headers)
        };
        if let Some(token) = &credentials.bearer {
            match self.bearers.own(token, &[]) {
                Ok(Some(bearer)) => return Ok(bearer.user),
                Ok(None) => {}
                Err(why) => {
                    debug!(%why, "a token is refused");
                    return Err(Status::unauthorized());
                }
            }
        }
        match self.authenticate.authenticate(&credentials) {
            Authentication::User(user) => return Ok(grouped(user)),
            Authentication::Failed(why) => warn!(%why, "an authenticator could not answer"),
            Authentication::Unknown => {}
        }
        let silent = credentials.certificates.is_none()
            && credentials.bearer.is_none()
            && !headers.contains_key(header::AUTHORIZATION);
        if silent && (self.anonymous)() { Ok(nobody()) } else { Err(Status::unauthorized()) }
    }
}

/// What a request showed that nobody was recognized by, for the audit.
pub(super) fn attempted(headers: &HeaderMap, query_token: Option<&str>, peer: Option<&Peer>) -> String {
    let Credentials { bearer, basic, .. } = shown(headers);
    let methods = [
        ("basic", basic.is_some()),
        ("bearer", bearer.is_some()),
        ("access_token", query_token.is_some_and(|token| !token.trim().is_empty())),
        ("x509", peer.is_some_and(|peer| peer.certificates.is_some())),
    ];
    let methods: Vec<&str> = methods.into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect();
    match methods.as_slice() {
        [] => "Authentication failed, no credentials provided".to_owned(),
        methods => format!("Authentication failed, attempted: {}", methods.join(", ")),
    }
}

/// The user with the group of everybody who is known, or of everybody who is not.
pub(crate) fn grouped(mut user: UserInfo) -> UserInfo {
    let group = if user.name == ANONYMOUS { UNAUTHENTICATED } else { AUTHENTICATED };
    if !user.groups.iter().any(|group| group == AUTHENTICATED || group == UNAUTHENTICATED) {
        user.groups.push(group.to_owned());
    }
    user
}

fn nobody() -> UserInfo {
    grouped(UserInfo { name: ANONYMOUS.to_owned(), ..UserInfo::default() })
}

fn common_name(proof: &PeerCertificates) -> Option<String> {
    let (_, leaf) = X509Certificate::from_der(proof.chain.first()?).ok()?;
    leaf.subject().iter_common_name().next()?.as_str().ok().map(str::to_owned)
}

/// The token that a browser sends, which can set no header of a WebSocket but its protocols.
fn of_websocket(headers: &HeaderMap) -> Option<String> {
    let texts =
        headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    let mut protocols = texts.flat_map(|text| text.split(',')).map(str::trim);
    let token = protocols.find_map(|protocol| protocol.strip_prefix(BEARER_PROTOCOL))?;
    URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok())
}

/// What `Authorization` holds, or the protocols of a WebSocket.
fn shown(headers: &HeaderMap) -> Credentials {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (scheme, text) = value.trim().split_once(' ').unwrap_or_default();
    let text = text.trim();
    let mut credentials = Credentials { bearer: of_websocket(headers), ..Credentials::default() };
    if scheme.eq_ignore_ascii_case("bearer") && !text.is_empty() {
        credentials.bearer = Some(text.to_owned());
    } else if scheme.eq_ignore_ascii_case("basic") {
        let plain = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let parts = plain.as_deref().and_then(|plain| plain.split_once(':'));
        credentials.basic = parts.map(|(user, password)| (user.to_owned(), password.to_owned()));
    }
    credentials
}

/// Whom a front proxy names.
fn vouched(headers: &HeaderMap) -> Option<UserInfo> {
    let name = values(headers, "x-remote-user").next()?;
    Some(UserInfo {
        name,
        uid: values(headers, "x-remote-uid").next().unwrap_or_default(),
        groups: values(headers, "x-remote-group").collect(),
        extra: extra(headers, "x-remote-extra-"),
    })
}

/// The values of a header that are not empty.
pub(super) fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = String> + use<'a> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.filter(|value| !value.is_empty()).map(str::to_owned)
}

/// The headers of a prefix, what follows it being an escaped key; sorted by key.
pub(super) fn extra(headers: &HeaderMap, prefix: &str) -> Vec<(String, Vec<String>)> {
    let mut extra: Vec<(String, Vec<String>)> = headers
        .keys()
        .filter_map(|name| name.as_str().strip_prefix(prefix).map(|key| (name, key)))
        .map(|(name, key)| (decode(key).to_lowercase(), values(headers, name.as_str()).collect()))
        .collect();
    extra.sort();
    extra
}
