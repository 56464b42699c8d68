//! What is known of addons beyond a run: a record of each that an operator touched, in the datastore, and a copy on disk
//! of what was last in force.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use args::{AddonEdits, Op};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::library::{self, Digest};
use crate::metadata::{AdmissionSpec, SchedulingSpec, SettingValue, Wants};
use crate::ports::{PortError, Store};

pub(crate) const RECORDS: &str = "/mk8s.io/addons/";
/// Where addons are, below the data directory.
pub(crate) const FOLDER: &str = "var/lib/addons";
const STATE: &str = "state.json";

/// An addon that was installed, enabled or disabled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Record {
    pub(crate) enabled: bool,
    pub(crate) version: String,
    pub(crate) roles: Vec<String>,
    /// Which writes it is shown: known also where its component is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) admission: Option<AdmissionSpec>,
    /// Of which pods it is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scheduling: Option<SchedulingSpec>,
    pub(crate) source: Source,
    /// Those that the operator gave.
    #[serde(default)]
    pub(crate) settings: BTreeMap<String, SettingValue>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Source {
    /// The one of this release, whatever it wants: it came with the host.
    BuiltIn,
    Component {
        digest: Digest,
        grants: Box<Wants>,
    },
}

impl Record {
    /// The names of what a component wants and is not granted.
    pub(crate) fn withheld(&self, wants: &Wants) -> Vec<String> {
        match &self.source {
            Source::BuiltIn => Vec::new(),
            Source::Component { grants, .. } => wants.names().difference(&grants.names()).cloned().collect(),
        }
    }

    pub(crate) fn digest(&self) -> Option<&Digest> {
        match &self.source {
            Source::BuiltIn => None,
            Source::Component { digest, .. } => Some(digest),
        }
    }
}

pub(crate) type Records = BTreeMap<String, Record>;

/// Every record; one that cannot be read is an error that names it.
pub(crate) async fn list(store: &dyn Store) -> Result<Records, PortError> {
    let found = store.list(RECORDS).await?;
    let record = |(key, value): (String, Bytes)| {
        let name = key.strip_prefix(RECORDS).unwrap_or(&key).to_owned();
        let record = serde_json::from_slice(&value);
        record.map(|record| (name, record)).map_err(|why| PortError(format!("read the record {key}: {why}")))
    };
    found.into_iter().map(record).collect()
}

/// Writes the record, or deletes it where there is none any more.
pub(crate) async fn put(store: &dyn Store, name: &str, record: Option<&Record>) -> Result<(), PortError> {
    let key = format!("{RECORDS}{name}");
    match record {
        Some(record) => {
            let value = serde_json::to_vec(record).expect("a record has a form as JSON");
            store.put(&key, value.into()).await
        }
        None => store.delete(&key).await,
    }
}

/// What was last in force on this node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LastApplied {
    pub(crate) records: Records,
    /// Of every enabled addon.
    edits: BTreeMap<String, Vec<Edit>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Edit {
    service: String,
    flag: String,
    operation: Operation,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Operation {
    Set(String),
    Unset,
    Append(String),
}

/// Why the copy on disk cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("{doing} {}: {why}", .path.display())]
    File { doing: &'static str, path: PathBuf, why: io::Error },
    #[error("read {}: {why}", .path.display())]
    Content { path: PathBuf, why: serde_json::Error },
}

/// The edits that were last in force, for a host that starts: so that its configuration is never, not for a moment, the
/// one without its addons.
pub fn last_edits(data_dir: &Path) -> Result<Vec<AddonEdits>, StateError> {
    Ok(LastApplied::read(data_dir)?.edits())
}

impl LastApplied {
    pub(crate) fn new(records: Records, edits: &[AddonEdits]) -> Self {
        let edit = |edit: &args::Edit| Edit {
            service: edit.service.clone(),
            flag: edit.flag.clone(),
            operation: match &edit.op {
                Op::Set(value) => Operation::Set(value.clone()),
                Op::Unset => Operation::Unset,
                Op::Append(value) => Operation::Append(value.clone()),
            },
        };
        let edits = edits.iter().map(|one| (one.addon.clone(), one.edits.iter().map(edit).collect()));
        Self { records, edits: edits.collect() }
    }

    /// Nothing where there is no file yet.
    pub(crate) fn read(data_dir: &Path) -> Result<Self, StateError> {
        let path = data_dir.join(FOLDER).join(STATE);
        match std::fs::read(&path) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(why) => Err(StateError::File { doing: "read", path, why }),
            Ok(text) => serde_json::from_slice(&text).map_err(|why| StateError::Content { path, why }),
        }
    }

    pub(crate) async fn write(&self, data_dir: &Path) -> Result<(), StateError> {
        let path = data_dir.join(FOLDER).join(STATE);
        let text = serde_json::to_vec_pretty(self).expect("the state has a form as JSON");
        let written = library::write(&path, &text).await;
        written.map_err(|why| StateError::File { doing: "write", path, why })
    }

    /// Sorted by addon, as they are folded.
    pub(crate) fn edits(&self) -> Vec<AddonEdits> {
        let edit = |edit: &Edit| args::Edit {
            service: edit.service.clone(),
            flag: edit.flag.clone(),
            op: match &edit.operation {
                Operation::Set(value) => Op::Set(value.clone()),
                Operation::Unset => Op::Unset,
                Operation::Append(value) => Op::Append(value.clone()),
            },
        };
        let addon = |(addon, edits): (&String, &Vec<Edit>)| AddonEdits {
            addon: addon.clone(),
            edits: edits.iter().map(edit).collect(),
        };
        self.edits.iter().map(addon).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_edits_last_in_force_are_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let op = |op| args::Edit { service: "kubelet".into(), flag: "port".into(), op };
        let edits = vec![AddonEdits {
            addon: "a".into(),
            edits: vec![op(Op::Set("1".into())), op(Op::Unset), op(Op::Append("2".into()))],
        }];
        assert_eq!(last_edits(folder.path()).unwrap(), []);
        LastApplied::new(Records::new(), &edits).write(folder.path()).await.unwrap();
        assert_eq!(last_edits(folder.path()).unwrap(), edits);
    }

    #[test]
    fn a_copy_that_cannot_be_read_is_an_error_and_not_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join(FOLDER)).unwrap();
        std::fs::write(folder.path().join(FOLDER).join(STATE), "{").unwrap();
        assert!(matches!(last_edits(folder.path()), Err(StateError::Content { .. })));
    }
}
