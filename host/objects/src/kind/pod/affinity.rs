//! Where a pod may be scheduled: affinities, tolerations, and how it is spread.

use crate::validate::selector::{Values, label_selector, node_selector, node_selector_term};
use crate::validate::{At, FieldError, dns1123_label, label_key, label_value};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
const EFFECTS: &[&str] = &["NoSchedule", "PreferNoSchedule", "NoExecute"];
const ACTIONS: &[&str] = &["DoNotSchedule", "ScheduleAnyway"];

pub(super) fn affinity(affinity: &At<'_>, errors: &mut Vec<FieldError>) {
    let node = affinity.child("nodeAffinity");
    if node.child(REQUIRED).exists() {
        node_selector(&node.child(REQUIRED), errors);
    }
    for term in node.child(PREFERRED).items() {
        weight(&term, errors);
        node_selector_term(&term.child("preference"), Values::Any, errors);
    }
    for kind in ["podAffinity", "podAntiAffinity"].map(|kind| affinity.child(kind)) {
        for term in kind.child(REQUIRED).items() {
            pod_term(&term, errors);
        }
        for term in kind.child(PREFERRED).items() {
            weight(&term, errors);
            pod_term(&term.child("podAffinityTerm"), errors);
        }
    }
}

fn weight(term: &At<'_>, errors: &mut Vec<FieldError>) {
    let weight = term.child("weight");
    let number = weight.number().unwrap_or(0);
    if !(1..=100).contains(&number) {
        errors.push(FieldError::invalid(&weight.path, number, "must be in the range 1-100"));
    }
}

fn pod_term(term: &At<'_>, errors: &mut Vec<FieldError>) {
    label_selector(&term.child("labelSelector"), errors);
    label_selector(&term.child("namespaceSelector"), errors);
    for name in term.child("namespaces").items().map(|namespace| namespace.text()) {
        let path = term.path.child("namespace");
        errors.extend(dns1123_label(name).into_iter().map(|why| FieldError::invalid(&path, name, why)));
    }
    label_keys(term, errors);
    let topology = term.child("topologyKey");
    topology.required(errors, "can not be empty");
    let refused = label_key(topology.text());
    errors.extend(refused.into_iter().map(|why| FieldError::invalid(&topology.path, topology.text(), why)));
}

/// Labels of the pod itself that the selector is to ask for, or not.
fn label_keys(term: &At<'_>, errors: &mut Vec<FieldError>) {
    let selector = term.child("labelSelector");
    for keys in ["matchLabelKeys", "mismatchLabelKeys"].map(|keys| term.child(keys)) {
        if !keys.is_empty() && !selector.exists() {
            keys.forbidden(errors, "must not be specified when labelSelector is not set");
            continue;
        }
        for key in keys.items() {
            key.refuse(errors, label_key(key.text()));
        }
    }
    let matched = term.child("matchLabelKeys");
    let mut asked: Vec<&str> = selector.child("matchLabels").tree.fields().map(|(key, _)| key).collect();
    for key in selector.child("matchExpressions").items().map(|expression| expression.child("key").text()) {
        let index = matched.items().position(|matched| matched.text() == key);
        if let Some(index) = index.filter(|_| asked.contains(&key)) {
            let why = "exists in both matchLabelKeys and labelSelector";
            errors.push(FieldError::invalid(&term.path.index(index), key, why));
        }
        asked.push(key);
    }
    for key in matched.items() {
        if term.child("mismatchLabelKeys").items().any(|other| other.text() == key.text()) {
            key.invalid(errors, "exists in both matchLabelKeys and mismatchLabelKeys");
        }
    }
}

pub(super) fn tolerations(tolerations: &At<'_>, errors: &mut Vec<FieldError>) {
    for toleration in tolerations.items() {
        let [key, operator, value, effect] =
            ["key", "operator", "value", "effect"].map(|field| toleration.child(field));
        key.follows(errors, label_key);
        let invalid = |at: &At<'_>, why: &str| FieldError::invalid(&at.path, at.text(), why);
        if key.is_empty() && operator.text() != "Exists" {
            let why =
                "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            errors.push(invalid(&operator, why));
        }
        if toleration.child("tolerationSeconds").exists() && effect.text() != "NoExecute" {
            errors.push(invalid(&effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"));
        }
        match operator.text() {
            "" | "Equal" => {
                let refused = label_value(value.text());
                if !refused.is_empty() {
                    errors.push(FieldError::invalid(&operator.path, value.text(), refused.join(";")));
                }
            }
            "Exists" if !value.is_empty() => {
                let why = "value must be empty when `operator` is 'Exists'";
                errors.push(FieldError::invalid(&operator.path, value.text(), why));
            }
            "Exists" => {}
            // Upstream lists these two as supported where their feature is off, as it is.
            "Lt" | "Gt" => {
                let supported = &["Equal", "Exists", "Lt", "Gt"];
                errors.push(FieldError::not_supported(&operator.path, operator.text(), supported));
            }
            _ => operator.one_of(errors, &["Equal", "Exists"]),
        }
        effect.one_of(errors, EFFECTS);
    }
}

/// Taints of a node, each key once with an effect.
pub(in crate::kind) fn taints(taints: &At<'_>, errors: &mut Vec<FieldError>) {
    let mut seen = Vec::new();
    for taint in taints.items() {
        let [key, value, effect] = ["key", "value", "effect"].map(|field| taint.child(field));
        let refused = label_key(key.text());
        errors.extend(refused.into_iter().map(|why| FieldError::invalid(&key.path, key.text(), why)));
        let refused = label_value(value.text());
        if !refused.is_empty() {
            value.invalid(errors, refused.join(";"));
        }
        effect.exactly(errors, EFFECTS);
        let pair = (key.text(), effect.text());
        if seen.contains(&pair) {
            let detail = "taints must be unique by key and effect pair".to_owned();
            errors.push(FieldError { detail, ..FieldError::duplicate(&taint.path, taint.tree.clone()) });
        }
        seen.push(pair);
    }
}

pub(super) fn spread(constraints: &At<'_>, errors: &mut Vec<FieldError>) {
    let all: Vec<At<'_>> = constraints.items().collect();
    for (index, constraint) in all.iter().enumerate() {
        let [topology, action, domains] =
            ["topologyKey", "whenUnsatisfiable", "minDomains"].map(|field| constraint.child(field));
        constraint.child("maxSkew").positive(errors);
        topology.required(errors, "can not be empty");
        if !ACTIONS.contains(&action.text()) {
            errors.push(FieldError::not_supported(&action.path, action.text(), ACTIONS));
        }
        let pair = |constraint: &At<'_>| {
            format!(
                "{{{}, {}}}",
                constraint.child("topologyKey").text(),
                constraint.child("whenUnsatisfiable").text()
            )
        };
        if all[index + 1..].iter().any(|later| pair(later) == pair(constraint)) {
            let path = constraint.path.child("{topologyKey, whenUnsatisfiable}");
            errors.push(FieldError::duplicate(&path, pair(constraint)));
        }
        if domains.exists() {
            domains.positive(errors);
            if action.text() != "DoNotSchedule" {
                let why = format!(
                    "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {}",
                    action.text()
                );
                domains.invalid(errors, why);
            }
        }
        for policy in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            constraint.child(policy).if_set_one_of(errors, &["Honor", "Ignore"]);
        }
        label_keys(constraint, errors);
        label_selector(&constraint.child("labelSelector"), errors);
    }
}
