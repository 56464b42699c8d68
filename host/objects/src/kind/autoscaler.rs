//! HorizontalPodAutoscalers: bounds, metrics and how fast, and the one object in its two versions.

use crate::quantity::Quantity;
use crate::tree;
use crate::tree::Tree;
use crate::validate::amount::quantity;
use crate::validate::{At, FieldError, container_resource_name, dns1123_label, path_segment};

const SOURCES: &[&str] = &["ContainerResource", "External", "Object", "Pods", "Resource"];
/// The fields of a metric by the type that each is for, in upstream's order.
const FIELDS: &[(&str, &str)] = &[
    ("object", "Object"),
    ("external", "External"),
    ("pods", "Pods"),
    ("resource", "Resource"),
    ("containerResource", "ContainerResource"),
];
const TARGETS: &[&str] = &["Utilization", "Value", "AverageValue"];
const SELECT_POLICIES: &[&str] = &["Disabled", "Max", "Min"];
const WINDOW_MAX: i64 = 3600;
const PERIOD_MAX: i64 = 1800;

/// How it scales where a behaviour says only a part; upstream's rules for both directions.
pub(super) fn defaults(autoscaler: &mut Tree) {
    let Some(behavior) = autoscaler.at_mut(&["spec", "behavior"]) else { return };
    let percent = tree!({ "type": "Percent", "value": 100, "periodSeconds": 15 });
    let pods = tree!({ "type": "Pods", "value": 4, "periodSeconds": 15 });
    for (direction, window, policies) in
        [("scaleUp", Some(0), vec![pods, percent.clone()]), ("scaleDown", None, vec![percent])]
    {
        let rules = behavior.make(&[direction]);
        let mut default = |field: &str, value: Tree| {
            if rules.get(field).is_none() {
                rules.insert(field, value);
            }
        };
        if let Some(window) = window {
            default("stabilizationWindowSeconds", Tree::Int(window));
        }
        default("selectPolicy", Tree::from("Max"));
        default("policies", Tree::Array(policies));
    }
}

pub(super) fn validate(autoscaler: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(autoscaler, "spec");
    let (least, most) = (spec.child("minReplicas"), spec.child("maxReplicas"));
    if least.number().is_some_and(|least| least < 1) {
        least.invalid(errors, "must be greater than or equal to 1");
    }
    let number = most.number().unwrap_or(0);
    match number {
        0 => errors.push(FieldError::required(&most.path, "must be set and greater than 0")),
        1.. => {}
        _ => most.invalid(errors, "must be greater than or equal to 1"),
    }
    if least.number().is_some_and(|least| number < least) {
        let why = "must be greater than or equal to `minReplicas`";
        errors.push(FieldError::invalid(&most.path, number, why));
    }
    reference(&spec.child("scaleTargetRef"), errors);
    for metric in spec.child("metrics").items() {
        self::metric(&metric, errors);
    }
    for rules in ["scaleUp", "scaleDown"].map(|direction| spec.child("behavior").child(direction)) {
        if rules.exists() {
            scaling(&rules, errors);
        }
    }
}

pub(super) fn validate_new(autoscaler: &Tree, errors: &mut Vec<FieldError>) {
    let target = At::top(autoscaler, "spec").child("scaleTargetRef");
    api_version(&target, target.child("kind").text() == "ReplicationController", errors);
}

/// A target whose group nobody knows stays as it was.
pub(super) fn validate_update(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    let of = |tree| {
        let target = At::top(tree, "spec").child("scaleTargetRef");
        [target.child("apiVersion").text(), target.child("kind").text()]
    };
    if of(new) != of(old) {
        validate_new(new, errors);
    }
}

fn reference(reference: &At<'_>, errors: &mut Vec<FieldError>) {
    for field in ["kind", "name"] {
        reference.child(field).name(errors, path_segment);
    }
}

fn api_version(reference: &At<'_>, may_be_core: bool, errors: &mut Vec<FieldError>) {
    let version = reference.child("apiVersion");
    let why = match version.text().split('/').collect::<Vec<_>>()[..] {
        [_, _, _, ..] => format!("unexpected GroupVersion string: {}", version.text()),
        [_] | ["", _] if !may_be_core => "apiVersion must specify API group".to_owned(),
        _ => return,
    };
    errors.push(FieldError::invalid(&version.path, version.text(), why));
}

