//! Lists that are sets or maps: no item twice.

use std::collections::HashMap;

use objects::validate::FieldError;
use objects::{Object, Tree};

use crate::schema::{ListType, Schema};
use crate::trail::Trail;

/// Refuses items of sets, and keys of associative lists, that occur twice.
pub fn validate_lists(tree: &Tree, schema: &Schema) -> Vec<FieldError> {
    let mut errors = Vec::new();
    value(tree, schema, &mut Trail::default(), &mut errors);
    errors
}

fn value(tree: &Tree, schema: &Schema, trail: &mut Trail, errors: &mut Vec<FieldError>) {
    match tree {
        Tree::Object(fields) => {
            for (name, field) in fields.iter() {
                if let Some(below) = schema.additional.schema() {
                    let mark = trail.subscript(name);
                    value(field, below, trail, errors);
                    trail.back(mark);
                }
                if let Some(property) = schema.property(name) {
                    let mark = trail.child(name);
                    value(field, property, trail, errors);
                    trail.back(mark);
                }
            }
        }
        Tree::Array(list) => {
            items(list, schema, trail, errors);
            let Some(below) = &schema.items else { return };
            for (index, item) in list.iter().enumerate() {
                let mark = trail.subscript(index);
                value(item, below, trail, errors);
                trail.back(mark);
            }
        }
        _ => {}
    }
}

fn items(list: &[Tree], schema: &Schema, trail: &mut Trail, errors: &mut Vec<FieldError>) {
    let keys: Vec<Tree> = match &schema.list {
        ListType::Set => {
            let at = duplicates(list)
                .map(|index| FieldError::duplicate(&trail.path_at(index), list[index].clone()));
            return errors.extend(at);
        }
        ListType::Map(_) => {
            let other = |item: &Tree| !matches!(item, Tree::Object(_) | Tree::Null);
            if let Some(index) = list.iter().position(other) {
                let message = "must be an object for an array of list-type map";
                return errors.push(FieldError::invalid(&trail.path_at(index), list[index].clone(), message));
            }
            list.iter().map(|item| key(item, schema)).collect()
        }
        ListType::Unstated | ListType::Atomic => return,
    };
    errors.extend(
        duplicates(&keys).map(|index| FieldError::duplicate(&trail.path_at(index), keys[index].clone())),
    );
}

/// The key fields of an item, as far as it has them.
fn key(item: &Tree, schema: &Schema) -> Tree {
    let of = |name: &str| Some((name.into(), item.get(name)?.clone()));
    Tree::Object(schema.list_keys().iter().filter_map(|name| of(name)).collect::<Object>())
}

/// The second of each group of equal items.
pub(crate) fn duplicates(items: &[Tree]) -> impl Iterator<Item = usize> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut found = Vec::new();
    if items.len() > 1 {
        for (index, item) in items.iter().enumerate() {
            let times = seen.entry(canonical(item)).or_default();
            *times += 1;
            if *times == 2 {
                found.push(index);
            }
        }
    }
    found.into_iter()
}

/// The value as JSON with sorted keys: equal values have equal texts.
pub(crate) fn canonical(tree: &Tree) -> String {
    fn sort(tree: &mut Tree) {
        match tree {
            Tree::Object(fields) => {
                fields.sort_keys();
                fields.values_mut().for_each(sort);
            }
            Tree::Array(items) => items.iter_mut().for_each(sort),
            _ => {}
        }
    }
    if !matches!(tree, Tree::Object(_) | Tree::Array(_)) {
        return tree.to_json_string();
    }
    let mut tree = tree.clone();
    sort(&mut tree);
    tree.to_json_string()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use objects::Tree;

    use super::validate_lists;
    use crate::schema::Schema;

    fn check(object: &str, expected: Expect) {
        let parse = |json: &str| Tree::from_json(json.as_bytes()).unwrap();
        let schema = Schema::parse(&parse(
            r#"{"properties":{"set":{"type":"array","x-kubernetes-list-type":"set","items":{}},
                "map":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["port","protocol"],"items":{"type":"object"}},
                "named":{"additionalProperties":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name"],"items":{}}}}}"#,
        ))
        .unwrap();
        let errors = validate_lists(&parse(object), &schema);
        expected.assert_eq(&errors.iter().map(|error| format!("{error}\n")).collect::<String>());
    }

    #[test]
    fn the_second_of_equal_items_is_refused_once() {
        check(
            r#"{"set":[1,"1",1,1,{"a":1,"b":2},{"b":2,"a":1},1.5]}"#,
            expect![[r#"
                set[2]: Duplicate value: 1
                set[5]: Duplicate value: {"b":2,"a":1}
            "#]],
        );
    }

    #[test]
    fn keys_are_refused_where_all_of_them_are_the_same() {
        check(
            r#"{"map":[{"port":80,"protocol":"TCP"},{"port":80,"protocol":"UDP"},{"port":80,"protocol":"UDP","x":1},{},{}]}"#,
            expect![[r#"
                map[2]: Duplicate value: {"port":80,"protocol":"UDP"}
                map[4]: Duplicate value: {}
            "#]],
        );
        check(
            r#"{"named":{"k":[{"name":"a"},{"name":"a"}],"l":[1]}}"#,
            expect![[r#"
                named[k][1]: Duplicate value: {"name":"a"}
                named[l][0]: Invalid value: 1: must be an object for an array of list-type map
            "#]],
        );
    }
}
