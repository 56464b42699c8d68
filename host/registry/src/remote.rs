//! A registry, as OCI's distribution specification has it: what of it brings one component there or back.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::Value;

use crate::LARGEST;
use crate::digest::Digest;
use crate::login::Login;
use crate::manifest::{MANIFEST, Manifest};
use crate::reference::{Reference, Version};
use crate::transport::{Answered, Ask, Transport, TransportError, is_here, resolved};

/// A longer manifest is none.
const LONGEST_MANIFEST: usize = 4 << 20;
/// Answers that are read for their words.
const WORDS: usize = 64 << 10;
/// What of an answer is shown.
const SHOWN: usize = 300;

#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error("{uri} answers {status}{said}")]
    Status { status: StatusCode, uri: String, said: String },
    #[error("{uri} wants a login that it does not take from here: `docker login` or `oras login` writes one")]
    Login { uri: String },
    #[error("there is no {0} in the registry: see its tags, or push it first")]
    NotFound(Reference),
    #[error("{reference} is no component: {why}")]
    NoComponent { reference: Reference, why: String },
    #[error("{what} has the digest {found}, and not {wanted}: it is not what was asked for")]
    Digest { what: String, found: Digest, wanted: Digest },
    #[error("{uri} does not say where to send the content to")]
    NoLocation { uri: String },
}

/// A component that came from a registry.
#[derive(Clone, Debug)]
pub struct Pulled {
    pub component: Bytes,
    /// The artifact by its digest.
    pub pinned: Reference,
}

impl Transport {
    /// Brings a component from a registry.
    pub async fn pull(&self, reference: &Reference, login: Option<&Login>) -> Result<Pulled, RegistryError> {
        let mut session = Session { transport: self, reference, login, authorization: None };
        let mut ask = session.ask(Method::GET, &format!("manifests/{}", reference.version_text()))?;
        ask.headers.insert(ACCEPT, HeaderValue::from_static(MANIFEST));
        let manifest = session.send(ask, LONGEST_MANIFEST).await?;
        match manifest.status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Err(RegistryError::NotFound(reference.clone())),
            _ => return Err(refused(&manifest)),
        }
        let digest = Digest::of(&manifest.body);
        if let Version::Digest(wanted) = &reference.version {
            same(&reference.to_string(), digest.clone(), wanted)?;
        }
        let no_component = |why: String| RegistryError::NoComponent { reference: reference.clone(), why };
        let layer = Manifest::component(&manifest.body).map_err(|why| no_component(why.to_string()))?;
        let wanted: Digest = layer.digest.parse().map_err(|why| no_component(format!("{why}")))?;
        if layer.size > LARGEST as u64 {
            return Err(no_component(format!("it has {} bytes, and a node takes {LARGEST}", layer.size)));
        }
        let blob = session.send(session.ask(Method::GET, &format!("blobs/{wanted}"))?, LARGEST).await?;
        if blob.status != StatusCode::OK {
            return Err(refused(&blob));
        }
        same(&format!("the content of {reference}"), Digest::of(&blob.body), &wanted)?;
        Ok(Pulled { component: blob.body, pinned: reference.pinned(digest) })
    }

    /// Brings a component to a registry; gives the artifact by its digest.
    pub async fn push(
        &self,
        reference: &Reference,
        component: Bytes,
        login: Option<&Login>,
    ) -> Result<Reference, RegistryError> {
        let mut session = Session { transport: self, reference, login, authorization: None };
        let (manifest, config) = Manifest::of_component(&component);
        session.upload(component).await?;
        session.upload(config.into()).await?;
        let manifest = serde_json::to_vec(&manifest).expect("a manifest has a form as JSON");
        let digest = Digest::of(&manifest);
        let mut ask = session.ask(Method::PUT, &format!("manifests/{}", reference.version_text()))?;
        ask.headers.insert(CONTENT_TYPE, HeaderValue::from_static(MANIFEST));
        ask.body = manifest.into();
        let answered = session.send(ask, WORDS).await?;
        if !answered.status.is_success() {
            return Err(refused(&answered));
        }
        Ok(reference.pinned(digest))
    }
}

fn same(what: &str, found: Digest, wanted: &Digest) -> Result<(), RegistryError> {
    if found == *wanted {
        return Ok(());
    }
    Err(RegistryError::Digest { what: what.to_owned(), found, wanted: wanted.clone() })
}

/// What a registry says of a refusal, in its own words.
fn refused(answered: &Answered) -> RegistryError {
    let words: Value = serde_json::from_slice(&answered.body).unwrap_or(Value::Null);
    let words = words["errors"][0]["message"].as_str().unwrap_or_default();
    let words: String = words.chars().filter(|letter| !letter.is_control()).take(SHOWN).collect();
    let said = if words.is_empty() { words } else { format!(": {words}") };
    RegistryError::Status { status: answered.status, uri: answered.uri.to_string(), said }
}

/// Requests about one repository, with the authorization that the registry asked for.
struct Session<'a> {
    transport: &'a Transport,
    reference: &'a Reference,
    login: Option<&'a Login>,
    authorization: Option<HeaderValue>,
}

