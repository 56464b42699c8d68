//! Jobs: what they select is made of their uid, and little of them may change once they run.

mod policy;
mod status;

use super::template::{self, not_negative};
use crate::meta;
use crate::selector::label::LabelSelector;
use crate::tree::Tree;
use crate::validate::formats::{domain_prefixed_path, is_dns_label};
use crate::validate::{At, FieldError, immutable, selector};

pub(super) use status::validate as validate_status;

const INDEXED: &str = "Indexed";
const MODES: &[&str] = &["NonIndexed", INDEXED];
const UID: &str = "batch.kubernetes.io/controller-uid";
const NAME: &str = "batch.kubernetes.io/job-name";
const LEGACY_UID: &str = "controller-uid";
const LEGACY_NAME: &str = "job-name";
const MANAGER_MAX: usize = 63;

/// How many pods of an indexed Job may run at once, and how many of its indexes fail: both are listed in its status.
const INDEXES_MAX: i64 = 100_000;
/// The same, of a Job of more completions than that which counts the failures of each index.
const MANY_INDEXES_MAX: i64 = 10_000;

pub(super) fn defaults(job: &mut Tree) {
    let is_set = |job: &Tree, field: &str| job.at(&["spec", field]).is_some();
    let default = |job: &mut Tree, field: &str, value: Tree| {
        if !is_set(job, field) {
            job.set_at(&["spec", field], value);
        }
    };
    if !is_set(job, "parallelism") {
        default(job, "completions", Tree::Int(1));
    }
    default(job, "parallelism", Tree::Int(1));
    let backoff = if is_set(job, "backoffLimitPerIndex") { i64::from(i32::MAX) } else { 6 };
    default(job, "backoffLimit", Tree::Int(backoff));
    default(job, "completionMode", Tree::from("NonIndexed"));
    default(job, "suspend", Tree::Bool(false));
    let replacement = if is_set(job, "podFailurePolicy") { "Failed" } else { "TerminatingOrFailed" };
    default(job, "podReplacementPolicy", Tree::from(replacement));
    default(job, "manualSelector", Tree::Bool(false));
    template::label_as_template(job);
}

/// Labels the template and selects those labels, unless the client selects by hand.
pub(super) fn create(job: &mut Tree) {
    if job.bool_at(&["spec", "manualSelector"]) == Some(true) {
        return;
    }
    let (uid, name) = (meta::uid(job).to_owned(), meta::name(job).to_owned());
    let labels = [(NAME, &name), (LEGACY_NAME, &name), (UID, &uid), (LEGACY_UID, &uid)];
    let label = |job: &mut Tree, path: &[&str], value: &str| {
        if job.at(path).is_none() {
            job.set_at(path, value);
        }
    };
    for (key, value) in labels {
        label(job, &["spec", "template", "metadata", "labels", key], value);
    }
    label(job, &["spec", "selector", "matchLabels", UID], &uid);
    template::label_as_template(job);
}

pub(super) fn validate(job: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(job, "spec");
    generated(job, &spec, errors);
    specification(&spec, errors);
    let (wanted, template) = (spec.child("selector"), spec.child("template"));
    if wanted.exists() {
        selector::label_selector(&wanted, errors);
    } else {
        errors.push(FieldError::required(&wanted.path, ""));
    }
    template::is_selected(&wanted, &template, errors);
    let completions = spec.child("completions").number().unwrap_or(0);
    if spec.child("completionMode").text() == INDEXED && completions > 0 {
        let host = format!("{}-{}", meta::name(job), completions - 1);
        if !is_dns_label(&host) {
            let why = format!("will not able to create pod with invalid DNS label: {host}");
            At::top(job, "metadata").child("name").invalid(errors, why);
        }
    }
}

/// The labels and the selector that [`create`] made.
fn generated(job: &Tree, spec: &At<'_>, errors: &mut Vec<FieldError>) {
    if spec.child("manualSelector").is_true() || !spec.child("selector").exists() {
        return;
    }
    let (uid, name) = (meta::uid(job), meta::name(job));
    if uid.is_empty() {
        errors.push(FieldError::required(&At::top(job, "metadata").path.child("uid"), ""));
    }
    let labels = spec.children(&["template", "metadata", "labels"]);
    let expected = [(LEGACY_UID, uid), (LEGACY_NAME, name), (UID, uid), (NAME, name)];
    for (key, expected) in expected {
        let (path, why) = (labels.path.key(key), format!("must be '{expected}'"));
        match labels.tree.get(key).and_then(Tree::as_str) {
            None => errors.push(FieldError::required(&path, why)),
            Some(actual) if actual != expected => {
                errors.push(FieldError::invalid(&path, labels.tree.clone(), why));
            }
            Some(_) => {}
        }
    }
    let selector = spec.child("selector");
    let selects = |selector: LabelSelector| {
        selector.matches(|key| expected.iter().find(|(label, _)| *label == key).map(|(_, value)| *value))
    };
    if LabelSelector::from_object(selector.tree).is_ok_and(|selector| !selects(selector)) {
        selector.invalid(errors, "`selector` not auto-generated");
    }
}

