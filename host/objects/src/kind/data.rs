//! ConfigMaps, and what they share with Secrets: keys, size, and that the immutable stay.

use crate::tree::Tree;
use crate::validate::{At, FieldError, Path, config_map_key};

const SIZE_MAX: usize = 1024 * 1024;
const STAYS: &str = "field is immutable when `immutable` is set";

pub(super) fn config_map(map: &Tree, errors: &mut Vec<FieldError>) {
    let (data, binary) = (At::top(map, "data"), At::top(map, "binaryData"));
    keys(&data, errors);
    for (key, value) in data.entries().filter(|(key, _)| binary.tree.get(key).is_some()) {
        let why = "duplicate of key present in binaryData";
        errors.push(FieldError::invalid(&value.path, key, why));
    }
    keys(&binary, errors);
    let texts: usize = data.entries().map(|(_, value)| value.text().len()).sum();
    size(&Path::new("[]"), texts + decoded_size(&binary), errors);
}

pub(super) fn config_map_update(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    stays(new, old, &["data", "binaryData"], errors);
}

pub(super) fn keys(data: &At<'_>, errors: &mut Vec<FieldError>) {
    for (key, value) in data.entries() {
        let refused = |message| FieldError::invalid(&value.path, key, message);
        errors.extend(config_map_key(key).into_iter().map(refused));
    }
}

pub(super) fn size(path: &Path, bytes: usize, errors: &mut Vec<FieldError>) {
    if bytes > SIZE_MAX {
        errors.push(FieldError::too_long(path, SIZE_MAX));
    }
}

/// How many bytes the base64 texts of a map stand for.
pub(super) fn decoded_size(data: &At<'_>) -> usize {
    data.entries().map(|(_, value)| value.text().trim_end_matches('=').len() * 3 / 4).sum()
}

/// An object that was immutable stays so, and with it these fields.
pub(super) fn stays(new: &Tree, old: &Tree, fields: &[&str], errors: &mut Vec<FieldError>) {
    if old.bool_at(&["immutable"]) != Some(true) {
        return;
    }
    if new.bool_at(&["immutable"]) != Some(true) {
        errors.push(FieldError::forbidden(&Path::new("immutable"), STAYS));
    }
    let data = |tree: &Tree, field: &str| tree.get(field).cloned().filter(|data| !data.is_empty_value());
    for field in fields.iter().filter(|field| data(new, field) != data(old, field)) {
        errors.push(FieldError::forbidden(&Path::new(field), STAYS));
    }
}
