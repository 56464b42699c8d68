//! Roles and their bindings: what a rule needs, and whom a binding binds to what.

use crate::tree::Tree;
use crate::validate::{At, FieldError, dns1123_subdomain, label_selector, path_segment};

const GROUP: &str = "rbac.authorization.k8s.io";
const ACCOUNT: &str = "ServiceAccount";
const SUBJECTS: &[&str] = &[ACCOUNT, "User", "Group"];

/// The group of a user or a group.
pub(super) fn defaults(binding: &mut Tree) {
    for subject in binding.get_mut("subjects").and_then(Tree::as_array_mut).into_iter().flatten() {
        let is_user = matches!(subject.str_at(&["kind"]), Some("User" | "Group"));
        if is_user && subject.str_at(&["apiGroup"]).unwrap_or_default().is_empty() {
            subject.insert("apiGroup", GROUP);
        }
    }
}

pub(super) fn role(role: &Tree, errors: &mut Vec<FieldError>) {
    for rule in At::top(role, "rules").items() {
        self::rule(&rule, true, errors);
    }
}

pub(super) fn cluster_role(role: &Tree, errors: &mut Vec<FieldError>) {
    for rule in At::top(role, "rules").items() {
        self::rule(&rule, false, errors);
    }
    let aggregation = At::top(role, "aggregationRule");
    if !aggregation.tree.is_null() {
        let why = "at least one clusterRoleSelector required if aggregationRule is non-nil";
        let selectors = aggregation.child("clusterRoleSelectors");
        selectors.required(errors, why);
        selectors.items().for_each(|selector| label_selector(&selector, errors));
    }
}

fn rule(rule: &At<'_>, namespaced: bool, errors: &mut Vec<FieldError>) {
    rule.child("verbs").required(errors, "verbs must contain at least one value");
    let urls = rule.child("nonResourceURLs");
    if urls.is_empty() {
        let groups = "resource rules must supply at least one api group";
        rule.child("apiGroups").required(errors, groups);
        rule.child("resources").required(errors, "resource rules must supply at least one resource");
        return;
    }
    if namespaced {
        urls.invalid(errors, "namespaced rules cannot apply to non-resource URLs");
    }
    if ["apiGroups", "resources", "resourceNames"].iter().any(|field| !rule.child(field).is_empty()) {
        let why = "rules cannot apply to both regular resources and non-resource URLs";
        urls.invalid(errors, why);
    }
}

pub(super) fn binding(binding: &Tree, errors: &mut Vec<FieldError>) {
    bound(binding, &["Role", "ClusterRole"], errors);
}

pub(super) fn cluster_binding(binding: &Tree, errors: &mut Vec<FieldError>) {
    bound(binding, &["ClusterRole"], errors);
    for subject in
        At::top(binding, "subjects").items().filter(|subject| subject.child("kind").text() == ACCOUNT)
    {
        subject.child("namespace").required(errors, "");
    }
}

fn bound(binding: &Tree, kinds: &[&str], errors: &mut Vec<FieldError>) {
    let role = At::top(binding, "roleRef");
    role.child("apiGroup").one_of(errors, &[GROUP]);
    exactly(&role.child("kind"), kinds, errors);
    role.child("name").name(errors, path_segment);
    for subject in At::top(binding, "subjects").items() {
        subject.child("name").required(errors, "");
        let (kind, group) = (subject.child("kind"), subject.child("apiGroup"));
        match kind.text() {
            ACCOUNT => {
                subject.child("name").follows(errors, dns1123_subdomain);
                exactly(&group, &[""], errors);
            }
            "User" | "Group" => group.one_of(errors, &[GROUP]),
            _ => exactly(&kind, SUBJECTS, errors),
        }
    }
}

/// One of those, also where nothing is said.
fn exactly(at: &At<'_>, supported: &[&str], errors: &mut Vec<FieldError>) {
    if !supported.contains(&at.text()) {
        errors.push(FieldError::not_supported(&at.path, at.text(), supported));
    }
}

pub(super) fn binding_update(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    let role = At::top(new, "roleRef");
    if role.tree != At::top(old, "roleRef").tree {
        role.invalid(errors, "cannot change roleRef");
    }
}
