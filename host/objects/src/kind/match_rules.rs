//! What webhooks and admission policies have in common: the requests that they are asked of.

use crate::validate::{At, FieldError, label_key, label_selector, path_segment};

const FAILURE_POLICIES: &[&str] = &["Fail", "Ignore"];
const MATCH_POLICIES: &[&str] = &["Equivalent", "Exact"];
const OPERATIONS: &[&str] = &["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const SCOPES: &[&str] = &["*", "Cluster", "Namespaced"];
const CONDITIONS_MAX: usize = 64;

pub(super) fn failure_policy(owner: &At<'_>, errors: &mut Vec<FieldError>) {
    owner.child("failurePolicy").one_of(errors, FAILURE_POLICIES);
}

pub(super) fn match_policy(owner: &At<'_>, errors: &mut Vec<FieldError>) {
    owner.child("matchPolicy").one_of(errors, MATCH_POLICIES);
}

/// Whether a list stands for everything.
fn has_wildcard(list: &At<'_>) -> bool {
    list.tree.items().iter().any(|item| item.as_str() == Some("*"))
}

/// A list that is there, and stands for everything by itself.
fn alone(list: &At<'_>, others: &str, errors: &mut Vec<FieldError>) {
    list.required(errors, "");
    if list.tree.items().len() > 1 && has_wildcard(list) {
        list.invalid(errors, format!("if '*' is present, must not specify other {others}"));
    }
}

/// Operations on resources of groups and versions.
pub(super) fn rule(rule: &At<'_>, errors: &mut Vec<FieldError>) {
    let operations = rule.child("operations");
    alone(&operations, "operations", errors);
    for operation in operations.items().filter(|operation| !OPERATIONS.contains(&operation.text())) {
        errors.push(FieldError::not_supported(&operation.path, operation.text(), OPERATIONS));
    }
    alone(&rule.child("apiGroups"), "API groups", errors);
    let versions = rule.child("apiVersions");
    alone(&versions, "API versions", errors);
    for version in versions.items() {
        version.required(errors, "");
    }
    resources(&rule.child("resources"), errors);
    rule.child("scope").one_of(errors, SCOPES);
}

/// Resources and `resource/subresource`, of which none stands for another.
fn resources(resources: &At<'_>, errors: &mut Vec<FieldError>) {
    resources.required(errors, "");
    let (mut every_sub, mut every_resource) = (Vec::new(), Vec::new());
    let (mut single, mut double, mut bare) = (false, false, false);
    for item in resources.items() {
        let text = item.text();
        if !item.required(errors, "") {
            continue;
        }
        double |= text == "*/*";
        single |= text == "*";
        let Some((resource, sub)) = text.split_once('/') else {
            bare = text != "*";
            continue;
        };
        if every_sub.contains(&resource) {
            item.invalid(errors, format!("if '{resource}/*' is present, must not specify {text}"));
        }
        if every_resource.contains(&sub) {
            item.invalid(errors, format!("if '*/{sub}' is present, must not specify {text}"));
        }
        if sub == "*" {
            every_sub.push(resource);
        }
        if resource == "*" {
            every_resource.push(sub);
        }
    }
    if resources.tree.items().len() > 1 && double {
        resources.invalid(errors, "if '*/*' is present, must not specify other resources");
    }
    if single && bare {
        let why = "if '*' is present, must not specify other resources without subresources";
        resources.invalid(errors, why);
    }
}

pub(super) fn selectors(owner: &At<'_>, errors: &mut Vec<FieldError>) {
    for field in ["namespaceSelector", "objectSelector"] {
        label_selector(&owner.child(field), errors);
    }
}

/// The resources that a policy or a binding matches; one that is not there matches what the other matches.
pub(super) fn match_resources(matched: &At<'_>, errors: &mut Vec<FieldError>) {
    if !matched.exists() {
        return;
    }
    match_policy(matched, errors);
    selectors(matched, errors);
    for rule in
        ["resourceRules", "excludeResourceRules"].iter().flat_map(|field| matched.child(field).items())
    {
        let mut names = Vec::new();
        for name in rule.child("resourceNames").items() {
            name.refuse(errors, path_segment(name.text()));
            name.unique(errors, &mut names);
        }
        self::rule(&rule, errors);
    }
}

/// Conditions by name. Their expressions are not looked into.
pub(super) fn match_conditions(conditions: &At<'_>, errors: &mut Vec<FieldError>) {
    conditions.at_most(errors, CONDITIONS_MAX);
    let mut names = Vec::new();
    for condition in conditions.items() {
        says(&condition.child("expression"), "", errors);
        let name = condition.child("name");
        name.name(errors, label_key);
        name.unique(errors, &mut names);
    }
}

/// An expression that is not blank.
pub(super) fn says(expression: &At<'_>, why: &str, errors: &mut Vec<FieldError>) -> bool {
    let blank = expression.text().trim().is_empty();
    if blank {
        errors.push(FieldError::required(&expression.path, why));
    }
    !blank
}
