//! Templates of pods, and what the workloads that have one share: selectors, counts, strategies.

use super::pod::annotations;
use super::pod::spec::{self, Owner};
use crate::meta;
use crate::selector::label::LabelSelector;
use crate::tree::Tree;
use crate::validate::{At, FieldError, selector};

const NO_MATCH: &str = "`selector` does not match template `labels`";

/// The labels, annotations and specification of a PodTemplateSpec.
pub(super) fn validate(template: &At<'_>, errors: &mut Vec<FieldError>) {
    metadata(template, errors);
    let (annotations, spec) = (template.children(&["metadata", "annotations"]), template.child("spec"));
    spec::validate(&spec, Owner::Template, errors);
    annotations::agree(&annotations, &spec, errors);
    spec.child("ephemeralContainers").absent(errors, "ephemeral containers not allowed in pod template");
}

/// Upstream leaves `metadata` out of these paths.
pub(super) fn metadata(template: &At<'_>, errors: &mut Vec<FieldError>) {
    let of = |field: &str| At { path: template.path.child(field), ..template.children(&["metadata", field]) };
    selector::labels(&of("labels"), errors);
    selector::annotations(&of("annotations"), errors);
    annotations::validate(&of("annotations"), &template.child("spec"), errors);
}

/// The template of what keeps pods running, of a kind.
pub(super) fn always(template: &At<'_>, kind: &str, errors: &mut Vec<FieldError>) {
    let policy = template.children(&["spec", "restartPolicy"]);
    if policy.text() != "Always" {
        errors.push(FieldError::not_supported(&policy.path, policy.text(), &["Always"]));
    }
    let deadline = template.children(&["spec", "activeDeadlineSeconds"]);
    if deadline.exists() {
        deadline.forbidden(errors, &format!("activeDeadlineSeconds in {kind} is not Supported"));
    }
}

/// Whether a selector is missing, and what is wrong with one that is not. An empty one is invalid for a kind.
pub(super) fn selector(at: &At<'_>, kind: &str, errors: &mut Vec<FieldError>) {
    if !at.exists() {
        errors.push(FieldError::required(&at.path, ""));
        return;
    }
    selector::label_selector(at, errors);
    if ["matchLabels", "matchExpressions"].iter().all(|field| at.child(field).is_empty()) {
        at.invalid(errors, format!("empty selector is invalid for {kind}"));
    }
}

/// Whether a selector can be understood; the labels of the template are selected where it is. A missing one selects
/// nothing.
pub(super) fn is_selected(at: &At<'_>, template: &At<'_>, errors: &mut Vec<FieldError>) -> bool {
    let labels = template.children(&["metadata", "labels"]);
    match at.exists().then(|| LabelSelector::from_object(at.tree)) {
        Some(Err(_)) => return false,
        Some(Ok(selector)) if selector.matches(|key| labels.tree.get(key)?.as_str()) => {}
        _ => labels.invalid(errors, NO_MATCH),
    }
    true
}

/// Numbers that are not negative, where they are there.
pub(super) fn not_negative(at: &At<'_>, fields: &[&str], errors: &mut Vec<FieldError>) {
    for field in fields {
        at.child(field).not_negative(errors);
    }
}

/// Counts of a status that are part of another, which is named with the path that upstream shows.
pub(super) fn no_more_than(
    status: &At<'_>,
    fields: &[&str],
    whole: (&str, &str),
    errors: &mut Vec<FieldError>,
) {
    let (field, shown) = whole;
    let most = status.child(field).number().unwrap_or(0);
    for count in fields.iter().map(|field| status.child(field)) {
        if count.number().unwrap_or(0) > most {
            count.invalid(errors, format!("cannot be greater than {shown}"));
        }
    }
}

/// The count of collisions only grows.
pub(super) fn collisions(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    let (now, before) =
        (At::top(new, "status").child("collisionCount"), old.i64_at(&["status", "collisionCount"]));
    if before.is_some_and(|before| now.number().is_none_or(|now| now < before)) {
        let shown = now.number().unwrap_or(0);
        errors.push(FieldError::invalid(&now.path, shown, "cannot be decremented"));
    }
}

/// What has no labels of its own has those of its template.
pub(super) fn label_as_template(object: &mut Tree) {
    let labels =
        object.at(&["spec", "template", "metadata", "labels"]).filter(|labels| !labels.is_empty_value());
    if let Some(labels) = labels.cloned()
        && meta::labels(object).next().is_none()
    {
        object.set_at(&["metadata", "labels"], labels);
    }
}
