//! The CEL expressions that objects carry, with where they are: for whoever compiles them, which is not done here.

use crate::resource::Resource;
use crate::tree::Tree;
use crate::validate::{At, Path};

/// What an expression is for, which says what it may speak of and what it must give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role<'a> {
    /// Whether a request is one for the webhook or policy. Gives a bool.
    MatchCondition,
    /// A variable of this name, of which later expressions may speak as `variables.<name>`. Gives anything.
    Variable(&'a str),
    /// Whether a request may pass. Gives a bool.
    Validation,
    /// Why a request may not pass; does not speak of the authorizer. Gives a string.
    Message,
    /// The value of an audit annotation. Gives a string or null.
    AuditAnnotation,
    /// What is applied to the object. Gives an `Object`.
    ApplyConfiguration,
    /// How the object is changed. Gives a list of `JSONPatch`.
    JsonPatch,
    /// Whether a device will do. Gives a bool.
    DeviceSelector,
}

/// One expression.
#[derive(Clone, Debug)]
pub struct Expression<'a> {
    /// Where errors say it is.
    pub path: Path,
    pub text: &'a str,
    pub role: Role<'a>,
    /// Whether it may speak of `params`.
    pub has_params: bool,
}

type Collect = for<'a> fn(&'a Tree, &mut Vec<Expression<'a>>);

const ADMISSION: &str = "admissionregistration.k8s.io";
const DEVICES: &str = "resource.k8s.io";

const ROWS: &[(&str, &str, Collect)] = &[
    (ADMISSION, "MutatingAdmissionPolicy", policy),
    (ADMISSION, "MutatingWebhookConfiguration", webhooks),
    (ADMISSION, "ValidatingAdmissionPolicy", policy),
    (ADMISSION, "ValidatingWebhookConfiguration", webhooks),
    (DEVICES, "DeviceClass", |class, found| selectors(&At::top(class, "spec"), found)),
    (DEVICES, "ResourceClaim", |claim, found| devices(&At::top(claim, "spec").child("devices"), found)),
    (DEVICES, "ResourceClaimTemplate", |template, found| {
        devices(&At::top(template, "spec").child("spec").child("devices"), found);
    }),
];

/// The expressions of an object that are not blank, in an order in which each may speak of the variables before it.
pub fn expressions<'a>(resource: &Resource, tree: &'a Tree) -> Vec<Expression<'a>> {
    let mut found = Vec::new();
    if let Some(row) = ROWS.iter().find(|row| row.1 == resource.kind && row.0 == resource.group) {
        (row.2)(tree, &mut found);
    }
    found
}

fn add<'a>(at: At<'a>, role: Role<'a>, has_params: bool, found: &mut Vec<Expression<'a>>) {
    if !at.text().trim().is_empty() {
        found.push(Expression { text: at.text(), path: at.path, role, has_params });
    }
}

fn conditions<'a>(owner: &At<'a>, has_params: bool, found: &mut Vec<Expression<'a>>) {
    for condition in owner.child("matchConditions").items() {
        add(condition.child("expression"), Role::MatchCondition, has_params, found);
    }
}

fn webhooks<'a>(configuration: &'a Tree, found: &mut Vec<Expression<'a>>) {
    for hook in At::top(configuration, "webhooks").items() {
        conditions(&hook, false, found);
    }
}

fn policy<'a>(policy: &'a Tree, found: &mut Vec<Expression<'a>>) {
    let spec = At::top(policy, "spec");
    let has_params = spec.child("paramKind").exists();
    conditions(&spec, has_params, found);
    for variable in spec.child("variables").items() {
        let name = variable.child("name").text();
        add(variable.child("expression"), Role::Variable(name), has_params, found);
    }
    for validation in spec.child("validations").items() {
        add(validation.child("expression"), Role::Validation, has_params, found);
        add(validation.child("messageExpression"), Role::Message, has_params, found);
    }
    for annotation in spec.child("auditAnnotations").items() {
        add(annotation.child("valueExpression"), Role::AuditAnnotation, has_params, found);
    }
    for mutation in spec.child("mutations").items() {
        let (field, role) = match mutation.child("patchType").text() {
            "JSONPatch" => ("jsonPatch", Role::JsonPatch),
            _ => ("applyConfiguration", Role::ApplyConfiguration),
        };
        add(mutation.child(field).child("expression"), role, has_params, found);
    }
}

fn devices<'a>(devices: &At<'a>, found: &mut Vec<Expression<'a>>) {
    for request in devices.child("requests").items() {
        selectors(&request.child("exactly"), found);
        request.child("firstAvailable").items().for_each(|choice| selectors(&choice, found));
    }
}

fn selectors<'a>(owner: &At<'a>, found: &mut Vec<Expression<'a>>) {
    for selector in owner.child("selectors").items() {
        add(selector.child("cel").child("expression"), Role::DeviceSelector, false, found);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::resource::by_kind;

    fn check(group: &str, kind: &str, json: &str, expected: Expect) {
        let tree = Tree::from_json(json.as_bytes()).unwrap();
        let line = |it: &Expression<'_>| format!("{} {:?} {} {}\n", it.path, it.role, it.has_params, it.text);
        let found = expressions(by_kind(group, "v1", kind).unwrap(), &tree);
        expected.assert_eq(&found.iter().map(line).collect::<String>());
    }

    #[test]
    fn a_policy_lists_its_expressions_variables_first() {
        check(
            ADMISSION,
            "ValidatingAdmissionPolicy",
            r#"{"spec":{"paramKind":{"kind":"K"},"validations":[{"expression":"a","messageExpression":"m"},{"expression":" "}],
                "variables":[{"name":"v","expression":"1"}],"matchConditions":[{"name":"c","expression":"true"}],
                "auditAnnotations":[{"key":"k","valueExpression":"x"}]}}"#,
            expect![[r#"
                spec.matchConditions[0].expression MatchCondition true true
                spec.variables[0].expression Variable("v") true 1
                spec.validations[0].expression Validation true a
                spec.validations[0].messageExpression Message true m
                spec.auditAnnotations[0].valueExpression AuditAnnotation true x
            "#]],
        );
        check(
            ADMISSION,
            "MutatingAdmissionPolicy",
            r#"{"spec":{"mutations":[{"patchType":"JSONPatch","jsonPatch":{"expression":"j"}},
                {"patchType":"ApplyConfiguration","applyConfiguration":{"expression":"a"}}]}}"#,
            expect![[r#"
                spec.mutations[0].jsonPatch.expression JsonPatch false j
                spec.mutations[1].applyConfiguration.expression ApplyConfiguration false a
            "#]],
        );
    }

    #[test]
    fn webhooks_and_devices_list_theirs() {
        check(
            ADMISSION,
            "ValidatingWebhookConfiguration",
            r#"{"webhooks":[{},{"matchConditions":[{"expression":"c"}]}]}"#,
            expect![[r#"
                webhooks[1].matchConditions[0].expression MatchCondition false c
            "#]],
        );
        check(
            DEVICES,
            "ResourceClaimTemplate",
            r#"{"spec":{"spec":{"devices":{"requests":[{"exactly":{"selectors":[{"cel":{"expression":"a"}}]}},
                {"firstAvailable":[{"selectors":[{"cel":{"expression":"b"}}]}]}]}}}}"#,
            expect![[r#"
                spec.spec.devices.requests[0].exactly.selectors[0].cel.expression DeviceSelector false a
                spec.spec.devices.requests[1].firstAvailable[0].selectors[0].cel.expression DeviceSelector false b
            "#]],
        );
        check("", "Pod", "{}", expect![[""]]);
    }
}
