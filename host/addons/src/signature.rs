//! Who vouches for a component: an Ed25519 signature in its last custom section, over everything before it.
//!
//! Keys are PEM as OpenSSL has them: PKCS #8 for the private one, SubjectPublicKeyInfo for the public one.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use engine::InspectError;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use sha2::{Digest as _, Sha256};

/// The custom section: the public key, then the signature.
const SECTION: &str = "mk8s:signature";
/// Before the digest of what is signed, so that a signature is good for nothing else.
const CONTEXT: &[u8] = b"mk8s:addon signature 1\n";
const SEED: usize = 32;
const PUBLIC: usize = 32;
const SIGNED: usize = 64;
/// PKCS #8 of an Ed25519 key up to its seed (RFC 8410).
const PRIVATE_DER: &[u8] = &[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
/// SubjectPublicKeyInfo of an Ed25519 key up to the key (RFC 8410).
const PUBLIC_DER: &[u8] = &[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
/// Trusted keys, below the data directory: each `NAME.pub` vouches as NAME.
pub const TRUSTED_KEYS: &str = "credentials/trusted-keys";
const PUBLIC_EXTENSION: &str = "pub";

#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    #[error(transparent)]
    Component(#[from] InspectError),
    #[error("the signature of the component is damaged: sign it anew, or get it anew")]
    Damaged,
    #[error("the component is not what was signed: it was changed after, get it anew from who signed it")]
    Forged,
    #[error("read the key: it is no {0} in PEM: `mk8s-host plugin keygen` makes a pair")]
    Key(&'static str),
    #[error("{doing} {}: {why}", .path.display())]
    File { doing: &'static str, path: PathBuf, why: io::Error },
    #[error("{}: {why}", .path.display())]
    Trusted { path: PathBuf, why: Box<SignatureError> },
    #[error("there is no randomness to make a key from")]
    Random,
}

/// Which components are installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Whoever signed them, or nobody.
    Anybody,
    /// Those that a trusted key signed.
    Signed,
}

/// A key that signs.
pub struct SigningKey {
    seed: [u8; SEED],
    pair: Ed25519KeyPair,
}

/// A key that verifies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerifyingKey([u8; PUBLIC]);

/// Whose signature a component carries, which is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signed {
    No,
    /// By a key that is trusted under this name.
    Trusted(String),
    /// By a key that nobody here trusts.
    Unknown(VerifyingKey),
}

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::No => f.write_str("unsigned"),
            Self::Trusted(name) => write!(f, "signed by {name}"),
            Self::Unknown(key) => write!(f, "signed by {key:?}, a key that is not trusted here"),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl SigningKey {
    pub fn generate() -> Result<Self, SignatureError> {
        let mut seed = [0; SEED];
        SystemRandom::new().fill(&mut seed).map_err(|_| SignatureError::Random)?;
        Self::from_seed(seed)
    }

    pub fn from_pem(text: &str) -> Result<Self, SignatureError> {
        let seed = key_of(text, "PRIVATE KEY", PRIVATE_DER);
        Self::from_seed(seed.ok_or(SignatureError::Key("private Ed25519 key"))?)
    }

    fn from_seed(seed: [u8; SEED]) -> Result<Self, SignatureError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed);
        Ok(Self { seed, pair: pair.map_err(|_| SignatureError::Key("private Ed25519 key"))? })
    }

    pub fn to_pem(&self) -> String {
        pem("PRIVATE KEY", PRIVATE_DER, &self.seed)
    }

    pub fn verifying_key(&self) -> VerifyingKey {
        let mut key = [0; PUBLIC];
        key.copy_from_slice(self.pair.public_key().as_ref());
        VerifyingKey(key)
    }

    /// The component with a signature, in the place of the one that it carried.
    pub fn sign(&self, component: &[u8]) -> Result<Bytes, SignatureError> {
        let bare = engine::without_sections(component, &[SECTION])?;
        let signature = self.pair.sign(&message(&bare));
        let content = [&self.verifying_key().0[..], signature.as_ref()].concat();
        Ok([bare, engine::custom_section(SECTION, &content)].concat().into())
    }
}

impl VerifyingKey {
    pub fn from_pem(text: &str) -> Result<Self, SignatureError> {
        let key = key_of(text, "PUBLIC KEY", PUBLIC_DER);
        key.map(Self).ok_or(SignatureError::Key("public Ed25519 key"))
    }

    pub fn to_pem(&self) -> String {
        pem("PUBLIC KEY", PUBLIC_DER, &self.0)
    }
}

/// The keys that an operator trusts, by name.
#[derive(Clone, Debug, Default)]
pub struct TrustedKeys(Vec<(String, VerifyingKey)>);

impl TrustedKeys {
    pub fn new(keys: impl IntoIterator<Item = (String, VerifyingKey)>) -> Self {
        Self(keys.into_iter().collect())
    }

