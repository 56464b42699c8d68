//! JSON patch, RFC 6902, with the extensions of upstream's library: an index may count from the end.

use super::PatchError;
use crate::tree::Tree;

/// How many operations one patch may have.
const MAX_OPERATIONS: usize = 10_000;

/// Applies a patch; on an error the tree is left half patched, so patch a copy.
pub fn apply(tree: &mut Tree, patch: &Tree) -> Result<(), PatchError> {
    let Tree::Array(operations) = patch else {
        let shape = patch.shape();
        return Err(PatchError::Malformed(format!(
            "json: cannot unmarshal {shape} into Go value of type jsonpatch.Patch"
        )));
    };
    if operations.len() > MAX_OPERATIONS {
        return Err(PatchError::TooLarge(format!(
            "The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {}",
            operations.len()
        )));
    }
    operations.iter().try_for_each(|operation| step(tree, operation))
}

fn step(tree: &mut Tree, operation: &Tree) -> Result<(), PatchError> {
    let text = |key: &str| operation.str_at(&[key]);
    let path = text("path").ok_or_else(|| not_applicable("operation has no path"))?;
    let from = || text("from").ok_or_else(|| not_applicable("operation has no from"));
    let value = || operation.get("value").cloned().ok_or_else(|| not_applicable("operation has no value"));
    match text("op").unwrap_or_default() {
        "add" => add(tree, path, value()?),
        "replace" => {
            *find(tree, path)? = value()?;
            Ok(())
        }
        "remove" => remove(tree, path).map(drop),
        "move" => {
            let moved = remove(tree, from()?)?;
            add(tree, path, moved)
        }
        "copy" => {
            let copied = find(tree, from()?)?.clone();
            add(tree, path, copied)
        }
        "test" => {
            let wanted = operation.get("value").cloned().unwrap_or_default();
            match find(tree, path) {
                Ok(found) if *found == wanted => Ok(()),
                Err(_) if wanted.is_null() => Ok(()),
                _ => Err(PatchError::NotApplicable(format!("testing path {path} failed"))),
            }
        }
        other => Err(PatchError::NotApplicable(format!("unexpected kind: {other}"))),
    }
}

fn not_applicable(message: &str) -> PatchError {
    PatchError::NotApplicable(message.to_owned())
}

fn missing(path: &str) -> PatchError {
    PatchError::NotApplicable(format!("doc is missing path: {path}"))
}

/// The unescaped keys of a JSON pointer.
fn keys(path: &str) -> Result<Vec<String>, PatchError> {
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let rest = path.strip_prefix('/').ok_or_else(|| missing(path))?;
    Ok(rest.split('/').map(|key| key.replace("~1", "/").replace("~0", "~")).collect())
}

fn find<'a>(tree: &'a mut Tree, path: &str) -> Result<&'a mut Tree, PatchError> {
    keys(path)?
        .iter()
        .try_fold(tree, |tree, key| child(tree, key))
        .ok_or_else(|| missing(path))
        .map_or_else(Err, Ok)
}

fn child<'a>(tree: &'a mut Tree, key: &str) -> Option<&'a mut Tree> {
    match tree {
        Tree::Object(fields) => fields.get_mut(key),
        Tree::Array(items) => {
            let index = index(key, items.len())?;
            items.get_mut(index)
        }
        _ => None,
    }
}

/// An index below `len`; a negative one counts from the end.
fn index(key: &str, len: usize) -> Option<usize> {
    let index: i64 = key.parse().ok()?;
    let len = i64::try_from(len).ok()?;
    let index = if index < 0 { index + len } else { index };
    usize::try_from(index).ok().filter(|_| index < len)
}

fn parent<'a>(tree: &'a mut Tree, path: &str) -> Result<(&'a mut Tree, String), PatchError> {
    let keys = keys(path)?;
    let (last, parents) = keys.split_last().ok_or_else(|| missing(path))?;
    let parent = parents.iter().try_fold(tree, |tree, key| child(tree, key)).ok_or_else(|| missing(path))?;
    Ok((parent, last.clone()))
}

fn add(tree: &mut Tree, path: &str, value: Tree) -> Result<(), PatchError> {
    if path.is_empty() {
        *tree = value;
        return Ok(());
    }
    match parent(tree, path)? {
        (Tree::Object(fields), key) => {
            fields.insert(key, value);
            Ok(())
        }
        (Tree::Array(items), key) => {
            let len = items.len();
            let at = if key == "-" { Some(len) } else { index(&key, len + 1) };
            items.insert(at.ok_or_else(|| missing(path))?, value);
            Ok(())
        }
        _ => Err(missing(path)),
    }
}

fn remove(tree: &mut Tree, path: &str) -> Result<Tree, PatchError> {
    match parent(tree, path)? {
        (Tree::Object(fields), key) => fields.remove(&key).ok_or_else(|| missing(path)),
        (Tree::Array(items), key) => {
            let at = index(&key, items.len()).ok_or_else(|| missing(path))?;
            Ok(items.remove(at))
        }
        _ => Err(missing(path)),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::apply;
    use crate::patch::PatchError;
    use crate::tree::Tree;

    fn check(target: &str, patch: &str, expected: Expect) {
        let mut tree = Tree::from_json(target.as_bytes()).unwrap();
        let patch = Tree::from_json(patch.as_bytes()).unwrap();
        expected.assert_eq(&match apply(&mut tree, &patch) {
            Ok(()) => tree.to_json_string(),
            Err(error) => error.to_string(),
        });
    }

    #[test]
    fn each_operation_does_its_work() {
        check(
            r#"{"a":[1,2],"b":{"c/d":1}}"#,
            r#"[{"op":"add","path":"/a/1","value":9},{"op":"add","path":"/a/-","value":3},
                {"op":"replace","path":"/b/c~1d","value":2},{"op":"copy","from":"/a/0","path":"/x"},
                {"op":"move","from":"/b","path":"/y"},{"op":"remove","path":"/a/-1"},
                {"op":"test","path":"/y/c~1d","value":2},{"op":"test","path":"/none","value":null}]"#,
            expect![[r#"{"a":[1,9,2],"x":1,"y":{"c/d":2}}"#]],
        );
    }

    #[test]
    fn what_does_not_fit_says_so() {
        check("{}", r#"[{"op":"remove","path":"/a"}]"#, expect!["doc is missing path: /a"]);
        check("{}", r#"[{"op":"replace","path":"/a","value":1}]"#, expect!["doc is missing path: /a"]);
        check(r#"{"a":1}"#, r#"[{"op":"test","path":"/a","value":2}]"#, expect!["testing path /a failed"]);
        check(
            r#"{"a":[]}"#,
            r#"[{"op":"add","path":"/a/1","value":2}]"#,
            expect!["doc is missing path: /a/1"],
        );
        check("{}", r#"[{"op":"spin","path":"/a"}]"#, expect!["unexpected kind: spin"]);
        check("{}", "{}", expect!["json: cannot unmarshal object into Go value of type jsonpatch.Patch"]);
    }

    #[test]
    fn a_patch_that_does_not_fit_is_unprocessable() {
        let status = PatchError::NotApplicable("x".to_owned()).to_status();
        assert_eq!(
            (status.code, status.message.as_str()),
            (422, "the server rejected our request due to an error in our request")
        );
    }
}
