//! Field errors: the path, the kind, the value and the detail, printed as upstream prints them.

use std::fmt::{self, Display};

use crate::resource::GroupKind;
use crate::status::{Cause, Status};
use crate::tree::Tree;

/// The path of a field: `spec.containers[0].image`, `metadata.labels[app]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(String);

impl Path {
    pub fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The place of no field, as upstream prints it.
    pub fn none() -> Self {
        Self("<nil>".to_owned())
    }

    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        self.followed_by([".", name, ""])
    }

    /// A path through several names.
    #[must_use]
    pub fn children(&self, names: &[&str]) -> Self {
        names.iter().fold(self.clone(), |path, name| path.child(name))
    }

    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.key(&index.to_string())
    }

    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.followed_by(["[", key, "]"])
    }

    /// Most are made for nothing: an object has many fields, and few that are refused.
    fn followed_by(&self, parts: [&str; 3]) -> Self {
        let mut path = String::with_capacity(parts.iter().fold(self.0.len(), |len, part| len + part.len()));
        path.push_str(&self.0);
        parts.iter().for_each(|part| path.push_str(part));
        Self(path)
    }
}

impl Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    NotFound,
    Required,
    Duplicate,
    Invalid,
    /// Of another type than its schema says; only custom resources have it.
    TypeInvalid,
    NotSupported,
    Forbidden,
    TooLong,
    TooMany,
    Internal,
}

impl ErrorKind {
    /// The reason of the cause, and how the message begins.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::NotFound => ("FieldValueNotFound", "Not found"),
            Self::Required => ("FieldValueRequired", "Required value"),
            Self::Duplicate => ("FieldValueDuplicate", "Duplicate value"),
            Self::Invalid => ("FieldValueInvalid", "Invalid value"),
            Self::TypeInvalid => ("FieldValueTypeInvalid", "Invalid value"),
            Self::NotSupported => ("FieldValueNotSupported", "Unsupported value"),
            Self::Forbidden => ("FieldValueForbidden", "Forbidden"),
            Self::TooLong => ("FieldValueTooLong", "Too long"),
            Self::TooMany => ("FieldValueTooMany", "Too many"),
            Self::Internal => ("InternalError", "Internal error"),
        }
    }
}

/// One field that is not as it must be.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    pub kind: ErrorKind,
    pub field: Path,
    /// What is shown of the value, where the kind shows one.
    pub value: Option<Tree>,
    pub detail: String,
}

impl FieldError {
    fn new(kind: ErrorKind, field: &Path, value: Option<Tree>, detail: impl Into<String>) -> Self {
        Self { kind, field: field.clone(), value, detail: detail.into() }
    }

    pub fn not_found(field: &Path, value: impl Into<Tree>) -> Self {
        Self::new(ErrorKind::NotFound, field, Some(value.into()), "")
    }

    pub fn required(field: &Path, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Required, field, None, detail)
    }

    pub fn duplicate(field: &Path, value: impl Into<Tree>) -> Self {
        Self::new(ErrorKind::Duplicate, field, Some(value.into()), "")
    }

    pub fn invalid(field: &Path, value: impl Into<Tree>, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, field, Some(value.into()), detail)
    }

    /// An invalid value that is not shown.
    pub fn invalid_unshown(field: &Path, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, field, None, detail)
    }

    /// A duplicate value that is not shown.
    pub fn duplicate_unshown(field: &Path) -> Self {
        Self::new(ErrorKind::Duplicate, field, None, "")
    }

    pub fn type_invalid(field: &Path, value: impl Into<Tree>, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::TypeInvalid, field, Some(value.into()), detail)
    }

    pub fn not_supported(field: &Path, value: impl Into<Tree>, supported: &[&str]) -> Self {
        let quoted: Vec<String> = supported.iter().map(|word| format!("{word:?}")).collect();
        let detail = if quoted.is_empty() {
            String::new()
        } else {
            format!("supported values: {}", quoted.join(", "))
        };
        Self::new(ErrorKind::NotSupported, field, Some(value.into()), detail)
    }

    pub fn forbidden(field: &Path, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Forbidden, field, None, detail)
    }

    pub fn too_long(field: &Path, max: usize) -> Self {
        let unit = if max == 1 { "byte" } else { "bytes" };
        Self::new(ErrorKind::TooLong, field, None, format!("may not be more than {max} {unit}"))
    }

    pub fn too_many(field: &Path, actual: usize, max: usize) -> Self {
        let unit = if max == 1 { "item" } else { "items" };
        let value = Tree::Int(i64::try_from(actual).unwrap_or(i64::MAX));
        Self::new(ErrorKind::TooMany, field, Some(value), format!("must have at most {max} {unit}"))
    }

    pub fn internal(field: &Path, error: impl Display) -> Self {
        Self::new(ErrorKind::Internal, field, None, error.to_string())
    }

    /// The message without the field.
    fn body(&self) -> String {
        let (_, words) = self.kind.words();
        let value = match &self.value {
            Some(Tree::Str(text)) => format!(": {text:?}"),
            Some(value) => format!(": {}", escaped(&value.to_json_string())),
            None => String::new(),
        };
        let detail = if self.detail.is_empty() { String::new() } else { format!(": {}", self.detail) };
        format!("{words}{value}{detail}")
    }

    fn cause(&self) -> Cause {
        Cause { reason: self.kind.words().0.into(), message: self.body(), field: self.field.to_string() }
    }
}

