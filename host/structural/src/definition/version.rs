//! What a version has beside its schema: sub-resources, columns, selectable fields, a warning.

use std::collections::BTreeSet;

use objects::Tree;
use objects::validate::{FieldError, Path};

use crate::field_path::{Notation, resolve};
use crate::props::Props;

/// How many fields may be selectable.
const MAX_SELECTABLE: usize = 8;

pub(super) fn deprecation_warning(version: &Tree, path: &Path, errors: &mut Vec<FieldError>) {
    const MAX: usize = 256;
    let Some(warning) = version.str_at(&["deprecationWarning"]) else { return };
    let mut refuse =
        |detail: String| errors.push(FieldError::invalid(&path.child("deprecationWarning"), warning, detail));
    if version.bool_at(&["deprecated"]) != Some(true) {
        return refuse("can only be set for deprecated versions".to_owned());
    }
    if warning.len() > MAX {
        refuse(format!("must be <= {MAX} characters long"));
    }
    if warning.is_empty() {
        refuse("must not be an empty string".to_owned());
    }
    let unprintable = |c: char| c.is_control() || c.is_whitespace() && c != ' ';
    if let Some(index) = warning.find(unprintable) {
        refuse(format!(
            "must only contain printable UTF-8 characters; non-printable character found at index {index}"
        ));
    }
}

pub(super) fn subresources(subresources: &Tree, path: &Path, errors: &mut Vec<FieldError>) {
    let Some(scale) = subresources.get("scale").filter(|scale| !scale.is_null()) else { return };
    let replicas: [(&str, &[&str], &str); 3] = [
        ("specReplicasPath", &[".spec."], "should be a json path under .spec"),
        ("statusReplicasPath", &[".status."], "should be a json path under .status"),
        ("labelSelectorPath", &[".spec.", ".status."], "should be a json path under either .spec or .status"),
    ];
    for (name, under, detail) in replicas {
        let path = path.child("scale").child(name);
        match scale.str_at(&[name]).unwrap_or_default() {
            "" if name == "labelSelectorPath" => {}
            "" => errors.push(FieldError::required(&path, "")),
            text => match refused_json_path(text) {
                Some(detail) => errors.push(FieldError::invalid(&path, text, detail)),
                None if under.iter().any(|prefix| text.starts_with(prefix)) => {}
                None => errors.push(FieldError::invalid(&path, text, detail)),
            },
        }
    }
}

fn refused_json_path(path: &str) -> Option<&'static str> {
    (!path.starts_with('.')).then_some("must be a simple json path starting with .")
}

pub(super) fn columns(columns: &Tree, path: &Path, errors: &mut Vec<FieldError>) {
    /// Sorted, as the messages list them.
    const TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
    const FORMATS: [&str; 8] = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];
    for (index, column) in columns.items().iter().enumerate() {
        let path = path.index(index);
        let text = |name: &str| column.str_at(&[name]).unwrap_or_default();
        if text("name").is_empty() {
            errors.push(FieldError::required(&path.child("name"), ""));
        }
        let one_of = |names: &[&str]| format!("must be one of {}", names.join(","));
        match text("type") {
            "" => errors.push(FieldError::required(&path.child("type"), one_of(&TYPES))),
            kind if TYPES.contains(&kind) => {}
            kind => errors.push(FieldError::invalid(&path.child("type"), kind, one_of(&TYPES))),
        }
        let format = text("format");
        if !format.is_empty() && !FORMATS.contains(&format) {
            errors.push(FieldError::invalid(&path.child("format"), format, one_of(&FORMATS)));
        }
        match text("jsonPath") {
            "" => errors.push(FieldError::required(&path.child("JSONPath"), "")),
            text => {
                let detail = refused_json_path(text);
                errors
                    .extend(detail.map(|detail| FieldError::invalid(&path.child("JSONPath"), text, detail)));
            }
        }
    }
}

pub(super) fn selectable_fields(
    fields: &Tree,
    schema: Props<'_>,
    unchanged: bool,
    path: &Path,
    errors: &mut Vec<FieldError>,
) {
    let mut seen = BTreeSet::new();
    for (index, field) in fields.items().iter().enumerate() {
        let path = path.index(index).child("jsonPath");
        let text = field.str_at(&["jsonPath"]).unwrap_or_default();
        if text.is_empty() {
            errors.push(FieldError::required(&path, ""));
            continue;
        }
        let (names, found) = match resolve(text, schema, Notation::Dots) {
            Ok(found) => found,
            Err(why) => {
                errors.push(FieldError::invalid(&path, text, format!("is an invalid path: {why}")));
                continue;
            }
        };
        if names.first().is_some_and(|name| name == "metadata") {
            errors.push(FieldError::invalid(&path, text, "must not point to fields in metadata"));
        }
        if !["string", "boolean", "integer"].contains(&found.kind()) {
            let detail = "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.";
            errors.push(FieldError::invalid(&path, text, detail));
        }
        if !seen.insert(names) {
            errors.push(FieldError::duplicate(&path, text));
        }
    }
    if seen.len() > MAX_SELECTABLE && !unchanged {
        errors.push(FieldError::too_many(path, seen.len(), MAX_SELECTABLE));
    }
}
