//! Tokens of service accounts that do not expire, as secrets of their type hold them: they hold while their secret and
//! their account do.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use objects::{Tree, meta};
use subtle::ConstantTimeEq;

use super::{Reference, TokenError, check, core};
use crate::authn::UserInfo;
use crate::view::View;

pub(super) const ISSUER: &str = "kubernetes/serviceaccount";

/// Whom a token is of whose signature holds, the secret that holds it, and the name of the account.
pub(super) fn user(
    view: &View,
    token: &str,
    claims: &Tree,
    now: i64,
) -> Result<(UserInfo, Tree, String), TokenError> {
    let claim = |name: &str| {
        let text = claims.str_at(&[&format!("kubernetes.io/serviceaccount/{name}")]).unwrap_or_default();
        if text.is_empty() { Err(TokenError::Claims) } else { Ok(text.to_owned()) }
    };
    let (namespace, secret) = (claim("namespace")?, claim("secret.name")?);
    let account = Reference { name: claim("service-account.name")?, uid: claim("service-account.uid")? };
    let gone = || TokenError::Deleted { kind: "secret", name: format!("{namespace}/{secret}") };
    let held = core(view, "secrets", &namespace, &secret).filter(|secret| !meta::is_deleting(secret));
    let held = held.ok_or_else(gone)?;
    let bytes = STANDARD.decode(held.str_at(&["data", "token"]).unwrap_or_default()).unwrap_or_default();
    if !bool::from(bytes.as_slice().ct_eq(token.as_bytes())) {
        return Err(gone());
    }
    let found = core(view, "serviceaccounts", &namespace, &account.name);
    check("service account", &namespace, &account, found.as_ref(), now)?;
    let user = UserInfo {
        name: format!("system:serviceaccount:{namespace}:{}", account.name),
        uid: account.uid,
        groups: vec!["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")],
        extra: Vec::new(),
    };
    Ok((user, held, account.name))
}