/// JSON as Go writes it, which may stand in HTML.
fn escaped(json: &str) -> String {
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

impl Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.body())
    }
}

impl std::error::Error for FieldError {}

/// The Invalid status of an object with these errors; `None` where there are none.
pub fn to_status(kind: &GroupKind, name: &str, errors: &[FieldError]) -> Option<Status> {
    if errors.is_empty() {
        return None;
    }
    let mut messages: Vec<String> = Vec::with_capacity(errors.len());
    for message in errors.iter().map(ToString::to_string) {
        if !messages.contains(&message) {
            messages.push(message);
        }
    }
    let message = match messages.as_slice() {
        [only] => only.clone(),
        several => format!("[{}]", several.join(", ")),
    };
    Some(Status::invalid(kind, name, message, errors.iter().map(FieldError::cause).collect()))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{FieldError, Path, to_status};
    use crate::resource::GroupKind;
    use crate::tree;

    #[test]
    fn errors_read_as_upstreams() {
        let spec = Path::new("spec");
        let containers = spec.child("containers");
        let errors = [
            FieldError::required(&containers.index(0).child("image"), ""),
            FieldError::invalid(&spec.child("priority"), 7, "must not be odd"),
            FieldError::not_supported(&spec.child("restartPolicy"), "x", &["Always", "Never"]),
            FieldError::forbidden(&spec, "may not change"),
            FieldError::duplicate(&containers.index(1).child("name"), "a"),
            FieldError::too_long(&Path::new("metadata").child("annotations"), 262_144),
            FieldError::too_many(&spec.child("hosts"), 5, 4),
            FieldError::invalid(&spec.key("a"), tree!({ "b": [1] }), "no"),
            FieldError::not_found(&spec.child("volume"), "v"),
        ];
        expect![[r#"
            spec.containers[0].image: Required value
            spec.priority: Invalid value: 7: must not be odd
            spec.restartPolicy: Unsupported value: "x": supported values: "Always", "Never"
            spec: Forbidden: may not change
            spec.containers[1].name: Duplicate value: "a"
            metadata.annotations: Too long: may not be more than 262144 bytes
            spec.hosts: Too many: 5: must have at most 4 items
            spec[a]: Invalid value: {"b":[1]}: no
            spec.volume: Not found: "v"
        "#]]
        .assert_eq(&errors.iter().map(|error| format!("{error}\n")).collect::<String>());
    }

    #[test]
    fn several_errors_are_one_status_with_a_cause_each() {
        let spec = Path::new("spec");
        let errors =
            [FieldError::required(&spec.child("a"), ""), FieldError::required(&spec.child("b"), "why")];
        let status = to_status(&GroupKind::new("", "Pod"), "x", &errors).unwrap();
        expect![[r#"Pod "x" is invalid: [spec.a: Required value, spec.b: Required value: why]"#]]
            .assert_eq(&status.message);
        let causes = &status.details.unwrap().causes;
        assert_eq!((causes[1].reason.as_ref(), causes[1].field.as_str()), ("FieldValueRequired", "spec.b"));
        assert_eq!(to_status(&GroupKind::new("", "Pod"), "x", &[]), None);
    }
}
