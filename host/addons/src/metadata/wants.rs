//! The capabilities that an addon wants, and why; granted, they are what it may do.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Component, Path};

use engine::{Import, Kind};
use serde::{Deserialize, Serialize};

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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kv: Option<KvWant>,
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KvWant {
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
            (None, Some(path)) => {
                let inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
                (inside && !path.is_empty()).then_some(Place::Path(path))
            }
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
        let wanted = [(Import::Kube, !self.kube.is_empty()), (Import::Kv, self.kv.is_some())];
        wanted.into_iter().filter(|(_, wanted)| *wanted).map(|(import, _)| import).collect()
    }

    /// One line for each.
    pub(crate) fn lines(&self) -> Vec<String> {
        let objects = self.objects.iter().map(ToString::to_string);
        let kube = self.kube.iter().map(ToString::to_string);
        let files = self.files.iter().map(ToString::to_string);
        let kv = self.kv.iter().map(|kv| format!("keeps data of its own in the datastore: {}", kv.why));
        objects.chain(kube).chain(files).chain(kv).collect()
    }
}

/// `roles.rbac.authorization.k8s.io`.
fn qualified(resource: &str, group: &str) -> String {
    if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") }
}

impl fmt::Display for ObjectsWant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reads every object of {}: {}", qualified(&self.resource, &self.group), self.why)
    }
}

impl fmt::Display for KubeWant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups: Vec<_> = self
            .groups
            .iter()
            .map(|group| match group.as_str() {
                "" => "core",
                group => group,
            })
            .collect();
        let (verbs, resources) = (self.verbs.join(", "), self.resources.join(", "));
        write!(f, "may {verbs} {resources} of {}", groups.join(", "))?;
        if !self.names.is_empty() {
            write!(f, " called {}", self.names.join(", "))?;
        }
        write!(f, ": {}", self.why)
    }
}

impl fmt::Display for FileWant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.flag, &self.path) {
            (Some(FlagName { service, flag }), _) => write!(f, "reads the file of {service} --{flag}")?,
            (None, path) => write!(f, "reads the file {}", path.as_deref().unwrap_or_default())?,
        }
        write!(f, ": {}", self.why)
    }
}
