//! Defaults: what a schema fills in, and which nulls it takes for nothing.

use objects::Tree;

use crate::schema::Schema;

/// How many values defaults may add to one object.
const MAX_VALUES: usize = 1_000_000;

/// Defaults of a schema that multiply with the items of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("defaults add more than {MAX_VALUES} values to the object")]
pub struct TooManyDefaults;

/// Fills in the defaults of the schema. A null that is not nullable counts as missing.
pub fn default(tree: &mut Tree, schema: &Schema) -> Result<(), TooManyDefaults> {
    Filler { left: MAX_VALUES }.value(tree, schema)
}

struct Filler {
    left: usize,
}

impl Filler {
    fn value(&mut self, tree: &mut Tree, schema: &Schema) -> Result<(), TooManyDefaults> {
        match tree {
            Tree::Object(fields) => {
                for (name, property) in &schema.properties {
                    let Some(default) = &property.default else { continue };
                    if fields.get(name.as_str()).is_none_or(|value| value.is_null() && !property.nullable) {
                        fields.insert(name.clone(), self.copy(default)?);
                    }
                }
                for (name, value) in fields.iter_mut() {
                    match schema.property(name) {
                        Some(property) => self.value(value, property)?,
                        None => self.element(value, schema.additional.schema().map(AsRef::as_ref))?,
                    }
                }
            }
            Tree::Array(items) => {
                for item in items {
                    self.element(item, schema.items.as_deref())?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// An item of a list, or a value of a map.
    fn element(&mut self, value: &mut Tree, schema: Option<&Schema>) -> Result<(), TooManyDefaults> {
        let Some(schema) = schema else { return Ok(()) };
        if value.is_null()
            && !schema.nullable
            && let Some(default) = &schema.default
        {
            *value = self.copy(default)?;
        }
        self.value(value, schema)
    }

    fn copy(&mut self, default: &Tree) -> Result<Tree, TooManyDefaults> {
        self.left = self.left.checked_sub(values(default)).ok_or(TooManyDefaults)?;
        Ok(default.clone())
    }
}

/// How many values a value is, itself included.
fn values(tree: &Tree) -> usize {
    let within: usize = match tree {
        Tree::Object(fields) => fields.values().map(values).sum(),
        Tree::Array(items) => items.iter().map(values).sum(),
        _ => 0,
    };
    within + 1
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

    use super::{TooManyDefaults, default, prune_nulls};
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
        default(&mut object, &schema).unwrap();
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

    #[test]
    fn defaults_do_not_multiply_without_end() {
        let large = Tree::Array(vec![Tree::Int(1); 10_000]);
        let item = objects::tree!({ "properties": { "a": { "default": large } } });
        let schema = Schema::parse(&objects::tree!({ "items": item })).unwrap();
        let many = |count: usize| Tree::Array(vec![Tree::object(); count]);
        assert_eq!(default(&mut many(99), &schema), Ok(()));
        assert_eq!(default(&mut many(101), &schema), Err(TooManyDefaults));
    }
}
