//! The rows of resources: what the API serves, one row a resource, built in and custom alike.
//!
//! The built-in rows come from `data/resources.txt`; [`builtin`] has every row of Kubernetes v1.36,
//! [`Resource::served`] says which of them this release serves.

mod name;
mod rows;

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, LazyLock};

pub use name::{GroupKind, GroupResource, GroupVersion, GroupVersionKind, GroupVersionResource};

/// Text of a row: static for the built-in rows, owned for custom resources.
pub type Text = Cow<'static, str>;

/// One resource of one version of one group.
#[derive(Clone, Debug)]
pub struct Resource {
    pub group: Text,
    pub version: Text,
    /// The plural name, as in paths: `pods`.
    pub plural: Text,
    pub singular: Text,
    pub kind: Text,
    pub list_kind: Text,
    pub short_names: Vec<Text>,
    pub categories: Vec<Text>,
    pub scope: Scope,
    pub verbs: Verbs,
    pub storage: Storage,
    /// Objects go some time after their last write.
    pub expires: bool,
    /// What a field selector may name beside `metadata.name` and `metadata.namespace`.
    pub selectable: Vec<SelectableField>,
    pub subresources: Vec<Subresource>,
    /// Whether this release serves it; the other rows are known (their kinds have schemas) but not offered.
    pub served: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Namespaced,
    Cluster,
}

/// Where the objects of a resource are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In the store, below `/registry/<prefix>/`. Two versions of one kind share a prefix.
    Stored { prefix: Text },
    /// Nowhere: each request is answered by a function, as TokenReview is.
    Virtual,
}

#[derive(Clone, Debug)]
pub struct Subresource {
    /// `status`, `log`, …
    pub name: Text,
    pub group: Text,
    pub version: Text,
    /// The kind of its body or of its options; that of the resource itself for `status`.
    pub kind: Text,
    pub verbs: Verbs,
    /// Whether this release serves it.
    pub served: bool,
}

/// A field that a field selector may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectableField {
    /// As the selector names it: `spec.nodeName`.
    pub name: Text,
    /// Where its value is, by keys.
    pub path: Vec<Text>,
    /// What it counts as where the object has none: empty, or the zero value of its type.
    pub absent: Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Verb {
    Create,
    Delete,
    DeleteCollection,
    Get,
    List,
    Patch,
    Update,
    Watch,
}

impl Verb {
    /// In the order in which discovery lists them.
    pub const ALL: [Self; 8] = [
        Self::Create,
        Self::Delete,
        Self::DeleteCollection,
        Self::Get,
        Self::List,
        Self::Patch,
        Self::Update,
        Self::Watch,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
            Self::Get => "get",
            Self::List => "list",
            Self::Patch => "patch",
            Self::Update => "update",
            Self::Watch => "watch",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.as_str() == text)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of verbs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verbs(u8);

impl Verbs {
    pub const ALL: Self = Self(u8::MAX);

    pub const fn contains(self, verb: Verb) -> bool {
        self.0 & (1 << verb as u8) != 0
    }

    pub fn iter(self) -> impl Iterator<Item = Verb> {
        Verb::ALL.into_iter().filter(move |verb| self.contains(*verb))
    }
}

impl FromIterator<Verb> for Verbs {
    fn from_iter<I: IntoIterator<Item = Verb>>(verbs: I) -> Self {
        Self(verbs.into_iter().fold(0, |set, verb| set | (1 << verb as u8)))
    }
}

impl Resource {
    pub fn group_version(&self) -> GroupVersion {
        GroupVersion { group: self.group.clone(), version: self.version.clone() }
    }

    pub fn group_resource(&self) -> GroupResource {
        GroupResource { group: self.group.clone(), resource: self.plural.clone() }
    }

    pub fn gvk(&self) -> GroupVersionKind {
        GroupVersionKind { group: self.group.clone(), version: self.version.clone(), kind: self.kind.clone() }
    }

    /// `v1`, `apps/v1`: what `apiVersion` says in its objects.
    pub fn api_version(&self) -> String {
        self.group_version().to_string()
    }

    pub fn is_namespaced(&self) -> bool {
        self.scope == Scope::Namespaced
    }

    pub fn is_virtual(&self) -> bool {
        self.storage == Storage::Virtual
    }

    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|subresource| subresource.name == name)
    }

    /// What discovery lists.
    pub fn served_subresources(&self) -> impl Iterator<Item = &Subresource> {
        self.subresources.iter().filter(|subresource| subresource.served)
    }

    /// Whether `spec` and `status` are written by separate paths.
    pub fn has_status(&self) -> bool {
        self.subresource("status").is_some()
    }

    /// The key prefix of its objects with a slash at its end, or `None` for a virtual resource.
    pub fn key_prefix(&self) -> Option<String> {
        match &self.storage {
            Storage::Stored { prefix } => Some(format!("/registry/{prefix}/")),
            Storage::Virtual => None,
        }
    }

    /// The key of one object: `/registry/pods/<namespace>/<name>`, without a namespace for cluster scope.
    pub fn key(&self, namespace: Option<&str>, name: &str) -> Option<String> {
        let prefix = self.key_prefix()?;
        Some(match namespace {
            Some(namespace) if self.is_namespaced() => format!("{prefix}{namespace}/{name}"),
            _ => format!("{prefix}{name}"),
        })
    }
}

/// Every built-in row, in the order of discovery: core first, the preferred version of a group first.
pub fn builtin() -> &'static [Arc<Resource>] {
    static ROWS: LazyLock<Vec<Arc<Resource>>> = LazyLock::new(rows::read);
    &ROWS
}

/// The built-in rows that this release serves, in the order of discovery.
pub fn served() -> impl Iterator<Item = &'static Arc<Resource>> {
    builtin().iter().filter(|row| row.served)
}

/// The built-in row of a resource.
pub fn by_name(group: &str, version: &str, plural: &str) -> Option<&'static Arc<Resource>> {
    builtin().iter().find(|row| row.plural == plural && row.group == group && row.version == version)
}

/// The built-in row of a kind.
pub fn by_kind(group: &str, version: &str, kind: &str) -> Option<&'static Arc<Resource>> {
    builtin().iter().find(|row| row.kind == kind && row.group == group && row.version == version)
}

#[cfg(test)]
mod tests;
