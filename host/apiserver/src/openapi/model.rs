//! What bodies are: types of the schema table, and kinds whose schemas are built from their definitions.

use std::borrow::Cow;

use objects::Tree;
use objects::resource::{GroupVersion, Resource};
use objects::schema::{self, Type};
use structural::OpenApi;

use super::Dialect;
use super::description::Descriptions;
use crate::registry::Served;

/// A named schema.
#[derive(Clone, Copy)]
pub(super) enum Model<'a> {
    Type(&'static Type),
    Custom { name: &'a str, schema: &'a Tree },
}

/// A row that is described, with the schemas that only its definition has.
pub(super) struct Subject<'a> {
    pub(super) row: &'a Resource,
    custom: Option<OpenApi>,
}

impl<'a> Model<'a> {
    pub(super) fn name(&self) -> Cow<'a, str> {
        match self {
            Self::Type(row) => Cow::Owned(row.openapi_name()),
            Self::Custom { name, .. } => Cow::Borrowed(name),
        }
    }
}

impl<'a> Subject<'a> {
    pub(super) fn of(row: &'a Served, dialect: Dialect, descriptions: &Descriptions) -> Self {
        let dialect = match dialect {
            Dialect::Version2 => structural::Dialect::V2,
            Dialect::Version3 => structural::Dialect::V3,
        };
        let build =
            |definition| structural::openapi(definition, &row.version, dialect, descriptions.of_every_kind());
        Self { row, custom: row.definition().and_then(build) }
    }

    pub(super) fn is_of(&self, of: &GroupVersion) -> bool {
        self.row.group == of.group && self.row.version == of.version
    }

    pub(super) fn is_custom(&self) -> bool {
        self.custom.is_some()
    }

    pub(super) fn object(&self) -> Option<Model<'_>> {
        match &self.custom {
            Some(OpenApi { name, schema, .. }) => Some(Model::Custom { name, schema }),
            None => self.builtin(&self.row.kind),
        }
    }

    pub(super) fn list(&self) -> Option<Model<'_>> {
        match &self.custom {
            Some(OpenApi { list_name: name, list_schema: schema, .. }) => {
                Some(Model::Custom { name, schema })
            }
            None => self.builtin(&self.row.list_kind),
        }
    }

    fn builtin(&self, kind: &str) -> Option<Model<'_>> {
        schema::by_gvk(&self.row.group, &self.row.version, kind).map(Model::Type)
    }
}
