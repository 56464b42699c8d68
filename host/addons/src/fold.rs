//! The configuration as the enabled addons edit it: each is asked with what those before it made of it.

use std::sync::Arc;

use args::{AddonEdits, Edit, Effective, Mistakes, Op};
use engine::{Argument, CallError, Limits, Operation, Role};
use supervise::Scope;
use tokio::runtime::Handle;

use crate::active::Loaded;
use crate::ports::Configuration;

/// What the data directory is called in values, as in the operator's files.
const DATA_DIR: &[&str] = &["${SNAP_DATA}", "${SNAP_COMMON}"];

/// When an addon is asked: authorizers first, so that what looks at the arguments sees how requests are judged; then by
/// name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Turn {
    is_late: bool,
    name: String,
}

impl Turn {
    pub(crate) fn new(name: &str, is_authorizer: bool) -> Self {
        Self { is_late: !is_authorizer, name: name.to_owned() }
    }

    pub(crate) fn is_of(&self, name: &str) -> bool {
        self.name == name
    }
}

/// An enabled addon.
pub(crate) enum Editor {
    Loaded(Arc<Loaded>),
    /// One that cannot be asked: what it said last stays in force.
    Remembered(AddonEdits),
}

/// A configuration that could be put in force.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) effective: Arc<Effective>,
    pub(crate) edits: Vec<AddonEdits>,
}

#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    #[error("addon {addon} does not say what it edits: {why}")]
    Edits { addon: String, why: CallError },
    #[error("addon {addon} did not end saying what it edits")]
    Stopped { addon: String },
    #[error("addon {addon} edits {service} --{flag} by {operation:?}, which this host does not know")]
    Operation { addon: String, service: String, flag: String, operation: String },
    #[error(transparent)]
    Mistakes(#[from] Mistakes),
}

pub(crate) async fn fold(
    editors: Vec<Editor>,
    configuration: &Arc<dyn Configuration>,
    data_dir: &str,
    scope: &Scope,
) -> Result<Plan, FoldError> {
    let mut edits = Vec::new();
    let mut effective = configuration.fold(&edits)?;
    for editor in editors {
        let more = match editor {
            Editor::Remembered(remembered) => remembered,
            Editor::Loaded(loaded) if !loaded.has(Role::Config) => continue,
            Editor::Loaded(loaded) => {
                let addon = loaded.name().to_owned();
                let said = ask(loaded, effective, configuration.clone(), scope).await?;
                let said = said.into_iter().map(|edit| expanded(&addon, edit, data_dir));
                AddonEdits { edits: said.collect::<Result<_, _>>()?, addon }
            }
        };
        edits.push(more);
        effective = configuration.fold(&edits)?;
    }
    Ok(Plan { effective: Arc::new(effective), edits })
}

/// Asks a fresh instance, on a thread that may compute.
async fn ask(
    loaded: Arc<Loaded>,
    effective: Effective,
    configuration: Arc<dyn Configuration>,
    scope: &Scope,
) -> Result<Vec<engine::Edit>, FoldError> {
    let addon = loaded.name().to_owned();
    let runtime = Handle::current();
    let task = scope.spawn_blocking("edits", move || {
        let arguments: Vec<_> = effective
            .settings()
            .filter(|(_, setting)| !setting.value.is_empty())
            .map(|(service, setting)| Argument {
                service: service.name(),
                flag: setting.flag.name,
                value: &setting.value,
            })
            .collect();
        let mut instance = loaded.instance(Limits::COLD)?;
        runtime.block_on(instance.edits(&arguments, loaded.settings(), &configuration.facts()))
    });
    match task.await {
        Ok(Ok(edits)) => Ok(edits),
        Ok(Err(why)) => Err(FoldError::Edits { addon, why }),
        Err(_) => Err(FoldError::Stopped { addon }),
    }
}

pub(crate) fn expanded(addon: &str, edit: engine::Edit, data_dir: &str) -> Result<Edit, FoldError> {
    let engine::Edit { service, flag, operation } = edit;
    let value = |value: String| DATA_DIR.iter().fold(value, |value, name| value.replace(name, data_dir));
    let op = match operation {
        Operation::Set(text) => Op::Set(value(text)),
        Operation::Unset => Op::Unset,
        Operation::Append(text) => Op::Append(value(text)),
        Operation::Other(operation) => {
            return Err(FoldError::Operation { addon: addon.to_owned(), service, flag, operation });
        }
    };
    Ok(Edit { service, flag, op })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorizers_are_asked_first_and_then_by_name() {
        let mut turns =
            [Turn::new("cis", false), Turn::new("b", true), Turn::new("a", true), Turn::new("b", false)];
        turns.sort();
        let names = turns.map(|turn| turn.name);
        assert_eq!(names, ["a", "b", "b", "cis"]);
    }
}
