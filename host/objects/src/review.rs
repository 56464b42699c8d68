//! What is refused of the reviews: questions that are answered at once and kept nowhere, so that they have no rows of
//! kinds.

#[cfg(test)]
mod tests;

use crate::meta;
use crate::tree::Tree;
use crate::validate::{
    At, FieldError, Path, asked_field_requirement, asked_label_requirement, token_seconds,
};

/// What is wrong with a review of the group `authorization.k8s.io` or with a TokenRequest.
pub fn validate(kind: &str, review: &Tree) -> Vec<FieldError> {
    let mut errors = Vec::new();
    match kind {
        "SubjectAccessReview" => {
            spec(review, true, &mut errors);
            is_bare(review, &["managedFields"], "must be empty", &mut errors);
        }
        "SelfSubjectAccessReview" => {
            spec(review, false, &mut errors);
            is_bare(review, &["managedFields"], "must be empty", &mut errors);
        }
        "LocalSubjectAccessReview" => {
            spec(review, true, &mut errors);
            is_bare(
                review,
                &["managedFields", "namespace"],
                "must be empty except for namespace",
                &mut errors,
            );
            is_local(review, &mut errors);
        }
        "TokenRequest" => {
            At::top(review, "spec").child("expirationSeconds").counts(&mut errors, token_seconds);
        }
        _ => {}
    }
    errors
}

fn spec(review: &Tree, has_subject: bool, errors: &mut Vec<FieldError>) {
    let spec = At::top(review, "spec");
    let (resource, path) = (spec.child("resourceAttributes"), spec.child("nonResourceAttributes"));
    if resource.exists() && path.exists() {
        let why = "cannot be specified in combination with resourceAttributes";
        errors.push(FieldError::invalid(&path.path, path.tree.clone(), why));
    }
    if !resource.exists() && !path.exists() {
        let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        errors.push(FieldError::invalid(&resource.path, Tree::Null, why));
    }
    let user = spec.child("user");
    if has_subject && user.is_empty() && spec.child("groups").is_empty() {
        let why = "at least one of user or group must be specified";
        errors.push(FieldError::invalid(&user.path, "", why));
    }
    selector(&resource.child("fieldSelector"), asked_field_requirement, errors);
    selector(&resource.child("labelSelector"), asked_label_requirement, errors);
}

fn selector(selector: &At<'_>, rule: fn(&At<'_>, &mut Vec<FieldError>), errors: &mut Vec<FieldError>) {
    if !selector.exists() {
        return;
    }
    let (raw, requirements) = (selector.child("rawSelector"), selector.child("requirements"));
    if !raw.is_empty() && !requirements.is_empty() {
        raw.invalid(errors, "may not specified at the same time as requirements");
    }
    if raw.is_empty() && requirements.is_empty() {
        let path = &selector.path;
        let why = format!("when {path} is specified, requirements or rawSelector is required");
        errors.push(FieldError::required(&requirements.path, why));
    }
    requirements.items().for_each(|requirement| rule(&requirement, errors));
}

/// A review is about nothing that has a name.
fn is_bare(review: &Tree, but_for: &[&str], why: &str, errors: &mut Vec<FieldError>) {
    let Some(metadata) = review.get("metadata") else { return };
    if metadata.fields().any(|(key, value)| !but_for.contains(&key) && !value.is_empty_value()) {
        errors.push(FieldError::invalid(&Path::new("metadata"), metadata.clone(), why));
    }
}

fn is_local(review: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(review, "spec");
    let (resource, path) = (spec.child("resourceAttributes"), spec.child("nonResourceAttributes"));
    let namespace = resource.child("namespace");
    if resource.exists() && namespace.text() != meta::namespace(review) {
        namespace.invalid(errors, "must match metadata.namespace");
    }
    if path.exists() {
        let why = "disallowed on this kind of request";
        errors.push(FieldError::invalid(&path.path, path.tree.clone(), why));
    }
}
