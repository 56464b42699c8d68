//! ReplicationControllers and PodTemplates, of the time before apps/v1.

use super::template;
use crate::tree::Tree;
use crate::validate::{At, FieldError, selector};

/// What selects nothing selects the labels of its template.
pub(super) fn defaults(controller: &mut Tree) {
    let labels = controller.at(&["spec", "template", "metadata", "labels"]).cloned();
    let Some(labels) = labels.filter(|labels| !labels.is_empty_value()) else { return };
    if controller.at(&["spec", "selector"]).is_none_or(Tree::is_empty_value) {
        controller.set_at(&["spec", "selector"], labels);
    }
    template::label_as_template(controller);
}

pub(super) fn validate(controller: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(controller, "spec");
    spec.child("minReadySeconds").not_negative(errors);
    let (wanted, template) = (spec.child("selector"), spec.child("template"));
    wanted.required(errors, "");
    spec.child("replicas").not_negative(errors);
    if !template.exists() {
        errors.push(FieldError::required(&template.path, ""));
        return;
    }
    let labels = template.children(&["metadata", "labels"]);
    if wanted.tree.fields().any(|(key, value)| labels.tree.get(key) != Some(value)) {
        labels.invalid(errors, "`selector` does not match template `labels`");
    }
    selector::labels(&wanted, errors);
    template::validate(&template, errors);
    template::always(&template, "ReplicationController", errors);
}

pub(super) fn pod_template(object: &Tree, errors: &mut Vec<FieldError>) {
    template::validate(&At::top(object, "template"), errors);
}
