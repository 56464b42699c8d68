//! Trees as YAML: block style, keys in order, texts plain where nobody takes them for something else.

use std::fmt::Write as _;

use super::{Object, Tree};

/// Texts that YAML 1.1 readers take for something else than a text.
const WORDS: &[&str] = &["", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n"];

impl Tree {
    /// A YAML document of this value.
    pub fn to_yaml(&self) -> String {
        let mut out = String::new();
        match self {
            Self::Object(fields) if !fields.is_empty() => object(fields, 0, &mut out),
            Self::Array(items) if !items.is_empty() => array(items, 0, &mut out),
            leaf => {
                scalar(leaf, &mut out);
                out.push('\n');
            }
        }
        out
    }
}

fn object(fields: &Object, depth: usize, out: &mut String) {
    let mut sorted: Vec<(&str, &Tree)> = fields.iter().collect();
    sorted.sort_by_key(|(key, _)| *key);
    for (index, (key, value)) in sorted.into_iter().enumerate() {
        // The first key of an item of a list stands behind its dash.
        if index > 0 || out.is_empty() || out.ends_with('\n') {
            indent(depth, out);
        }
        text(key, out);
        out.push(':');
        nested(value, depth, out);
    }
}

/// A value behind its key.
fn nested(value: &Tree, depth: usize, out: &mut String) {
    match value {
        Tree::Object(fields) if !fields.is_empty() => {
            out.push('\n');
            object(fields, depth + 1, out);
        }
        Tree::Array(items) if !items.is_empty() => {
            out.push('\n');
            array(items, depth, out);
        }
        leaf => {
            out.push(' ');
            scalar(leaf, out);
            out.push('\n');
        }
    }
}

fn array(items: &[Tree], depth: usize, out: &mut String) {
    for item in items {
        indent(depth, out);
        out.push_str("- ");
        match item {
            Tree::Object(fields) if !fields.is_empty() => object(fields, depth + 1, out),
            Tree::Array(items) if !items.is_empty() => {
                out.pop();
                out.push('\n');
                array(items, depth + 1, out);
            }
            leaf => {
                scalar(leaf, out);
                out.push('\n');
            }
        }
    }
}

fn indent(depth: usize, out: &mut String) {
    (0..depth).for_each(|_| out.push_str("  "));
}

fn scalar(value: &Tree, out: &mut String) {
    match value {
        Tree::Str(content) => text(content, out),
        other => write!(out, "{other}").expect("a String takes any text"),
    }
}

fn text(content: &str, out: &mut String) {
    if is_plain(content) {
        out.push_str(content);
    } else {
        // A JSON text is a YAML one.
        write!(out, "{}", Tree::from(content)).expect("a String takes any text");
    }
}

/// Whether a text needs no quotes: it begins like a word or a path, and holds nothing that YAML reads.
fn is_plain(content: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    let first = content.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'/');
    first && content.bytes().all(allowed) && !WORDS.contains(&content.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::decode::{self, Notation};
    use crate::tree;

    #[test]
    fn a_document_is_read_back_as_what_it_was() {
        let tree = tree!({
            "kind": "Pod", "apiVersion": "v1",
            "metadata": { "name": "a", "labels": {}, "annotations": { "a/b": "yes", "n": "1", "t": "a: b\n" } },
            "spec": { "containers": [{ "name": "c", "args": ["x", "-y"], "ports": [] }], "n": 1, "none": null },
            "deep": [[1, 2], ["a"]]
        });
        let text = tree.to_yaml();
        expect![[r#"
            apiVersion: v1
            deep:
            -
              - 1
              - 2
            -
              - a
            kind: Pod
            metadata:
              annotations:
                a/b: "yes"
                "n": "1"
                t: "a: b\n"
              labels: {}
              name: a
            spec:
              containers:
              - args:
                - x
                - "-y"
                name: c
                ports: []
              "n": 1
              none: null
        "#]]
        .assert_eq(&text);
        assert_eq!(decode::value(text.as_bytes(), Notation::Yaml).unwrap().0, tree);
        assert_eq!(tree!([]).to_yaml(), "[]\n");
    }
}
