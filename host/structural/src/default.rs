//! Defaults: what a schema fills in, and which nulls it takes for nothing.

use objects::Tree;

use crate::schema::Schema;

/// Fills in the defaults of the schema. A null that is not nullable counts as missing.
pub fn default(tree: &mut Tree, schema: &Schema) {
    match tree {
        Tree::Object(fields) => {
            for (name, property) in &schema.properties {
                let Some(default) = &property.default else { continue };
                if fields.get(name.as_str()).is_none_or(|value| value.is_null() && !property.nullable) {
                    fields.insert(name.clone(), default.as_ref().clone());
                }
            }
            for (name, value) in fields.iter_mut() {
                match schema.property(name) {
                    Some(property) => default(value, property),
                    None => element(value, schema.additional.schema().map(AsRef::as_ref)),
                }
            }
        }
        Tree::Array(items) => {
            for item in items {
                element(item, schema.items.as_deref());
            }
        }
        _ => {}
    }
}

/// An item of a list, or a value of a map.
fn element(value: &mut Tree, schema: Option<&Schema>) {
    let Some(schema) = schema else { return };
    if value.is_null() && !schema.nullable {
        *value = schema.default.as_deref().cloned().unwrap_or_default();
    }
    default(value, schema);
}

/// Removes the nulls of fields that are neither nullable nor have a default.
pub fn prune_nulls(tree: &mut Tree, schema: &Schema) {
    match tree {
        Tree::Object(fields) => fields.retain(|name, value| {
            let Some(below) = schema.field(name) else { return true };
            if value.is_null() {
                return below.nullable || below.default.is_some();
            }
            prune_nulls(value, below);
            true
        }),
        Tree::Array(items) => {
            let Some(below) = &schema.items else { return };
            items.iter_mut().for_each(|item| prune_nulls(item, below));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use objects::Tree;

    use super::{default, prune_nulls};
    use crate::schema::Schema;

    fn check(object: &str, expected: Expect) {
        let parse = |json: &str| Tree::from_json(json.as_bytes()).unwrap();
        let schema = Schema::parse(&parse(
            r#"{"type":"object","properties":{"spec":{"type":"object","default":{},"properties":{
                "replicas":{"type":"integer","default":1},
                "nullable":{"type":"string","nullable":true,"default":"a"},
                "bare":{"type":"string"},"bareNullable":{"type":"string","nullable":true},
                "list":{"type":"array","items":{"type":"object","properties":{"port":{"type":"integer","default":80}}}},
                "map":{"type":"object","additionalProperties":{"type":"object","default":{},"properties":{"b":{"type":"boolean","default":true}}}}}}}}"#,
        ))
        .unwrap();
        let mut object = parse(object);
        prune_nulls(&mut object, &schema);
        default(&mut object, &schema);
        expected.assert_eq(&object.to_json_string());
    }

    #[test]
    fn what_is_missing_is_filled_in_level_by_level() {
        check("{}", expect![[r#"{"spec":{"nullable":"a","replicas":1}}"#]]);
        check(
            r#"{"spec":{"replicas":3,"nullable":"b","list":[{},{"port":1}],"map":{"x":{}}}}"#,
            expect![[
                r#"{"spec":{"replicas":3,"nullable":"b","list":[{"port":80},{"port":1}],"map":{"x":{"b":true}}}}"#
            ]],
        );
    }

    #[test]
    fn nulls_stay_where_they_are_allowed_and_give_way_to_defaults_where_not() {
        check(
            r#"{"spec":{"replicas":null,"nullable":null,"bare":null,"bareNullable":null,"map":{"x":null}}}"#,
            expect![[
                r#"{"spec":{"replicas":1,"nullable":null,"bareNullable":null,"map":{"x":{"b":true}}}}"#
            ]],
        );
    }
}
