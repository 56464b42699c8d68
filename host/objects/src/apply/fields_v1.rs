//! FieldsV1: a set of paths as the object that `managedFields` has it in.

use super::element::{Element, ElementError};
use super::fields::{FieldSet, Node};
use crate::tree::{Object, Tree};

/// The key that says that the path up to here is a member.
const SELF: &str = ".";

pub(super) fn write(set: &FieldSet) -> Tree {
    Tree::Object(fields(set, false))
}

/// A path that ends here and does not go on is an empty object.
fn fields(set: &FieldSet, member: bool) -> Object {
    let mut fields = Object::with_capacity(set.nodes().len() + usize::from(member));
    if member && !set.is_empty() {
        fields.insert(SELF, Tree::object());
    }
    fields.extend(set.nodes().iter().map(|node| {
        let below = self::fields(&node.below, node.member);
        (node.element.text().into(), Tree::Object(below))
    }));
    fields
}

/// Reads a set; steps of a kind that is not known are passed over.
pub(super) fn read(fields: &Tree) -> Result<FieldSet, ElementError> {
    match fields {
        Tree::Object(fields) => below(fields),
        Tree::Null => Ok(FieldSet::default()),
        other => Err(ElementError::Value(format!("expected an object, got {}", other.shape()))),
    }
}

fn below(fields: &Object) -> Result<FieldSet, ElementError> {
    let mut set = FieldSet::default();
    for (text, value) in fields.iter().filter(|(text, _)| *text != SELF) {
        if let Some(element) = Element::parse(text)? {
            let below = read(value)?;
            let member = below.is_empty() || value.get(SELF).is_some();
            set.add(Node { element, member, below });
        }
    }
    Ok(set)
}
