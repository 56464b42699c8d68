//! Versions that share a place in the store: core/v1 and events.k8s.io/v1 Events, which differ in the names of fields
//! alone, and the versions of custom resources that have no webhook to convert them.

use objects::{Object, Tree, meta};

use crate::registry::Served;
use crate::strategy;

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
pub(crate) fn convert(tree: Tree, from: &Served, to: &Served) -> Tree {
    if from.group == to.group && from.version == to.version {
        return tree;
    }
    let mut tree = match (from.group.as_ref(), to.group.as_ref()) {
        ("", EVENTS_GROUP) => rename(tree, |name| other(name, |(core, event)| (core, event))),
        (EVENTS_GROUP, "") => rename(tree, |name| other(name, |(core, event)| (event, core))),
        _ => tree,
    };
    meta::set_gvk(&mut tree, &to.gvk());
    strategy::of(to).refresh(&mut tree);
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
    use std::sync::Arc;

    use expect_test::expect;
    use objects::resource::by_kind;
    use objects::tree;

    use super::{Served, convert};

    #[test]
    fn an_event_is_the_same_in_both_versions() {
        let row = |group| Served::builtin(Arc::clone(by_kind(group, "v1", "Event").unwrap()));
        let (core, events) = (&row(""), &row("events.k8s.io"));
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
