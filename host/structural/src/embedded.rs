//! Metadata: that of a resource, and that of the objects embedded in it.

use objects::resource::{GroupVersion, Scope};
use objects::validate::{FieldError, NameRule, dns1035_label, metadata_at};
use objects::{Object, Tree, decode, meta, schema};

use crate::prune::Place;
use crate::schema::Schema;
use crate::trail::Trail;

/// What becomes of metadata that does not fit its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It is refused: what a client sends.
    Refuse,
    /// Its fields are dropped one by one: what the store has from older days.
    Drop,
}

/// Brings the metadata of an object into its form; gives the paths of its unknown fields, which are removed. The
/// error is what Go's decoder says.
pub(crate) fn coerce_root(tree: &mut Tree, malformed: Malformed) -> Result<Vec<String>, String> {
    for name in ["kind", "apiVersion"] {
        if let Some(value) = tree.get(name).filter(|value| value.as_str().is_none()) {
            let shape = value.shape();
            return Err(format!(".{name} accessor error: {value} is of the type {shape}, expected string"));
        }
    }
    let mut coercer = Coercer { trail: Trail::default(), malformed, unknown: Vec::new() };
    coercer.metadata(tree)?;
    coercer.unknown.sort();
    Ok(coercer.unknown)
}

/// Brings apiVersion, kind and metadata of the object and of embedded objects into their form; gives the paths of
/// unknown fields of metadata, which are removed, sorted.
pub fn coerce_metadata(
    tree: &mut Tree,
    schema: Option<&Schema>,
    place: Place,
    malformed: Malformed,
) -> Result<Vec<String>, FieldError> {
    let mut coercer = Coercer { trail: Trail::default(), malformed, unknown: Vec::new() };
    if place == Place::Root {
        coercer.object(tree)?;
    }
    if let Some(schema) = schema {
        coercer.value(tree, schema, place)?;
    }
    coercer.unknown.sort();
    Ok(coercer.unknown)
}

struct Coercer {
    trail: Trail,
    malformed: Malformed,
    unknown: Vec<String>,
}

