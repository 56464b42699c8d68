//! OpenAPI v2 of other servers, put into the one document.

use std::collections::{BTreeMap, BTreeSet};

use objects::Tree;
use objects::resource::GroupVersion;
use objects::tree;

const DEFINITION: &str = "#/definitions/";

/// What of another server's document is about a group version: its paths, and the definitions that these need.
pub(crate) fn cut(document: &Tree, of: &GroupVersion) -> Option<Tree> {
    let root = format!("/apis/{of}");
    let below =
        |path: &str| path.strip_prefix(&root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let mut paths = Tree::object();
    for (path, item) in document.get("paths")?.fields().filter(|(path, _)| below(path)) {
        paths.insert(path, item.clone());
    }
    let definition = |name: &str| document.get("definitions")?.get(name);
    let (mut needed, mut open) = (BTreeSet::new(), references(&paths));
    while let Some(name) = open.pop() {
        if let Some(definition) = definition(&name)
            && needed.insert(name)
        {
            open.extend(references(definition));
        }
    }
    let mut definitions = Tree::object();
    for name in &needed {
        definitions.insert(name.as_str(), definition(name)?.clone());
    }
    Some(tree!({ "paths": paths, "definitions": definitions }))
}

/// Puts another's paths and definitions in. A definition that another of its name differs from gets another name; a
/// path that is there stays.
pub(super) fn merge(document: &mut Tree, other: &Tree) {
    let mut other = other.clone();
    let differs = |name: &str, definition: &Tree| {
        document
            .at(&["definitions"])
            .and_then(|known| known.get(name))
            .is_some_and(|known| known != definition)
    };
    let definitions = other.get("definitions").into_iter().flat_map(Tree::fields);
    let renamed: BTreeMap<String, String> = definitions
        .filter(|(name, definition)| differs(name, definition))
        .map(|(name, _)| (name.to_owned(), free(name, [&*document, &other])))
        .collect();
    visit(&mut other, &mut |name| renamed.get(name).cloned());
    for field in ["definitions", "paths"] {
        let Some(Tree::Object(rows)) = other.get_mut(field).map(Tree::take) else { continue };
        for (key, row) in rows {
            let name = renamed
                .get(key.as_str())
                .filter(|_| field == "definitions")
                .map_or(key.as_str(), String::as_str);
            document.make(&[field]).object_mut().entry(name, || row);
        }
    }
}

/// A name that no definition has.
fn free(name: &str, documents: [&Tree; 2]) -> String {
    let is_taken = |name: &str| {
        documents
            .iter()
            .any(|document| document.get("definitions").is_some_and(|known| known.get(name).is_some()))
    };
    let names = (2..).map(|number| format!("{name}_v{number}"));
    names.into_iter().find(|name| !is_taken(name)).expect("numbers do not end")
}

fn references(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    visit(&mut tree.clone(), &mut |name| {
        found.push(name.to_owned());
        None
    });
    found
}

/// Shows the names of all definitions that are referred to, and takes others for them.
fn visit(tree: &mut Tree, rename: &mut impl FnMut(&str) -> Option<String>) {
    match tree {
        Tree::Object(fields) => {
            for (key, value) in fields.iter_mut() {
                let name =
                    value.as_str().filter(|_| key == "$ref").and_then(|to| to.strip_prefix(DEFINITION));
                match name.and_then(&mut *rename) {
                    Some(name) => *value = Tree::from(format!("{DEFINITION}{name}")),
                    None => visit(value, rename),
                }
            }
        }
        Tree::Array(items) => items.iter_mut().for_each(|item| visit(item, rename)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn other() -> Tree {
        tree!({
            "paths": {
                "/apis/g.org/v1/things": { "get": { "schema": { "$ref": "#/definitions/Thing" } } },
                "/apis/g.org/v10/things": { "get": {} },
                "/apis/other.org/v1/": { "get": { "schema": { "$ref": "#/definitions/Other" } } },
            },
            "definitions": {
                "Meta": { "type": "object" },
                "Other": { "type": "string" },
                "Thing": { "properties": { "meta": { "$ref": "#/definitions/Meta" }, "$ref": { "type": "string" } } },
            },
        })
    }

    #[test]
    fn of_a_document_the_paths_of_one_group_version_are_taken_with_what_they_need() {
        let cut = cut(&other(), &GroupVersion::new("g.org", "v1")).unwrap();
        expect![[r##"{"paths":{"/apis/g.org/v1/things":{"get":{"schema":{"$ref":"#/definitions/Thing"}}}},"definitions":{"Meta":{"type":"object"},"Thing":{"properties":{"meta":{"$ref":"#/definitions/Meta"},"$ref":{"type":"string"}}}}}"##]]
            .assert_eq(&cut.to_json_string());
        assert_eq!(super::cut(&tree!({ "openapi": "3" }), &GroupVersion::new("g.org", "v1")), None);
    }

    #[test]
    fn definitions_of_one_name_are_one_or_get_another_name() {
        let mut document = tree!({
            "paths": { "/apis/other.org/v1/": {} },
            "definitions": { "Meta": { "type": "number" }, "Other": { "type": "string" }, "Meta_v2": {} },
        });
        merge(&mut document, &other());
        assert_eq!(document.at(&["paths"]).unwrap().get("/apis/other.org/v1/"), Some(&tree!({})));
        let definitions = document.get("definitions").unwrap();
        let names: Vec<_> = definitions.fields().map(|(name, _)| name).collect();
        assert_eq!(names, ["Meta", "Other", "Meta_v2", "Meta_v3", "Thing"]);
        let thing = definitions.get("Thing").unwrap().to_json_string();
        assert!(thing.contains(r##""meta":{"$ref":"#/definitions/Meta_v3"}"##), "{thing}");
    }
}
