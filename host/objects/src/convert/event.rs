//! core/v1 and events.k8s.io/v1 Events, which share a place in the store and differ in the names of fields alone.

use crate::tree::{Key, Object, Tree};

/// (core/v1, events.k8s.io/v1)
const FIELDS: &[(&str, &str)] = &[
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

pub(super) fn core_to_events(event: Tree) -> Tree {
    rename(event, |name| FIELDS.iter().find(|(core, _)| *core == name).map(|(_, events)| *events))
}

pub(super) fn events_to_core(event: Tree) -> Tree {
    rename(event, |name| FIELDS.iter().find(|(_, events)| *events == name).map(|(core, _)| *core))
}

fn rename(event: Tree, new_name: impl Fn(&str) -> Option<&'static str>) -> Tree {
    match event {
        Tree::Object(fields) => {
            let renamed = |(key, value): (Key, Tree)| (new_name(key.as_str()).map_or(key, Key::from), value);
            Tree::Object(fields.into_iter().map(renamed).collect::<Object>())
        }
        other => other,
    }
}
