//! HorizontalPodAutoscalers: bounds, metrics and how fast, and the one object in its two versions.

use super::pod::resources::container_resource_name;
use crate::quantity::Quantity;
use crate::tree;
use crate::tree::Tree;
use crate::validate::amount::quantity;
use crate::validate::{At, FieldError, dns1123_label, path_segment};

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
const DEFAULT_UTILIZATION: i64 = 80;

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
                source.child("name").follows(errors, container_resource_name);
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

/// Whether a metric, or its value, is the utilization of the CPU, which is all that v1 has.
fn is_cpu(metric: &Tree) -> bool {
    metric.str_at(&["type"]) == Some("Resource") && metric.str_at(&["resource", "name"]) == Some("cpu")
}

/// An autoscaling/v2 object as one of autoscaling/v1, which shows the utilization of the CPU alone. `apiVersion` is
/// the caller's to set.
pub fn to_v1(mut autoscaler: Tree) -> Tree {
    for (part, list, current, field) in [
        ("spec", "metrics", "target", "targetCPUUtilizationPercentage"),
        ("status", "currentMetrics", "current", "currentCPUUtilizationPercentage"),
    ] {
        let utilization = |metric: &Tree| metric.i64_at(&["resource", current, "averageUtilization"]);
        let cpu =
            autoscaler.items_at(&[part, list]).iter().find(|metric| is_cpu(metric)).and_then(utilization);
        autoscaler.remove_at(&[part, list]);
        if let Some(cpu) = cpu {
            autoscaler.set_at(&[part, field], cpu);
        }
    }
    autoscaler.remove_at(&["spec", "behavior"]);
    autoscaler.remove_at(&["status", "conditions"]);
    autoscaler
}

/// An autoscaling/v1 object as one of autoscaling/v2. What v1 does not show is taken from `stored`, the object that it
/// is written over.
pub fn to_v2(mut autoscaler: Tree, stored: Option<&Tree>) -> Tree {
    let kept = |path: &[&str]| stored.and_then(|stored| stored.at(path)).cloned();
    let target =
        autoscaler.remove_at(&["spec", "targetCPUUtilizationPercentage"]).and_then(|cpu| cpu.as_i64());
    let mut metrics = kept(&["spec", "metrics"]).unwrap_or_else(Tree::array);
    let percent = target.or(metrics.items().is_empty().then_some(DEFAULT_UTILIZATION));
    if let (Some(percent), Some(list)) = (percent, metrics.as_array_mut()) {
        list.retain(|metric| !is_cpu(metric));
        list.insert(
            0,
            tree!({ "type": "Resource", "resource": { "name": "cpu",
                "target": { "type": "Utilization", "averageUtilization": percent } } }),
        );
    }
    autoscaler.set_at(&["spec", "metrics"], metrics);
    if let Some(behavior) = kept(&["spec", "behavior"]) {
        autoscaler.set_at(&["spec", "behavior"], behavior);
    }
    autoscaler.remove_at(&["status", "currentCPUUtilizationPercentage"]);
    for field in ["currentMetrics", "conditions"] {
        if let Some(value) = kept(&["status", field]) {
            autoscaler.set_at(&["status", field], value);
        }
    }
    autoscaler
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{to_v1, to_v2};
    use crate::tree;

    #[test]
    fn the_older_api_shows_the_cpu_and_keeps_the_rest() {
        let stored = tree!({
            "spec": { "maxReplicas": 3, "behavior": { "scaleUp": {} }, "metrics": [
                { "type": "Pods", "pods": { "metric": { "name": "m" } } },
                { "type": "Resource", "resource": { "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 80 } } }
            ] },
            "status": { "conditions": [{ "type": "AbleToScale" }], "currentMetrics": [
                { "type": "Resource", "resource": { "name": "cpu", "current": { "averageUtilization": 40 } } }
            ] }
        });
        let mut shown = to_v1(stored.clone());
        expect![[r#"{"spec":{"maxReplicas":3,"targetCPUUtilizationPercentage":80},"status":{"currentCPUUtilizationPercentage":40}}"#]]
            .assert_eq(&shown.to_json_string());
        shown.set_at(&["spec", "targetCPUUtilizationPercentage"], 60);
        expect![[r#"{"spec":{"maxReplicas":3,"metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":60}}},{"type":"Pods","pods":{"metric":{"name":"m"}}}],"behavior":{"scaleUp":{}}},"status":{"currentMetrics":[{"type":"Resource","resource":{"name":"cpu","current":{"averageUtilization":40}}}],"conditions":[{"type":"AbleToScale"}]}}"#]].assert_eq(&to_v2(shown, Some(&stored)).to_json_string());
    }

    #[test]
    fn a_new_object_of_the_older_api_has_a_metric() {
        expect![[r#"{"spec":{"maxReplicas":3,"metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":80}}}]}}"#]].assert_eq(&to_v2(tree!({ "spec": { "maxReplicas": 3 } }), None).to_json_string());
    }
}
