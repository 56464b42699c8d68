//! The schema of a version, or of all versions.

use objects::Tree;
use objects::validate::{FieldError, Path};

use crate::default_rules::validate_defaults;
use crate::props::Props;
use crate::schema::{MAX_DEPTH, MAX_SCHEMAS, Schema, SchemaError};
use crate::schema_rules::{Asked, validate_rules};
use crate::structurality::validate_structural;

/// What a definition asks of its schemas.
#[derive(Clone, Copy)]
pub(super) struct Demands {
    pub(super) status_enabled: bool,
    pub(super) structural: bool,
    pub(super) asked: Asked,
}

/// Validates `openAPIV3Schema` below a path.
pub(super) fn validate(props: Props<'_>, path: &Path, demands: Demands, errors: &mut Vec<FieldError>) {
    let path = path.child("openAPIV3Schema");
    // Nothing below walks a schema that has no bounds.
    if let Err(error) = bounds(props) {
        errors.push(FieldError::invalid(&path, "", error.to_string()));
        return;
    }
    let before = errors.len();
    if demands.status_enabled {
        root_with_status(props, &path, errors);
    }
    if props.flag("nullable") {
        errors.push(FieldError::forbidden(&path.child("nullable"), "nullable cannot be true at the root"));
    }
    let mut unread = None;
    if demands.structural {
        let structural = match unsupported(props) {
            Some(error) => {
                unread = Some(error);
                Vec::new()
            }
            None => validate_structural(props, &path),
        };
        if structural.is_empty() && unread.is_none() {
            match Schema::parse(props.0) {
                Ok(schema) => errors.extend(validate_defaults(&schema, &path)),
                Err(error) => unread = Some(error),
            }
        }
        errors.extend(structural);
    }
    errors.extend(validate_rules(props, &path, demands.asked));
    // Why it cannot be read mostly is what one of the rules tells better.
    if let Some(error) = unread.filter(|_| errors.len() == before) {
        errors.push(FieldError::invalid(&path, "", error.to_string()));
    }
}

/// Whether the schema is as deep and as large as schemas may be.
fn bounds(props: Props<'_>) -> Result<(), SchemaError> {
    fn measure(props: Props<'_>, depth: usize, schemas: &mut usize) -> Result<(), SchemaError> {
        *schemas += 1;
        if depth == MAX_DEPTH {
            return Err(SchemaError::Depth);
        }
        if *schemas > MAX_SCHEMAS {
            return Err(SchemaError::Size);
        }
        props.within().into_iter().try_for_each(|below| measure(below, depth + 1, schemas))
    }
    measure(props, 0, &mut 0)
}

/// The first keyword that makes any of the schemas unreadable.
fn unsupported(props: Props<'_>) -> Option<SchemaError> {
    let mut found = None;
    props.any(&mut |below| {
        found = SchemaError::unsupported(below.0);
        found.is_some()
    });
    found
}

/// With a status sub-resource the root says no more than what still holds for the status alone.
fn root_with_status(props: Props<'_>, path: &Path, errors: &mut Vec<FieldError>) {
    /// As Go names them in the message, and as the schema does.
    const ALLOWED: [(&str, &str); 22] = [
        ("Description", "description"),
        ("Type", "type"),
        ("Format", "format"),
        ("Title", "title"),
        ("Maximum", "maximum"),
        ("ExclusiveMaximum", "exclusiveMaximum"),
        ("Minimum", "minimum"),
        ("ExclusiveMinimum", "exclusiveMinimum"),
        ("MaxLength", "maxLength"),
        ("MinLength", "minLength"),
        ("Pattern", "pattern"),
        ("MaxItems", "maxItems"),
        ("MinItems", "minItems"),
        ("UniqueItems", "uniqueItems"),
        ("MultipleOf", "multipleOf"),
        ("Required", "required"),
        ("Items", "items"),
        ("Properties", "properties"),
        ("ExternalDocs", "externalDocs"),
        ("Example", "example"),
        ("XPreserveUnknownFields", "x-kubernetes-preserve-unknown-fields"),
        ("XValidations", "x-kubernetes-validations"),
    ];
    let kind = props.kind();
    if !kind.is_empty() && kind != "object" {
        let detail = "only \"object\" is allowed as the type at the root of the schema if the status subresource is enabled";
        errors.push(FieldError::invalid(&path.child("type"), kind, detail));
        return;
    }
    let allowed = |keyword: &str| ALLOWED.iter().any(|(_, allowed)| *allowed == keyword);
    let said = |value: &Tree| !value.is_empty_value() || matches!(value, Tree::Int(_) | Tree::Float(_));
    if props.0.fields().any(|(keyword, value)| said(value) && !allowed(keyword)) {
        let names: Vec<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
        let detail = format!(
            "only [{}] fields are allowed at the root of the schema if the status subresource is enabled",
            names.join(" ")
        );
        errors.push(FieldError::invalid(path, props.0.clone(), detail));
    }
}
