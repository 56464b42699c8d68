//! The keys of the issuer, a JSON Web Key Set (RFC 7517), and signatures by them (RFC 7518).

use rsa::sha2::{Sha256, Sha384, Sha512};
use rsa::signature::Verifier;
use rsa::{BoxedUint, PublicKey};
use rsa::{pkcs1v15, pss};
use sdk::{Error, log};
use serde::Deserialize;

use crate::token::{Token, decode};

/// Shorter keys of RSA are not believed.
const RSA_BITS: u32 = 2048;

#[derive(Default)]
pub(crate) struct Keys(Vec<Key>);

struct Key {
    id: Option<String>,
    /// The only one that it is for, where the issuer says so.
    algorithm: Option<String>,
    public: Public,
}

enum Public {
    Rsa(PublicKey),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(p521::ecdsa::VerifyingKey),
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Keys {
    /// Those of a set that sign; of kinds that are not known here none.
    pub(crate) fn read(set: &[u8]) -> Result<Self, Error> {
        let set: Set = serde_json::from_slice(set)
            .map_err(|why| Error::Invalid(format!("read the keys of the issuer: {why}")))?;
        let mut keys = Vec::new();
        for row in set.keys.into_iter().filter(|row| row.r#use.as_deref().is_none_or(|of| of == "sig")) {
            match row.public() {
                Some(public) => keys.push(Key { id: row.kid, algorithm: row.alg, public }),
                None => log::debug(format!("a key of type {} cannot be used", row.kty)),
            }
        }
        Ok(Self(keys))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether one of the keys signed the token, by an algorithm among these.
    pub(crate) fn verify(&self, token: &Token<'_>, algorithms: &[String]) -> Result<(), Error> {
        let algorithm = &token.header.alg;
        if !algorithms.contains(algorithm) {
            let allowed = algorithms.join(", ");
            return Err(Error::Invalid(format!("the token is signed by {algorithm:?}, not by {allowed}")));
        }
        let meant = |key: &&Key| {
            (token.header.kid.is_none() || key.id == token.header.kid)
                && key.algorithm.as_ref().is_none_or(|only| only == algorithm)
        };
        let signed = self.0.iter().filter(meant).any(|key| key.public.signed(token));
        match signed {
            true => Ok(()),
            false => Err(Error::Invalid("no key of the issuer signed the token".into())),
        }
    }
}

impl Row {
    fn public(&self) -> Option<Public> {
        let bytes = |text: &Option<String>| decode(text.as_deref()?);
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => {
                let number = |text| Some(BoxedUint::from_be_slice_vartime(&bytes(text)?));
                let modulus = number(&self.n)?;
                let long = modulus.bit_width_vartime() >= RSA_BITS;
                PublicKey::new(modulus, number(&self.e)?).ok().filter(|_| long).map(Public::Rsa)
            }
            ("EC", Some(curve)) => {
                let point = [vec![4], bytes(&self.x)?, bytes(&self.y)?].concat();
                match curve {
                    "P-256" => p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok().map(Public::P256),
                    "P-384" => p384::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok().map(Public::P384),
                    "P-521" => p521::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok().map(Public::P521),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// Whether a key of elliptic curves signed a text.
macro_rules! signed_by {
    ($curve:ident, $key:ident, $token:ident) => {
        $curve::ecdsa::Signature::from_slice(&$token.signature)
            .is_ok_and(|signature| $key.verify($token.signed.as_bytes(), &signature).is_ok())
    };
}

/// Whether a key of RSA signed a text, with this padding and digest.
macro_rules! signed_with {
    ($padding:ident, $digest:ty, $key:ident, $token:ident) => {
        $padding::Signature::try_from($token.signature.as_slice()).is_ok_and(|signature| {
            let key = $padding::VerifyingKey::<$digest>::new($key.clone());
            key.verify($token.signed.as_bytes(), &signature).is_ok()
        })
    };
}

impl Public {
    /// The algorithms are those of kube-apiserver.
    fn signed(&self, token: &Token<'_>) -> bool {
        match (self, token.header.alg.as_str()) {
            (Self::P256(key), "ES256") => signed_by!(p256, key, token),
            (Self::P384(key), "ES384") => signed_by!(p384, key, token),
            (Self::P521(key), "ES512") => signed_by!(p521, key, token),
            (Self::Rsa(key), "RS256") => signed_with!(pkcs1v15, Sha256, key, token),
            (Self::Rsa(key), "RS384") => signed_with!(pkcs1v15, Sha384, key, token),
            (Self::Rsa(key), "RS512") => signed_with!(pkcs1v15, Sha512, key, token),
            (Self::Rsa(key), "PS256") => signed_with!(pss, Sha256, key, token),
            (Self::Rsa(key), "PS384") => signed_with!(pss, Sha384, key, token),
            (Self::Rsa(key), "PS512") => signed_with!(pss, Sha512, key, token),
            _ => false,
        }
    }
}
