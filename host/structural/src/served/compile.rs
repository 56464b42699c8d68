//! From a definition to what it serves.

use std::sync::Arc;

use objects::Tree;
use objects::resource::{Resource, Scope, SelectableField, Storage, Subresource, Text, Verb, Verbs};

use super::{CustomResource, Version, compare_versions};
use crate::column::Columns;
use crate::conversion::Conversion;
use crate::scale::Scale;
use crate::schema::{Schema, SchemaError};

/// Why a definition cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    #[error("status.acceptedNames.{0} is empty")]
    Name(&'static str),
    #[error("no storage version")]
    Storage,
    #[error("read the schema of version {version}: {error}")]
    Schema { version: String, error: SchemaError },
}

pub(super) fn compile(crd: &Tree) -> Result<CustomResource, CompileError> {
    let definition = Definition { crd, names: Names::read(crd)? };
    let trees = crd.items_at(&["spec", "versions"]);
    let is_stored = |version: &Tree| version.bool_at(&["storage"]) == Some(true);
    let storage = trees.iter().position(is_stored).ok_or(CompileError::Storage)?;
    let versions = trees.iter().map(|version| definition.version(version)).collect::<Result<_, _>>()?;
    Ok(CustomResource { versions, storage, conversion: Conversion::of(crd) })
}

struct Definition<'a> {
    crd: &'a Tree,
    names: Names,
}

/// The names that were accepted.
struct Names {
    plural: Text,
    singular: Text,
    kind: Text,
    list_kind: Text,
    short_names: Vec<Text>,
    categories: Vec<Text>,
}

impl Names {
    fn read(crd: &Tree) -> Result<Self, CompileError> {
        let text = |name: &'static str| {
            let text = crd.str_at(&["status", "acceptedNames", name]).filter(|text| !text.is_empty());
            text.map(|text| Text::Owned(text.to_owned())).ok_or(CompileError::Name(name))
        };
        let list = |name: &str| {
            let names = crd.items_at(&["status", "acceptedNames", name]).iter().filter_map(Tree::as_str);
            names.map(|name| Text::Owned(name.to_owned())).collect()
        };
        Ok(Self {
            plural: text("plural")?,
            singular: text("singular")?,
            kind: text("kind")?,
            list_kind: text("listKind")?,
            short_names: list("shortNames"),
            categories: list("categories"),
        })
    }
}

fn text(tree: &Tree, key: &str) -> Text {
    Text::Owned(tree.str_at(&[key]).unwrap_or_default().to_owned())
}

impl Definition<'_> {
    fn group(&self) -> Text {
        Text::Owned(self.crd.str_at(&["spec", "group"]).unwrap_or_default().to_owned())
    }

    fn version(&self, version: &Tree) -> Result<Version, CompileError> {
        let schema = version.at(&["schema", "openAPIV3Schema"]).map(Schema::parse).transpose();
        let schema = schema.map_err(|error| {
            let version = text(version, "name").into_owned();
            CompileError::Schema { version, error }
        })?;
        let scale = version.at(&["subresources", "scale"]).filter(|scale| !scale.is_null());
        Ok(Version {
            resource: Arc::new(self.resource(version)),
            schema,
            columns: Columns::parse(version.items_at(&["additionalPrinterColumns"])),
            scale: scale.map(Scale::parse),
            deprecation_warning: self.deprecation_warning(version),
            preserve_unknown_fields: self.crd.bool_at(&["spec", "preserveUnknownFields"]).unwrap_or(false),
        })
    }

    fn resource(&self, version: &Tree) -> Resource {
        let names = &self.names;
        let (group, plural) = (self.group(), names.plural.clone());
        let prefix = Text::Owned(format!("{group}/{plural}"));
        Resource {
            version: text(version, "name"),
            plural,
            singular: names.singular.clone(),
            kind: names.kind.clone(),
            list_kind: names.list_kind.clone(),
            short_names: names.short_names.clone(),
            categories: names.categories.clone(),
            scope: match self.crd.str_at(&["spec", "scope"]) {
                Some("Namespaced") => Scope::Namespaced,
                _ => Scope::Cluster,
            },
            verbs: Verbs::ALL,
            storage: Storage::Stored { prefix },
            expires: false,
            selectable: version.items_at(&["selectableFields"]).iter().map(selectable).collect(),
            subresources: self.subresources(version, &group),
            served: version.bool_at(&["served"]) == Some(true),
            group,
        }
    }

    fn subresources(&self, version: &Tree, group: &Text) -> Vec<Subresource> {
        let verbs: Verbs = [Verb::Get, Verb::Patch, Verb::Update].into_iter().collect();
        let row = |name: &'static str, group: Text, version: Text, kind: Text| Subresource {
            name: Text::Borrowed(name),
            group,
            version,
            kind,
            verbs,
            served: true,
        };
        let has = |name: &str| version.at(&["subresources", name]).is_some_and(|value| !value.is_null());
        let status = has("status")
            .then(|| row("status", group.clone(), text(version, "name"), self.names.kind.clone()));
        let scale = has("scale").then(|| row("scale", "autoscaling".into(), "v1".into(), "Scale".into()));
        status.into_iter().chain(scale).collect()
    }

    /// The warning of a deprecated version: its own, or one that names the version to use instead.
    fn deprecation_warning(&self, version: &Tree) -> Option<String> {
        if version.bool_at(&["deprecated"]) != Some(true) {
            return None;
        }
        if let Some(warning) = version.str_at(&["deprecationWarning"]) {
            return Some(warning.to_owned());
        }
        let (group, name) = (self.group(), text(version, "name"));
        let kind = self.crd.str_at(&["spec", "names", "kind"]).unwrap_or_default();
        let flag = |version: &Tree, name: &str| version.bool_at(&[name]) == Some(true);
        let newer = self
            .crd
            .items_at(&["spec", "versions"])
            .iter()
            .filter(|other| flag(other, "served") && !flag(other, "deprecated"))
            .filter_map(|other| other.str_at(&["name"]))
            .filter(|other| compare_versions(&name, other).is_lt())
            .max_by(|one, two| compare_versions(one, two));
        let instead = newer.map(|newer| format!("; use {group}/{newer} {kind}")).unwrap_or_default();
        Some(format!("{group}/{name} {kind} is deprecated{instead}"))
    }
}

fn selectable(field: &Tree) -> SelectableField {
    let path = field.str_at(&["jsonPath"]).unwrap_or_default();
    let path = path.strip_prefix('.').unwrap_or(path);
    SelectableField {
        name: Text::Owned(path.to_owned()),
        path: path.split('.').map(|name| Text::Owned(name.to_owned())).collect(),
        absent: Text::Borrowed(""),
    }
}
