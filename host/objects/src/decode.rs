//! Request bodies into trees: JSON, YAML or protobuf, the type's shape checked, unknown and duplicate fields reported.
//!
//! What comes out is what upstream's decoding into a Go struct and back would give: null and unknown fields are
//! gone, quantities and times are in their canonical form, empty lists and maps that are optional are left out.

mod check;
mod json;
mod path;
mod yaml;

use crate::meta;
use crate::protobuf::{Envelope, ProtobufError};
use crate::resource::{GroupVersion, GroupVersionKind};
use crate::schema;
use crate::status::Status;
use crate::tree::Tree;

pub use check::check;

/// `fieldValidation` of a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidation {
    Ignore,
    /// What the API server does when the client does not say.
    #[default]
    Warn,
    Strict,
}

impl FieldValidation {
    /// Reads the query parameter; `None` is a value that the caller must refuse.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "" | "Warn" => Some(Self::Warn),
            "Ignore" => Some(Self::Ignore),
            "Strict" => Some(Self::Strict),
            _ => None,
        }
    }
}

/// The notation of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    Json,
    Yaml,
    /// `application/vnd.kubernetes.protobuf`
    Protobuf,
}

/// A body that was read, and what the client is to be warned of.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    pub tree: Tree,
    /// One for each unknown or duplicate field, under [`FieldValidation::Warn`].
    pub warnings: Vec<String>,
}

/// Why a body is no value in its notation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    #[error("unexpected end of JSON input")]
    End,
    #[error("invalid character {quoted} {place}")]
    Character { quoted: String, place: String },
    #[error("exceeded max depth")]
    Depth,
    #[error("number {0} is out of range")]
    Range(Box<str>),
    #[error("yaml: line {line}: {message}")]
    Yaml { line: usize, message: String },
    #[error("yaml: document contains excessive aliasing")]
    Aliases,
    #[error("yaml: a map key must not be an {0}")]
    Key(&'static str),
    #[error(transparent)]
    Protobuf(#[from] ProtobufError),
}

/// Why a value does not fit its type, or does not fit it strictly.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// A value of the wrong shape, in the words of Go's decoder.
    #[error("{0}")]
    Type(String),
    #[error("strict decoding error: {}", .0.join(", "))]
    Strict(Vec<String>),
}

/// Reads a value without a look at its type; the second part says what keys occur twice.
pub fn value(body: &[u8], notation: Notation) -> Result<(Tree, Vec<String>), SyntaxError> {
    let mut duplicates = Vec::new();
    let tree = match notation {
        Notation::Json => json::parse(body, &mut duplicates)?,
        Notation::Yaml => return yaml(body),
        Notation::Protobuf => message(body)?,
    };
    Ok((tree, duplicates.iter().map(|path| duplicate(path)).collect()))
}

/// What the parser of YAML says of keys that occur twice is one error.
fn yaml(body: &[u8]) -> Result<(Tree, Vec<String>), SyntaxError> {
    let mut lines = Vec::new();
    let tree = yaml::parse(&String::from_utf8_lossy(body), &mut lines)?;
    let error = (!lines.is_empty()).then(|| format!("yaml: unmarshal errors:\n  {}", lines.join("\n  ")));
    Ok((tree, error.into_iter().collect()))
}

fn duplicate(path: &str) -> String {
    format!("duplicate field {path:?}")
}

/// The message of an envelope, of the kind that the envelope says.
fn message(body: &[u8]) -> Result<Tree, ProtobufError> {
    let envelope = Envelope::read(body)?;
    let mut head = envelope.head();
    let unknown =
        || ProtobufError::Kind { kind: envelope.kind.clone(), version: envelope.api_version.clone() };
    let gvk = meta::gvk(&head).ok_or_else(unknown)?;
    let row = schema::by_gvk(&gvk.group, &gvk.version, &gvk.kind).ok_or_else(unknown)?;
    head.object_mut().extend(envelope.content(row)?);
    Ok(head)
}

/// Reads the object of a write. `expected` is the kind of the path: a body without apiVersion and kind is taken
/// for it, a body of another kind is refused.
pub fn object(
    body: &[u8],
    notation: Notation,
    expected: &GroupVersionKind,
    validation: FieldValidation,
) -> Result<Decoded, Status> {
    let unrecognized = |error: String| {
        Status::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): {error} ({})",
            expected.kind,
            summary(body)
        ))
    };
    if notation == Notation::Protobuf {
        let envelope = Envelope::read(body).map_err(|error| unrecognized(error.to_string()))?;
        return enveloped(&envelope, expected, validation);
    }
    let no_json =
        |error: String| unrecognized(format!("couldn't get version/kind; json parse error: {error}"));
    let row = schema::by_gvk(&expected.group, &expected.version, &expected.kind);
    let mut duplicates = Vec::new();
    let read = match (notation, row) {
        // They are reported among the unknown fields, where they are.
        (Notation::Json, Some(_)) => json::parse(body, &mut duplicates).map(|tree| (tree, Vec::new())),
        _ => value(body, notation),
    };
    let (mut tree, mut reports) = read.map_err(|error| no_json(error.to_string()))?;
    if !matches!(tree, Tree::Object(_)) {
        return Err(no_json(check::not_an_object(tree.shape())));
    }
    let actual = type_meta(&mut tree, expected)?;
    expect_kind(&actual, expected)?;
    let cannot_be_handled = |error: DecodeError| cannot_handle(&actual, &expected.kind, &error);
    if let Some(row) = row {
        reports.extend(check::strictly(&mut tree, row, duplicates).map_err(cannot_be_handled)?);
    }
    finish(tree, reports, validation).map_err(cannot_be_handled)
}

