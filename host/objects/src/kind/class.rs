//! Classes that pods name: how important they are, and what runs them.

use super::{Generation, Kind};
use crate::meta;
use crate::tree;
use crate::tree::Tree;
use crate::validate::{
    At, FieldError, Path, container_resource_name, dns1123_label, label_key, label_value, labels,
    resource_quantity,
};

pub(super) const PRIORITY: Kind = Kind {
    generation: Generation::Once,
    validate: priority,
    validate_update: priority_update,
    ..Kind::GENERIC
};

pub(super) const RUNTIME: Kind = Kind {
    create_on_update: true,
    unconditional_update: false,
    validate: runtime,
    validate_update: |new, old, errors| At::top(new, "handler").stays(errors, &At::top(old, "handler")),
    ..Kind::GENERIC
};

/// The most that a class of a user can say.
const USER_PRIORITY_MAX: i64 = 1_000_000_000;
const SYSTEM_PREFIX: &str = "system-";

/// The classes with the prefix of the system: name, value, and what they are for.
const SYSTEM_PRIORITIES: &[(&str, i64, &str)] = &[
    (
        "system-node-critical",
        2_000_001_000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
    (
        "system-cluster-critical",
        2_000_000_000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
];

/// The priority classes that every cluster has.
pub fn system_priority_classes() -> impl Iterator<Item = Tree> {
    SYSTEM_PRIORITIES.iter().map(|(name, value, description)| {
        tree!({
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": { "name": (*name) },
            "value": (*value),
            "description": (*description),
        })
    })
}

fn priority(class: &Tree, errors: &mut Vec<FieldError>) {
    let (name, value) = (meta::name(class), class.i64_at(&["value"]).unwrap_or(0));
    if name.starts_with(SYSTEM_PREFIX) {
        if let Some(why) = is_no_system_priority(name, value, class) {
            let why = format!(
                "priority class names with '{SYSTEM_PREFIX}' prefix are reserved for system use only. error: {why}"
            );
            errors.push(FieldError::forbidden(&Path::new("metadata").child("name"), why));
        }
    } else if value > USER_PRIORITY_MAX {
        let why = format!("maximum allowed value of a user defined priority is {USER_PRIORITY_MAX}");
        errors.push(FieldError::forbidden(&Path::new("value"), why));
    }
    let policy = At::top(class, "preemptionPolicy");
    if policy.exists() {
        policy.exactly(errors, &["PreemptLowerPriority", "Never"]);
    }
}

fn is_no_system_priority(name: &str, value: i64, class: &Tree) -> Option<String> {
    match SYSTEM_PRIORITIES.iter().find(|row| row.0 == name) {
        None => Some(format!("{name} is not a known system priority class")),
        Some((_, wanted, _)) if *wanted != value => {
            Some(format!("value of {name} PriorityClass must be {wanted}"))
        }
        Some(_) if class.bool_at(&["globalDefault"]) == Some(true) => {
            Some(format!("globalDefault of {name} PriorityClass must be false"))
        }
        Some(_) => None,
    }
}

fn priority_update(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    let value = |class: &Tree| class.i64_at(&["value"]).unwrap_or(0);
    if value(new) != value(old) {
        errors.push(FieldError::forbidden(&Path::new("value"), "may not be changed in an update."));
    }
    At::top(new, "preemptionPolicy").stays(errors, &At::top(old, "preemptionPolicy"));
}

fn runtime(class: &Tree, errors: &mut Vec<FieldError>) {
    At::top(class, "handler").name(errors, dns1123_label);
    let overhead = At::top(class, "overhead");
    let limits = overhead.path.child("limits");
    for (name, amount) in overhead.child("podFixed").entries() {
        let amount = At { path: limits.key(name), tree: amount.tree };
        container_resource_name(name, &amount.path, errors);
        resource_quantity(name, &amount, errors);
    }
    let scheduling = At::top(class, "scheduling");
    labels(&scheduling.child("nodeSelector"), errors);
    let mut seen = Vec::new();
    for toleration in scheduling.child("tolerations").items() {
        self::toleration(&toleration, errors);
        let key = ["key", "operator", "value", "effect"].map(|field| toleration.child(field).text());
        if seen.contains(&key) {
            errors.push(FieldError::duplicate(&toleration.path, toleration.tree.clone()));
        } else {
            seen.push(key);
        }
    }
}

const EFFECTS: &[&str] = &["NoSchedule", "PreferNoSchedule", "NoExecute"];

fn toleration(toleration: &At<'_>, errors: &mut Vec<FieldError>) {
    let [key, operator, value, effect] =
        ["key", "operator", "value", "effect"].map(|field| toleration.child(field));
    key.follows(errors, label_key);
    if key.is_empty() && operator.text() != "Exists" {
        let why =
            "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
        errors.push(FieldError::invalid(&operator.path, operator.text(), why));
    }
    if toleration.child("tolerationSeconds").exists() && effect.text() != "NoExecute" {
        let why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
        errors.push(FieldError::invalid(&effect.path, effect.text(), why));
    }
    match operator.text() {
        "Equal" | "" => {
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
        other => errors.push(FieldError::not_supported(&operator.path, other, &["Equal", "Exists"])),
    }
    effect.one_of(errors, EFFECTS);
}
