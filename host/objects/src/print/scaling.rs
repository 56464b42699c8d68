//! What decides how many pods there are, and how many may go.

use super::{AGE, NAME, NONE, Printer, UNKNOWN, age_cell, int_at, integer, name_cell, text, text_or};
use crate::tree::Tree;

/// How many metrics are shown.
const SHOWN: usize = 2;

pub(super) const AUTOSCALER: Printer = Printer {
    columns: &[
        NAME,
        text("Reference", "What is scaled."),
        text("Targets", "What each metric is, and what it should be."),
        text("MinPods", "How few pods there may be."),
        text("MaxPods", "How many pods there may be."),
        text("Replicas", "How many pods there are."),
        AGE,
    ],
    cells: |scaler, now| {
        let target = |field: &str| text_or(scaler, &["spec", "scaleTargetRef", field], "");
        vec![
            name_cell(scaler),
            format!("{}/{}", target("kind"), target("name")).into(),
            metrics(scaler).into(),
            shown(scaler.at(&["spec", "minReplicas"]), "<unset>").into(),
            int_at(scaler, &["spec", "maxReplicas"]).into(),
            int_at(scaler, &["status", "currentReplicas"]).into(),
            age_cell(scaler, now),
        ]
    },
};

pub(super) const DISRUPTION_BUDGET: Printer = Printer {
    columns: &[
        NAME,
        text("Min Available", "How many pods have to stay."),
        text("Max Unavailable", "How many pods may be missing."),
        integer("Allowed Disruptions", "How many pods may go now."),
        AGE,
    ],
    cells: |budget, now| {
        let bound = |field: &str| shown(budget.at(&["spec", field]), "N/A");
        vec![
            name_cell(budget),
            bound("minAvailable").into(),
            bound("maxUnavailable").into(),
            int_at(budget, &["status", "disruptionsAllowed"]).into(),
            age_cell(budget, now),
        ]
    },
};

fn metrics(scaler: &Tree) -> String {
    let now = scaler.items_at(&["status", "currentMetrics"]);
    let all = scaler.items_at(&["spec", "metrics"]);
    if all.is_empty() {
        return NONE.to_owned();
    }
    let texts = all.iter().enumerate().map(|(index, metric)| text_of(metric, now.get(index)));
    let first = texts.take(SHOWN).collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(SHOWN) {
        0 => first,
        more => format!("{first} + {more} more..."),
    }
}

/// `now/target` of a metric, with what kind of number it is.
fn text_of(metric: &Tree, now: Option<&Tree>) -> String {
    let kind = text_or(metric, &["type"], "");
    let Some(field) = ["external", "pods", "object", "resource", "containerResource"]
        .into_iter()
        .find(|field| field.eq_ignore_ascii_case(kind))
    else {
        return "<unknown type>".to_owned();
    };
    let target = |number: &str| metric.at(&[field, "target", number]);
    let now = now.and_then(|now| now.get(field));
    // An absent number of a metric that is there is shown as upstream shows a quantity that is not.
    let current = |number: &str| {
        now.map_or_else(|| UNKNOWN.to_owned(), |now| shown(now.at(&["current", number]), "<nil>"))
    };
    let known = |number: &str| shown(now.and_then(|now| now.at(&["current", number])), UNKNOWN);
    let average = target("averageValue");
    match field {
        "pods" => format!("{}/{}", current("averageValue"), shown(average, "<nil>")),
        "external" | "object" if average.is_some() => {
            format!("{}/{} (avg)", known("averageValue"), shown(average, ""))
        }
        "external" | "object" => format!("{}/{}", current("value"), shown(target("value"), "<nil>")),
        _ => {
            let name = text_or(metric, &[field, "name"], "");
            match average {
                Some(_) => format!("{name}: {}/{}", current("averageValue"), shown(average, "")),
                None => format!(
                    "{name}: {}/{}",
                    percent(known("averageUtilization"), UNKNOWN),
                    percent(shown(target("averageUtilization"), "<auto>"), "<auto>")
                ),
            }
        }
    }
}

fn percent(number: String, missing: &str) -> String {
    if number == missing { number } else { format!("{number}%") }
}

/// A number or a text, or what stands for a missing one.
fn shown(value: Option<&Tree>, missing: &str) -> String {
    match value {
        None | Some(Tree::Null) => missing.to_owned(),
        Some(value) => value.as_str().map_or_else(|| value.to_json_string(), str::to_owned),
    }
}
