//! The metrics of autoscaling/v1 and v2: the same things, nested in v2 and flat in the annotations of v1.

use crate::quantity::Quantity;
use crate::tree::{Object, Tree};

/// A field: where each version has it, and what the first version says where nothing is told.
struct Field {
    v2: &'static [&'static str],
    v1: &'static [&'static str],
    unset: Option<&'static str>,
}

const fn optional(v2: &'static [&'static str], v1: &'static [&'static str]) -> Field {
    Field { v2, v1, unset: None }
}

const fn text(v2: &'static [&'static str], v1: &'static [&'static str]) -> Field {
    Field { v2, v1, unset: Some("") }
}

const fn amount(v2: &'static [&'static str], v1: &'static [&'static str]) -> Field {
    Field { v2, v1, unset: Some("0") }
}

/// Where a metric is from (the name of its part of a metric) and its fields.
type Source = (&'static str, &'static [Field]);

const SPECS: &[Source] = &[
    (
        "object",
        &[
            text(&["describedObject", "kind"], &["target", "kind"]),
            text(&["describedObject", "name"], &["target", "name"]),
            optional(&["describedObject", "apiVersion"], &["target", "apiVersion"]),
            text(&["metric", "name"], &["metricName"]),
            amount(&["target", "value"], &["targetValue"]),
            optional(&["metric", "selector"], &["selector"]),
            optional(&["target", "averageValue"], &["averageValue"]),
        ],
    ),
    (
        "pods",
        &[
            text(&["metric", "name"], &["metricName"]),
            amount(&["target", "averageValue"], &["targetAverageValue"]),
            optional(&["metric", "selector"], &["selector"]),
        ],
    ),
    (
        "resource",
        &[
            text(&["name"], &["name"]),
            optional(&["target", "averageUtilization"], &["targetAverageUtilization"]),
            optional(&["target", "averageValue"], &["targetAverageValue"]),
        ],
    ),
    (
        "containerResource",
        &[
            text(&["name"], &["name"]),
            optional(&["target", "averageUtilization"], &["targetAverageUtilization"]),
            optional(&["target", "averageValue"], &["targetAverageValue"]),
            text(&["container"], &["container"]),
        ],
    ),
    (
        "external",
        &[
            text(&["metric", "name"], &["metricName"]),
            optional(&["metric", "selector"], &["metricSelector"]),
            optional(&["target", "value"], &["targetValue"]),
            optional(&["target", "averageValue"], &["targetAverageValue"]),
        ],
    ),
];

const STATUSES: &[Source] = &[
    (
        "object",
        &[
            text(&["describedObject", "kind"], &["target", "kind"]),
            text(&["describedObject", "name"], &["target", "name"]),
            optional(&["describedObject", "apiVersion"], &["target", "apiVersion"]),
            text(&["metric", "name"], &["metricName"]),
            amount(&["current", "value"], &["currentValue"]),
            optional(&["metric", "selector"], &["selector"]),
            optional(&["current", "averageValue"], &["averageValue"]),
        ],
    ),
    (
        "pods",
        &[
            text(&["metric", "name"], &["metricName"]),
            amount(&["current", "averageValue"], &["currentAverageValue"]),
            optional(&["metric", "selector"], &["selector"]),
        ],
    ),
    (
        "resource",
        &[
            text(&["name"], &["name"]),
            optional(&["current", "averageUtilization"], &["currentAverageUtilization"]),
            amount(&["current", "averageValue"], &["currentAverageValue"]),
        ],
    ),
    (
        "containerResource",
        &[
            text(&["name"], &["name"]),
            optional(&["current", "averageUtilization"], &["currentAverageUtilization"]),
            amount(&["current", "averageValue"], &["currentAverageValue"]),
            text(&["container"], &["container"]),
        ],
    ),
    (
        "external",
        &[
            text(&["metric", "name"], &["metricName"]),
            optional(&["metric", "selector"], &["metricSelector"]),
            amount(&["current", "value"], &["currentValue"]),
            optional(&["current", "averageValue"], &["currentAverageValue"]),
        ],
    ),
];

pub(super) fn spec_to_v1(metric: &Tree) -> Tree {
    to_v1(metric, SPECS)
}

pub(super) fn status_to_v1(metric: &Tree) -> Tree {
    to_v1(metric, STATUSES)
}

pub(super) fn spec_to_v2(metric: &Tree) -> Tree {
    let mut converted = to_v2(metric, SPECS);
    for (source, _) in SPECS {
        if let Some(part) = converted.get_mut(source) {
            complete_target(source, part);
        }
    }
    converted
}

pub(super) fn status_to_v2(metric: &Tree) -> Tree {
    to_v2(metric, STATUSES)
}

fn to_v1(metric: &Tree, sources: &[Source]) -> Tree {
    transform(metric, sources, |from, to, field| {
        let told = from.at(field.v2).cloned();
        if let Some(value) = told.or_else(|| field.unset.map(Tree::from)) {
            to.set_at(field.v1, value);
        }
    })
}

fn to_v2(metric: &Tree, sources: &[Source]) -> Tree {
    transform(metric, sources, |from, to, field| {
        let told = from.at(field.v1).cloned();
        if let Some(value) = told.or_else(|| field.unset.map(Tree::from)) {
            to.set_at(field.v2, value);
        }
    })
}

fn transform(metric: &Tree, sources: &[Source], carry: impl Fn(&Tree, &mut Tree, &Field)) -> Tree {
    let mut converted = Tree::Object(Object::default());
    converted.insert("type", metric.str_at(&["type"]).unwrap_or_default());
    for (source, fields) in sources {
        let Some(from) = metric.get(source).filter(|part| part.as_object().is_some()) else {
            continue;
        };
        let mut to = Tree::Object(Object::default());
        fields.iter().for_each(|field| carry(from, &mut to, field));
        converted.insert(*source, to);
    }
    converted
}

/// Says which of the numbers of a target counts, which the first version leaves to be seen.
fn complete_target(source: &str, metric: &mut Tree) {
    let has = |field: &str| metric.at(&["target", field]).is_some_and(|value| !value.is_null());
    let of_type = match source {
        "external" if has("value") => "Value",
        "object" if !has("averageValue") => "Value",
        "resource" | "containerResource" if has("averageUtilization") => "Utilization",
        _ => "AverageValue",
    };
    let value = metric.str_at(&["target", "value"]).and_then(|value| value.parse::<Quantity>().ok());
    if source == "object" && of_type == "AverageValue" && value.is_some_and(|value| value.is_zero()) {
        // The first version cannot leave it out, and the second refuses zero.
        metric.remove_at(&["target", "value"]);
    }
    metric.make(&["target"]).object_mut().insert_first("type", of_type);
}
