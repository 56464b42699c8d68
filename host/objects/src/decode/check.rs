//! A tree against its type: shapes, canonical leaves, unknown fields.

use super::DecodeError;
use super::path::Path;
use crate::meta::Moment;
use crate::quantity::Quantity;
use crate::schema::{Field, Shape, Type};
use crate::tree::Tree;

/// How many unknown and duplicate fields are reported.
const MAX_REPORTS: usize = 100;
/// The one optional list that is not the same empty as absent: that says to forget the managers.
const MANAGED_FIELDS: &str = "managedFields";

/// Checks a tree against a type and brings it into the form that upstream stores: see the module above. Returns
/// `unknown field "…"` for each field that the type does not have; those are removed.
pub fn check(tree: &mut Tree, row: &'static Type) -> Result<Vec<String>, DecodeError> {
    strictly(tree, row, Vec::new())
}

/// As [`check`], and reports the duplicate fields, given by their paths, in the order of the tree.
pub(super) fn strictly(
    tree: &mut Tree,
    row: &'static Type,
    duplicates: Vec<String>,
) -> Result<Vec<String>, DecodeError> {
    let (path, reports) = (Path::default(), Vec::new());
    let mut walk = Walk { path, go_path: Vec::new(), owner: None, duplicates, reports };
    walk.value(tree, row.shape)?;
    Ok(walk.reports)
}

/// What decoding something else than an object says.
pub(super) fn not_an_object(shape: &str) -> String {
    format!(
        "json: cannot unmarshal {shape} into Go value of type struct {{ APIVersion string \
         \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}"
    )
}

struct Walk {
    /// With indices, for unknown fields.
    path: Path,
    /// Without indices, for Go's type errors.
    go_path: Vec<String>,
    /// The Go struct whose field is being looked at.
    owner: Option<&'static Type>,
    /// The paths of the fields that occurred more than once.
    duplicates: Vec<String>,
    reports: Vec<String>,
}

impl Walk {
    fn value(&mut self, tree: &mut Tree, shape: Shape) -> Result<(), DecodeError> {
        match (shape.resolve(), &mut *tree) {
            (Shape::Any, _) => Ok(()),
            (Shape::Struct(id), Tree::Object(_)) => self.fields(tree, id.get()),
            (Shape::Array(_), Tree::Array(items)) => self.items(items, shape.items().unwrap_or(Shape::Any)),
            (Shape::Map(_), Tree::Object(_)) => self.values(tree, shape.values().unwrap_or(Shape::Any)),
            (Shape::Object, Tree::Object(_)) => Ok(()),
            (Shape::String, Tree::Str(_)) | (Shape::Bool, Tree::Bool(_)) => Ok(()),
            (Shape::Int64 | Shape::Double, Tree::Int(_)) => Ok(()),
            (Shape::Double, Tree::Float(_)) => {
                if let Some(whole) = tree.as_i64() {
                    *tree = Tree::Int(whole);
                }
                Ok(())
            }
            (Shape::Int32, Tree::Int(value)) if i32::try_from(*value).is_ok() => Ok(()),
            (Shape::IntOrString, Tree::Str(_)) => Ok(()),
            (Shape::IntOrString, Tree::Int(value)) if i32::try_from(*value).is_ok() => Ok(()),
            (Shape::Bytes, Tree::Str(text)) => base64(text),
            (Shape::Quantity, Tree::Str(_) | Tree::Int(_) | Tree::Float(_)) => quantity(tree),
            (Shape::Time, Tree::Str(text)) => {
                *tree = Tree::from(time(text)?.rfc3339());
                Ok(())
            }
            (Shape::MicroTime, Tree::Str(text)) => {
                *tree = Tree::from(time(text)?.rfc3339_micro());
                Ok(())
            }
            (Shape::Time | Shape::MicroTime, other) => Err(DecodeError::Type(format!(
                "json: cannot unmarshal {} into Go value of type string",
                other.shape()
            ))),
            (_, other) => Err(self.mismatch(other, shape)),
        }
    }

    fn mismatch(&self, tree: &Tree, shape: Shape) -> DecodeError {
        let value = match tree {
            Tree::Int(value) => format!("number {value}"),
            Tree::Float(value) => format!("number {value:?}"),
            other => other.shape().to_owned(),
        };
        // A number is shown only where its value is the trouble.
        let value = match shape.resolve() {
            Shape::Int32 | Shape::Int64 | Shape::Double => value,
            _ => tree.shape().to_owned(),
        };
        let go_type = shape.go_type();
        DecodeError::Type(match self.owner {
            Some(owner) => format!(
                "json: cannot unmarshal {value} into Go struct field {}.{} of type {go_type}",
                owner.go_name(),
                self.go_path.join(".")
            ),
            None => format!("json: cannot unmarshal {value} into Go value of type {go_type}"),
        })
    }

