//! Schemas of types, from the schema table.

use std::borrow::Cow;
use std::collections::BTreeMap;

use objects::schema::{self, Field, ListType, PatchStrategy, Shape, Type};
use objects::tree::Object;
use objects::{Tree, tree};

use super::Dialect;
use super::description::Descriptions;
use super::model::Model;

/// What the schemas of definitions refer to, beside each other.
const OF_CUSTOMS: [&str; 2] = ["meta.v1.ObjectMeta", "meta.v1.ListMeta"];

/// The schemas of models and of all that they refer to, by name.
pub(super) fn schemas<'a>(
    models: impl IntoIterator<Item = Model<'a>>,
    dialect: Dialect,
    descriptions: &Descriptions,
) -> Object {
    let mut found: BTreeMap<Cow<'a, str>, Model<'a>> = BTreeMap::new();
    let mut open: Vec<Model<'a>> = models.into_iter().collect();
    while let Some(next) = open.pop() {
        if found.insert(next.name(), next).is_none() {
            match next {
                Model::Type(row) => open.extend(row.fields().iter().filter_map(|field| named(field.shape))),
                Model::Custom { .. } => {
                    open.extend(OF_CUSTOMS.iter().filter_map(|name| schema::by_name(name)).map(Model::Type));
                }
            }
        }
    }
    let schema = |model| match model {
        Model::Type(row) => dialect.of_type(row, descriptions),
        Model::Custom { schema, .. } => schema.clone(),
    };
    found.into_iter().map(|(name, model)| (name.into_owned().into(), schema(model))).collect()
}

/// The named type below any lists and maps.
fn named(shape: Shape) -> Option<Model<'static>> {
    match shape {
        Shape::Struct(id) => Some(Model::Type(id.get())),
        _ => shape.items().or_else(|| shape.values()).and_then(named),
    }
}

impl Dialect {
    pub(super) fn reference(self, model: &Model<'_>) -> Tree {
        let place = match self {
            Self::Version2 => "#/definitions/",
            Self::Version3 => "#/components/schemas/",
        };
        tree!({ "$ref": (format!("{place}{}", model.name())) })
    }

    fn of_type(self, row: &'static Type, descriptions: &Descriptions) -> Tree {
        let mut tree = match row.shape {
            Shape::Struct(_) => self.of_struct(row, descriptions),
            leaf => self.of_shape(leaf),
        };
        if let Some(text) = descriptions.of_type(row) {
            tree.insert("description", text);
        }
        if row.atomic {
            tree.insert("x-kubernetes-map-type", "atomic");
        }
        let kinds: Vec<Tree> = row.gvks().map(|(group, version, kind)| gvk(group, version, kind)).collect();
        if !kinds.is_empty() {
            tree.insert("x-kubernetes-group-version-kind", kinds);
        }
        tree
    }

    fn of_struct(self, row: &'static Type, descriptions: &Descriptions) -> Tree {
        let required: Vec<&str> =
            row.fields().iter().filter(|field| field.required).map(|field| field.name).collect();
        let property = |field| self.of_field(field, descriptions.of_field(row, field));
        let properties: Object =
            row.fields().iter().map(|field| (field.name.into(), property(field))).collect();
        let mut tree = tree!({ "type": "object", "properties": properties });
        if !required.is_empty() {
            tree.insert("required", required);
        }
        tree
    }

    fn of_field(self, field: &Field, description: Option<&str>) -> Tree {
        let mut facts = facts(field, description);
        match self.of_shape(field.shape) {
            reference if self == Self::Version3 && reference.get("$ref").is_some() => {
                if facts.is_empty() {
                    return reference;
                }
                facts.insert("allOf", Tree::Array(vec![reference]));
                facts.into()
            }
            mut tree => {
                tree.object_mut().extend(facts);
                tree
            }
        }
    }

    fn of_shape(self, shape: Shape) -> Tree {
        match (shape, self) {
            (Shape::String, _) => tree!({ "type": "string" }),
            (Shape::Bytes, _) => tree!({ "type": "string", "format": "byte" }),
            (Shape::Bool, _) => tree!({ "type": "boolean" }),
            (Shape::Int32, _) => tree!({ "type": "integer", "format": "int32" }),
            (Shape::Int64, _) => tree!({ "type": "integer", "format": "int64" }),
            (Shape::Double, _) => tree!({ "type": "number", "format": "double" }),
            (Shape::Time | Shape::MicroTime, _) => tree!({ "type": "string", "format": "date-time" }),
            (Shape::Quantity, Self::Version2) => tree!({ "type": "string" }),
            (Shape::Quantity, Self::Version3) => {
                tree!({ "oneOf": [{ "type": "string" }, { "type": "number" }] })
            }
            (Shape::IntOrString, Self::Version2) => tree!({ "type": "string", "format": "int-or-string" }),
            (Shape::IntOrString, Self::Version3) => {
                tree!({ "format": "int-or-string", "oneOf": [{ "type": "integer" }, { "type": "string" }] })
            }
            (Shape::Any, _) => Tree::object(),
            (Shape::Object, _) => tree!({ "type": "object" }),
            (Shape::Array(_), _) => {
                tree!({ "type": "array", "items": (self.of_shape(shape.items().unwrap_or(Shape::Any))) })
            }
            (Shape::Map(_), _) => {
                let values = self.of_shape(shape.values().unwrap_or(Shape::Any));
                tree!({ "type": "object", "additionalProperties": values })
            }
            (Shape::Struct(id), _) => self.reference(&Model::Type(id.get())),
        }
    }
}

/// What a field says beside its shape.
fn facts(field: &Field, description: Option<&str>) -> Object {
    let list = match field.list {
        ListType::Unstated => None,
        ListType::Atomic => Some("atomic"),
        ListType::Set => Some("set"),
        ListType::Map => Some("map"),
    };
    let strategy = match field.patch {
        PatchStrategy::Unstated => None,
        PatchStrategy::Replace => Some("replace"),
        PatchStrategy::Merge => Some("merge"),
        PatchStrategy::RetainKeys => Some("retainKeys"),
        PatchStrategy::MergeRetainKeys => Some("merge,retainKeys"),
    };
    let map_type = match (field.atomic, field.granular) {
        (true, _) => Some("atomic"),
        (false, true) => Some("granular"),
        (false, false) => None,
    };
    let keys = Some(field.list_keys.to_vec()).filter(|keys| !keys.is_empty());
    let default = field.default.and_then(|json| Tree::from_json(json.as_bytes()).ok());
    let facts = [
        ("description", description.map(Tree::from)),
        ("default", default),
        ("x-kubernetes-list-type", list.map(Tree::from)),
        ("x-kubernetes-list-map-keys", keys.map(Tree::from)),
        ("x-kubernetes-map-type", map_type.map(Tree::from)),
        ("x-kubernetes-patch-merge-key", field.patch_key.map(Tree::from)),
        ("x-kubernetes-patch-strategy", strategy.map(Tree::from)),
    ];
    facts.into_iter().filter_map(|(key, value)| Some((key.into(), value?))).collect()
}

pub(super) fn gvk(group: &str, version: &str, kind: &str) -> Tree {
    tree!({ "group": group, "version": version, "kind": kind })
}
