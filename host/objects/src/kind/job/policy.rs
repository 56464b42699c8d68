//! When a Job fails before its backoff is spent, succeeds before all of it is done, and replaces pods.

use super::status::indexes;
use crate::validate::{At, FieldError, label_key};

const RULES_MAX: usize = 20;
const CODES_MAX: usize = 255;
const PATTERNS_MAX: usize = 20;
const INDEXES_LEN_MAX: usize = 64 * 1024;
const ACTIONS: &[&str] = &["Count", "FailIndex", "FailJob", "Ignore"];
const STATUSES: &[&str] = &["False", "True", "Unknown"];

pub(super) fn validate(spec: &At<'_>, errors: &mut Vec<FieldError>) {
    let (failure, success) = (spec.child("podFailurePolicy"), spec.child("successPolicy"));
    let rules = failure.child("rules");
    rules.at_most(errors, RULES_MAX);
    for rule in rules.items() {
        failure_rule(spec, &rule, errors);
    }
    if success.exists() {
        if spec.child("completionMode").text() == super::INDEXED {
            self::success(spec, &success.child("rules"), errors);
        } else {
            success.invalid(errors, "requires indexed completion mode");
        }
    }
    let supported: &[&str] = if failure.exists() { &["Failed"] } else { &["Failed", "TerminatingOrFailed"] };
    spec.child("podReplacementPolicy").if_set_one_of(errors, supported);
}

/// A word that is required with the words that it may be.
fn word(at: &At<'_>, supported: &[&str], errors: &mut Vec<FieldError>) {
    if at.is_empty() {
        let quoted: Vec<String> = supported.iter().map(|word| format!("{word:?}")).collect();
        errors.push(FieldError::required(&at.path, format!("valid values: [{}]", quoted.join(" "))));
    } else {
        at.one_of(errors, supported);
    }
}

fn failure_rule(spec: &At<'_>, rule: &At<'_>, errors: &mut Vec<FieldError>) {
    let [action, codes, conditions] =
        ["action", "onExitCodes", "onPodConditions"].map(|field| rule.child(field));
    word(&action, ACTIONS, errors);
    if action.text() == "FailIndex" && !spec.child("backoffLimitPerIndex").exists() {
        action.invalid(errors, "requires the backoffLimitPerIndex to be set");
    }
    if codes.exists() {
        exit_codes(spec, &codes, errors);
    }
    conditions.at_most(errors, PATTERNS_MAX);
    for pattern in conditions.items() {
        let kind = pattern.child("type");
        let refused = label_key(kind.text());
        errors.extend(refused.into_iter().map(|why| FieldError::invalid(&kind.path, kind.text(), why)));
        word(&pattern.child("status"), STATUSES, errors);
    }
    let why = match (codes.exists(), !conditions.is_empty()) {
        (true, true) => "specifying both OnExitCodes and OnPodConditions is not supported",
        (false, false) => "specifying one of OnExitCodes and OnPodConditions is required",
        _ => return,
    };
    errors.push(FieldError::invalid_unshown(&rule.path, why));
}

fn exit_codes(spec: &At<'_>, codes: &At<'_>, errors: &mut Vec<FieldError>) {
    let [operator, container, values] =
        ["operator", "containerName", "values"].map(|field| codes.child(field));
    word(&operator, &["In", "NotIn"], errors);
    let pod = spec.children(&["template", "spec"]);
    let mut names = ["containers", "initContainers"].into_iter().flat_map(|list| pod.child(list).items());
    if container.exists() && !names.any(|named| named.child("name").text() == container.text()) {
        let why = "must be one of the container or initContainer names in the pod template";
        container.invalid(errors, why);
    }
    if values.is_empty() {
        values.invalid(errors, "at least one value is required");
    }
    values.at_most(errors, CODES_MAX);
    let numbers: Vec<i64> = values.items().map(|value| value.number().unwrap_or(0)).collect();
    for (index, value) in values.items().enumerate() {
        if operator.text() == "In" && numbers[index] == 0 {
            value.invalid(errors, "must not be 0 for the In operator");
        }
        if numbers[..index].contains(&numbers[index]) {
            errors.push(FieldError::duplicate(&value.path, numbers[index]));
        }
    }
    if !numbers.is_sorted() {
        values.invalid(errors, "must be ordered");
    }
}

fn success(spec: &At<'_>, rules: &At<'_>, errors: &mut Vec<FieldError>) {
    rules.required(errors, "at least one rules must be specified when the successPolicy is specified");
    rules.at_most(errors, RULES_MAX);
    let completions = spec.child("completions").number().unwrap_or(0);
    for rule in rules.items() {
        let (count, which) = (rule.child("succeededCount"), rule.child("succeededIndexes"));
        if !count.exists() && !which.exists() {
            let why = "at least one of succeededCount or succeededIndexes must be specified";
            errors.push(FieldError::required(&rule.path, why));
        }
        if which.text().len() > INDEXES_LEN_MAX {
            errors.push(FieldError::too_long(&which.path, INDEXES_LEN_MAX));
        }
        let total = match indexes(which.text(), completions) {
            Ok(intervals) => intervals.iter().map(|(first, last)| last - first + 1).sum(),
            Err(why) => {
                which.invalid(errors, format!("error parsing succeededIndexes: {why}"));
                0
            }
        };
        count.not_negative(errors);
        let bounds = [
            (true, completions, "the number of specified completions"),
            (which.exists(), total, "the number of indexes in the specified succeededIndexes field"),
        ];
        for (_, most, what) in bounds.iter().filter(|(counts, ..)| *counts) {
            if count.number().is_some_and(|count| count > *most) {
                count.invalid(errors, format!("must be less than or equal to {most} ({what})"));
            }
        }
    }
}
