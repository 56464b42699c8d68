//! Printer columns of a version, and the cells of an object in them.

use jiff::Timestamp;
use objects::print::human_duration;
use objects::{Tree, meta, tree};

use crate::json_path::JsonPath;
use crate::list_type::canonical;
use crate::value::go_float;

/// A column of a meta/v1 Table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub kind: String,
    /// `name` for the column that names the object.
    pub format: String,
    /// 0 is always shown, more in wide output.
    pub priority: i64,
    pub description: String,
}

/// The columns of a version: the name of the object, then those of the definition, or its age where it has none.
#[derive(Debug)]
pub struct Columns {
    headers: Vec<Column>,
    /// Of each column but the name.
    paths: Vec<JsonPath>,
}

impl Columns {
    /// Reads `additionalPrinterColumns`. Columns end before one whose path cannot be read.
    pub fn parse(columns: &[Tree]) -> Self {
        let age = [tree!({
            "name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp", "description": "When the object was created."
        })];
        let name = Column {
            name: "Name".to_owned(),
            kind: "string".to_owned(),
            format: "name".to_owned(),
            priority: 0,
            description: "The name of the object.".to_owned(),
        };
        let mut read = Self { headers: vec![name], paths: Vec::new() };
        for column in if columns.is_empty() { &age } else { columns } {
            let text = |key: &str| column.str_at(&[key]).unwrap_or_default().to_owned();
            let path = text("jsonPath");
            let Ok(parsed) = JsonPath::parse(&path) else { break };
            let description = Some(text("description")).filter(|text| !text.is_empty());
            read.headers.push(Column {
                name: text("name"),
                kind: text("type"),
                format: text("format"),
                priority: column.i64_at(&["priority"]).unwrap_or(0),
                description: description.unwrap_or_else(|| {
                    format!("Custom resource definition column (in JSONPath format): {path}")
                }),
            });
            read.paths.push(parsed);
        }
        read
    }

    pub fn headers(&self) -> &[Column] {
        &self.headers
    }

    /// The cells of an object, one for each column; null where there is nothing to show.
    pub fn cells(&self, object: &Tree, now: Timestamp) -> Vec<Tree> {
        let cells = self.headers[1..].iter().zip(&self.paths).map(|(column, path)| {
            path.first(object).map_or(Tree::Null, |value| cell(&column.kind, value, now))
        });
        std::iter::once(Tree::from(meta::name(object))).chain(cells).collect()
    }
}

/// A value in a column; one of another type is not shown.
fn cell(kind: &str, value: &Tree, now: Timestamp) -> Tree {
    match (kind, value) {
        ("string", value) => Tree::from(text(value)),
        ("integer" | "number", Tree::Int(value)) => Tree::Int(*value),
        ("integer", Tree::Float(value)) => Tree::Int(*value as i64),
        ("number", Tree::Float(_)) => value.as_i64().map_or_else(|| value.clone(), Tree::Int),
        ("boolean", Tree::Bool(value)) => Tree::Bool(*value),
        ("date", Tree::Str(text)) => Tree::from(since(text, now)),
        _ => Tree::Null,
    }
}

/// A value as Go prints it.
fn text(value: &Tree) -> String {
    match value {
        Tree::Null => "<no value>".to_owned(),
        Tree::Str(text) => text.to_string(),
        Tree::Float(value) => go_float(*value),
        other => canonical(other),
    }
}

fn since(text: &str, now: Timestamp) -> String {
    match (text, meta::parse_rfc3339(text)) {
        ("" | "null", _) => "<unknown>".to_owned(),
        (_, Some(time)) => human_duration(now.duration_since(time)),
        (_, None) => "<invalid>".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use objects::{Tree, meta, tree};

    use super::Columns;

    fn check(columns: &[Tree], object: &Tree, expected: Expect) {
        let columns = Columns::parse(columns);
        let now = meta::parse_rfc3339("2026-01-02T00:00:00Z").unwrap();
        let cells = columns.cells(object, now);
        let lines = columns.headers().iter().zip(&cells);
        expected.assert_eq(
            &lines
                .map(|(column, cell)| format!("{} ({}): {cell}\n", column.name, column.kind))
                .collect::<String>(),
        );
    }

    #[test]
    fn columns_show_what_their_paths_lead_to() {
        let column =
            |name: &str, kind: &str, path: &str| tree!({ "name": name, "type": kind, "jsonPath": path });
        let object = Tree::from_json(
            br#"{"metadata":{"name":"a","creationTimestamp":"2026-01-01T00:00:00Z"},"spec":{"replicas":3,"share":0.5,"on":true,"text":"x","map":{"b":1,"a":[1]},"none":null}}"#,
        )
        .unwrap();
        check(
            &[
                column("Replicas", "integer", ".spec.replicas"),
                column("As Text", "string", ".spec.replicas"),
                column("Share", "number", ".spec.share"),
                column("Cut", "integer", ".spec.share"),
                column("On", "boolean", ".spec.on"),
                column("Map", "string", ".spec.map"),
                column("None", "string", ".spec.none"),
                column("Missing", "string", ".spec.missing"),
                column("Wrong", "integer", ".spec.text"),
                column("Age", "date", ".metadata.creationTimestamp"),
                column("No Date", "date", ".spec.text"),
            ],
            &object,
            expect![[r#"
                Name (string): "a"
                Replicas (integer): 3
                As Text (string): "3"
                Share (number): 0.5
                Cut (integer): 0
                On (boolean): true
                Map (string): "{\"a\":[1],\"b\":1}"
                None (string): "<no value>"
                Missing (string): null
                Wrong (integer): null
                Age (date): "24h"
                No Date (date): "<invalid>"
            "#]],
        );
    }

    #[test]
    fn without_columns_the_age_is_shown() {
        check(
            &[],
            &tree!({ "metadata": { "name": "a" } }),
            expect![[r#"
            Name (string): "a"
            Age (date): null
        "#]],
        );
        let broken = [tree!({ "name": "x", "type": "string", "jsonPath": ".a[" })];
        assert_eq!(Columns::parse(&broken).headers().len(), 1);
    }
}