    /// Every `NAME.pub` of the folder; none where there is no such folder. One that cannot be read is an error: what it
    /// was to allow would otherwise be refused without a reason.
    pub fn read(folder: &Path) -> Result<Self, SignatureError> {
        let file = |doing, path: &Path| {
            let path = path.to_owned();
            move |why| SignatureError::File { doing, path, why }
        };
        let entries = match std::fs::read_dir(folder) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            other => other.map_err(file("read", folder))?,
        };
        let mut keys = Vec::new();
        for entry in entries {
            let path = entry.map_err(file("read", folder))?.path();
            if path.extension().is_none_or(|extension| extension != PUBLIC_EXTENSION) {
                continue;
            }
            let text = std::fs::read_to_string(&path).map_err(file("read", &path))?;
            let key = VerifyingKey::from_pem(&text)
                .map_err(|why| SignatureError::Trusted { path: path.clone(), why: Box::new(why) })?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            keys.push((name, key));
        }
        keys.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(Self(keys))
    }

    /// Whose signature the component carries. One that is not good is an error, whoever made it.
    pub fn verify(&self, component: &[u8]) -> Result<Signed, SignatureError> {
        let sections = engine::custom_sections(component)?;
        let mut signatures = sections.iter().filter(|section| section.name == SECTION);
        let Some(section) = signatures.next() else { return Ok(Signed::No) };
        let is_last = section.range.end == component.len() && signatures.next().is_none();
        if !is_last || section.content.len() != PUBLIC + SIGNED {
            return Err(SignatureError::Damaged);
        }
        let (public, signature) = section.content.split_at(PUBLIC);
        let signed = message(&component[..section.range.start]);
        UnparsedPublicKey::new(&ED25519, public)
            .verify(&signed, signature)
            .map_err(|_| SignatureError::Forged)?;
        let mut key = [0; PUBLIC];
        key.copy_from_slice(public);
        let key = VerifyingKey(key);
        let trusted = self.0.iter().find(|(_, trusted)| *trusted == key);
        Ok(trusted.map_or(Signed::Unknown(key), |(name, _)| Signed::Trusted(name.clone())))
    }
}

fn message(component: &[u8]) -> Vec<u8> {
    [CONTEXT, &Sha256::digest(component)].concat()
}

fn pem(what: &str, der: &[u8], key: &[u8]) -> String {
    let body = STANDARD.encode([der, key].concat());
    format!("-----BEGIN {what}-----\n{body}\n-----END {what}-----\n")
}

/// The 32 bytes after the fixed beginning of a key.
fn key_of(text: &str, what: &str, der: &[u8]) -> Option<[u8; 32]> {
    let body = text.split_once(&format!("-----BEGIN {what}-----"))?.1;
    let body = body.split_once(&format!("-----END {what}-----"))?.0;
    let body: String = body.split_whitespace().collect();
    STANDARD.decode(body).ok()?.strip_prefix(der)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0\0\x05\x01aabc";

    /// Of `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout`.
    const OPENSSL_PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIPTf7KXldpscGiqoGGKBdAKfH43PK3sQIenTDaeS/MMm\n-----END PRIVATE KEY-----\n";
    const OPENSSL_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAYNFyDcm5b2F2pyhA/WK7VeiXeqh8uz+hWwPA1584oGk=\n-----END PUBLIC KEY-----\n";

    fn trusting(name: &str, key: &SigningKey) -> TrustedKeys {
        TrustedKeys::new([(name.to_owned(), key.verifying_key())])
    }

    #[test]
    fn a_signature_tells_who_signed_and_is_replaced_by_the_next() {
        let (ours, theirs) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let trusted = trusting("ours", &ours);
        assert_eq!(trusted.verify(COMPONENT).unwrap(), Signed::No);
        let signed = theirs.sign(COMPONENT).unwrap();
        assert_eq!(trusted.verify(&signed).unwrap(), Signed::Unknown(theirs.verifying_key()));
        let signed = ours.sign(&signed).unwrap();
        assert_eq!(trusted.verify(&signed).unwrap(), Signed::Trusted("ours".to_owned()));
        assert_eq!(signed, ours.sign(COMPONENT).unwrap());
    }

    #[test]
    fn no_bit_of_a_signed_component_can_change() {
        let key = SigningKey::generate().unwrap();
        let signed = key.sign(COMPONENT).unwrap();
        let trusted = trusting("ours", &key);
        for place in COMPONENT.len() - 3..signed.len() {
            let mut changed = signed.to_vec();
            changed[place] ^= 1;
            let told = trusted.verify(&changed);
            assert!(!matches!(told, Ok(Signed::Trusted(_))), "byte {place}: {told:?}");
        }
        let longer = [&signed[..], b"\0\x02\x01a"].concat();
        assert!(matches!(trusted.verify(&longer), Err(SignatureError::Damaged)));
    }

    #[test]
    fn keys_are_those_of_openssl() {
        let key = SigningKey::from_pem(OPENSSL_PRIVATE).unwrap();
        assert_eq!(key.to_pem(), OPENSSL_PRIVATE);
        assert_eq!(key.verifying_key().to_pem(), OPENSSL_PUBLIC);
        assert!(VerifyingKey::from_pem(OPENSSL_PUBLIC).unwrap() == key.verifying_key());
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", OPENSSL_PUBLIC, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            assert!(matches!(SigningKey::from_pem(text), Err(SignatureError::Key(_))), "{text}");
        }
        assert!(matches!(VerifyingKey::from_pem(OPENSSL_PRIVATE), Err(SignatureError::Key(_))));
    }

    #[test]
    fn a_trusted_key_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(TrustedKeys::read(&folder.path().join("none")).unwrap().0.is_empty());
        std::fs::write(folder.path().join("notes.txt"), "no key").unwrap();
        std::fs::write(folder.path().join("acme.pub"), OPENSSL_PUBLIC).unwrap();
        let keys = TrustedKeys::read(folder.path()).unwrap();
        assert_eq!(keys.0.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["acme"]);
        std::fs::write(folder.path().join("broken.pub"), "no key").unwrap();
        let why = TrustedKeys::read(folder.path()).unwrap_err().to_string();
        assert!(why.contains("broken.pub: read the key: it is no public Ed25519 key"), "{why}");
    }
}
