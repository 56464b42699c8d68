//! Secrets: `stringData`, which is written and never read, and the keys that a type cannot be without.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::data;
use crate::Tree;
use crate::meta;
use crate::validate::{At, FieldError, Path, immutable};

/// The keys that a Secret of a type has.
const KEYS: &[(&str, &[&str])] = &[
    ("kubernetes.io/dockercfg", &[".dockercfg"]),
    ("kubernetes.io/dockerconfigjson", &[".dockerconfigjson"]),
    ("kubernetes.io/ssh-auth", &["ssh-privatekey"]),
    ("kubernetes.io/tls", &["tls.crt", "tls.key"]),
];

/// A Secret of this type has one of its keys.
const BASIC_AUTH: (&str, &[&str]) = ("kubernetes.io/basic-auth", &["username", "password"]);

const TOKEN: &str = "kubernetes.io/service-account-token";
const ACCOUNT: &str = "kubernetes.io/service-account.name";

/// Moves each text of `stringData` to `data`, in the place of what is there.
pub(super) fn keep_text(secret: &mut Tree) {
    let Some(texts) = secret.remove("stringData") else { return };
    for (key, text) in texts.fields() {
        if let Some(text) = text.as_str() {
            secret.set_at(&["data", key], STANDARD.encode(text));
        }
    }
}

pub(super) fn validate(secret: &Tree, errors: &mut Vec<FieldError>) {
    let data = At::top(secret, "data");
    data::keys(&data, errors);
    data::size(&data.path, data::decoded_size(&data), errors);
    let kind = At::top(secret, "type").text();
    if kind == TOKEN && meta::annotation(secret, ACCOUNT).is_none_or(str::is_empty) {
        let annotations = Path::new("metadata").child("annotations");
        errors.push(FieldError::required(&annotations.key(ACCOUNT), ""));
    }
    let missing = |key: &&&str| data.tree.get(key).is_none();
    let required = |key: &&str| FieldError::required(&data.path.key(key), "");
    let wanted = KEYS.iter().find(|row| row.0 == kind).map_or(&[] as &[_], |row| row.1);
    errors.extend(wanted.iter().filter(missing).map(required));
    if kind == BASIC_AUTH.0 && BASIC_AUTH.1.iter().all(|key| missing(&key)) {
        errors.extend(BASIC_AUTH.1.iter().map(required));
    }
}

pub(super) fn validate_update(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    errors.extend(immutable(new, old, &["type"]));
    data::stays(new, old, &["data"], errors);
}
