//! JSON merge patch, RFC 7386.

use super::PatchError;
use crate::tree::Tree;

/// Applies a merge patch, which must be an object.
pub fn apply(tree: &mut Tree, patch: &Tree) -> Result<(), PatchError> {
    if !matches!(patch, Tree::Object(_)) {
        let shape = patch.shape();
        return Err(PatchError::Malformed(format!(
            "error decoding patch: json: cannot unmarshal {shape} into Go value of type map[string]interface {{}}"
        )));
    }
    tree.merge(patch);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::apply;
    use crate::tree::Tree;
    use crate::tree::tests::any_tree;

    fn check(target: &str, patch: &str, expected: &str) {
        let mut tree = Tree::from_json(target.as_bytes()).unwrap();
        tree.merge(&Tree::from_json(patch.as_bytes()).unwrap());
        assert_eq!(tree.to_json_string(), expected, "{target} {patch}");
    }

    #[test]
    fn the_examples_of_the_rfc_hold() {
        check(r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#);
        check(r#"{"a":"b"}"#, r#"{"a":null}"#, "{}");
        check(r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#);
        check(r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#);
        check("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#);
        check("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#);
    }

    #[test]
    fn a_patch_is_an_object() {
        assert!(apply(&mut Tree::object(), &Tree::array()).is_err());
    }

    fn without_nulls(tree: &mut Tree) {
        if let Tree::Object(fields) = tree {
            fields.retain(|_, value| {
                without_nulls(value);
                !value.is_null()
            });
        }
    }

    proptest! {
        #[test]
        fn a_diff_leads_from_one_tree_to_the_other(mut from in any_tree(), mut to in any_tree()) {
            without_nulls(&mut from);
            without_nulls(&mut to);
            if let Some(patch) = from.merge_diff(&to) {
                from.merge(&patch);
            }
            prop_assert_eq!(from, to);
        }
    }
}
