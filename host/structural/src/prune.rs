//! Pruning: fields that the schema does not know are removed, and told.

use objects::Tree;

use crate::schema::{Additional, Schema};
use crate::trail::Trail;

/// The fields of an embedded object that need no schema.
pub(crate) const META_FIELDS: [&str; 3] = ["apiVersion", "kind", "metadata"];
/// How many unknown fields are told.
const MAX_REPORTS: usize = 100;

/// What a value is to its schema: the object of a resource has apiVersion, kind and metadata, whatever the schema
/// says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Root,
    Within,
}

impl Place {
    pub(crate) fn is_embedded(self, schema: Option<&Schema>) -> bool {
        self == Self::Root || schema.is_some_and(|schema| schema.embedded_resource)
    }
}

/// Removes the fields that the schema does not have; gives their paths, sorted: `spec.foo`, `spec.list[1].bar`.
pub fn prune(tree: &mut Tree, schema: Option<&Schema>, place: Place) -> Vec<String> {
    let mut pruner = Pruner { trail: Trail::default(), unknown: Vec::new() };
    pruner.value(tree, schema, place.is_embedded(schema));
    pruner.unknown.sort();
    pruner.unknown
}

struct Pruner {
    trail: Trail,
    unknown: Vec<String>,
}

impl Pruner {
    fn within(&mut self, tree: &mut Tree, schema: Option<&Schema>) {
        self.value(tree, schema, Place::Within.is_embedded(schema));
    }

    fn value(&mut self, tree: &mut Tree, schema: Option<&Schema>, embedded: bool) {
        match tree {
            Tree::Object(fields) => {
                fields.retain(|name, value| {
                    if embedded && META_FIELDS.contains(&name) {
                        return true;
                    }
                    let known = match schema.map(|schema| (schema.property(name), &schema.additional)) {
                        Some((Some(property), _)) => Some(Some(property)),
                        Some((None, Additional::Unstated)) | None => None,
                        Some((None, additional)) => Some(additional.schema()),
                    };
                    let mark = self.trail.child(name);
                    match known {
                        Some(below) => self.within(value, below.map(AsRef::as_ref)),
                        None if preserves(schema) => {}
                        None => self.report(name),
                    }
                    self.trail.back(mark);
                    known.is_some() || preserves(schema)
                });
            }
            Tree::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    let mark = self.trail.subscript(index);
                    match schema {
                        Some(schema) if schema.preserve_unknown_fields => {
                            self.preserved_item(item, schema.items.as_deref());
                        }
                        _ => self.within(item, schema.and_then(|schema| schema.items.as_deref())),
                    }
                    self.trail.back(mark);
                }
            }
            _ => {}
        }
    }

    /// An item of a list whose unknown fields stay: its own do so too.
    fn preserved_item(&mut self, item: &mut Tree, schema: Option<&Schema>) {
        let Some(schema) = schema else { return };
        let fields = match item {
            Tree::Object(fields) => fields,
            Tree::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    let mark = self.trail.subscript(index);
                    self.preserved_item(item, schema.items.as_deref());
                    self.trail.back(mark);
                }
                return;
            }
            _ => return,
        };
        for (name, value) in fields.iter_mut() {
            let below = match (schema.property(name), &schema.additional) {
                (Some(property), _) => Some(property),
                (None, additional) => additional.schema(),
            };
            let skipped = schema.embedded_resource && META_FIELDS.contains(&name);
            if skipped || below.is_none() && !schema.additional.is_stated() {
                continue;
            }
            let mark = self.trail.child(name);
            self.within(value, below.map(AsRef::as_ref));
            self.trail.back(mark);
        }
    }

    /// Fields that every object has are not told at the root.
    fn report(&mut self, name: &str) {
        let at_root = self.trail.as_str() == name;
        if self.unknown.len() < MAX_REPORTS && !(at_root && META_FIELDS.contains(&name)) {
            self.unknown.push(self.trail.as_str().to_owned());
        }
    }
}

fn preserves(schema: Option<&Schema>) -> bool {
    schema.is_some_and(|schema| schema.preserve_unknown_fields)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use objects::Tree;

    use super::{Place, prune};
    use crate::schema::Schema;

    fn check(schema: &str, object: &str, expected: Expect) {
        let parse = |json: &str| Tree::from_json(json.as_bytes()).unwrap();
        let (schema, mut object) = (Schema::parse(&parse(schema)).unwrap(), parse(object));
        let unknown = prune(&mut object, Some(&schema), Place::Root);
        expected.assert_eq(&format!("{object} {}", unknown.join(" ")));
    }

    #[test]
    fn unknown_fields_go_and_are_told() {
        check(
            r#"{"type":"object","properties":{"spec":{"type":"object","properties":{
                "list":{"type":"array","items":{"type":"object","properties":{"a":{"type":"string"}}}},
                "map":{"type":"object","additionalProperties":{"type":"object","properties":{"a":{}}}}}}}}"#,
            r#"{"apiVersion":"a/v1","kind":"K","metadata":{"x":1},"status":{},"spec":{"foo":1,"list":[{"a":"1"},{"a":"2","b":{"c":1}}],"map":{"k":{"a":1,"b":2}}}}"#,
            expect![[
                r#"{"apiVersion":"a/v1","kind":"K","metadata":{"x":1},"spec":{"list":[{"a":"1"},{"a":"2"}],"map":{"k":{"a":1}}}} spec.foo spec.list[1].b spec.map.k.b status"#
            ]],
        );
    }

    #[test]
    fn unknown_fields_are_preserved_until_a_schema_states_more() {
        check(
            r#"{"x-kubernetes-preserve-unknown-fields":true,"properties":{"spec":{"type":"object","properties":{"a":{}}},
                "list":{"type":"array","x-kubernetes-preserve-unknown-fields":true,"items":{"type":"object","properties":{"a":{"type":"object"}}}}}}"#,
            r#"{"other":{"x":1},"spec":{"a":1,"b":2},"list":[{"a":{"x":1},"b":1}]}"#,
            expect![[r#"{"other":{"x":1},"spec":{"a":1},"list":[{"a":{},"b":1}]} list[0].a.x spec.b"#]],
        );
    }

    #[test]
    fn an_embedded_resource_keeps_its_type_and_metadata() {
        check(
            r#"{"type":"object","properties":{"spec":{"type":"object","x-kubernetes-embedded-resource":true,
                "properties":{"spec":{"type":"object"}}}}}"#,
            r#"{"spec":{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"b":1},"status":{}}}"#,
            expect![[
                r#"{"spec":{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{}}} spec.spec.b spec.status"#
            ]],
        );
    }

    #[test]
    fn without_a_schema_nothing_but_metadata_stays() {
        let mut object = objects::tree!({ "kind": "K", "spec": { "a": 1 } });
        assert_eq!(prune(&mut object, None, Place::Root), ["spec"]);
        assert_eq!(object.to_json_string(), r#"{"kind":"K"}"#);
    }
}
