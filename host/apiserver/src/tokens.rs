//! Service account tokens: what they claim, who signs them, and when they hold. A token is worth nothing once its
//! account, or the object it is bound to, is gone.

mod bootstrap;
mod claims;
pub(crate) mod documents;
pub(crate) mod jws;
mod legacy;
pub(crate) mod uses;

use jiff::Timestamp;
use objects::{Tree, meta};

pub(crate) use claims::{Claims, Reference};
pub use jws::KeyError;
pub(crate) use jws::{PublicKey, Signer};
use uses::Uses;

use crate::authn::UserInfo;
use crate::rest::Rest;
use crate::view::View;

/// How long a token outlives the deletion of what it is bound to: upstream's leeway.
const LEEWAY_SECONDS: i64 = 60;
const EXTRA: &str = "authentication.kubernetes.io";

/// Whom a bearer token is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bearer {
    pub(crate) user: UserInfo,
    /// Those of the asked audiences for which the token is.
    pub(crate) audiences: Vec<String>,
}

/// Why a token of this cluster does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("token is not signed by a key of this cluster")]
    Signature,
    #[error("token lacks the claims of a service account")]
    Claims,
    #[error("token is not valid yet")]
    Early,
    #[error("service account token has expired")]
    Expired,
    #[error("token audiences {actual:?} is invalid for the target audiences {wanted:?}")]
    Audience { actual: Vec<String>, wanted: Vec<String> },
    #[error("{kind} {name} has been deleted")]
    Deleted { kind: &'static str, name: String },
    #[error("{kind} UID ({actual}) does not match claim ({claimed})")]
    Replaced { kind: &'static str, actual: String, claimed: String },
    #[error(
        "the token in secret {secret} for service account {account} has been marked invalid. Use tokens from the \
         TokenRequest API or manually created secret-based tokens, or remove the \
         'kubernetes.io/legacy-token-invalid-since' label from the secret to temporarily allow use of this token"
    )]
    Unused { secret: String, account: String },
}

/// Knows the tokens of one issuer. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Verifier {
    rest: Rest,
    keys: Vec<PublicKey>,
    issuer: String,
    audiences: Vec<String>,
    uses: Uses,
}

impl Verifier {
    /// `audiences` are those of the API: what a token must be for where nobody asks for others.
    pub(crate) fn new(
        rest: Rest,
        keys: Vec<PublicKey>,
        issuer: String,
        audiences: Vec<String>,
        uses: Uses,
    ) -> Self {
        Self { rest, keys, issuer, audiences, uses }
    }

    /// Whom the token is of; `None` where it is no token of this issuer. `audiences` empty asks for the API's.
    pub(crate) fn verify(
        &self,
        token: &str,
        audiences: &[String],
        now: Timestamp,
    ) -> Result<Option<Bearer>, TokenError> {
        let text = token;
        let Some(token) = jws::Token::parse(text) else { return Ok(None) };
        let issuer = token.claims.str_at(&["iss"]).unwrap_or_default();
        if issuer != self.issuer && issuer != legacy::ISSUER {
            return Ok(None);
        }
        if !self.keys.iter().any(|key| key.verifies(&token)) {
            return Err(TokenError::Signature);
        }
        let (time, now) = (now, now.as_second());
        if issuer == legacy::ISSUER {
            // Such a token names no audience: it is for the API.
            let own = |wanted: &&String| audiences.is_empty() || audiences.contains(wanted);
            let shared: Vec<String> = self.audiences.iter().filter(own).cloned().collect();
            if shared.is_empty() {
                return Err(TokenError::Audience { actual: Vec::new(), wanted: audiences.to_vec() });
            }
            let (user, secret, account) = legacy::user(self.rest.view(), text, &token.claims, now)?;
            self.uses.admit(&secret, &account, time)?;
            return Ok(Some(Bearer { user, audiences: shared }));
        }
        let claims = Claims::from_tree(&token.claims).ok_or(TokenError::Claims)?;
        if now < claims.not_before {
            return Err(TokenError::Early);
        }
        if claims.expires < now {
            return Err(TokenError::Expired);
        }
        let wanted = if audiences.is_empty() { &self.audiences } else { audiences };
        let shared: Vec<String> =
            wanted.iter().filter(|wanted| claims.audiences.contains(wanted)).cloned().collect();
        if shared.is_empty() {
            return Err(TokenError::Audience { actual: claims.audiences, wanted: wanted.to_vec() });
        }
        self.holds(&claims, now)?;
        let named = claims.secret.as_ref();
        let secret =
            named.and_then(|secret| core(self.rest.view(), "secrets", &claims.namespace, &secret.name));
        if let Some(secret) = secret {
            self.uses.admit(&secret, &claims.account.name, time)?;
        }
        Ok(Some(Bearer { user: user(&claims), audiences: shared }))
    }

    /// The user of a bootstrap token.
    pub(crate) fn bootstrap(&self, token: &str, now: Timestamp) -> Option<UserInfo> {
        bootstrap::user(self.rest.view(), token, now)
    }

    /// Whether the account and what else the token is bound to are there still.
    fn holds(&self, claims: &Claims, now: i64) -> Result<(), TokenError> {
        let namespace = claims.namespace.as_str();
        let bound = [
            ("service account", "serviceaccounts", namespace, Some(&claims.account)),
            ("secret", "secrets", namespace, claims.secret.as_ref()),
            ("pod", "pods", namespace, claims.pod.as_ref()),
            // The node of a bound pod only tells where the pod is.
            ("node", "nodes", "", claims.node.as_ref().filter(|_| claims.pod.is_none())),
        ];
        for (kind, plural, namespace, reference) in bound {
            let Some(reference) = reference else { continue };
            let found = core(self.rest.view(), plural, namespace, &reference.name);
            check(kind, namespace, reference, found.as_ref(), now)?;
        }
        Ok(())
    }
}

/// An object of core/v1 as the caches have it.
pub(crate) fn core(view: &View, plural: &str, namespace: &str, name: &str) -> Option<Tree> {
    view.get(&*view.registry.find("", "v1", plural)?, namespace, name)
}

fn check(
    kind: &'static str,
    namespace: &str,
    reference: &Reference,
    found: Option<&Tree>,
    now: i64,
) -> Result<(), TokenError> {
    let gone = |object: &Tree| {
        meta::deletion_timestamp(object).is_some_and(|time| time.as_second() + LEEWAY_SECONDS < now)
    };
    let Some(object) = found.filter(|object| !gone(object)) else {
        let slash = if namespace.is_empty() { "" } else { "/" };
        return Err(TokenError::Deleted { kind, name: format!("{namespace}{slash}{}", reference.name) });
    };
    let (actual, claimed) = (meta::uid(object).to_owned(), reference.uid.clone());
    if actual == claimed { Ok(()) } else { Err(TokenError::Replaced { kind, actual, claimed }) }
}

fn user(claims: &Claims) -> UserInfo {
    let mut extra = vec![(format!("{EXTRA}/credential-id"), vec![format!("JTI={}", claims.id)])];
    for (kind, reference) in [("node", &claims.node), ("pod", &claims.pod)] {
        let Some(Reference { name, uid }) = reference else { continue };
        for (field, value) in [("name", name), ("uid", uid)] {
            if !value.is_empty() {
                extra.push((format!("{EXTRA}/{kind}-{field}"), vec![value.clone()]));
            }
        }
    }
    UserInfo {
        name: claims.subject(),
        uid: claims.account.uid.clone(),
        groups: vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{}", claims.namespace),
        ],
        extra,
    }
}

#[cfg(test)]
pub(crate) mod tests;
