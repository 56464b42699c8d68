//! The keys of the issuer, a JSON Web Key Set (RFC 7517), and signatures by them (RFC 7518).

use p256::ecdsa;
use rsa::pkcs1v15;
use rsa::sha2::{Sha256, Sha384, Sha512};
use rsa::signature::Verifier;
use rsa::{BoxedUint, PublicKey};
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
    P256(ecdsa::VerifyingKey),
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
            ("EC", Some("P-256")) => {
                let point = [vec![4], bytes(&self.x)?, bytes(&self.y)?].concat();
                ecdsa::VerifyingKey::from_sec1_bytes(&point).ok().map(Public::P256)
            }
            _ => None,
        }
    }
}

impl Public {
    fn signed(&self, token: &Token<'_>) -> bool {
        let (text, signature) = (token.signed.as_bytes(), token.signature.as_slice());
        match self {
            Self::P256(key) => {
                let signature = ecdsa::Signature::from_slice(signature);
                token.header.alg == "ES256"
                    && signature.is_ok_and(|signature| key.verify(text, &signature).is_ok())
            }
            Self::Rsa(key) => {
                let Ok(signature) = pkcs1v15::Signature::try_from(signature) else { return false };
                let key = || key.clone();
                match token.header.alg.as_str() {
                    "RS256" => pkcs1v15::VerifyingKey::<Sha256>::new(key()).verify(text, &signature).is_ok(),
                    "RS384" => pkcs1v15::VerifyingKey::<Sha384>::new(key()).verify(text, &signature).is_ok(),
                    "RS512" => pkcs1v15::VerifyingKey::<Sha512>::new(key()).verify(text, &signature).is_ok(),
                    _ => false,
                }
            }
        }
    }
}
