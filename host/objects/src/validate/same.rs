//! Whether two values of a type say the same: what Go does not tell from nothing is as good as missing.

use crate::schema::{Shape, Type};
use crate::tree::Tree;

/// Whether two structs of a type say the same.
pub(crate) fn same(one: &Tree, two: &Tree, row: &Type) -> bool {
    let keys = one.fields().chain(two.fields()).map(|(key, _)| key);
    keys.into_iter().all(|key| match row.field(key) {
        Some(field) => {
            let told = |value: &&Tree| !is_nothing(value, field.pointer);
            match (one.get(key).filter(told), two.get(key).filter(told)) {
                (Some(one), Some(two)) => same_value(one, two, field.shape),
                (one, two) => one == two,
            }
        }
        None => one.get(key) == two.get(key),
    })
}

fn is_nothing(value: &Tree, pointer: bool) -> bool {
    match value {
        Tree::Null | Tree::Array(_) | Tree::Object(_) => value.is_empty_value(),
        _ => !pointer && value.is_empty_value(),
    }
}

fn same_value(one: &Tree, two: &Tree, shape: Shape) -> bool {
    match (one, two) {
        (Tree::Array(first), Tree::Array(second)) => {
            let same = |(one, two)| shape.items().is_some_and(|inner| same_value(one, two, inner));
            first.len() == second.len() && first.iter().zip(second).all(same)
        }
        (Tree::Object(_), Tree::Object(_)) => {
            shape.as_struct().map_or_else(|| one == two, |row| same(one, two, row))
        }
        _ => one == two,
    }
}

#[cfg(test)]
mod tests {
    use super::same;
    use crate::schema;
    use crate::tree::Tree;

    #[test]
    fn nothing_is_the_same_as_missing_where_go_cannot_tell() {
        let row = schema::by_name("core.v1.PodSpec").unwrap();
        let tree = |json: &str| Tree::from_json(json.as_bytes()).unwrap();
        for (json, expected) in [
            (r#"{"hostNetwork":false,"nodeName":"","volumes":[]}"#, true),
            (r#"{"hostNetwork":true}"#, false),
            (r#"{"automountServiceAccountToken":false}"#, false),
            (r#"{"nodeSelector":{}}"#, true),
            (r#"{"nodeSelector":{"a":""}}"#, false),
        ] {
            assert_eq!(same(&tree(json), &tree("{}"), row), expected, "{json}");
        }
        let one = tree(r#"{"containers":[{"name":"a","tty":false,"args":["b"]}]}"#);
        assert!(same(&one, &tree(r#"{"containers":[{"name":"a","args":["b"]}]}"#), row));
        assert!(!same(&one, &tree(r#"{"containers":[{"name":"a","args":["c"]}]}"#), row));
    }
}
