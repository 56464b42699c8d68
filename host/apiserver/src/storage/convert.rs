//! The one pair of versions that shares a place in the store: core/v1 and events.k8s.io/v1 Events, which differ in the
//! names of fields alone.

use objects::resource::Resource;
use objects::{Object, Tree, meta};

const EVENTS_GROUP: &str = "events.k8s.io";

/// (core/v1, events.k8s.io/v1)
const EVENT_FIELDS: &[(&str, &str)] = &[
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

/// An object of the version `from` as one of the version `to` of the same resource.
pub(crate) fn convert(tree: Tree, from: &Resource, to: &Resource) -> Tree {
    if from.group == to.group && from.version == to.version {
        return tree;
    }
    let mut tree = match (from.group.as_ref(), to.group.as_ref()) {
        ("", EVENTS_GROUP) => rename(tree, |name| other(name, |(core, event)| (core, event))),
        (EVENTS_GROUP, "") => rename(tree, |name| other(name, |(core, event)| (event, core))),
        _ => tree,
    };
    meta::set_gvk(&mut tree, &to.gvk());
    tree
}

fn other(name: &str, order: impl Fn((&'static str, &'static str)) -> (&'static str, &'static str)) -> &str {
    EVENT_FIELDS.iter().map(|pair| order(*pair)).find(|(from, _)| *from == name).map_or(name, |(_, to)| to)
}

fn rename(tree: Tree, name: impl Fn(&str) -> &str) -> Tree {
    match tree {
        Tree::Object(fields) => {
            let renamed =
                |(key, value): (objects::Key, Tree)| (objects::Key::from(name(key.as_str())), value);
            Tree::Object(fields.into_iter().map(renamed).collect::<Object>())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use objects::resource::by_kind;
    use objects::tree;

    use super::convert;

    #[test]
    fn an_event_is_the_same_in_both_versions() {
        let core = by_kind("", "v1", "Event").unwrap();
        let events = by_kind("events.k8s.io", "v1", "Event").unwrap();
        let event =
            tree!({ "kind": "Event", "apiVersion": "v1", "involvedObject": { "name": "a" }, "count": 2 });
        let converted = convert(event.clone(), core, events);
        expect![[
            r#"{"kind":"Event","apiVersion":"events.k8s.io/v1","regarding":{"name":"a"},"deprecatedCount":2}"#
        ]]
        .assert_eq(&converted.to_json_string());
        assert_eq!(convert(converted, events, core), event);
    }
}