fn metric(metric: &At<'_>, errors: &mut Vec<FieldError>) {
    let kind = metric.child("type");
    kind.required(errors, "must specify a metric source type");
    let unknown = !SOURCES.contains(&kind.text());
    let refuse = || FieldError::not_supported(&kind.path, kind.text(), SOURCES);
    if unknown {
        errors.push(refuse());
    }
    let set: Vec<(&str, &str)> =
        FIELDS.iter().filter(|(field, _)| metric.child(field).exists()).copied().collect();
    if let Some((field, _)) = set.first() {
        source(field, &metric.child(field), errors);
    }
    let expected = FIELDS.iter().find(|(_, of)| *of == kind.text()).map(|(field, _)| *field);
    match expected {
        Some(field) if !metric.child(field).exists() => {
            let why = "must populate information for the given metric source";
            errors.push(FieldError::required(&metric.path.child(field), why));
        }
        Some(_) => {}
        None => errors.push(refuse()),
    }
    if set.len() != 1 {
        for (field, _) in set.iter().filter(|(field, _)| Some(*field) != expected) {
            metric.child(field).forbidden(errors, "must populate the given metric source only");
        }
    }
}

fn source(field: &str, source: &At<'_>, errors: &mut Vec<FieldError>) {
    let target = source.child("target");
    let [value, average, utilization] =
        ["value", "averageValue", "averageUtilization"].map(|field| target.child(field));
    let neither = |at: &At<'_>, why: &str| FieldError::required(&at.path, why);
    match field {
        "object" | "external" | "pods" => {
            if field == "object" {
                reference(&source.child("describedObject"), errors);
                api_version(&source.child("describedObject"), true, errors);
            }
            let name = source.children(&["metric", "name"]);
            if name.required(errors, "must specify a metric name") {
                name.follows(errors, path_segment);
            }
        }
        _ => {
            if source.child("name").required(errors, "must specify a resource name") && field != "resource" {
                let name = source.child("name");
                container_resource_name(name.text(), &name.path, errors);
            }
            if field == "containerResource"
                && source.child("container").required(errors, "must specify a container")
            {
                source.child("container").follows(errors, dns1123_label);
            }
        }
    }
    self::target(&target, errors);
    match field {
        "object" if !value.exists() && !average.exists() => {
            errors.push(neither(&average, "must set either a target value or averageValue"));
        }
        "external" if !value.exists() && !average.exists() => {
            errors.push(neither(&average, "must set either a target value for metric or a per-pod target"));
        }
        "external" if value.exists() && average.exists() => {
            value.forbidden(errors, "may not set both a target value for metric and a per-pod target");
        }
        "pods" if !average.exists() => {
            errors.push(neither(&average, "must specify a positive target averageValue"));
        }
        "resource" | "containerResource" if !utilization.exists() && !average.exists() => {
            errors.push(neither(&utilization, "must set either a target raw value or a target utilization"));
        }
        "resource" | "containerResource" if utilization.exists() && average.exists() => {
            average.forbidden(errors, "may not set both a target raw value and a target utilization");
        }
        _ => {}
    }
}

fn target(target: &At<'_>, errors: &mut Vec<FieldError>) {
    let kind = target.child("type");
    kind.required(errors, "must specify a metric target type");
    if !TARGETS.contains(&kind.text()) {
        let why = "must be either Utilization, Value, or AverageValue";
        errors.push(FieldError::invalid(&kind.path, kind.text(), why));
    }
    for amount in ["value", "averageValue"].map(|field| target.child(field)) {
        if quantity(amount.tree).is_some_and(|amount| amount <= Quantity::ZERO) {
            amount.invalid(errors, "must be positive");
        }
    }
    let utilization = target.child("averageUtilization");
    if utilization.number().is_some_and(|percent| percent < 1) {
        utilization.invalid(errors, "must be greater than 0");
    }
}

fn scaling(rules: &At<'_>, errors: &mut Vec<FieldError>) {
    let window = rules.child("stabilizationWindowSeconds");
    match window.number() {
        Some(seconds) if seconds < 0 => window.invalid(errors, "must be greater than or equal to zero"),
        Some(seconds) if seconds > WINDOW_MAX => {
            window.invalid(errors, format!("must be less than or equal to {WINDOW_MAX}"));
        }
        _ => {}
    }
    rules.child("selectPolicy").if_set_one_of(errors, SELECT_POLICIES);
    let policies = rules.child("policies");
    policies.required(errors, "must specify at least one Policy");
    for policy in policies.items() {
        let (kind, period) = (policy.child("type"), policy.child("periodSeconds"));
        if !["Pods", "Percent"].contains(&kind.text()) {
            errors.push(FieldError::not_supported(&kind.path, kind.text(), &["Percent", "Pods"]));
        }
        policy.child("value").positive(errors);
        period.positive(errors);
        if period.number().is_some_and(|seconds| seconds > PERIOD_MAX) {
            period.invalid(errors, format!("must be less than or equal to {PERIOD_MAX}"));
        }
    }
    let tolerance = rules.child("tolerance");
    if quantity(tolerance.tree).is_some_and(|tolerance| tolerance < Quantity::ZERO) {
        tolerance.invalid(errors, crate::validate::NEGATIVE);
    }
}

pub(super) fn validate_status(new: &Tree, _: &Tree, errors: &mut Vec<FieldError>) {
    super::template::not_negative(&At::top(new, "status"), &["currentReplicas", "desiredReplicas"], errors);
}