impl Session<'_> {
    fn ask(&self, method: Method, path: &str) -> Result<Ask, RegistryError> {
        let Reference { registry, repository, .. } = self.reference;
        let host = registry.rsplit_once(':').map_or(registry.as_str(), |(host, _)| host);
        let scheme = if is_here(host) || is_here(registry) { "http" } else { "https" };
        let uri = format!("{scheme}://{registry}/v2/{repository}/{path}");
        let uri = uri.parse().map_err(|_| TransportError::Address(uri))?;
        Ok(Ask::new(method, uri))
    }

    /// Asks, and once more with an authorization where that is wanted.
    async fn send(&mut self, ask: Ask, limit: usize) -> Result<Answered, RegistryError> {
        let answered = self.transport.send(self.authorized(ask.clone()), limit).await?;
        if answered.status != StatusCode::UNAUTHORIZED {
            return Ok(answered);
        }
        let uri = answered.uri.clone();
        let challenge = answered.headers.get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
        let challenge = challenge.ok_or_else(|| RegistryError::Login { uri: uri.to_string() })?;
        self.authorization = self.answer(challenge).await?;
        if self.authorization.is_none() {
            return Err(RegistryError::Login { uri: uri.to_string() });
        }
        let answered = self.transport.send(self.authorized(ask), limit).await?;
        match answered.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(RegistryError::Login { uri: uri.to_string() })
            }
            _ => Ok(answered),
        }
    }

    fn authorized(&self, mut ask: Ask) -> Ask {
        if let Some(authorization) = &self.authorization {
            ask.headers.insert(AUTHORIZATION, authorization.clone());
        }
        ask
    }

    /// The header that answers a challenge (RFC 9110, and the token protocol of registries).
    async fn answer(&self, challenge: &str) -> Result<Option<HeaderValue>, RegistryError> {
        let secret = |text: String| {
            let mut value = HeaderValue::from_str(&text).ok()?;
            value.set_sensitive(true);
            Some(value)
        };
        let basic = self.login.map(Login::basic);
        let Some(parameters) = challenge.strip_prefix("Bearer ") else { return Ok(basic.and_then(secret)) };
        let Some(realm) = parameter(parameters, "realm") else { return Ok(None) };
        let mut query = form_urlencoded::Serializer::new(String::new());
        for name in ["service", "scope"] {
            if let Some(value) = parameter(parameters, name) {
                query.append_pair(name, value);
            }
        }
        let address = format!("{realm}?{}", query.finish());
        let uri = address.parse().map_err(|_| TransportError::Address(address))?;
        let mut ask = Ask::new(Method::GET, uri);
        if let Some(basic) = basic.and_then(secret) {
            ask.headers.insert(AUTHORIZATION, basic);
        }
        let answered = self.transport.send(ask, WORDS).await?;
        let token: Value = serde_json::from_slice(&answered.body).unwrap_or(Value::Null);
        let token = token["token"].as_str().or(token["access_token"].as_str());
        Ok(token.and_then(|token| secret(format!("Bearer {token}"))))
    }

    /// Sends content that the registry does not have yet.
    async fn upload(&mut self, content: Bytes) -> Result<(), RegistryError> {
        let digest = Digest::of(&content);
        let there = self.send(self.ask(Method::HEAD, &format!("blobs/{digest}"))?, WORDS).await?;
        if there.status == StatusCode::OK {
            return Ok(());
        }
        let begun = self.send(self.ask(Method::POST, "blobs/uploads/")?, WORDS).await?;
        if begun.status != StatusCode::ACCEPTED {
            return Err(refused(&begun));
        }
        let to = location(&begun.headers)
            .ok_or_else(|| RegistryError::NoLocation { uri: begun.uri.to_string() })?;
        let separator = if to.contains('?') { '&' } else { '?' };
        let to = resolved(&begun.uri, &format!("{to}{separator}digest={digest}"))?;
        let mut ask = Ask::new(Method::PUT, to);
        ask.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        ask.body = content;
        let answered = self.send(ask, WORDS).await?;
        if answered.status == StatusCode::CREATED { Ok(()) } else { Err(refused(&answered)) }
    }
}

fn location(headers: &HeaderMap) -> Option<&str> {
    headers.get(LOCATION)?.to_str().ok()
}

/// A quoted parameter of a challenge.
fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    let start = format!("{name}=\"");
    let at = parameters
        .match_indices(&start)
        .map(|(at, _)| at)
        .find(|&at| at == 0 || parameters[..at].ends_with([',', ' ']))?;
    parameters[at + start.len()..].split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_of_a_challenge_are_read() {
        let challenge = r#"realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push""#;
        assert_eq!(parameter(challenge, "realm"), Some("https://auth.example/token"));
        assert_eq!(parameter(challenge, "scope"), Some("repository:a/b:pull,push"));
        assert_eq!(parameter(challenge, "alm"), None);
        assert_eq!(parameter(r#"xrealm="no", realm="yes""#, "realm"), Some("yes"));
    }
}
