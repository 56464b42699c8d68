//! Label selectors, and maps of labels, wherever they stand.

use super::at::At;
use super::field::FieldError;
use super::names::{label_key, label_value};

/// Whether a label value that no label can have may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Values {
    Labels,
    Any,
}

/// A meta/v1 LabelSelector; nothing is as good as an empty one.
pub(crate) fn label_selector(selector: &At<'_>, errors: &mut Vec<FieldError>) {
    labels(&selector.child("matchLabels"), errors);
    for expression in selector.child("matchExpressions").items() {
        requirement(&expression, Values::Labels, &[], errors);
    }
}

/// A requirement on a label: a key, an operator and its values. `more` are operators with a single number.
pub(crate) fn requirement(at: &At<'_>, kind: Values, more: &[&str], errors: &mut Vec<FieldError>) {
    let (operator, values) = (at.child("operator"), at.child("values"));
    match operator.text() {
        "In" | "NotIn" => {
            values.required(errors, "must be specified when `operator` is 'In' or 'NotIn'");
        }
        "Exists" | "DoesNotExist" => {
            values.absent(errors, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
        }
        other if more.contains(&other) => {
            if values.tree.items().len() != 1 {
                let why = "must be specified single value when `operator` is 'Lt' or 'Gt'";
                errors.push(FieldError::required(&values.path, why));
            }
        }
        other => {
            let why = "not a valid selector operator";
            errors.push(FieldError::invalid(&operator.path, other, why));
        }
    }
    let key = at.child("key");
    let refused = |message| FieldError::invalid(&key.path, key.text(), message);
    errors.extend(label_key(key.text()).into_iter().map(refused));
    if kind == Values::Labels {
        for value in values.items() {
            value.refuse(errors, label_value(value.text()));
        }
    }
}

/// A map of labels, as metadata and node selectors have one.
pub(crate) fn labels(map: &At<'_>, errors: &mut Vec<FieldError>) {
    for (key, value) in map.tree.fields() {
        let refuse = |text: &str, message| FieldError::invalid(&map.path, text, message);
        errors.extend(label_key(key).into_iter().map(|message| refuse(key, message)));
        let value = value.as_str().unwrap_or_default();
        errors.extend(label_value(value).into_iter().map(|message| refuse(value, message)));
    }
}

/// Annotations, whose keys are of any case and whose sizes together are bounded.
pub(crate) fn annotations(map: &At<'_>, errors: &mut Vec<FieldError>) {
    const MAX: usize = 256 * 1024;
    for (key, _) in map.tree.fields() {
        let refused = label_key(&key.to_ascii_lowercase());
        errors.extend(refused.into_iter().map(|message| FieldError::invalid(&map.path, key, message)));
    }
    let size = |(key, value): (&str, &crate::Tree)| key.len() + value.as_str().map_or(0, str::len);
    if map.tree.fields().map(size).sum::<usize>() > MAX {
        errors.push(FieldError::too_long(&map.path, MAX));
    }
}
