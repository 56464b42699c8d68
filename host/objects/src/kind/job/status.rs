//! The status of a Job: what is over stays over, and counts agree.

use super::super::template::not_negative;
use crate::tree::Tree;
use crate::validate::{At, FieldError, Path};

/// Whether a condition is true.
pub(super) fn is_true(job: &Tree, kind: &str) -> bool {
    job.items_at(&["status", "conditions"]).iter().any(|condition| {
        condition.str_at(&["type"]) == Some(kind) && condition.str_at(&["status"]) == Some("True")
    })
}

/// The intervals of `1,3-5,7`, in their order and below a bound, or why it is no such text.
pub(super) fn indexes(text: &str, completions: i64) -> Result<Vec<(i64, i64)>, String> {
    let mut intervals: Vec<(i64, i64)> = Vec::new();
    for fragment in text.split(',').filter(|_| !text.is_empty()) {
        let parts: Vec<&str> = fragment.split('-').collect();
        if parts.len() > 2 {
            return Err(format!(
                "the fragment {fragment:?} violates the requirement that an index interval can have at most two parts separated by '-'"
            ));
        }
        let mut limits = Vec::with_capacity(2);
        for part in parts {
            let number: i64 =
                part.parse().map_err(|_| format!("cannot convert string to integer for index: {part:?}"))?;
            if number >= completions {
                return Err(format!("too large index: {part:?}"));
            }
            limits.push(number);
        }
        let (first, last) = (limits[0], limits[limits.len() - 1]);
        let unordered =
            |previous, current| format!("non-increasing order, previous: {previous}, current: {current}");
        if limits.len() == 2 && first >= last {
            return Err(unordered(first, last));
        }
        if let Some((_, previous)) = intervals.last().filter(|(_, previous)| *previous >= first) {
            return Err(unordered(*previous, first));
        }
        intervals.push((first, last));
    }
    Ok(intervals)
}

pub(in crate::kind) fn validate(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    let status = At::top(new, "status");
    not_negative(&status, &["active", "succeeded", "failed", "ready", "terminating"], errors);
    let mut seen = Vec::new();
    for list in ["succeeded", "failed"] {
        for uid in status.children(&["uncountedTerminatedPods", list]).items() {
            if uid.is_empty() {
                uid.invalid(errors, "must not be empty");
            }
            uid.unique(errors, &mut seen);
        }
    }
    conditions(new, old, &status.path.child("conditions"), errors);
    times(new, old, &status, errors);
    counts(new, old, &status, errors);
}

fn conditions(new: &Tree, old: &Tree, path: &Path, errors: &mut Vec<FieldError>) {
    let [complete, failed, target, met] =
        ["Complete", "Failed", "FailureTarget", "SuccessCriteriaMet"].map(|kind| is_true(new, kind));
    let was_met = is_true(old, "SuccessCriteriaMet");
    let rows = [
        (complete && failed, "cannot set Complete=True and Failed=true conditions"),
        (complete && target, "cannot set Complete=True and FailureTarget=true conditions"),
        (failed && !target, "cannot set Failed=True condition without the FailureTarget=true condition"),
        (
            complete && !met,
            "cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
        ),
        (met && failed, "cannot set SuccessCriteriaMet=True and Failed=true conditions"),
        (met && target, "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions"),
        (is_true(old, "Failed") && !failed, "cannot disable the terminal Failed=True condition"),
        (is_true(old, "Complete") && !complete, "cannot disable the terminal Complete=True condition"),
        (
            is_true(old, "FailureTarget") && !target,
            "cannot disable the terminal FailureTarget=True condition",
        ),
        (was_met && !met, "cannot disable the SuccessCriteriaMet=True condition"),
        (
            is_true(old, "Complete") && !was_met && met,
            "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions",
        ),
    ];
    let refused = rows.iter().filter(|(is, _)| *is);
    errors.extend(refused.map(|(_, why)| FieldError::invalid_unshown(path, *why)));
}