/// The object of a write in an envelope.
fn enveloped(
    envelope: &Envelope<'_>,
    expected: &GroupVersionKind,
    validation: FieldValidation,
) -> Result<Decoded, Status> {
    let mut tree = envelope.head();
    let actual = type_meta(&mut tree, expected)?;
    expect_kind(&actual, expected)?;
    let read = |tree: &mut Tree| -> Result<Vec<String>, DecodeError> {
        let Some(row) = schema::by_gvk(&actual.group, &actual.version, &actual.kind) else {
            let (kind, version) = (actual.kind.to_string(), actual.group_version().to_string());
            return Err(SyntaxError::from(ProtobufError::Kind { kind, version }).into());
        };
        tree.object_mut().extend(envelope.content(row).map_err(SyntaxError::from)?);
        check(tree, row)
    };
    read(&mut tree)
        .and_then(|reports| finish(tree, reports, validation))
        .map_err(|error| cannot_handle(&actual, &expected.kind, &error))
}

/// `Pod in version "v1" cannot be handled as a Pod: …`
pub fn cannot_handle(actual: &GroupVersionKind, expected_kind: &str, error: &DecodeError) -> Status {
    Status::bad_request(format!(
        "{} in version {:?} cannot be handled as a {expected_kind}: {error}",
        actual.kind, actual.version
    ))
}

/// What the validation directive makes of unknown and duplicate fields.
pub fn finish(tree: Tree, reports: Vec<String>, validation: FieldValidation) -> Result<Decoded, DecodeError> {
    match validation {
        FieldValidation::Strict if !reports.is_empty() => Err(DecodeError::Strict(reports)),
        FieldValidation::Warn => Ok(Decoded { tree, warnings: reports }),
        _ => Ok(Decoded { tree, warnings: Vec::new() }),
    }
}

/// The kind that the body says it is, with what it does not say filled in; both are put at its front.
fn type_meta(tree: &mut Tree, expected: &GroupVersionKind) -> Result<GroupVersionKind, Status> {
    let text = |key: &str| tree.str_at(&[key]).filter(|text| !text.is_empty()).map(str::to_owned);
    let api_version = text("apiVersion").unwrap_or_else(|| expected.group_version().to_string());
    let kind = text("kind").unwrap_or_else(|| expected.kind.to_string());
    let Some(group_version) = GroupVersion::parse(&api_version) else {
        return Err(Status::bad_request(format!("unexpected GroupVersion string: {api_version}")));
    };
    let fields = tree.object_mut();
    fields.insert_first("apiVersion", api_version);
    fields.insert_first("kind", kind.as_str());
    Ok(group_version.kind(kind))
}

fn expect_kind(actual: &GroupVersionKind, expected: &GroupVersionKind) -> Result<(), Status> {
    if actual == expected {
        return Ok(());
    }
    if actual.kind == expected.kind && actual.group_version() != expected.group_version() {
        return Err(Status::bad_request(format!(
            "the API version in the data ({}) does not match the expected API version ({})",
            actual.group_version(),
            expected.group_version()
        )));
    }
    let error = match schema::by_gvk(&actual.group, &actual.version, &actual.kind) {
        Some(row) => format!(
            "converting ({}) to ({}.{}): unknown conversion",
            row.shape.go_type(),
            if expected.group.is_empty() {
                "core"
            } else {
                expected.group.split('.').next().unwrap_or_default()
            },
            expected.kind
        ),
        None => format!(
            "no kind {:?} is registered for version \"{}\" in scheme \"pkg/api/legacyscheme/scheme.go:30\"",
            actual.kind,
            actual.group_version()
        ),
    };
    Err(cannot_handle(actual, &expected.kind, &DecodeError::Type(error)))
}

/// The head of a body, as messages about an unreadable one show it.
fn summary(body: &[u8]) -> String {
    const SHOWN: usize = 30;
    let head = &body[..body.len().min(SHOWN)];
    let more = if body.len() > SHOWN { " ..." } else { "" };
    match head.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => format!("{}{more}", String::from_utf8_lossy(head)),
        Some(_) => {
            let hex: String = head.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{hex}{more}")
        }
    }
}

#[cfg(test)]
mod tests;