    fn report(&mut self, what: String) {
        if self.reports.len() < MAX_REPORTS {
            self.reports.push(what);
        }
    }

    /// Once for each time that the key at the path came again.
    fn report_duplicates(&mut self) {
        if self.duplicates.is_empty() {
            return;
        }
        let path = self.path.to_string();
        let times = self.duplicates.iter().filter(|duplicate| **duplicate == path).count();
        for _ in 0..times {
            self.report(super::duplicate(&path));
        }
    }

    fn fields(&mut self, tree: &mut Tree, row: &'static Type) -> Result<(), DecodeError> {
        let owner = self.owner.replace(row);
        let mut result = Ok(());
        tree.object_mut().retain(|name, value| {
            if result.is_err() {
                return true;
            }
            self.path.push_key(name);
            let kept = match row.field(name) {
                Some(field) => {
                    self.report_duplicates();
                    self.go_path.push(name.to_owned());
                    let kept = self.field(value, field);
                    self.go_path.pop();
                    kept
                }
                None => {
                    self.report(format!("unknown field \"{}\"", self.path));
                    Ok(false)
                }
            };
            self.path.pop();
            kept.unwrap_or_else(|error| {
                result = Err(error);
                true
            })
        });
        self.owner = owner;
        result
    }

    /// Whether the field stays: null does not, nor what is optional and says nothing: an empty list or map, and a zero that
    /// Go holds by value.
    fn field(&mut self, value: &mut Tree, field: &Field) -> Result<bool, DecodeError> {
        if value.is_null() {
            return Ok(false);
        }
        self.value(value, field.shape)?;
        let collection =
            matches!(field.shape, Shape::Array(_) | Shape::Map(_)) && field.name != MANAGED_FIELDS;
        let says_nothing = collection || field.shape.is_scalar() && !field.pointer;
        Ok(field.required || !says_nothing || !value.is_empty_value())
    }

    fn items(&mut self, items: &mut [Tree], shape: Shape) -> Result<(), DecodeError> {
        for (index, item) in items.iter_mut().enumerate() {
            self.path.push_index(index);
            self.element(item, shape)?;
            self.path.pop();
        }
        Ok(())
    }

    fn values(&mut self, tree: &mut Tree, shape: Shape) -> Result<(), DecodeError> {
        for (key, value) in tree.object_mut().iter_mut() {
            self.path.push_key(key);
            self.report_duplicates();
            self.element(value, shape)?;
            self.path.pop();
        }
        Ok(())
    }

    /// An element of a list or map, where null is the zero value.
    fn element(&mut self, value: &mut Tree, shape: Shape) -> Result<(), DecodeError> {
        if value.is_null() {
            *value = match shape.resolve() {
                Shape::String => Tree::from(""),
                Shape::Quantity => Tree::from("0"),
                Shape::Bool => Tree::Bool(false),
                Shape::Int32 | Shape::Int64 | Shape::Double => Tree::Int(0),
                Shape::Struct(_) => Tree::object(),
                _ => Tree::Null,
            };
            return Ok(());
        }
        self.value(value, shape)
    }
}

fn quantity(tree: &mut Tree) -> Result<(), DecodeError> {
    let text = match &*tree {
        Tree::Str(text) if text.is_empty() => "0".to_owned(),
        Tree::Str(text) => text.to_string(),
        number => number.to_json_string(),
    };
    let quantity: Quantity =
        text.parse().map_err(|error: crate::quantity::QuantityError| DecodeError::Type(error.to_string()))?;
    *tree = Tree::from(quantity.to_string());
    Ok(())
}

fn time(text: &str) -> Result<Moment, DecodeError> {
    Moment::parse(text).ok_or_else(|| {
        DecodeError::Type(format!(
            "parsing time {text:?} as \"2006-01-02T15:04:05Z07:00\": cannot parse {text:?} as \"2006\""
        ))
    })
}

/// Standard base64 with padding; line breaks are passed over, as in Go.
fn base64(text: &str) -> Result<(), DecodeError> {
    let corrupt = |at: usize| DecodeError::Type(format!("illegal base64 data at input byte {at}"));
    let (mut digits, mut padding) = (0_usize, 0_usize);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'\r' | b'\n' => {}
            b'=' if digits % 4 + padding >= 2 && digits % 4 + padding < 4 => padding += 1,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' if padding == 0 => digits += 1,
            _ => return Err(corrupt(at)),
        }
    }
    if (digits + padding) % 4 == 0 { Ok(()) } else { Err(corrupt(text.len())) }
}
