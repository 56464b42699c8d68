//! Events, of either API group: the fields of events.k8s.io are those of core under other names.

use jiff::Timestamp;

use super::{Column, NAME, Printer, int_at, name_cell, since, text, text_or, time_at, wide};
use crate::tree::Tree;

pub(super) const EVENT: Printer = Printer {
    columns: &[
        text("Last Seen", "When it happened the last time."),
        text("Type", "Normal or Warning."),
        text("Reason", "Why it happened, in one word."),
        text("Object", "What it happened to."),
        wide(text("Subobject", "The part of the object that it happened to.")),
        wide(text("Source", "Who reports it.")),
        text("Message", "What happened."),
        wide(text("First Seen", "When it happened the first time.")),
        wide(Column { kind: "integer", ..text("Count", "How often it happened.") }),
        wide(NAME),
    ],
    cells,
};

/// The first of several paths that has a text.
fn first<'a>(tree: &'a Tree, paths: &[&[&str]]) -> &'a str {
    paths.iter().map(|path| text_or(tree, path, "")).find(|text| !text.is_empty()).unwrap_or("")
}

fn first_time(tree: &Tree, paths: &[&[&str]]) -> Option<Timestamp> {
    paths.iter().find_map(|path| time_at(tree, path))
}

fn cells(event: &Tree, now: Timestamp) -> Vec<Tree> {
    let first_seen = first_time(event, &[&["firstTimestamp"], &["deprecatedFirstTimestamp"], &["eventTime"]]);
    let last_seen = first_time(
        event,
        &[&["series", "lastObservedTime"], &["lastTimestamp"], &["deprecatedLastTimestamp"]],
    );
    let count = [["series", "count"].as_slice(), &["count"], &["deprecatedCount"]]
        .iter()
        .map(|path| int_at(event, path))
        .find(|count| *count != 0);
    vec![
        since(last_seen.or(first_seen), now).into(),
        text_or(event, &["type"], "").into(),
        text_or(event, &["reason"], "").into(),
        object(event).into(),
        first(event, &[&["involvedObject", "fieldPath"], &["regarding", "fieldPath"]]).into(),
        source(event).into(),
        first(event, &[&["message"], &["note"]]).trim().into(),
        since(first_seen, now).into(),
        Tree::Int(count.unwrap_or(1)),
        name_cell(event),
    ]
}

/// `pod/web`
fn object(event: &Tree) -> String {
    let kind = first(event, &[&["involvedObject", "kind"], &["regarding", "kind"]]).to_lowercase();
    match first(event, &[&["involvedObject", "name"], &["regarding", "name"]]) {
        "" => kind,
        name => format!("{kind}/{name}"),
    }
}

/// `kubelet, node-1`
fn source(event: &Tree) -> String {
    let component = first(
        event,
        &[
            &["source", "component"],
            &["deprecatedSource", "component"],
            &["reportingComponent"],
            &["reportingController"],
        ],
    );
    match first(event, &[&["source", "host"], &["deprecatedSource", "host"], &["reportingInstance"]]) {
        "" => component.to_owned(),
        host => format!("{component}, {host}"),
    }
}
