//! The capabilities that an addon wants, and why; granted, they are what it may do.

mod capability;
mod document;
mod folder;
mod pki;
mod quota;

use std::collections::BTreeSet;
use std::path::{Component, Path};

use engine::{Import, Kind};
use serde::{Deserialize, Serialize};

pub(crate) use capability::Capability;
pub(crate) use document::{DocumentWant, Origin};
pub(crate) use folder::FolderWant;
pub(crate) use pki::PkiWant;
pub(crate) use quota::{Allowance, Quota};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Wants {
    /// Kinds that are pushed to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) objects: Vec<ObjectsWant>,
    /// What the user `system:addon:NAME` may do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) kube: Vec<KubeWant>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) files: Vec<FileWant>,
    /// Documents of other servers, pushed as files are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) documents: Vec<DocumentWant>,
    /// Folders of the node, which its instances find at their root.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) folders: Vec<FolderWant>,
    /// Certificates that it may have issued.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) pki: Vec<PkiWant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kv: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metrics: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) clock: Option<Reason>,
    /// How much it may use where that is not what everybody may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) quota: Option<Quota>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ObjectsWant {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) resource: String,
    pub(crate) why: String,
}

/// A rule, read as those of RBAC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KubeWant {
    pub(crate) verbs: Vec<String>,
    pub(crate) groups: Vec<String>,
    pub(crate) resources: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) names: Vec<String>,
    pub(crate) why: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileWant {
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) flag: Option<FlagName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    pub(crate) why: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FlagName {
    pub(crate) service: String,
    pub(crate) flag: String,
}

/// A capability that has no more to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reason {
    pub(crate) why: String,
}

/// Where a file is.
pub(crate) enum Place<'a> {
    /// The path that a flag holds.
    Flag(&'a FlagName),
    /// A path below the data directory.
    Path(&'a str),
}

impl FileWant {
    /// None where the metadata says neither place, or both, or one that leads out of the data directory.
    pub(crate) fn place(&self) -> Option<Place<'_>> {
        match (&self.flag, &self.path) {
            (Some(flag), None) => Some(Place::Flag(flag)),
            (None, Some(path)) => is_inside(path).then_some(Place::Path(path)),
            _ => None,
        }
    }
}

impl ObjectsWant {
    pub(crate) fn kind(&self) -> Kind {
        let Self { group, version, resource, .. } = self.clone();
        Kind { group, version, resource }
    }
}

impl Wants {
    /// The imports that are a capability.
    pub(crate) fn imports(&self) -> BTreeSet<Import> {
        let wanted = [
            (Import::Kube, !self.kube.is_empty()),
            (Import::Kv, self.kv.is_some()),
            (Import::Pki, !self.pki.is_empty()),
            (Import::Metrics, self.metrics.is_some()),
            (Import::Clock, self.clock.is_some()),
        ];
        wanted.into_iter().filter(|(_, wanted)| *wanted).map(|(import, _)| import).collect()
    }
}

/// A path of plain names.
fn is_inside(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}
