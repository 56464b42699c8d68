//! JSON web signatures in their compact form (RFC 7515), by the keys of service accounts: ES256 and RS256 (RFC 7518).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use objects::{Tree, tree};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey, VerificationAlgorithm,
};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::{self, PemObject};
use sha2::{Digest, Sha256};

/// Why a file is no key to sign by.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("read the service account key")]
    Pem(#[source] pem::Error),
    #[error("the service account key is neither ECDSA P-256 nor RSA in PKCS #8 or #1: {0}")]
    Unusable(ring::error::KeyRejected),
    #[error("the service account key is of a form that is not read: save it as PKCS #8")]
    Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sign the token")]
pub(crate) struct SignError;

/// Signs tokens. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Signer(Arc<Parts>);

struct Parts {
    pair: Pair,
    public: PublicKey,
    random: SystemRandom,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

/// A key that tokens are verified by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicKey {
    /// The hash of its SubjectPublicKeyInfo, as upstream names its keys.
    id: String,
    numbers: Numbers,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Numbers {
    /// A point of P-256, uncompressed (SEC 1).
    P256(Vec<u8>),
    /// An RSAPublicKey (RFC 8017), and its numbers.
    Rsa { der: Vec<u8>, modulus: Vec<u8>, exponent: Vec<u8> },
}

/// A token taken apart; nothing of it is verified.
pub(super) struct Token<'a> {
    header: Tree,
    pub(super) claims: Tree,
    signed: &'a [u8],
    signature: Vec<u8>,
}

impl Signer {
    /// Reads a private key in PEM: PKCS #8, or an RSA key as PKCS #1.
    pub(crate) fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        let pair = match PrivateKeyDer::from_pem_slice(pem).map_err(KeyError::Pem)? {
            PrivateKeyDer::Pkcs8(key) => {
                let key = key.secret_pkcs8_der();
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key, &random)
                    .map(Pair::Ecdsa)
                    .or_else(|_| RsaKeyPair::from_pkcs8(key).map(Pair::Rsa))
            }
            PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()).map(Pair::Rsa),
            _ => return Err(KeyError::Form),
        };
        let pair = pair.map_err(KeyError::Unusable)?;
        let public = PublicKey::of(&pair);
        Ok(Self(Arc::new(Parts { pair, public, random })))
    }

    pub(crate) fn public_key(&self) -> &PublicKey {
        &self.0.public
    }

    /// The token that makes these claims.
    pub(crate) fn sign(&self, claims: &Tree) -> Result<String, SignError> {
        let Parts { pair, public, random } = &*self.0;
        let header = tree!({ "alg": (public.algorithm()), "kid": (public.id.as_str()) });
        let text = format!("{}.{}", BASE64.encode(header.to_json()), BASE64.encode(claims.to_json()));
        let signature = match pair {
            Pair::Ecdsa(pair) => pair.sign(random, text.as_bytes()).map_err(|_| SignError)?.as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, random, text.as_bytes(), &mut signature)
                    .map_err(|_| SignError)?;
                signature
            }
        };
        Ok(format!("{text}.{}", BASE64.encode(signature)))
    }
}

impl<'a> Token<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let json = |part: &str| Tree::from_json(&BASE64.decode(part).ok()?).ok();
        Some(Self {
            header: json(header)?,
            claims: json(claims)?,
            signed: signed.as_bytes(),
            signature: BASE64.decode(signature).ok()?,
        })
    }
}

impl PublicKey {
    fn of(pair: &Pair) -> Self {
        let numbers = match pair {
            Pair::Ecdsa(pair) => Numbers::P256(pair.public_key().as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let PublicKeyComponents { n, e } = PublicKeyComponents::from(pair.public());
                Numbers::Rsa { der: pair.public().as_ref().to_vec(), modulus: n, exponent: e }
            }
        };
        Self { id: BASE64.encode(Sha256::digest(numbers.to_spki())), numbers }
    }

    pub(super) fn algorithm(&self) -> &'static str {
        match self.numbers {
            Numbers::P256(_) => "ES256",
            Numbers::Rsa { .. } => "RS256",
        }
    }

    pub(super) fn verifies(&self, token: &Token<'_>) -> bool {
        let named = token.header.str_at(&["kid"]).is_none_or(|id| id == self.id);
        if !named || token.header.str_at(&["alg"]) != Some(self.algorithm()) {
            return false;
        }
        let (algorithm, key): (&dyn VerificationAlgorithm, _) = match &self.numbers {
            Numbers::P256(point) => (&ECDSA_P256_SHA256_FIXED, point),
            Numbers::Rsa { der, .. } => (&RSA_PKCS1_2048_8192_SHA256, der),
        };
        UnparsedPublicKey::new(algorithm, key).verify(token.signed, &token.signature).is_ok()
    }

    /// As a JSON web key (RFC 7517).
    pub(super) fn to_jwk(&self) -> Tree {
        let mut key = tree!({ "use": "sig" });
        let numbers: &[(&str, &[u8])] = match &self.numbers {
            Numbers::P256(point) => {
                key.insert("kty", "EC");
                key.insert("crv", "P-256");
                let (x, y) = point[1..].split_at(COORDINATE);
                &[("x", x), ("y", y)]
            }
            Numbers::Rsa { modulus, exponent, .. } => {
                key.insert("kty", "RSA");
                &[("n", modulus), ("e", exponent)]
            }
        };
        key.insert("kid", self.id.as_str());
        key.insert("alg", self.algorithm());
        for (name, number) in numbers {
            key.insert(*name, BASE64.encode(number));
        }
        key
    }
}

/// Bytes of a coordinate of P-256.
const COORDINATE: usize = 32;

/// `id-ecPublicKey` with `prime256v1`, and `rsaEncryption`, as DER AlgorithmIdentifiers.
const ALGORITHM_P256: &[u8] = &[
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07,
];
const ALGORITHM_RSA: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;

impl Numbers {
    /// The SubjectPublicKeyInfo (RFC 5280) in DER.
    fn to_spki(&self) -> Vec<u8> {
        let (algorithm, key) = match self {
            Self::P256(point) => (ALGORITHM_P256, point),
            Self::Rsa { der, .. } => (ALGORITHM_RSA, der),
        };
        let bits = der(BIT_STRING, &[&[0], key]);
        der(SEQUENCE, &[algorithm, &bits])
    }
}

/// A DER value: its tag, its length, its content.
fn der(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let length: usize = content.iter().map(|part| part.len()).sum();
    let digits: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|digit| *digit == 0).collect();
    let mut value = vec![tag];
    match digits.as_slice() {
        [] => value.push(0),
        [short @ ..0x80] => value.push(*short),
        long => {
            value.push(0x80 | long.len() as u8);
            value.extend(long);
        }
    }
    value.extend(content.iter().copied().flatten());
    value
}
