//! Who joins with a bootstrap token believes the ConfigMap `cluster-info` because it is signed with that token: a detached
//! JWS (RFC 7515, appendix F) for each token that may sign.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use client::{ApiError, Client, ListOptions};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use objects::tree;
use reconcile::{ObjectKey, Outcome, Reconcile, Store};
use ring::hmac;

use super::{NAMESPACE, OF_TOKENS, left, text};
use crate::wiring::Wiring;

const PUBLIC: &str = "kube-public";
const CLUSTER_INFO: &str = "cluster-info";
const CONTENT: &str = "kubeconfig";
const SIGNATURE: &str = "jws-kubeconfig-";
const SECRET_NAME: &str = "bootstrap-token-";
const TOKEN_ID: &str = "token-id";
const TOKEN_SECRET: &str = "token-secret";
const SIGNS: &str = "usage-bootstrap-signing";

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("bootstrap_signer_queue");
    let only = || ObjectKey::new(PUBLIC, CLUSTER_INFO);
    let named = ListOptions::fields(format!("metadata.name={CLUSTER_INFO}"));
    let maps = wiring.feed_some(named, &queue, move |map: &ConfigMap| {
        Some(ObjectKey::of(&map.metadata)).filter(|key| *key == only())
    });
    let tokens = wiring.feed_some(ListOptions::fields(OF_TOKENS), &queue, move |_: &Secret| Some(only()));
    let client = wiring.client();
    wiring.reconcile(Signer { client, maps, tokens }, queue, NonZeroUsize::MIN);
}

struct Signer {
    client: Client,
    maps: Store<ConfigMap>,
    tokens: Store<Secret>,
}

impl Reconcile for Signer {
    type Key = ObjectKey;
    type Error = ApiError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, ApiError> {
        let Some(map) = self.maps.get(&key.namespace, &key.name) else { return Ok(Outcome::Done) };
        let now = supervise::clock::now();
        let tokens = self.tokens.in_namespace(NAMESPACE);
        let signing: Vec<Token<'_>> =
            tokens.iter().filter_map(|secret| Token::signing(secret, now)).collect();
        if let Some(data) = signed(map.data.as_ref(), &signing) {
            let new = ConfigMap { data: Some(data), ..(*map).clone() };
            match self.client.namespaced::<ConfigMap>(&key.namespace).update(&key.name, &new).await {
                Err(error) if !error.is_not_found() => return Err(error),
                _ => {}
            }
        }
        // A signature goes with the time of its token.
        let ends = signing.iter().filter_map(|token| token.left).min();
        Ok(ends.map_or(Outcome::Done, Outcome::After))
    }
}

/// A token that signs.
struct Token<'a> {
    id: &'a str,
    secret: &'a str,
    left: Option<Duration>,
}

impl<'a> Token<'a> {
    /// That of a secret, if it may sign now.
    fn signing(secret: &'a Secret, now: Timestamp) -> Option<Self> {
        let named = secret.metadata.name.as_deref()?.strip_prefix(SECRET_NAME)?;
        let is_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let (id, key) = (text(secret, TOKEN_ID)?, text(secret, TOKEN_SECRET)?);
        let left = left(secret, now);
        let signs = named.len() == 6
            && named.chars().all(is_id)
            && named == id
            && !key.is_empty()
            && left.is_none_or(|left| !left.is_zero())
            && text(secret, SIGNS) == Some("true");
        signs.then_some(Self { id, secret: key, left })
    }

    fn signature(&self, content: &str) -> String {
        let header = tree!({ "alg": "HS256", "kid": (self.id) }).to_json();
        let header = URL_SAFE_NO_PAD.encode(header);
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(content));
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        let tag = hmac::sign(&key, signed.as_bytes());
        format!("{header}..{}", URL_SAFE_NO_PAD.encode(tag))
    }
}

/// What the map is to hold, signed by these tokens and no others; `None` where there is nothing to change.
fn signed(data: Option<&BTreeMap<String, String>>, tokens: &[Token<'_>]) -> Option<BTreeMap<String, String>> {
    let old = data?;
    let content = old.get(CONTENT)?;
    let rest = old.iter().filter(|(key, _)| !key.starts_with(SIGNATURE));
    let mut new: BTreeMap<_, _> = rest.map(|(key, value)| (key.clone(), value.clone())).collect();
    new.extend(tokens.iter().map(|token| (format!("{SIGNATURE}{}", token.id), token.signature(content))));
    (new != *old).then_some(new)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    use super::*;

    fn now() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    fn secret(name: &str, data: &[(&str, &str)]) -> Secret {
        let bytes = |value: &&str| ByteString(value.as_bytes().to_vec());
        let data = data.iter().map(|(key, value)| ((*key).to_owned(), bytes(value))).collect();
        let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
        Secret { metadata, data: Some(data), ..Secret::default() }
    }

    const GOOD: [(&str, &str); 3] = [(TOKEN_ID, "abc123"), (TOKEN_SECRET, "s"), (SIGNS, "true")];

    #[test]
    fn a_signature_is_that_of_another_implementation() {
        let token = Token { id: "abc123", secret: "0123456789abcdef", left: None };
        // As Python's hmac has it.
        let expected =
            "eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiYzEyMyJ9..qTvWXImTCcLAxj6nw53xOmdsSzLP1_zffoBVin_NQD4";
        assert_eq!(token.signature("apiVersion: v1\nkind: Config\n"), expected);
    }

    #[test]
    fn only_a_token_that_is_whole_and_good_and_allowed_to_signs() {
        let signs = |name: &str, data: &[(&str, &str)]| Token::signing(&secret(name, data), now()).is_some();
        assert!(signs("bootstrap-token-abc123", &GOOD));
        assert!(!signs("bootstrap-token-abc124", &GOOD));
        assert!(!signs("bootstrap-token-abc1234", &[(TOKEN_ID, "abc1234"), GOOD[1], GOOD[2]]));
        assert!(!signs("abc123", &GOOD));
        assert!(!signs("bootstrap-token-abc123", &GOOD[..2]));
        assert!(!signs("bootstrap-token-abc123", &[GOOD[0], (TOKEN_SECRET, ""), GOOD[2]]));
        let ended = [GOOD[0], GOOD[1], GOOD[2], ("expiration", "2025-01-01T00:00:00Z")];
        assert!(!signs("bootstrap-token-abc123", &ended));
    }

    #[test]
    fn signatures_of_tokens_that_are_gone_go_and_nothing_else_does() {
        let map = |entries: &[(&str, &str)]| -> BTreeMap<String, String> {
            entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let token = Token { id: "abc123", secret: "s", left: None };
        let old = map(&[(CONTENT, "c"), ("jws-kubeconfig-zzzzzz", "old"), ("other", "o")]);
        let new = signed(Some(&old), std::slice::from_ref(&token)).unwrap();
        assert_eq!(new.keys().collect::<Vec<_>>(), ["jws-kubeconfig-abc123", "kubeconfig", "other"]);
        assert_eq!(signed(Some(&new), std::slice::from_ref(&token)), None);
        assert_eq!(signed(Some(&map(&[("other", "o")])), &[token]), None);
        assert_eq!(signed(None, &[]), None);
    }
}
