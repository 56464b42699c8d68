//! [`Declarations`]: what an expression may refer to.

use std::collections::BTreeMap;

use crate::schema::SchemaRef;
use crate::types::Type;

/// The variables of an expression with their types.
#[derive(Clone, Default)]
pub struct Declarations {
    variables: BTreeMap<Box<str>, (Type, Option<SchemaRef>)>,
    patch_types: bool,
}

/// A name and how its type is made.
type NamedType = (&'static str, fn() -> Type);

/// The types that expressions can name.
const TYPES: &[NamedType] = &[
    ("bool", || Type::Bool),
    ("bytes", || Type::Bytes),
    ("double", || Type::Double),
    ("google.protobuf.Duration", || Type::Duration),
    ("google.protobuf.Timestamp", || Type::Timestamp),
    ("int", || Type::Int),
    ("list", || Type::list(Type::Dyn)),
    ("map", || Type::map(Type::Dyn, Type::Dyn)),
    ("null_type", || Type::Null),
    ("string", || Type::String),
    ("type", || Type::type_of(Type::Dyn)),
    ("uint", || Type::Uint),
    ("optional_type", || Type::optional(Type::Dyn)),
    ("net.IP", || Type::Opaque("net.IP", crate::types::Params::none())),
    ("net.CIDR", || Type::Opaque("net.CIDR", crate::types::Params::none())),
];

const OBJECT: &str = "Object";
const JSON_PATCH: &str = "JSONPatch";

impl Declarations {
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares a variable; its name may have dots, as `authorizer.requestResource` has.
    #[must_use]
    pub fn variable(mut self, name: &str, of: Type) -> Self {
        self.variables.insert(name.into(), (of, None));
        self
    }

    /// Declares a variable that holds a value of a schema.
    #[must_use]
    pub fn schema(mut self, name: &str, schema: &SchemaRef) -> Self {
        self.variables.insert(name.into(), (Type::of(schema), Some(schema.clone())));
        self
    }

    /// Declares `authorizer` and `authorizer.requestResource`.
    #[must_use]
    pub fn authorizer(self) -> Self {
        self.variable("authorizer", Type::object("kubernetes.authorization.Authorizer"))
            .variable("authorizer.requestResource", Type::object("kubernetes.authorization.ResourceCheck"))
    }

    /// Lets expressions make `Object{…}`, `Object.spec{…}` and `JSONPatch{…}`, as mutating policies do.
    #[must_use]
    pub fn patch_types(mut self) -> Self {
        self.patch_types = true;
        self
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Type> {
        self.variables.get(name).map(|(of, _)| of)
    }

    pub(crate) fn find_schema(&self, name: &str) -> Option<&SchemaRef> {
        self.variables.get(name)?.1.as_ref()
    }

    /// The type that a name is, as a value.
    pub(crate) fn find_type(&self, name: &str) -> Option<Type> {
        let named = TYPES.iter().find(|(known, _)| *known == name).map(|(_, make)| make());
        named.or_else(|| self.find_struct(name))
    }

    /// The type of an object that expressions can make.
    pub(crate) fn find_struct(&self, name: &str) -> Option<Type> {
        let is_object = name == OBJECT || name.strip_prefix(OBJECT).is_some_and(|rest| rest.starts_with('.'));
        (self.patch_types && (is_object || name == JSON_PATCH)).then(|| Type::object(name))
    }

    /// The type of a field of such an object.
    pub(crate) fn find_struct_field(&self, object: &str, field: &str) -> Option<Type> {
        match (object, field) {
            (JSON_PATCH, "op" | "path" | "from") => Some(Type::String),
            (JSON_PATCH, "value") => Some(Type::Dyn),
            (JSON_PATCH, _) => None,
            _ => Some(Type::Dyn),
        }
    }
}
