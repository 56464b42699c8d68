//! Merging what an admission policy applies: as an apply does, but owned by nobody.

use super::check::{Duplicates, TypeErrors, check};
use super::merge::merge;
use super::typing::{Kind, MapType, Typing, field, kind};
use crate::schema::ListType;
use crate::tree::Tree;

/// Why an object cannot be merged with what is applied, in upstream's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverlayError {
    #[error("failed to convert patch object to typed object: {0}")]
    Applied(TypeErrors),
    /// Parts that can but be replaced as a whole, so that whoever meant a field of one would lose the others.
    #[error("invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: {}", .0.join(", "))]
    Atomic(Vec<String>),
    #[error("failed to convert original object to typed object: {0}")]
    Live(TypeErrors),
    #[error("failed to merge patch: {0}")]
    Merge(TypeErrors),
}

/// An object with what is applied in it.
pub fn overlay<T: Typing>(live: &Tree, applied: &Tree, typing: T) -> Result<Tree, OverlayError> {
    check(applied, typing, Duplicates::Refused).map_err(OverlayError::Applied)?;
    let mut found = Vec::new();
    atomics(applied, typing, "", &mut found);
    if !found.is_empty() {
        return Err(OverlayError::Atomic(found));
    }
    check(live, typing, Duplicates::Allowed).map_err(OverlayError::Live)?;
    merge(live, applied, typing).map_err(|error| OverlayError::Merge(error.into()))
}

fn atomics<T: Typing>(tree: &Tree, typing: T, path: &str, found: &mut Vec<String>) {
    match (kind(typing, tree), tree) {
        (Some(Kind::Map(map)), Tree::Object(fields)) => {
            if map == MapType::Atomic {
                found.push(path.to_owned());
            }
            for (name, value) in fields.iter() {
                if let Some(of) = field(typing, name) {
                    atomics(value, of, &format!("{path}.{name}"), found);
                }
            }
        }
        (Some(Kind::List(list, of)), Tree::Array(items)) => {
            if matches!(list, ListType::Atomic | ListType::Unstated) {
                found.push(path.to_owned());
            }
            for (index, item) in items.iter().enumerate() {
                atomics(item, of, &format!("{path}[{index}]"), found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::overlay;
    use crate::apply::Builtin;
    use crate::schema;
    use crate::tree::Tree;

    fn check(applied: &str, expected: Expect) {
        let live = r#"{"metadata":{"name":"a","labels":{"x":"1"}},"spec":{"containers":[{"name":"c","image":"i"}]}}"#;
        let [live, applied] = [live, applied].map(|json| Tree::from_json(json.as_bytes()).unwrap());
        let pod = Builtin::of(schema::by_name("core.v1.Pod").unwrap());
        expected.assert_eq(&match overlay(&live, &applied, pod) {
            Ok(merged) => merged.to_json_string(),
            Err(error) => error.to_string(),
        });
    }

    #[test]
    fn what_is_applied_is_merged_by_key() {
        check(
            r#"{"metadata":{"labels":{"y":"2"}},"spec":{"containers":[{"name":"c","tty":true},{"name":"d"}]}}"#,
            expect![[
                r#"{"metadata":{"name":"a","labels":{"x":"1","y":"2"}},"spec":{"containers":[{"name":"c","image":"i","tty":true},{"name":"d"}]}}"#
            ]],
        );
    }

    #[test]
    fn what_can_but_be_replaced_is_not_merged() {
        check(
            r#"{"spec":{"containers":[{"name":"c","command":["x"]}],"nodeSelector":{"a":"b"}}}"#,
            expect![
                "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.containers[0].command, .spec.nodeSelector"
            ],
        );
        check(
            r#"{"spec":{"colour":1}}"#,
            expect![
                "failed to convert patch object to typed object: .spec.colour: field not declared in schema"
            ],
        );
    }
}
