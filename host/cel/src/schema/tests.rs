//! Values of schemas, and the spelling of field names.

use expect_test::{Expect, expect};
use objects::{Tree, tree};
use proptest::prelude::*;

use super::{escape, structural, unescape};
use crate::{Activation, Budget, Declarations, Value, compile};

/// The result of each expression on an object of a schema.
fn check(schema: &Tree, object: &Tree, expressions: &[&str], expected: Expect) {
    let schema = structural(schema, true).unwrap();
    let declarations = Declarations::new().schema("self", &schema);
    let activation = Activation::new().with("self", Value::from_tree(object, Some(&schema)).unwrap());
    let show = |source: &&str| {
        let program = compile(source, &declarations).unwrap_or_else(|errors| panic!("{errors}"));
        let result = match program.evaluate(&activation, &mut Budget::default()) {
            Ok(value) => format!("{value:?}"),
            Err(error) => format!("failed: {error}"),
        };
        format!("{source} = {result}\n")
    };
    expected.assert_eq(&expressions.iter().map(show).collect::<String>());
}

#[test]
fn values_are_what_their_schema_says() {
    let text = |format: &str| tree!({ "type": "string", "format": (format) });
    let schema = tree!({
        "type": "object",
        "properties": {
            "when": (text("date-time")),
            "day": (text("date")),
            "wait": (text("duration")),
            "blob": (text("byte")),
            "ratio": { "type": "number" },
            "port": { "x-kubernetes-int-or-string": true },
            "foo-bar": { "type": "string" },
            "gone": { "type": "string", "nullable": true },
            "list": { "type": "array", "items": { "type": "integer" } }
        }
    });
    let object = tree!({
        "when": "2020-01-01T00:00:00Z", "day": "2020-01-02", "wait": "1h", "blob": "aGk=", "ratio": 1,
        "port": "80%", "foo-bar": "x", "gone": null, "list": [1, 2]
    });
    check(
        &schema,
        &object,
        &[
            "self.when < self.day",
            "self.wait",
            "self.blob",
            "self.ratio",
            "type(self.port) == string",
            "self.foo__dash__bar",
            "has(self.gone)",
            "self.gone",
            "self.list[5]",
            "self.list[1]",
            "has(self.metadata)",
            "self.?metadata.?name.orValue('none')",
        ],
        expect![[r#"
            self.when < self.day = true
            self.wait = duration("3600s")
            self.blob = b"hi"
            self.ratio = 1.0
            type(self.port) == string = true
            self.foo__dash__bar = "x"
            has(self.gone) = false
            self.gone = failed: no such key: gone
            self.list[5] = failed: index out of bounds: 5
            self.list[1] = 2
            has(self.metadata) = false
            self.?metadata.?name.orValue('none') = "none"
        "#]],
    );
}

#[test]
fn what_does_not_fit_its_schema_is_an_error_where_it_is_looked_at() {
    let schema = tree!({
        "type": "object",
        "properties": {
            "n": { "type": "integer" },
            "t": { "type": "string", "format": "date-time" },
            "l": { "type": "array", "items": { "type": "string" } }
        }
    });
    let object = tree!({ "n": "x", "t": "yesterday", "l": [null] });
    check(
        &schema,
        &object,
        &["has(self.n)", "self.n", "self.t", "self.n == 1 || true", "self.l[0]"],
        expect![[r#"
            has(self.n) = failed: invalid data, expected int, got string
            self.n = failed: invalid data, expected int, got string
            self.t = failed: Invalid date-time formatted string yesterday
            self.n == 1 || true = true
            self.l[0] = failed: invalid data, got null for schema with nullable=false
        "#]],
    );
}

#[test]
fn sets_and_maps_are_compared_without_order_and_added_by_key() {
    let list = |kind: &str| {
        tree!({
            "type": "array", "x-kubernetes-list-type": (kind), "x-kubernetes-list-map-keys": ["k"],
            "items": { "type": "object", "properties": { "k": { "type": "string" }, "v": { "type": "integer" } } }
        })
    };
    let set = tree!({ "type": "array", "x-kubernetes-list-type": "set", "items": { "type": "string" } });
    let atomic = tree!({ "type": "array", "items": { "type": "string" } });
    let schema = tree!({
        "type": "object",
        "properties": {
            "set": (set.clone()), "set2": (set), "map": (list("map")), "map2": (list("map")),
            "list": (atomic.clone()), "list2": (atomic)
        }
    });
    let object = tree!({
        "set": ["a", "b"], "set2": ["b", "a"], "list": ["a", "b"], "list2": ["b", "a"],
        "map": [{ "k": "x", "v": 1 }, { "k": "y", "v": 2 }],
        "map2": [{ "k": "y", "v": 3 }, { "k": "z", "v": 4 }]
    });
    check(
        &schema,
        &object,
        &[
            "self.set == self.set2",
            "self.set != ['a', 'c']",
            "self.set + ['b', 'c']",
            "self.list == self.list2",
            "self.list + self.list2",
            "dyn(self.map) == dyn(self.map2)",
            "self.map == [self.map[1], self.map[0]]",
            "dyn(self.map) + dyn(self.map2)",
            "(self.map + []).size()",
        ],
        expect![[r#"
            self.set == self.set2 = true
            self.set != ['a', 'c'] = true
            self.set + ['b', 'c'] = ["a", "b", "c"]
            self.list == self.list2 = false
            self.list + self.list2 = ["a", "b", "b", "a"]
            dyn(self.map) == dyn(self.map2) = false
            self.map == [self.map[1], self.map[0]] = true
            dyn(self.map) + dyn(self.map2) = [{"k": "x", "v": 1}, {"k": "y", "v": 3}, {"k": "z", "v": 4}]
            (self.map + []).size() = 2
        "#]],
    );
}

#[test]
fn large_objects_are_searched_by_name() {
    let mut map = Tree::object();
    for index in 0..5_000 {
        map.insert(format!("key{index}"), index);
    }
    let schema = tree!({ "type": "object", "additionalProperties": { "type": "integer" } });
    let schema = tree!({ "type": "object", "properties": { "map": (schema) } });
    let object = tree!({ "map": (map) });
    check(
        &schema,
        &object,
        &["self.map.all(k, self.map[k] >= 0)", "self.map.key77", "'key4999' in self.map", "self.map['x']"],
        expect![[r#"
            self.map.all(k, self.map[k] >= 0) = true
            self.map.key77 = 77
            'key4999' in self.map = true
            self.map['x'] = failed: no such key: x
        "#]],
    );
}

#[test]
fn names_are_spelled_as_identifiers() {
    let cases = [
        ("a", Some("a")),
        ("a-b.c/d", Some("a__dash__b__dot__c__slash__d")),
        ("a__b", Some("a__underscores__b")),
        ("namespace", Some("__namespace__")),
        ("namespaces", Some("namespaces")),
        ("1a", None),
        ("a b", None),
        ("", None),
    ];
    for (name, identifier) in cases {
        assert_eq!(escape(name).as_deref(), identifier);
        if let Some(identifier) = identifier {
            assert_eq!(unescape(identifier).as_deref(), Some(name));
        }
    }
    assert_eq!(unescape("a__nothing__b"), None);
}

proptest! {
    #[test]
    fn what_is_spelled_reads_back(name in "[a-zA-Z_./-]{1,12}") {
        if let Some(identifier) = escape(&name) {
            // An underscore beside a spelling cannot be told from its own.
            prop_assume!(!name.contains('_'));
            prop_assert_eq!(unescape(&identifier), Some(name));
        }
    }
}
