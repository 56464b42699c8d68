//! Policies and bindings, read from their objects.

use objects::expressions::Role;
use objects::status::Reason;
use objects::{Tree, meta};

use super::params::{ParamKind, ParamRef};
use super::{Action, Binding, Mutation, Policy, Validation};
use crate::admission::expression::{Declared, Expression};
use crate::admission::matching::{FailurePolicy, Match, OF_POLICY};

pub(super) fn policies(mut trees: Vec<Tree>) -> Vec<Policy> {
    trees.sort_by(|one, two| meta::name(one).cmp(meta::name(two)));
    trees.iter().map(policy).collect()
}

pub(super) fn bindings(mut trees: Vec<Tree>) -> Vec<Binding> {
    trees.sort_by(|one, two| meta::name(one).cmp(meta::name(two)));
    trees.iter().map(binding).collect()
}

fn text<'t>(tree: &'t Tree, path: &[&str]) -> &'t str {
    tree.str_at(path).unwrap_or_default()
}

fn policy(tree: &Tree) -> Policy {
    let spec = tree.get("spec").unwrap_or(&Tree::Null);
    let param_kind = spec.get("paramKind").filter(|kind| !kind.is_null()).map(ParamKind::read);
    let has_params = param_kind.is_some();
    let mut declared: Vec<Declared> = Vec::new();
    let mut variables = Vec::new();
    for variable in spec.items_at(&["variables"]) {
        let name = text(variable, &["name"]);
        let compiled =
            Expression::compile(text(variable, &["expression"]), Role::Variable(name), has_params, &declared);
        declared.push((name.to_owned(), compiled.output()));
        variables.push((name.to_owned(), compiled));
    }
    let compile = |text: &str, role| Expression::compile(text, role, has_params, &declared);
    let validation = |tree: &Tree| Validation {
        expression: compile(text(tree, &["expression"]), Role::Validation),
        message: text(tree, &["message"]).trim().to_owned(),
        message_expression: tree.str_at(&["messageExpression"]).map(|text| compile(text, Role::Message)),
        reason: tree.str_at(&["reason"]).and_then(Reason::parse).unwrap_or(Reason::Invalid),
    };
    let annotation = |tree: &Tree| {
        let value = compile(text(tree, &["valueExpression"]), Role::AuditAnnotation);
        (text(tree, &["key"]).to_owned(), value)
    };
    let mutation = |tree: &Tree| match text(tree, &["patchType"]) {
        "JSONPatch" => {
            Mutation::JsonPatch(compile(text(tree, &["jsonPatch", "expression"]), Role::JsonPatch))
        }
        _ => Mutation::ApplyConfiguration(compile(
            text(tree, &["applyConfiguration", "expression"]),
            Role::ApplyConfiguration,
        )),
    };
    let all = |field: &str| spec.items_at(&[field]).iter();
    Policy {
        name: meta::name(tree).to_owned(),
        failure_policy: FailurePolicy::read(spec),
        scope: Match::read(spec.get("matchConstraints").unwrap_or(&Tree::Null), OF_POLICY),
        conditions: Expression::conditions(spec, has_params),
        validations: all("validations").map(validation).collect(),
        annotations: all("auditAnnotations").map(annotation).collect(),
        mutations: all("mutations").map(mutation).collect(),
        is_reinvoked: text(spec, &["reinvocationPolicy"]) == "IfNeeded",
        variables,
        param_kind,
    }
}

fn binding(tree: &Tree) -> Binding {
    let spec = tree.get("spec").unwrap_or(&Tree::Null);
    let action = |tree: &Tree| match tree.as_str()? {
        "Deny" => Some(Action::Deny),
        "Warn" => Some(Action::Warn),
        "Audit" => Some(Action::Audit),
        _ => None,
    };
    let set = |field: &str| spec.get(field).filter(|value| !value.is_null());
    Binding {
        name: meta::name(tree).to_owned(),
        policy: text(spec, &["policyName"]).to_owned(),
        scope: set("matchResources").map(|tree| Match::read(tree, OF_POLICY)),
        param_ref: set("paramRef").map(ParamRef::read),
        actions: spec.items_at(&["validationActions"]).iter().filter_map(action).collect(),
    }
}
