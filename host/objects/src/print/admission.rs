//! Admission: webhooks, policies and their bindings; and who answers for an API.

use super::{AGE, Column, NAME, Printer, age_cell, count_at, count_cell, integer, name_cell, text, text_or};
use crate::tree::Tree;

const UNSET: &str = "<unset>";
const PARAMETER_KIND: Column = text("ParamKind", "The kind of the policy's parameters.");

pub(super) const WEBHOOKS: Printer = Printer {
    columns: &[NAME, integer("Webhooks", "How many webhooks it configures."), AGE],
    cells: |tree, now| vec![name_cell(tree), count_cell(count_at(tree, &["webhooks"])), age_cell(tree, now)],
};

pub(super) const VALIDATING_POLICY: Printer = Printer {
    columns: &[NAME, integer("Validations", "How many validations it has."), PARAMETER_KIND, AGE],
    cells: |policy, now| {
        let count = count_cell(count_at(policy, &["spec", "validations"]));
        vec![name_cell(policy), count, parameter_kind(policy).into(), age_cell(policy, now)]
    },
};

pub(super) const MUTATING_POLICY: Printer = Printer {
    columns: &[NAME, integer("Mutations", "How many mutations it has."), PARAMETER_KIND, AGE],
    cells: |policy, now| {
        let count = count_cell(count_at(policy, &["spec", "mutations"]));
        vec![name_cell(policy), count, parameter_kind(policy).into(), age_cell(policy, now)]
    },
};

fn parameter_kind(policy: &Tree) -> String {
    policy.at(&["spec", "paramKind"]).map_or_else(
        || UNSET.to_owned(),
        |kind| format!("{}/{}", text_or(kind, &["apiVersion"], ""), text_or(kind, &["kind"], "")),
    )
}

pub(super) const BINDING: Printer = Printer {
    columns: &[
        NAME,
        text("PolicyName", "The policy that is bound."),
        text("ParamRef", "The parameters that it is bound with."),
        AGE,
    ],
    cells: |binding, now| {
        vec![
            name_cell(binding),
            text_or(binding, &["spec", "policyName"], "").into(),
            parameters(binding).into(),
            age_cell(binding, now),
        ]
    },
};

/// By name, below every namespace where none is told, or by what selects them.
fn parameters(binding: &Tree) -> String {
    let Some(reference) = binding.at(&["spec", "paramRef"]) else { return UNSET.to_owned() };
    let name = text_or(reference, &["name"], "");
    match reference.get("selector") {
        _ if !name.is_empty() => format!("{}/{name}", text_or(reference, &["namespace"], "*")),
        Some(selector) => go_selector(selector),
        None => UNSET.to_owned(),
    }
}

/// As Go prints a label selector.
fn go_selector(selector: &Tree) -> String {
    let mut labels: Vec<String> = selector
        .get("matchLabels")
        .into_iter()
        .flat_map(Tree::fields)
        .map(|(key, value)| format!("{key}: {},", value.as_str().unwrap_or_default()))
        .collect();
    labels.sort();
    let requirement = |requirement: &Tree| {
        let values: Vec<&str> = requirement.items_at(&["values"]).iter().filter_map(Tree::as_str).collect();
        format!(
            "LabelSelectorRequirement{{Key:{},Operator:{},Values:[{}],}},",
            text_or(requirement, &["key"], ""),
            text_or(requirement, &["operator"], ""),
            values.join(" ")
        )
    };
    let requirements: String = selector.items_at(&["matchExpressions"]).iter().map(requirement).collect();
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{}}},MatchExpressions:[]LabelSelectorRequirement{{{requirements}}},}}",
        labels.concat()
    )
}

pub(super) const API_SERVICE: Printer = Printer {
    columns: &[
        NAME,
        text("Service", "The service that answers, or that this server does."),
        text("Available", "Whether it can be asked."),
        AGE,
    ],
    cells: |service, now| {
        let remote = service.at(&["spec", "service"]).map_or_else(
            || "Local".to_owned(),
            |at| format!("{}/{}", text_or(at, &["namespace"], ""), text_or(at, &["name"], "")),
        );
        let conditions = service.items_at(&["status", "conditions"]);
        let available = conditions.iter().find(|condition| condition.str_at(&["type"]) == Some("Available"));
        let available = available.map_or_else(
            || "Unknown".to_owned(),
            |condition| {
                let status = text_or(condition, &["status"], "");
                match text_or(condition, &["reason"], "") {
                    reason if status != "True" && !reason.is_empty() => format!("{status} ({reason})"),
                    _ => status.to_owned(),
                }
            },
        );
        vec![name_cell(service), remote.into(), available.into(), age_cell(service, now)]
    },
};
