//! Secrets: `stringData`, which is written and never read, and the keys that a type cannot be without.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::data;
use crate::Tree;
use crate::meta;
use crate::validate::{At, FieldError, Path, immutable};

const PRIVATE_KEY: &str = "ssh-privatekey";

/// The keys that a Secret of a type has.
const KEYS: &[(&str, &[&str])] = &[
    ("kubernetes.io/dockercfg", &[".dockercfg"]),
    ("kubernetes.io/dockerconfigjson", &[".dockerconfigjson"]),
    ("kubernetes.io/ssh-auth", &[PRIVATE_KEY]),
    ("kubernetes.io/tls", &["tls.crt", "tls.key"]),
];

/// The keys whose values are JSON objects.
const JSON: &[(&str, &str)] =
    &[("kubernetes.io/dockercfg", ".dockercfg"), ("kubernetes.io/dockerconfigjson", ".dockerconfigjson")];

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
    // A private key is not there if it is empty; elsewhere it is there all the same.
    let missing = |key: &&&str| match data.tree.get(key) {
        Some(value) => **key == PRIVATE_KEY && value.is_empty_value(),
        None => true,
    };
    let required = |key: &&str| FieldError::required(&data.path.key(key), "");
    let wanted = KEYS.iter().find(|row| row.0 == kind).map_or(&[] as &[_], |row| row.1);
    errors.extend(wanted.iter().filter(missing).map(required));
    if let Some((_, key)) = JSON.iter().find(|row| row.0 == kind)
        && let Some(why) = data.tree.get(key).and_then(is_no_json)
    {
        errors.push(FieldError::invalid(&data.path.key(key), "<secret contents redacted>", why));
    }
    if kind == BASIC_AUTH.0 && BASIC_AUTH.1.iter().all(|key| missing(&key)) {
        errors.extend(BASIC_AUTH.1.iter().map(required));
    }
}

/// Why base64 is not of a JSON object.
fn is_no_json(base64: &Tree) -> Option<String> {
    let bytes = STANDARD.decode(base64.as_str().unwrap_or_default()).unwrap_or_default();
    if bytes.is_empty() {
        return Some("unexpected end of JSON input".to_owned());
    }
    match Tree::from_json(&bytes) {
        Ok(Tree::Object(_) | Tree::Null) => None,
        Ok(other) => {
            let shape = other.shape();
            Some(format!("json: cannot unmarshal {shape} into Go value of type map[string]interface {{}}"))
        }
        Err(error) => Some(error.to_string()),
    }
}

pub(super) fn validate_update(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    errors.extend(immutable(new, old, &["type"]));
    data::stays(new, old, &["data"], errors);
}
