//! Classes of volumes and of their attributes: who provides, with which parameters, all of which stay.

use super::Kind;
use crate::tree::Tree;
use crate::validate::{At, FieldError, dns1123_subdomain, label_key, label_selector};

pub(super) const KIND: Kind = Kind { validate, validate_update, ..Kind::GENERIC };

pub(super) const ATTRIBUTES: Kind = Kind {
    validate: validate_attributes,
    validate_update: |new, old, errors| {
        for field in ["driverName", "parameters"] {
            let (after, before) = (At::top(new, field), At::top(old, field));
            if after.tree != before.tree && !(after.is_empty() && before.is_empty()) {
                let why = format!("updates to {field} are forbidden.");
                errors.push(FieldError::forbidden(&after.path, why));
            }
        }
    },
    ..Kind::GENERIC
};

pub(super) const CAPACITY: Kind = Kind {
    unconditional_update: false,
    validate: |capacity, errors| {
        label_selector(&At::top(capacity, "nodeTopology"), errors);
        let class = At::top(capacity, "storageClassName");
        errors.extend(
            dns1123_subdomain(class.text())
                .into_iter()
                .map(|message| FieldError::invalid(&class.path, class.text(), message)),
        );
        At::top(capacity, "capacity").is_nonnegative_quantity(errors);
    },
    validate_update: |new, old, errors| {
        for field in ["nodeTopology", "storageClassName"] {
            At::top(new, field).stays(errors, &At::top(old, field));
        }
    },
    ..Kind::GENERIC
};

const PARAMETERS_MAX: usize = 512;
const PARAMETERS_SIZE_MAX: usize = 256 * 1024;

fn validate(class: &Tree, errors: &mut Vec<FieldError>) {
    provisioner(&At::top(class, "provisioner"), errors);
    parameters(&At::top(class, "parameters"), errors);
    At::top(class, "reclaimPolicy").one_of(errors, &["Delete", "Retain"]);
    At::top(class, "volumeBindingMode").exactly(errors, &["Immediate", "WaitForFirstConsumer"]);
    let mut seen: Vec<Vec<(&str, &Tree)>> = Vec::new();
    for term in At::top(class, "allowedTopologies").items() {
        let requirements = topology(&term, errors);
        if seen.contains(&requirements) {
            errors.push(FieldError::duplicate(&term.path.child("matchLabelExpressions"), ""));
        }
        seen.push(requirements);
    }
}

/// The keys of a term of topologies, sorted, with their values.
fn topology<'a>(term: &At<'a>, errors: &mut Vec<FieldError>) -> Vec<(&'a str, &'a Tree)> {
    let (mut keys, mut requirements) = (Vec::new(), Vec::new());
    for requirement in term.child("matchLabelExpressions").items() {
        let (key, values) = (requirement.child("key"), requirement.child("values"));
        values.required(errors, "");
        let mut seen = Vec::new();
        values.items().for_each(|value| value.unique(errors, &mut seen));
        let refuse = |message| FieldError::invalid(&key.path, key.text(), message);
        errors.extend(label_key(key.text()).into_iter().map(refuse));
        key.unique(errors, &mut keys);
        requirements.push((key.text(), values.tree));
    }
    requirements.sort_by_key(|(key, _)| *key);
    requirements
}

fn provisioner(name: &At<'_>, errors: &mut Vec<FieldError>) {
    if name.required(errors, "") {
        let lower = name.text().to_ascii_lowercase();
        let refuse = |message| FieldError::invalid(&name.path, lower.as_str(), message);
        errors.extend(label_key(&lower).into_iter().map(refuse));
    }
}

fn parameters(parameters: &At<'_>, errors: &mut Vec<FieldError>) {
    if parameters.tree.fields().count() > PARAMETERS_MAX {
        errors.push(FieldError::too_long(&parameters.path, PARAMETERS_MAX));
        return;
    }
    if parameters.tree.get("").is_some() {
        errors.push(FieldError::invalid(&parameters.path, "", "field can not be empty."));
    }
    let size: usize = parameters.entries().map(|(key, value)| key.len() + value.text().len()).sum();
    if size > PARAMETERS_SIZE_MAX {
        errors.push(FieldError::too_long(&parameters.path, PARAMETERS_SIZE_MAX));
    }
}

fn validate_update(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    for field in ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"] {
        At::top(new, field).stays(errors, &At::top(old, field));
    }
}

fn validate_attributes(class: &Tree, errors: &mut Vec<FieldError>) {
    provisioner(&At::top(class, "driverName"), errors);
    let all = At::top(class, "parameters");
    parameters(&all, errors);
    all.required(errors, "must contain at least one key/value pair");
}