impl Coercer {
    fn value(&mut self, tree: &mut Tree, schema: &Schema, place: Place) -> Result<(), FieldError> {
        if schema.embedded_resource && place == Place::Within {
            self.object(tree)?;
        }
        match tree {
            Tree::Object(fields) => {
                for (name, value) in fields.iter_mut() {
                    let (below, mark) = match (schema.property(name), schema.additional.schema()) {
                        (Some(property), _) => (property, self.trail.child(name)),
                        (None, Some(values)) => (values, self.trail.subscript(name)),
                        (None, None) => continue,
                    };
                    self.value(value, below, Place::Within)?;
                    self.trail.back(mark);
                }
            }
            Tree::Array(items) => {
                let Some(below) = &schema.items else { return Ok(()) };
                for (index, item) in items.iter_mut().enumerate() {
                    let mark = self.trail.subscript(index);
                    self.value(item, below, Place::Within)?;
                    self.trail.back(mark);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// One object with metadata.
    fn object(&mut self, tree: &mut Tree) -> Result<(), FieldError> {
        for name in ["apiVersion", "kind"] {
            match tree.get(name) {
                None | Some(Tree::Str(_)) => {}
                Some(_) if self.malformed == Malformed::Drop => drop(tree.remove(name)),
                Some(value) => {
                    return Err(FieldError::invalid(
                        &self.trail.path_of(name),
                        value.clone(),
                        "must be a string",
                    ));
                }
            }
        }
        let before = tree.get("metadata").cloned().unwrap_or_default();
        match self.metadata(tree) {
            Err(message) if self.malformed == Malformed::Refuse => {
                Err(FieldError::invalid(&self.trail.path_of("metadata"), before, message))
            }
            _ => Ok(()),
        }
    }

    /// What is no object at all is told even where malformed fields are dropped.
    fn metadata(&mut self, tree: &mut Tree) -> Result<(), String> {
        let Some(metadata) = tree.get_mut("metadata") else { return Ok(()) };
        if metadata.is_null() {
            *metadata = Tree::object();
        }
        let before = metadata.clone();
        match (check(metadata), before, self.malformed) {
            (Ok(unknown), _, _) => self.report(unknown),
            (Err(_), Tree::Object(fields), Malformed::Drop) => *metadata = self.field_by_field(fields),
            (Err(message), before, Malformed::Refuse) => {
                *metadata = before;
                return Err(message);
            }
            (Err(_), before, Malformed::Drop) => {
                let message = format!("invalid metadata: expected object, got {}", before.shape());
                *metadata = before;
                return Err(message);
            }
        }
        Ok(())
    }

    /// Those fields that fit.
    fn field_by_field(&mut self, fields: Object) -> Tree {
        let mut kept = Tree::object();
        for (name, value) in fields {
            let mut one = Tree::Object([(name, value)].into_iter().collect());
            if let (Ok(unknown), Tree::Object(fields)) = (check(&mut one), one) {
                self.report(unknown);
                kept.object_mut().extend(fields);
            }
        }
        kept
    }

    fn report(&mut self, unknown: Vec<String>) {
        let metadata = self.trail.path_of("metadata");
        self.unknown.extend(unknown.iter().map(|field| format!("{metadata}.{field}")));
    }
}

/// Brings ObjectMeta into its form; gives the unknown fields.
fn check(metadata: &mut Tree) -> Result<Vec<String>, String> {
    let row = schema::by_name("meta.v1.ObjectMeta").expect("the schema table has ObjectMeta");
    let reports = decode::check(metadata, row).map_err(|error| error.to_string())?;
    let quoted = |report: String| report.split('"').nth(1).map(str::to_owned);
    Ok(reports.into_iter().filter_map(quoted).collect())
}

/// Refuses embedded objects whose apiVersion, kind or metadata are not those of an object.
pub fn validate_embedded(tree: &Tree, schema: &Schema, place: Place) -> Vec<FieldError> {
    let mut trail = Trail::default();
    let mut errors = Vec::new();
    value(tree, schema, place.is_embedded(Some(schema)), &mut trail, &mut errors);
    errors
}

fn value(tree: &Tree, schema: &Schema, embedded: bool, trail: &mut Trail, errors: &mut Vec<FieldError>) {
    match tree {
        Tree::Object(fields) => {
            if embedded {
                object(tree, trail, errors);
            }
            for (name, field) in fields.iter() {
                let (below, mark) = match (schema.property(name), schema.additional.schema()) {
                    (Some(property), _) => (property, trail.child(name)),
                    (None, Some(values)) => (values, trail.subscript(name)),
                    (None, None) => continue,
                };
                value(field, below, below.embedded_resource, trail, errors);
                trail.back(mark);
            }
        }
        Tree::Array(items) => {
            let Some(below) = &schema.items else { return };
            for (index, item) in items.iter().enumerate() {
                let mark = trail.subscript(index);
                value(item, below, below.embedded_resource, trail, errors);
                trail.back(mark);
            }
        }
        _ => {}
    }
}

/// One embedded object: a name is not required, but what is there must be right.
fn object(tree: &Tree, trail: &Trail, errors: &mut Vec<FieldError>) {
    for name in ["apiVersion", "kind"] {
        let path = trail.path_of(name);
        match tree.get(name) {
            None => errors.push(FieldError::required(&path, "")),
            Some(Tree::Str(text)) if text.is_empty() => {
                errors.push(FieldError::invalid(&path, "", "must not be empty"));
            }
            Some(Tree::Str(text)) => {
                let message = if name == "kind" { refused_kind(text) } else { refused_version(text) };
                errors.extend(message.map(|message| FieldError::invalid(&path, text.as_ref(), message)));
            }
            Some(other) => errors.push(FieldError::invalid(&path, other.clone(), "must be a string")),
        }
    }
    let Some(metadata) = tree.get("metadata") else { return };
    let path = trail.path_of("metadata");
    let mut formed = metadata.clone();
    if let Err(message) = check(&mut formed) {
        errors.push(FieldError::invalid(&path, metadata.clone(), message));
        return;
    }
    let mut named = objects::tree!({ "metadata": formed });
    if meta::name(&named).is_empty() {
        meta::set_name(&mut named, "unnamed");
    }
    let scope = if meta::namespace(&named).is_empty() { Scope::Cluster } else { Scope::Namespaced };
    errors.extend(metadata_at(&path, &named, scope, NameRule::PathSegment));
}

/// What is wrong with the name of a kind.
pub(crate) fn refused_kind(kind: &str) -> Option<String> {
    let messages = dns1035_label(&kind.to_ascii_lowercase());
    (!messages.is_empty())
        .then(|| format!("may have mixed case, but should otherwise match: {}", messages.join(",")))
}

fn refused_version(api_version: &str) -> Option<String> {
    GroupVersion::parse(api_version)
        .is_none()
        .then(|| format!("unexpected GroupVersion string: {api_version}"))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use objects::Tree;

    use super::{Malformed, coerce_metadata, validate_embedded};
    use crate::prune::Place;
    use crate::schema::Schema;

    fn read(json: &str) -> Tree {
        Tree::from_json(json.as_bytes()).unwrap()
    }

    fn coerced(object: &str, malformed: Malformed, expected: Expect) {
        let schema = Schema::parse(&read(
            r#"{"properties":{"spec":{"properties":{"list":{"items":{"x-kubernetes-embedded-resource":true}}}}}}"#,
        ))
        .unwrap();
        let mut object = read(object);
        let told = match coerce_metadata(&mut object, Some(&schema), Place::Root, malformed) {
            Ok(unknown) => unknown.join(" "),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&format!("{object}\n{told}\n"));
    }

    #[test]
    fn unknown_fields_of_metadata_go_and_are_told() {
        coerced(
            r#"{"metadata":{"name":"a","bogus":1,"creationTimestamp":null},"spec":{"list":[{"metadata":{"labels":{"a":"b"},"nope":{}}}]}}"#,
            Malformed::Refuse,
            expect![[r#"
                {"metadata":{"name":"a"},"spec":{"list":[{"metadata":{"labels":{"a":"b"}}}]}}
                metadata.bogus spec.list[0].metadata.nope
            "#]],
        );
    }

    #[test]
    fn malformed_metadata_is_refused_or_dropped_field_by_field() {
        let object = r#"{"spec":{"list":[{"kind":1,"metadata":{"name":1,"labels":{"a":"b"}}}]}}"#;
        coerced(
            object,
            Malformed::Refuse,
            expect![[r#"
                {"spec":{"list":[{"kind":1,"metadata":{"name":1,"labels":{"a":"b"}}}]}}
                spec.list[0].kind: Invalid value: 1: must be a string
            "#]],
        );
        coerced(
            object,
            Malformed::Drop,
            expect![[r#"
                {"spec":{"list":[{"metadata":{"labels":{"a":"b"}}}]}}

            "#]],
        );
        coerced(
            r#"{"metadata":{"labels":{"a":1}}}"#,
            Malformed::Refuse,
            expect![[r#"
                {"metadata":{"labels":{"a":1}}}
                metadata: Invalid value: {"labels":{"a":1}}: json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string
            "#]],
        );
    }

    #[test]
    fn embedded_objects_say_what_they_are() {
        let schema = Schema::parse(&read(
            r#"{"properties":{"a":{"x-kubernetes-embedded-resource":true},"b":{"x-kubernetes-embedded-resource":true}}}"#,
        ))
        .unwrap();
        let object = read(
            r#"{"a":{},"b":{"apiVersion":"a/b/c","kind":"No_Kind","metadata":{"name":"a/b","labels":{"x":"?"}}}}"#,
        );
        let errors = validate_embedded(&object, &schema, Place::Within);
        expect![[r#"
            a.apiVersion: Required value
            a.kind: Required value
            b.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c
            b.kind: Invalid value: "No_Kind": may have mixed case, but should otherwise match: a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')
            b.metadata.name: Invalid value: "a/b": may not contain '/'
            b.metadata.labels: Invalid value: "?": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')
        "#]]
        .assert_eq(&errors.iter().map(|error| format!("{error}\n")).collect::<String>());
    }
}
