//! The workloads of apps/v1.

use super::template::{self, always, is_selected, no_more_than, not_negative};
use crate::meta;
use crate::schema;
use crate::tree::Tree;
use crate::validate::amount::{at_most_all, int_or_percent, int_or_percent_value};
use crate::validate::{At, FieldError, dns1123_label, immutable, same};

const ROLLING: &str = "RollingUpdate";
/// Where the template of a DaemonSet is counted, which is a field upstream that apps/v1 does not show.
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

/// The fields of a StatefulSet that may change.
const SET_MUTABLE: &[&str] = &[
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

/// Only a rolling update has numbers of its own.
fn default_rolling(object: &mut Tree, strategy: &str, row: &str) {
    let path = ["spec", strategy];
    if object.str_at(&["spec", strategy, "type"]) != Some(ROLLING) {
        return;
    }
    if object.at(&["spec", strategy, "rollingUpdate"]).is_none() {
        object.set_at(&["spec", strategy, "rollingUpdate"], Tree::object());
    }
    let row = schema::by_name(row).expect("the schema has strategies");
    if let Some(strategy) = object.at_mut(&path) {
        super::defaults::apply(strategy, row);
    }
}

pub(super) fn default_deployment(deployment: &mut Tree) {
    default_rolling(deployment, "strategy", "apps.v1.DeploymentStrategy");
}

pub(super) fn default_daemon_set(set: &mut Tree) {
    default_rolling(set, "updateStrategy", "apps.v1.DaemonSetUpdateStrategy");
}

/// Templates of claims are whole claims that wait. A StatefulSet that says `RollingUpdate` itself may leave its numbers
/// out.
pub(super) fn default_stateful_set(set: &mut Tree) {
    let claims = set.at_mut(&["spec", "volumeClaimTemplates"]).and_then(Tree::as_array_mut);
    for claim in claims.into_iter().flatten() {
        claim.insert("apiVersion", "v1");
        claim.insert("kind", "PersistentVolumeClaim");
        claim.set_at(&["status", "phase"], "Pending");
    }
    let Some(strategy) = set.at_mut(&["spec", "updateStrategy"]) else { return };
    if strategy.get("type").is_none_or(Tree::is_empty_value) {
        strategy.insert("type", ROLLING);
        strategy.make(&["rollingUpdate"]).object_mut();
    }
    if strategy.str_at(&["type"]) == Some(ROLLING)
        && let Some(rolling) = strategy.get_mut("rollingUpdate")
        && rolling.get("partition").is_none()
    {
        rolling.insert("partition", 0);
    }
}

/// How many may be missing at once is behind a feature that is off in v1.36.
pub(super) fn drop_max_unavailable(set: &mut Tree) {
    set.remove_at(&["spec", "updateStrategy", "rollingUpdate", "maxUnavailable"]);
}

/// The status of a Deployment does not change its labels.
pub(super) fn keep_labels(new: &mut Tree, old: &Tree) {
    super::keep_metadata(new, old, "labels");
}

pub(super) fn deployment(deployment: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(deployment, "spec");
    spec.child("replicas").not_negative(errors);
    replicated(&spec, errors);
    let strategy = spec.child("strategy");
    let rolling = strategy.child("rollingUpdate");
    match strategy.child("type").text() {
        "Recreate" if rolling.exists() => {
            rolling.forbidden(errors, "may not be specified when strategy `type` is 'Recreate'");
        }
        "Recreate" => {}
        ROLLING => {
            let (missing, surge) = (rolling.child("maxUnavailable"), rolling.child("maxSurge"));
            int_or_percent(&missing, errors);
            int_or_percent(&surge, errors);
            if int_or_percent_value(&missing) == 0 && int_or_percent_value(&surge) == 0 {
                missing.invalid(errors, "may not be 0 when `maxSurge` is 0");
            }
            at_most_all(&missing, errors);
        }
        _ => unknown(&strategy, &["Recreate", ROLLING], errors),
    }
    not_negative(&spec, &["minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"], errors);
    let (deadline, ready) = (spec.child("progressDeadlineSeconds"), spec.child("minReadySeconds"));
    if deadline.number().is_some_and(|deadline| deadline <= ready.number().unwrap_or(0)) {
        deadline.invalid(errors, "must be greater than minReadySeconds");
    }
}

/// A strategy of no known type is shown whole.
fn unknown(strategy: &At<'_>, supported: &[&str], errors: &mut Vec<FieldError>) {
    errors.push(FieldError::not_supported(&strategy.path, strategy.tree.clone(), supported));
}

pub(super) fn replica_set(set: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(set, "spec");
    not_negative(&spec, &["replicas", "minReadySeconds"], errors);
    replicated(&spec, errors);
}

/// The selector and the template of replicas.
fn replicated(spec: &At<'_>, errors: &mut Vec<FieldError>) {
    let (selector, template) = (spec.child("selector"), spec.child("template"));
    template::selector(&selector, "deployment", errors);
    if is_selected(&selector, &template, errors) {
        template::validate(&template, errors);
        always(&template, "ReplicaSet", errors);
    } else {
        selector.invalid(errors, "invalid label selector");
    }
}

pub(super) fn daemon_set(set: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(set, "spec");
    let (selector, template) = (spec.child("selector"), spec.child("template"));
    let mut of_selector = Vec::new();
    template::selector(&selector, "daemonset", &mut of_selector);
    errors.extend(of_selector.into_iter().filter(|_| selector.exists()));
    is_selected(&selector, &template, errors);
    template::validate(&template, errors);
    always(&template, "DaemonSet", errors);
    spec.child("minReadySeconds").not_negative(errors);
    let strategy = spec.child("updateStrategy");
    match strategy.child("type").text() {
        "OnDelete" => {}
        ROLLING => rolling_daemons(&strategy.child("rollingUpdate"), errors),
        _ => unknown(&strategy, &[ROLLING, "OnDelete"], errors),
    }
    spec.child("revisionHistoryLimit").not_negative(errors);
}

fn rolling_daemons(rolling: &At<'_>, errors: &mut Vec<FieldError>) {
    let (missing, surge) = (rolling.child("maxUnavailable"), rolling.child("maxSurge"));
    for number in [&missing, &surge] {
        int_or_percent(number, errors);
    }
    for number in [&missing, &surge] {
        at_most_all(number, errors);
    }
    match (int_or_percent_value(&missing) != 0, int_or_percent_value(&surge) != 0) {
        (true, true) => surge.invalid(errors, "may not be set when maxUnavailable is non-zero"),
        (false, false) => {
            errors.push(FieldError::required(&missing.path, "cannot be 0 when maxSurge is 0"));
        }
        _ => {}
    }
}

/// Counts the template in an annotation, as upstream shows it.
pub(super) fn create_daemon_set(set: &mut Tree) {
    let counted = meta::annotation(set, TEMPLATE_GENERATION).and_then(|text| text.parse::<i64>().ok());
    set_template_generation(set, counted.unwrap_or(0).max(1));
}

pub(super) fn update_daemon_set(new: &mut Tree, old: &Tree) {
    let before = meta::annotation(old, TEMPLATE_GENERATION).and_then(|text| text.parse::<i64>().ok());
    let changed = new.at(&["spec", "template"]) != old.at(&["spec", "template"]);
    set_template_generation(new, before.unwrap_or(0) + i64::from(changed));
}

fn set_template_generation(set: &mut Tree, generation: i64) {
    set.set_at(&["metadata", "annotations", TEMPLATE_GENERATION], generation.to_string());
}

pub(super) fn selector_stays(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    errors.extend(immutable(new, old, &["spec", "selector"]));
}

pub(super) fn stateful_set(set: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(set, "spec");
    let policy = spec.child("podManagementPolicy");
    if policy.required(errors, "") && !["OrderedReady", "Parallel"].contains(&policy.text()) {
        policy.invalid(errors, "must be 'OrderedReady' or 'Parallel'");
    }
    let strategy = spec.child("updateStrategy");
    let rolling = strategy.child("rollingUpdate");
    match strategy.child("type").text() {
        "" => errors.push(FieldError::required(&strategy.path, "")),
        "OnDelete" if rolling.exists() => {
            rolling.invalid(errors, "only allowed for updateStrategy 'RollingUpdate'");
        }
        "OnDelete" => {}
        ROLLING => rolling.child("partition").not_negative(errors),
        _ => strategy.invalid(errors, "must be 'RollingUpdate' or 'OnDelete'"),
    }
    let retention = spec.child("persistentVolumeClaimRetentionPolicy");
    for when in ["whenDeleted", "whenScaled"] {
        retention.child(when).if_set_one_of(errors, &["Retain", "Delete"]);
    }
    not_negative(&spec, &["replicas", "minReadySeconds"], errors);
    spec.children(&["ordinals", "start"]).not_negative(errors);
    let (selector, template) = (spec.child("selector"), spec.child("template"));
    template::selector(&selector, "statefulset", errors);
    if is_selected(&selector, &template, errors) {
        template::metadata(&template, errors);
    } else {
        selector.invalid(errors, "");
    }
    always(&template, "StatefulSet", errors);
    spec.child("revisionHistoryLimit").not_negative(errors);
}

/// The name of its service stays, so that older ones may have any.
pub(super) fn stateful_set_new(set: &Tree, errors: &mut Vec<FieldError>) {
    At::top(set, "spec").child("serviceName").follows(errors, dns1123_label);
}

pub(super) fn stateful_set_update(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    let fixed = |set: &Tree| {
        let mut spec = set.get("spec").cloned().unwrap_or_default();
        spec.object_mut().retain(|field, _| !SET_MUTABLE.contains(&field));
        spec
    };
    let row = schema::by_name("apps.v1.StatefulSetSpec").expect("the schema has workloads");
    if !same(&fixed(new), &fixed(old), row) {
        let why = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
        At::top(new, "spec").forbidden(errors, why);
    }
}

pub(super) fn revision(revision: &Tree, errors: &mut Vec<FieldError>) {
    let data = At::top(revision, "data");
    if !data.exists() {
        errors.push(FieldError::required(&data.path, "data is mandatory"));
    }
    At::top(revision, "revision").not_negative(errors);
}

pub(super) fn revision_update(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    errors.extend(immutable(new, old, &["data"]));
}

pub(super) fn deployment_status(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    let status = At::top(new, "status");
    let counts = ["updatedReplicas", "readyReplicas", "availableReplicas"];
    not_negative(&status, &["observedGeneration", "replicas"], errors);
    not_negative(&status, &counts, errors);
    not_negative(&status, &["unavailableReplicas", "terminatingReplicas", "collisionCount"], errors);
    no_more_than(&status, &counts, ("replicas", "status.replicas"), errors);
    no_more_than(&status, &["availableReplicas"], ("readyReplicas", "readyReplicas"), errors);
    template::collisions(new, old, errors);
}

pub(super) fn replicas_status(new: &Tree, _: &Tree, errors: &mut Vec<FieldError>) {
    let status = At::top(new, "status");
    let counts = ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"];
    not_negative(&status, &["replicas"], errors);
    not_negative(&status, &counts, errors);
    not_negative(&status, &["terminatingReplicas", "observedGeneration"], errors);
    no_more_than(&status, &counts, ("replicas", "status.replicas"), errors);
    no_more_than(&status, &["availableReplicas"], ("readyReplicas", "readyReplicas"), errors);
}

pub(super) fn stateful_set_status(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    let status = At::top(new, "status");
    let counts = ["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"];
    not_negative(&status, &["replicas"], errors);
    not_negative(&status, &counts, errors);
    not_negative(&status, &["observedGeneration", "collisionCount"], errors);
    no_more_than(&status, &counts, ("replicas", "status.replicas"), errors);
    no_more_than(&status, &["availableReplicas"], ("readyReplicas", "status.readyReplicas"), errors);
    template::collisions(new, old, errors);
}

pub(super) fn daemon_set_status(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    let counts = [
        "currentNumberScheduled",
        "numberMisscheduled",
        "desiredNumberScheduled",
        "numberReady",
        "observedGeneration",
        "updatedNumberScheduled",
        "numberAvailable",
        "numberUnavailable",
        "collisionCount",
    ];
    not_negative(&At::top(new, "status"), &counts, errors);
    template::collisions(new, old, errors);
}
