//! The defaults of a schema: they validate against it, have no unknown fields, and result in valid metadata.

use objects::validate::{FieldError, Path};
use objects::{Tree, tree};

use crate::embedded::{Malformed, coerce_metadata, validate_embedded};
use crate::prune::{META_FIELDS, Place, prune};
use crate::schema::Schema;
use crate::value::validate_value;

/// What is wrong with the defaults of the schema of a resource. Rules in CEL are for who compiles them to try.
pub(crate) fn validate_defaults(schema: &Schema, path: &Path) -> Vec<FieldError> {
    let mut walk = Walk { steps: Vec::new(), errors: Vec::new() };
    walk.schema(schema, path, Around { root: schema, place: Place::Root, in_metadata: false });
    walk.errors
}

/// The object that a default is in.
#[derive(Clone, Copy)]
struct Around<'a> {
    /// The schema of the resource, or of the embedded resource.
    root: &'a Schema,
    place: Place,
    in_metadata: bool,
}

struct Walk<'a> {
    /// The way from the object to the default; an item has no name.
    steps: Vec<Option<&'a str>>,
    errors: Vec<FieldError>,
}

impl<'a> Walk<'a> {
    fn schema(&mut self, schema: &'a Schema, path: &Path, around: Around<'a>) {
        let embedded = around.place.is_embedded(Some(schema));
        let around = if embedded { Around { root: schema, in_metadata: false, ..around } } else { around };
        let outer = embedded.then(|| std::mem::take(&mut self.steps));
        if let Some(default) = &schema.default {
            self.default(default, schema, &path.child("default"), around);
        }
        let below = Around { place: Place::Within, ..around };
        if let Some(items) = &schema.items {
            self.steps.push(None);
            self.schema(items, &path.child("items"), below);
            self.steps.pop();
        }
        for (name, property) in &schema.properties {
            let in_metadata = around.in_metadata || embedded && META_FIELDS.contains(&name.as_str());
            self.steps.push(Some(name.as_str()));
            let path = path.child("properties").key(name.as_str());
            self.schema(property, &path, Around { in_metadata, ..below });
            self.steps.pop();
        }
        if let Some(outer) = outer {
            self.steps = outer;
        }
    }

    fn default(&mut self, default: &Tree, schema: &Schema, path: &Path, around: Around<'_>) {
        let (mut errors, metadata) = if around.in_metadata {
            let told = |errors: Vec<FieldError>| {
                let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
                let joined =
                    if texts.len() == 1 { texts[0].clone() } else { format!("[{}]", texts.join(", ")) };
                let detail = format!("must result in valid metadata: {joined}");
                vec![FieldError::invalid(path, default.clone(), detail)]
            };
            let errors = metadata_errors(self.object(default), around.root, Place::Root);
            (Vec::new(), if errors.is_empty() { errors } else { told(errors) })
        } else {
            let place = if schema.embedded_resource { Place::Within } else { around.place };
            let mut pruned = default.clone();
            prune(&mut pruned, Some(schema), place);
            let unknown = (pruned != *default)
                .then(|| FieldError::invalid(path, default.clone(), "must not have unknown fields"));
            let errors = metadata_errors(default.clone(), schema, place);
            (unknown.into_iter().collect(), errors.into_iter().map(|error| below(path, error)).collect())
        };
        let valid = metadata.is_empty();
        errors.extend(metadata);
        if valid {
            errors.extend(validate_value(default, schema, Some(path)));
        }
        self.errors.extend(errors);
    }

    /// An object that has the default and nothing else.
    fn object(&self, default: &Tree) -> Tree {
        let wrap = |value: Tree, step: &Option<&str>| match step {
            Some(name) => Tree::Object([((*name).into(), value)].into_iter().collect()),
            None => Tree::Array(vec![value]),
        };
        let mut object = self.steps.iter().rev().fold(default.clone(), wrap);
        let fields = object.object_mut();
        fields.entry("kind", || tree!("Validation"));
        fields.entry("apiVersion", || tree!("validation/v1"));
        object
    }
}

fn metadata_errors(mut object: Tree, schema: &Schema, place: Place) -> Vec<FieldError> {
    match coerce_metadata(&mut object, Some(schema), place, Malformed::Refuse) {
        Ok(_) => validate_embedded(&object, schema, place),
        Err(error) => vec![error],
    }
}

/// An error of a part, told of the whole.
fn below(path: &Path, error: FieldError) -> FieldError {
    let field = if error.field == Path::none() { path.clone() } else { path.child(&error.field.to_string()) };
    FieldError { field, ..error }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use objects::Tree;
    use objects::validate::Path;

    use super::validate_defaults;
    use crate::schema::Schema;

    fn check(schema: &str, expected: Expect) {
        let schema = Schema::parse(&Tree::from_json(schema.as_bytes()).unwrap()).unwrap();
        let errors = validate_defaults(&schema, &Path::new("schema"));
        expected.assert_eq(&errors.iter().map(|error| format!("{error}\n")).collect::<String>());
    }

    #[test]
    fn defaults_are_valid_and_pruned() {
        check(
            r#"{"type":"object","properties":{"a":{"type":"integer","default":1},"b":{"type":"object","default":{"a":{"c":2}},"properties":{"a":{"type":"object","properties":{"c":{"type":"integer"}}}}}}}"#,
            expect![""],
        );
        check(
            r#"{"type":"object","properties":{"a":{"type":"integer","default":"x"},"list":{"type":"array","items":{"type":"object","default":{"a":1,"b":2},"properties":{"a":{"type":"integer","maximum":0}}}}}}"#,
            expect![[r#"
                schema.properties[a].default: Invalid value: "string":  in body must be of type integer: "string"
                schema.properties[list].items.default: Invalid value: {"a":1,"b":2}: must not have unknown fields
                schema.properties[list].items.default.a: Invalid value: 1: a in body should be less than or equal to 0
            "#]],
        );
    }

    #[test]
    fn defaults_of_metadata_are_tried_within_their_object() {
        check(
            r#"{"type":"object","properties":{"pod":{"type":"object","x-kubernetes-embedded-resource":true,"properties":{
                "kind":{"type":"string","default":"no kind"},
                "metadata":{"type":"object","properties":{"name":{"type":"string","default":"ok"},"namespace":{"type":"string","default":"No"},"finalizers":{"type":"array","items":{"type":"string","default":5}}}}}}}}"#,
            expect![[r#"
                schema.properties[pod].properties[kind].default: Invalid value: "no kind": must result in valid metadata: kind: Invalid value: "no kind": may have mixed case, but should otherwise match: a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')
                schema.properties[pod].properties[metadata].properties[finalizers].items.default: Invalid value: 5: must result in valid metadata: metadata: Invalid value: {"finalizers":[5]}: json: cannot unmarshal number into Go struct field ObjectMeta.finalizers of type string
                schema.properties[pod].properties[metadata].properties[namespace].default: Invalid value: "No": must result in valid metadata: metadata.namespace: Invalid value: "No": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            "#]],
        );
    }
}
