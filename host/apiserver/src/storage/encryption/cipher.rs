//! The three ciphers of upstream's envelopes: AES-CBC, AES-GCM and XSalsa20-Poly1305.

use std::fmt;

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit};
use aes::{Aes128, Aes192, Aes256};
use aes_gcm::AesGcm;
use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use crypto_secretbox::XSalsa20Poly1305;

use crate::rest::random;

const BLOCK: usize = 16;
const GCM_NONCE: usize = 12;
const BOX_NONCE: usize = 24;

/// A key with its cipher.
pub(super) struct Key {
    name: String,
    /// What the envelopes of the key begin with.
    prefix: String,
    cipher: Cipher,
}

pub(super) enum Cipher {
    Cbc(Vec<u8>),
    Gcm(Gcm),
    SecretBox(Box<XSalsa20Poly1305>),
}

/// AES-GCM by the length of its key.
pub(super) enum Gcm {
    Aes128(Box<AesGcm<Aes128, U12>>),
    Aes192(Box<AesGcm<Aes192, U12>>),
    Aes256(Box<AesGcm<Aes256, U12>>),
}

/// Why an envelope of a key cannot be opened with it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("the value is too short")]
    Short,
    #[error("the value is not what was encrypted with this key")]
    Forged,
}

/// What a key's length may be.
pub(super) const AES_LENGTHS: &[usize] = &[16, 24, 32];
pub(super) const BOX_LENGTHS: &[usize] = &[32];

impl Cipher {
    /// `None` for a key of another length.
    pub(super) fn cbc(key: Vec<u8>) -> Option<Self> {
        AES_LENGTHS.contains(&key.len()).then_some(Self::Cbc(key))
    }

    pub(super) fn gcm(key: Vec<u8>) -> Option<Self> {
        Some(Self::Gcm(match key.len() {
            16 => Gcm::Aes128(Box::new(AesGcm::new_from_slice(&key).ok()?)),
            24 => Gcm::Aes192(Box::new(AesGcm::new_from_slice(&key).ok()?)),
            _ => Gcm::Aes256(Box::new(AesGcm::new_from_slice(&key).ok()?)),
        }))
    }

    pub(super) fn secret_box(key: Vec<u8>) -> Option<Self> {
        Some(Self::SecretBox(Box::new(XSalsa20Poly1305::new_from_slice(&key).ok()?)))
    }
}

impl Key {
    /// `kind` is the provider's name in envelopes: `aescbc`.
    pub(super) fn new(kind: &str, name: &str, cipher: Cipher) -> Self {
        Self { name: name.to_owned(), prefix: format!("k8s:enc:{kind}:v1:{name}:"), cipher }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn prefix(&self) -> &[u8] {
        self.prefix.as_bytes()
    }

    /// `place` is the key in the store: a value cannot be moved to another one unnoticed, where the cipher can tell.
    pub(super) fn seal(&self, place: &[u8], value: &[u8]) -> Vec<u8> {
        let mut sealed = self.prefix.clone().into_bytes();
        match &self.cipher {
            Cipher::Cbc(key) => {
                let iv: [u8; BLOCK] = random::bytes();
                sealed.extend_from_slice(&iv);
                sealed.extend(encrypt_cbc(key, &iv, value));
            }
            Cipher::Gcm(cipher) => {
                let nonce: [u8; GCM_NONCE] = random::bytes();
                sealed.extend_from_slice(&nonce);
                let payload = Payload { msg: value, aad: place };
                sealed.extend(
                    cipher.encrypt(&nonce, payload).expect("values are far below the cipher's limit"),
                );
            }
            Cipher::SecretBox(cipher) => {
                let nonce: [u8; BOX_NONCE] = random::bytes();
                sealed.extend_from_slice(&nonce);
                let boxed = cipher.encrypt((&nonce).into(), value);
                sealed.extend(boxed.expect("values are far below the cipher's limit"));
            }
        }
        sealed
    }

    /// The value of an envelope that begins with this key's prefix.
    pub(super) fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let sealed = sealed.get(self.prefix.len()..).ok_or(OpenError::Short)?;
        let forged = |_| OpenError::Forged;
        match &self.cipher {
            Cipher::Cbc(key) => {
                let (iv, rest) = sealed.split_first_chunk::<BLOCK>().ok_or(OpenError::Short)?;
                decrypt_cbc(key, iv, rest).ok_or(OpenError::Forged)
            }
            Cipher::Gcm(cipher) => {
                let (nonce, rest) = sealed.split_first_chunk::<GCM_NONCE>().ok_or(OpenError::Short)?;
                cipher.decrypt(nonce, Payload { msg: rest, aad: place }).map_err(forged)
            }
            Cipher::SecretBox(cipher) => {
                let (nonce, rest) = sealed.split_first_chunk::<BOX_NONCE>().ok_or(OpenError::Short)?;
                cipher.decrypt(nonce.into(), rest).map_err(forged)
            }
        }
    }
}

impl Gcm {
    fn encrypt(&self, nonce: &[u8; GCM_NONCE], payload: Payload<'_, '_>) -> Result<Vec<u8>, aes_gcm::Error> {
        match self {
            Self::Aes128(cipher) => cipher.encrypt(nonce.into(), payload),
            Self::Aes192(cipher) => cipher.encrypt(nonce.into(), payload),
            Self::Aes256(cipher) => cipher.encrypt(nonce.into(), payload),
        }
    }

    fn decrypt(&self, nonce: &[u8; GCM_NONCE], payload: Payload<'_, '_>) -> Result<Vec<u8>, aes_gcm::Error> {
        match self {
            Self::Aes128(cipher) => cipher.decrypt(nonce.into(), payload),
            Self::Aes192(cipher) => cipher.decrypt(nonce.into(), payload),
            Self::Aes256(cipher) => cipher.decrypt(nonce.into(), payload),
        }
    }
}

/// The cipher of a key's length.
macro_rules! by_length {
    ($mode:ident, $key:expr, $iv:expr, $cipher:ident => $call:expr) => {
        match $key.len() {
            16 => {
                let $cipher = cbc::$mode::<Aes128>::new($key.into(), $iv.into());
                $call
            }
            24 => {
                let $cipher = cbc::$mode::<Aes192>::new($key.into(), $iv.into());
                $call
            }
            _ => {
                let $cipher = cbc::$mode::<Aes256>::new($key.into(), $iv.into());
                $call
            }
        }
    };
}

fn encrypt_cbc(key: &[u8], iv: &[u8; BLOCK], value: &[u8]) -> Vec<u8> {
    by_length!(Encryptor, key, iv, cipher => cipher.encrypt_padded_vec_mut::<Pkcs7>(value))
}

fn decrypt_cbc(key: &[u8], iv: &[u8; BLOCK], sealed: &[u8]) -> Option<Vec<u8>> {
    by_length!(Decryptor, key, iv, cipher => cipher.decrypt_padded_vec_mut::<Pkcs7>(sealed).ok())
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.prefix)
    }
}