fn times(new: &Tree, old: &Tree, status: &At<'_>, errors: &mut Vec<FieldError>) {
    let (started, completed) = (status.child("startTime"), status.child("completionTime"));
    let (complete, finished) = (is_true(new, "Complete"), is_true(new, "Complete") || is_true(new, "Failed"));
    if completed.exists() && !complete {
        completed.invalid(errors, "cannot set completionTime when there is no Complete=True condition");
    }
    if complete && !completed.exists() {
        let why = "completionTime is required for Complete jobs";
        errors.push(FieldError::required(&completed.path, why));
    }
    if started.exists() && completed.exists() && completed.text() < started.text() {
        completed.invalid(errors, "must be equal to or after `startTime`");
    }
    if finished && !started.exists() {
        errors.push(FieldError::required(&started.path, "startTime is required for finished job"));
    }
    let before = old.str_at(&["status", "completionTime"]);
    if completed.exists() && before.is_some_and(|before| before != completed.text()) {
        completed.invalid(errors, crate::validate::IMMUTABLE);
    }
    let moved = old.str_at(&["status", "startTime"]).is_some_and(|before| before != started.text());
    if moved && new.bool_at(&["spec", "suspend"]) != Some(true) {
        let why = "startTime cannot be removed for unsuspended job";
        errors.push(FieldError::required(&started.path, why));
    }
}

fn counts(new: &Tree, old: &Tree, status: &At<'_>, errors: &mut Vec<FieldError>) {
    let finished = is_true(new, "Complete") || is_true(new, "Failed");
    for field in ["active", "terminating"].map(|field| status.child(field)) {
        if finished && field.number().unwrap_or(0) > 0 {
            let name = if field.path == status.path.child("active") { "active" } else { "terminating" };
            field.invalid(errors, format!("{name}>0 is invalid for finished job"));
        }
    }
    let uncounted = status.child("uncountedTerminatedPods");
    if finished && ["succeeded", "failed"].iter().any(|list| !uncounted.child(list).is_empty()) {
        uncounted.invalid(errors, "must be empty for finished job");
    }
    if status.child("ready").number() > status.child("active").number().or(Some(0)) {
        status.child("ready").invalid(errors, "cannot set more ready pods than active");
    }
    for field in ["failed", "succeeded"] {
        let (now, before) = (status.child(field), old.i64_at(&["status", field]).unwrap_or(0));
        let number = now.number().unwrap_or(0);
        if number < before {
            let why = format!("cannot decrease the {field} counter");
            errors.push(FieldError::invalid(&now.path, number, why));
        }
    }
    let spec = At::top(new, "spec");
    let (done, failed) = (status.child("completedIndexes"), status.child("failedIndexes"));
    if !done.is_empty() && spec.child("completionMode").text() != super::INDEXED {
        done.invalid(errors, "cannot set non-empty completedIndexes when non-indexed completion mode");
    }
    if failed.exists() && !spec.child("backoffLimitPerIndex").exists() {
        failed.invalid(errors, "cannot set non-null failedIndexes when backoffLimitPerIndex is null");
    }
    let Some(completions) = spec.child("completions").number() else { return };
    let parsed = [(&done, "completedIndexes"), (&failed, "failedIndexes")].map(|(at, name)| {
        indexes(at.text(), completions).unwrap_or_else(|why| {
            at.invalid(errors, format!("error parsing {name}: {why}"));
            Vec::new()
        })
    });
    let overlap = parsed[0].iter().find_map(|done| {
        let mut failed = parsed[1].iter();
        failed.find(|failed| done.0 <= failed.1 && failed.0 <= done.1).map(|failed| done.0.max(failed.0))
    });
    if let Some(index) = overlap {
        failed.invalid(errors, format!("failedIndexes and completedIndexes overlap at index: {index}"));
    }
}