/// A JobSpec but for its selector, of a Job or in the template of a CronJob.
pub(super) fn specification(spec: &At<'_>, errors: &mut Vec<FieldError>) {
    let counts = [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ];
    not_negative(spec, &counts, errors);
    let (per_index, failed) = (spec.child("backoffLimitPerIndex"), spec.child("maxFailedIndexes"));
    if failed.exists() && !per_index.exists() {
        errors.push(FieldError::required(&per_index.path, "when maxFailedIndexes is specified"));
    }
    let manager = spec.child("managedBy");
    if manager.exists() {
        errors.extend(domain_prefixed_path(&manager.path, manager.text()));
        if manager.text().len() > MANAGER_MAX {
            errors.push(FieldError::too_long(&manager.path, MANAGER_MAX));
        }
    }
    spec.child("completionMode").if_set_one_of(errors, MODES);
    if spec.child("completionMode").text() == INDEXED {
        indexed(spec, errors);
    } else {
        for field in [&per_index, &failed].into_iter().filter(|field| field.exists()) {
            field.invalid(errors, "requires indexed completion mode");
        }
    }
    policy::validate(spec, errors);
    let template = spec.child("template");
    template::validate(&template, errors);
    let restart = template.children(&["spec", "restartPolicy"]);
    match restart.text() {
        "" | "Always" => {
            errors.push(FieldError::required(&restart.path, "valid values: \"OnFailure\", \"Never\""));
        }
        "OnFailure" if spec.child("podFailurePolicy").exists() => {
            restart.invalid(errors, "only \"Never\" is supported when podFailurePolicy is specified");
        }
        _ => restart.one_of(errors, &["OnFailure", "Never"]),
    }
}

fn indexed(spec: &At<'_>, errors: &mut Vec<FieldError>) {
    let [completions, parallelism, failed] =
        ["completions", "parallelism", "maxFailedIndexes"].map(|field| spec.child(field));
    let exceeds = |at: &At<'_>, most: i64| at.number().is_some_and(|number| number > most);
    if !completions.exists() {
        errors.push(FieldError::required(&completions.path, "when completion mode is Indexed"));
    }
    if exceeds(&parallelism, INDEXES_MAX) {
        let why = format!("must be less than or equal to {INDEXES_MAX} when completion mode is Indexed");
        parallelism.invalid(errors, why);
    }
    if completions.number().is_some_and(|completions| exceeds(&failed, completions)) {
        failed.invalid(errors, "must be less than or equal to completions");
    }
    if exceeds(&failed, INDEXES_MAX) {
        failed.invalid(errors, format!("must be less than or equal to {INDEXES_MAX}"));
    }
    if exceeds(&completions, INDEXES_MAX) && spec.child("backoffLimitPerIndex").exists() {
        if !failed.exists() {
            let why = format!("must be specified when completions is above {INDEXES_MAX}");
            errors.push(FieldError::required(&failed.path, why));
        }
        for field in [&parallelism, &failed].into_iter().filter(|field| exceeds(field, MANY_INDEXES_MAX)) {
            let why = format!(
                "must be less than or equal to {MANY_INDEXES_MAX} when completions are above {INDEXES_MAX} and used with backoff limit per index"
            );
            field.invalid(errors, why);
        }
    }
}

pub(super) fn validate_update(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(new, "spec");
    let completions = spec.child("completions");
    if spec.child("completionMode").text() != INDEXED {
        errors.extend(immutable(new, old, &["spec", "completions"]));
    } else if completions.tree != At::top(old, "spec").child("completions").tree
        && completions.number() != spec.child("parallelism").number()
    {
        completions.invalid(errors, "can only be modified in tandem with spec.parallelism");
    }
    errors.extend(immutable(new, old, &["spec", "selector"]));
    template_stays(new, old, errors);
    for field in ["completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"]
    {
        errors.extend(immutable(new, old, &["spec", field]));
    }
}

/// Of the template of a Job that is suspended and runs nothing, where its pods go and what they ask for may change.
fn template_stays(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    const TEMPLATE: [&str; 2] = ["spec", "template"];
    let suspended = old.bool_at(&["spec", "suspend"]) == Some(true);
    let stands = old.at(&["status", "startTime"]).is_none() || status::is_true(old, "Suspended");
    let mut was = old.clone();
    let mut path = TEMPLATE.to_vec();
    if suspended && stands {
        let fields: [&[&str]; 6] = [
            &["metadata", "labels"],
            &["metadata", "annotations"],
            &["spec", "nodeSelector"],
            &["spec", "tolerations"],
            &["spec", "schedulingGates"],
            &["spec", "affinity", "nodeAffinity"],
        ];
        for field in fields {
            let path = [&TEMPLATE, field].concat();
            match new.at(&path) {
                Some(value) => was.set_at(&path, value.clone()),
                None => drop(was.remove_at(&path)),
            }
        }
        let affinity = ["spec", "template", "spec", "affinity"];
        if new.at(&affinity).is_none() && was.at(&affinity).is_some_and(Tree::is_empty_value) {
            was.remove_at(&affinity);
        }
        allow_amounts(new, &mut was);
        path.push("spec");
    }
    let (after, before) = (new.at(&path), was.at(&path));
    if after != before {
        let shown = after.cloned().unwrap_or_default();
        let path = At::top(new, "spec").path.children(&path[1..]);
        errors.push(FieldError::invalid(&path, shown, crate::validate::IMMUTABLE));
    }
}

fn allow_amounts(new: &Tree, was: &mut Tree) {
    for list in ["containers", "initContainers"] {
        let path = ["spec", "template", "spec", list];
        let wanted = new.items_at(&path);
        let containers = was.at_mut(&path).and_then(Tree::as_array_mut).into_iter().flatten();
        for (container, wanted) in
            containers.zip(wanted).filter(|(old, new)| old.get("name") == new.get("name"))
        {
            match wanted.get("resources") {
                Some(resources) => drop(container.insert("resources", resources.clone())),
                None => drop(container.remove("resources")),
            }
        }
    }
}
