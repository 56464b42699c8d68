//! Passing a request on to another server and its answer back, bodies unread and connections upgraded.

use std::error::Error;

use http::header::{self, HeaderName};
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use net::{Body, ClientError, HttpClient, body};
use supervise::Scope;
use tracing::debug;

/// What concerns one connection alone (RFC 9110, 7.6.1).
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// What the user showed here is nobody else's business.
const SECRET: &[&str] = &["authorization", "host"];
const SECRET_PREFIXES: &[&str] = &["impersonate-", "x-remote-"];

/// The answer of the server at `uri`, whose certificate the client verifies. Tasks that copy the bytes of an upgraded
/// connection run in the scope. `extra` headers are added to the request.
pub(crate) async fn pass(
    client: &HttpClient,
    scope: &Scope,
    uri: Uri,
    mut request: Request<Body>,
    extra: HeaderMap,
) -> Result<Response<Body>, ClientError> {
    let upgrades = request.headers().contains_key(header::UPGRADE);
    let near = upgrades.then(|| hyper::upgrade::on(&mut request));
    let (head, body) = request.into_parts();
    let mut asked = Request::new(body);
    *asked.method_mut() = head.method;
    *asked.uri_mut() = uri;
    *asked.headers_mut() = passed(&head.headers, upgrades);
    asked.headers_mut().extend(extra);
    let mut answer = client.send(asked).await?;
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS
        && let Some(near) = near
    {
        join(scope, near, hyper::upgrade::on(&mut answer));
        let mut switched = Response::new(body::empty());
        *switched.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *switched.headers_mut() = passed(answer.headers(), true);
        return Ok(switched);
    }
    let headers = passed(answer.headers(), false);
    *answer.headers_mut() = headers;
    Ok(answer)
}

/// Copies both ways in a task until both ends are closed.
pub(crate) fn join(scope: &Scope, near: OnUpgrade, far: OnUpgrade) {
    let stop = scope.token();
    scope.spawn("relayed stream", async move {
        tokio::select! {
            () = stop.cancelled() => {}
            copied = copy(near, far) => if let Err(why) = copied {
                debug!(%why, "a relayed stream broke off");
            }
        }
    });
}

async fn copy(near: OnUpgrade, far: OnUpgrade) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (near, far) = tokio::try_join!(near, far)?;
    tokio::io::copy_bidirectional(&mut TokioIo::new(near), &mut TokioIo::new(far)).await?;
    Ok(())
}

fn passed(headers: &HeaderMap, upgrades: bool) -> HeaderMap {
    let is_passed = |name: &HeaderName| {
        let name = name.as_str();
        let of_upgrade = upgrades && ["connection", "upgrade"].contains(&name);
        let kept = !HOP_BY_HOP.contains(&name) || of_upgrade;
        let secret = SECRET.contains(&name) || SECRET_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        kept && !secret
    };
    let each = headers.iter().filter(|(name, _)| is_passed(name));
    each.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// An error with its causes on one line.
pub(crate) fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn credentials_and_what_concerns_the_connection_stay_here() {
        let names =
            ["accept", "authorization", "connection", "host", "impersonate-user", "upgrade", "x-remote-user"];
        let headers: HeaderMap =
            names.iter().map(|name| (HeaderName::from_static(name), HeaderValue::from_static("x"))).collect();
        let left = |upgrades| {
            let mut names: Vec<String> = passed(&headers, upgrades).keys().map(ToString::to_string).collect();
            names.sort();
            names
        };
        assert_eq!(left(false), ["accept"]);
        assert_eq!(left(true), ["accept", "connection", "upgrade"]);
    }
}
