//! Events, whose newer API is stricter than the old one.

use crate::meta;
use crate::resource::{GroupVersion, by_kind};
use crate::schema;
use crate::tree::Tree;
use crate::validate::{At, FieldError, Path, dns1123_subdomain, immutable, label_key};

const TEXT_MAX: usize = 128;
const NOTE_MAX: usize = 1024;

/// The names that fields have in an API, where the APIs differ.
struct Names {
    object: &'static str,
    controller: &'static str,
    note: &'static str,
}

const CORE: Names = Names { object: "involvedObject", controller: "reportingComponent", note: "message" };
const EVENTS: Names = Names { object: "regarding", controller: "reportingController", note: "note" };

/// Upstream shows these fields of the newer API by their old names.
const SHOWN: &[(&str, &str)] = &[
    ("regarding", "involvedObject"),
    ("note", "message"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
    ("deprecatedSource", "source"),
];

fn shown(field: &str) -> Path {
    Path::new(SHOWN.iter().find(|(name, _)| *name == field).map_or(field, |(_, shown)| shown))
}

pub(super) fn core(event: &Tree, errors: &mut Vec<FieldError>) {
    validate(event, &CORE, errors);
}

pub(super) fn events(event: &Tree, errors: &mut Vec<FieldError>) {
    validate(event, &EVENTS, errors);
}

fn validate(event: &Tree, names: &Names, errors: &mut Vec<FieldError>) {
    let object = At::top(event, names.object);
    let of_object = object.child("namespace").text();
    let path = shown(names.object).child("namespace");
    let namespace = meta::namespace(event);
    let is_new = event.str_at(&["eventTime"]).is_some();
    let agrees = match (of_object, is_new) {
        ("", false) => ["", "default"].contains(&namespace),
        ("", true) => ["default", "kube-system"].contains(&namespace),
        (of_object, false) => of_object == namespace,
        (_, true) => true,
    };
    if !agrees {
        errors.push(FieldError::invalid(&path, of_object, "does not match event.namespace"));
    }
    if is_new {
        reported(event, names, errors);
    }
    let (kind, version) = (object.child("kind").text(), object.child("apiVersion").text());
    let row = GroupVersion::parse(version).and_then(|of| by_kind(&of.group, &of.version, kind));
    match row.map(|row| row.is_namespaced()) {
        Some(true) if of_object.is_empty() => {
            errors.push(FieldError::required(&path, format!("required for kind {kind}")));
        }
        Some(false) if !of_object.is_empty() => {
            errors.push(FieldError::invalid(&path, of_object, format!("not allowed for kind {kind}")));
        }
        _ => {}
    }
    let refused = dns1123_subdomain(namespace);
    errors
        .extend(refused.into_iter().map(|why| FieldError::invalid(&Path::new("namespace"), namespace, why)));
}

fn reported(event: &Tree, names: &Names, errors: &mut Vec<FieldError>) {
    let controller = At::top(event, names.controller);
    controller.required(errors, "");
    let refused = label_key(controller.text());
    errors
        .extend(refused.into_iter().map(|why| FieldError::invalid(&controller.path, controller.text(), why)));
    for field in ["reportingInstance", "action", "reason"].map(|field| At::top(event, field)) {
        field.required(errors, "");
        no_longer(&field.path, field.text(), TEXT_MAX, errors);
    }
    no_longer(&shown(names.note), At::top(event, names.note).text(), NOTE_MAX, errors);
}

fn no_longer(path: &Path, text: &str, max: usize, errors: &mut Vec<FieldError>) {
    if text.len() > max {
        errors.push(FieldError::invalid(path, "", format!("can have at most {max} characters")));
    }
}

/// What only the newer API asks for.
pub(super) fn events_new(event: &Tree, errors: &mut Vec<FieldError>) {
    series(event, errors);
    let time = At::top(event, "eventTime");
    if !time.exists() {
        errors.push(FieldError::required(&time.path, ""));
    }
    let kind = At::top(event, "type");
    if !["Normal", "Warning"].contains(&kind.text()) {
        errors.push(FieldError::invalid(&kind.path, "", format!("has invalid value: {}", kind.text())));
    }
    for (field, _) in SHOWN.iter().filter(|(field, _)| field.starts_with("deprecated")) {
        if !At::top(event, field).is_empty() {
            errors.push(FieldError::invalid(&shown(field), "", "needs to be unset"));
        }
    }
}

fn series(event: &Tree, errors: &mut Vec<FieldError>) {
    let series = At::top(event, "series");
    if !series.exists() {
        return;
    }
    let (count, last) = (series.child("count"), series.child("lastObservedTime"));
    if count.number().unwrap_or(0) < 2 {
        errors.push(FieldError::invalid(&count.path, "", "should be at least 2"));
    }
    if !last.exists() {
        errors.push(FieldError::required(&last.path, ""));
    }
}

/// Only the series of an event goes on.
pub(super) fn events_update(new: &Tree, old: &Tree, errors: &mut Vec<FieldError>) {
    if new.get("series") != old.get("series") {
        series(new, errors);
    }
    let row = schema::by_name("events.v1.Event").expect("the schema has events");
    let fields = row.fields().iter().map(|field| field.name);
    for field in fields.filter(|field| !["kind", "apiVersion", "metadata", "series"].contains(field)) {
        errors.extend(immutable(new, old, &[field]).map(|error| FieldError { field: shown(field), ..error }));
    }
}
