//! What others verify our tokens by: the issuer's configuration (OpenID Connect Discovery 1.0) and its keys.

use objects::{Tree, tree};

use super::jws::PublicKey;

/// `/.well-known/openid-configuration`
pub(crate) fn configuration(issuer: &str, keys_uri: &str, keys: &[PublicKey]) -> Tree {
    let mut algorithms: Vec<&str> = keys.iter().map(PublicKey::algorithm).collect();
    algorithms.sort_unstable();
    algorithms.dedup();
    tree!({
        "issuer": issuer, "jwks_uri": keys_uri, "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": algorithms
    })
}

/// `/openid/v1/jwks`
pub(crate) fn key_set(keys: &[PublicKey]) -> Tree {
    tree!({ "keys": (keys.iter().map(PublicKey::to_jwk).collect::<Vec<_>>()) })
}
