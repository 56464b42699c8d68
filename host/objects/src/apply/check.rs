//! Whether a value is one of its type, in the words of upstream's library.

use std::collections::BTreeSet;
use std::fmt;

use super::element::Element;
use super::typing::{Kind, Scalar, Typing, field, item, kind};
use super::value;
use crate::schema::ListType;
use crate::tree::{Object, Tree};

/// One thing that is wrong, and the path to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TypeError {
    pub(super) path: String,
    pub(super) message: String,
}

/// What is wrong with an object; shown as upstream shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeErrors(Vec<TypeError>);

impl fmt::Display for TypeErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [error] => error.fmt(f),
            errors => {
                f.write_str("errors:")?;
                errors.iter().try_for_each(|error| write!(f, "\n  {error}"))
            }
        }
    }
}

impl std::error::Error for TypeErrors {}

impl From<TypeError> for TypeErrors {
    fn from(error: TypeError) -> Self {
        Self(vec![error])
    }
}

impl TypeError {
    pub(super) fn here(message: impl Into<String>) -> Self {
        Self { path: String::new(), message: message.into() }
    }

    /// The error of a value below a step.
    #[must_use]
    pub(super) fn below(mut self, element: &Element) -> Self {
        self.path.insert_str(0, &element.to_string());
        self
    }

    /// The error of a field that the type does not have.
    pub(super) fn undeclared(name: &str) -> Self {
        Self { path: format!(".{name}"), message: "field not declared in schema".to_owned() }
    }

    /// The error of a value whose type allows nothing.
    pub(super) fn no_kind() -> Self {
        Self::here("schema error: invalid atom: inlined")
    }

    /// The error of an item that cannot be told apart.
    pub(super) fn item(index: usize, why: &str) -> Self {
        Self::here(format!("element {index}: {why}"))
    }
}

impl fmt::Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// Whether items of an associative list may be there twice: in what is applied they may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Duplicates {
    Refused,
    Allowed,
}

pub(super) fn check<T: Typing>(tree: &Tree, typing: T, duplicates: Duplicates) -> Result<(), TypeErrors> {
    let mut walk = Walk { duplicates, path: Vec::new(), errors: Vec::new() };
    walk.value(tree, typing);
    if walk.errors.is_empty() { Ok(()) } else { Err(TypeErrors(walk.errors)) }
}

struct Walk<'a> {
    duplicates: Duplicates,
    path: Vec<Step<'a>>,
    errors: Vec<TypeError>,
}

enum Step<'a> {
    Field(&'a str),
    Element(Element),
    Index(usize),
}

impl<'a> Walk<'a> {
    fn refuse(&mut self, message: impl Into<String>) {
        let path = self.path.iter().map(|step| match step {
            Step::Field(name) => format!(".{name}"),
            Step::Element(element) => element.to_string(),
            Step::Index(index) => format!("[{index}]"),
        });
        let path = path.collect();
        self.errors.push(TypeError { path, message: message.into() });
    }

    fn below<T: Typing>(&mut self, step: Step<'a>, tree: &'a Tree, typing: T) {
        self.path.push(step);
        self.value(tree, typing);
        self.path.pop();
    }

    fn value<T: Typing>(&mut self, tree: &'a Tree, typing: T) {
        match (kind(typing, tree), tree) {
            (_, Tree::Null) => {}
            (Some(Kind::Map(_)), Tree::Object(fields)) => self.fields(fields, typing),
            (Some(Kind::Map(_)), other) => {
                self.refuse(format!("expected map, got &{{{}}}", value::printed(other)));
            }
            (Some(Kind::List(list, items)), Tree::Array(all)) => self.items(all, typing, list, items),
            (Some(Kind::List(..)), other) => {
                self.refuse(format!("expected list, got &{{{}}}", value::printed(other)));
            }
            (Some(Kind::Scalar(scalar)), other) => self.scalar(scalar, other),
            (None, _) => self.refuse("schema error: invalid atom: inlined"),
        }
    }

    fn scalar(&mut self, scalar: Scalar, tree: &Tree) {
        match (scalar, tree) {
            (Scalar::Numeric | Scalar::Untyped, Tree::Int(_) | Tree::Float(_))
            | (Scalar::String | Scalar::Untyped, Tree::Str(_))
            | (Scalar::Boolean | Scalar::Untyped, Tree::Bool(_)) => {}
            (Scalar::Numeric, _) => {
                self.refuse(format!("expected numeric (int or float), got {}", value::type_name(tree)));
            }
            (Scalar::String, _) => self.refuse(format!(
                "expected string, got &value.valueUnstructured{{Value:{}}}",
                value::literal(tree)
            )),
            (Scalar::Boolean, _) => {
                self.refuse(format!("expected boolean, got &{{{}}}", value::printed(tree)));
            }
            (Scalar::Untyped, _) => {
                self.refuse(format!("expected any scalar, got &{{{}}}", value::printed(tree)));
            }
        }
    }

    /// The first field that the type does not have ends the walk through its siblings.
    fn fields<T: Typing>(&mut self, fields: &'a Object, typing: T) {
        for (name, tree) in fields.iter() {
            let Some(of_field) = field(typing, name) else {
                self.path.push(Step::Field(name));
                self.refuse("field not declared in schema");
                self.path.pop();
                return;
            };
            match tree {
                Tree::Null => {}
                _ => self.below(Step::Field(name), tree, of_field),
            }
        }
    }

    /// So does the first item that cannot be told apart.
    fn items<T: Typing>(&mut self, all: &'a [Tree], list: T, of: ListType, items: T) {
        let mut seen = BTreeSet::new();
        for (index, tree) in all.iter().enumerate() {
            if !matches!(of, ListType::Set | ListType::Map) {
                self.below(Step::Index(index), tree, items);
                continue;
            }
            let element = match item(list, of, items, tree) {
                Ok(element) => element,
                Err(why) => return self.refuse(format!("element {index}: {why}")),
            };
            if !seen.insert(element.clone()) && self.duplicates == Duplicates::Refused {
                self.refuse(format!("duplicate entries for key {element}"));
            }
            self.below(Step::Element(element), tree, items);
        }
    }
}
