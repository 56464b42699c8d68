//! The types of the variables that policies have beside the object: `request` and `namespaceObject`.

use std::sync::Arc;

use super::{ListKind, Schema, SchemaRef, Shape};

/// A type with the fields that it has, each with the name of its type.
struct Record {
    name: &'static str,
    fields: &'static [(&'static str, &'static str)],
}

const GROUP_VERSION_KIND: &str = "kubernetes.GroupVersionKind";
const GROUP_VERSION_RESOURCE: &str = "kubernetes.GroupVersionResource";

const RECORDS: &[Record] = &[
    Record {
        name: "kubernetes.AdmissionRequest",
        fields: &[
            ("kind", GROUP_VERSION_KIND),
            ("resource", GROUP_VERSION_RESOURCE),
            ("subResource", "string"),
            ("requestKind", GROUP_VERSION_KIND),
            ("requestResource", GROUP_VERSION_RESOURCE),
            ("requestSubResource", "string"),
            ("name", "string"),
            ("namespace", "string"),
            ("operation", "string"),
            ("userInfo", "kubernetes.UserInfo"),
            ("dryRun", "bool"),
            ("options", "dyn"),
        ],
    },
    Record {
        name: GROUP_VERSION_KIND,
        fields: &[("group", "string"), ("version", "string"), ("kind", "string")],
    },
    Record {
        name: GROUP_VERSION_RESOURCE,
        fields: &[("group", "string"), ("version", "string"), ("resource", "string")],
    },
    Record {
        name: "kubernetes.UserInfo",
        fields: &[("username", "string"), ("uid", "string"), ("groups", "[]string"), ("extra", "{}[]string")],
    },
    Record {
        name: "kubernetes.Namespace",
        fields: &[
            ("metadata", "kubernetes.NamespaceMetadata"),
            ("spec", "kubernetes.NamespaceSpec"),
            ("status", "kubernetes.NamespaceStatus"),
        ],
    },
    Record {
        name: "kubernetes.NamespaceMetadata",
        fields: &[
            ("name", "string"),
            ("generateName", "string"),
            ("namespace", "string"),
            ("labels", "{}string"),
            ("annotations", "{}string"),
            ("UID", "string"),
            ("creationTimestamp", "timestamp"),
            ("deletionGracePeriodSeconds", "int"),
            ("deletionTimestamp", "timestamp"),
            ("generation", "int"),
            ("resourceVersion", "string"),
            ("finalizers", "[]string"),
        ],
    },
    Record { name: "kubernetes.NamespaceSpec", fields: &[("finalizers", "[]string")] },
    Record {
        name: "kubernetes.NamespaceStatus",
        fields: &[("conditions", "[]kubernetes.NamespaceCondition"), ("phase", "string")],
    },
    Record {
        name: "kubernetes.NamespaceCondition",
        fields: &[
            ("status", "string"),
            ("type", "string"),
            ("lastTransitionTime", "timestamp"),
            ("message", "string"),
            ("reason", "string"),
        ],
    },
];

/// The type of the variable `request` of policies and match conditions.
pub fn admission_request() -> SchemaRef {
    Arc::new(Place("kubernetes.AdmissionRequest"))
}

/// The type of the variable `namespaceObject`.
pub fn namespace() -> SchemaRef {
    Arc::new(Place("kubernetes.Namespace"))
}

/// A value of a type by its name: a record, a scalar, `[]` of items or `{}` of values.
struct Place(&'static str);

impl Schema for Place {
    fn shape(&self) -> Shape {
        if let Some(items) = self.0.strip_prefix("[]") {
            return Shape::List { items: Arc::new(Place(items)), kind: ListKind::Atomic };
        }
        if let Some(values) = self.0.strip_prefix("{}") {
            return Shape::Map { values: Arc::new(Place(values)) };
        }
        match self.0 {
            "string" => Shape::String,
            "bool" => Shape::Bool,
            "int" => Shape::Int,
            "timestamp" => Shape::Timestamp,
            "dyn" => Shape::Dyn,
            record => Shape::Object { name: record.into() },
        }
    }

    fn field(&self, name: &str) -> Option<SchemaRef> {
        let record = RECORDS.iter().find(|record| record.name == self.0)?;
        let (_, of) = record.fields.iter().find(|(field, _)| *field == name)?;
        Some(Arc::new(Place(of)))
    }
}
