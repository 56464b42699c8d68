//! Paths of fields as rules and selectable fields name them: `.spec.list['a.b']`, checked against a schema.

use objects::Tree;
use objects::validate::Path;

use crate::props::Props;

/// How a path may name a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notation {
    Dots,
    DotsAndBrackets,
}

/// The fields that a path leads through, and the schema of the last; the error says what is wrong with the path.
pub(crate) fn resolve<'a>(
    path: &str,
    schema: Props<'a>,
    notation: Notation,
) -> Result<(Vec<String>, Props<'a>), String> {
    let mut tokens = tokens(path).into_iter();
    let mut names = Vec::new();
    let mut schema = schema;
    let end = || "unexpected end of JSON path".to_owned();
    while let Some(token) = tokens.next() {
        let name = match token {
            "." => tokens.next().ok_or_else(end)?.to_owned(),
            "[" if notation == Notation::Dots => return Err("array notation is not allowed".to_owned()),
            "[" => {
                let literal = tokens.next().ok_or_else(end)?;
                let quoted = literal
                    .strip_prefix('\'')
                    .and_then(|rest| rest.strip_suffix('\''))
                    .ok_or_else(|| format!("expected single quoted string but got {literal}"))?;
                unescape(quoted).ok_or("invalid string literal: invalid syntax")?
            }
            other => return Err(format!("expected [ or . but got: {other}")),
        };
        schema = if schema.is_set("properties") {
            schema.property(&name)
        } else {
            schema.child("additionalProperties")
        }
        .ok_or("does not refer to a valid field")?;
        if token == "[" {
            match tokens.next().ok_or_else(end)? {
                "]" => {}
                other => return Err(format!("expected ] but got {other}")),
            }
        }
        names.push(name);
    }
    Ok((names, schema))
}

/// The path that `fieldPath` of a rule means, which stands at a schema; `None` where it leads nowhere.
pub fn field_path(path: &str, schema: &Tree) -> Option<Path> {
    let (names, _) = resolve(path, Props(schema), Notation::DotsAndBrackets).ok()?;
    let mut schema = Some(Props(schema));
    let mut found: Option<Path> = None;
    for name in &names {
        let is_field = schema.is_some_and(|schema| schema.is_set("properties"));
        schema =
            schema.and_then(|s| if is_field { s.property(name) } else { s.child("additionalProperties") });
        found = Some(match (found, is_field) {
            (Some(path), true) => path.child(name),
            (Some(path), false) => path.key(name),
            (None, true) => Path::new(name),
            (None, false) => Path::new(&format!("[{name}]")),
        });
    }
    found
}

/// Dots, brackets, quoted texts, and what stands between them.
fn tokens(path: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = path;
    while let Some(first) = rest.chars().next() {
        let len = match first {
            '.' | '[' | ']' => 1,
            '\'' => {
                let bytes = rest.as_bytes();
                let closes = |at: &usize| bytes[*at] == b'\'' && bytes[at - 1] != b'\\';
                (1..bytes.len()).find(closes).map_or(rest.len(), |at| at + 1)
            }
            _ => rest.find(['.', '[', ']']).unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(len);
        found.push(token);
        rest = after;
    }
    found
}

/// A text without its backslashes; `None` where one escapes nothing that is escaped.
fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => match chars.next()? {
                c @ ('\'' | '\\') => c,
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'a' => '\u{7}',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'v' => '\u{b}',
                _ => return None,
            },
            c => c,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use objects::Tree;

    use super::{Notation, field_path, resolve};
    use crate::props::Props;

    #[test]
    fn paths_lead_to_schemas() {
        let tree = Tree::from_json(
            br#"{"properties":{"spec":{"properties":{"a.b":{"type":"string"},"map":{"additionalProperties":{"type":"integer"}}}}}}"#,
        )
        .unwrap();
        let told: String = [
            ".spec",
            ".spec['a.b']",
            ".spec.map.x",
            ".spec.map['it\\'s']",
            ".spec.other",
            "spec",
            ".spec[0]",
            ".spec['a.b'",
            ".",
            ".spec.map.x.y",
        ]
        .into_iter()
        .map(|path| match resolve(path, Props(&tree), Notation::DotsAndBrackets) {
            Ok((names, schema)) => format!("{path} {names:?} {}\n", schema.kind()),
            Err(error) => format!("{path} {error}\n"),
        })
        .collect();
        expect![[r#"
            .spec ["spec"] 
            .spec['a.b'] ["spec", "a.b"] string
            .spec.map.x ["spec", "map", "x"] integer
            .spec.map['it\'s'] ["spec", "map", "it's"] integer
            .spec.other does not refer to a valid field
            spec expected [ or . but got: spec
            .spec[0] expected single quoted string but got 0
            .spec['a.b' unexpected end of JSON path
            . unexpected end of JSON path
            .spec.map.x.y does not refer to a valid field
        "#]]
        .assert_eq(&told);
        assert_eq!(
            resolve(".spec['a.b']", Props(&tree), Notation::Dots).unwrap_err(),
            "array notation is not allowed"
        );
    }

    #[test]
    fn the_path_of_a_rule_tells_keys_from_fields() {
        let tree = Tree::from_json(
            br#"{"properties":{"a.b":{"type":"string"},"map":{"additionalProperties":{"type":"integer"}}}}"#,
        )
        .unwrap();
        let told = |path: &str| field_path(path, &tree).map(|path| path.to_string());
        assert_eq!(told("['a.b']").as_deref(), Some("a.b"));
        assert_eq!(told(".map.x").as_deref(), Some("map[x]"));
        assert_eq!(told(".other"), None);
        assert_eq!(told(""), None);
    }
}
