//! Where in the objects of an expression its parts come from, which tells how large they can be.

use crate::cost::range::Range;
use crate::schema::{SchemaRef, Shape};

#[derive(Clone)]
pub(crate) enum Place {
    /// Made by the expression.
    None,
    At(SchemaRef),
    /// The keys of a map, whose length no schema limits; upstream takes it for zero.
    Keys,
    /// In an object, but where nothing is known.
    Nowhere,
}

/// From a value to what is in it.
#[derive(Clone, Copy)]
pub(super) enum Step<'s> {
    Field(&'s str),
    Items,
    Indexes,
    Keys,
    Values,
}

impl Place {
    pub(crate) fn size(&self) -> Option<Range> {
        match self {
            Self::At(schema) => Some(Range { min: 0, max: schema.max_elements().unwrap_or(0) }),
            Self::Keys => Some(Range::ZERO),
            Self::None | Self::Nowhere => None,
        }
    }

    /// Upstream drops the first part of a path for being the variable, so that a path which begins with a step leads
    /// to the object itself.
    pub(super) fn child(&self, step: Step<'_>, root: Option<&SchemaRef>) -> Self {
        let schema = match self {
            Self::None => return root.map_or(Self::Nowhere, |root| Self::At(root.clone())),
            Self::At(schema) => schema,
            Self::Keys | Self::Nowhere => return Self::Nowhere,
        };
        match (step, schema.shape()) {
            (Step::Field(name), Shape::Object { .. }) => {
                crate::schema::field_of(schema, name).map_or(Self::Nowhere, Self::At)
            }
            (Step::Items | Step::Values, Shape::List { items, .. }) => Self::At(items),
            (Step::Items | Step::Values, Shape::Map { values }) => Self::At(values),
            (Step::Keys, Shape::Map { .. }) => Self::Keys,
            _ => Self::Nowhere,
        }
    }
}
