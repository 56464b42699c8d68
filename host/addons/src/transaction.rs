//! A change of one addon, whole or not at all: what comes is started before the configuration counts on it, and what
//! goes is ended after the configuration does no more.

use std::sync::Arc;
use std::time::Duration;

use engine::Role;
use tracing::{error, warn};

use crate::active::{Active, Loaded};
use crate::fold::{Editor, Plan, Turn, fold};
use crate::operation::OperationError;
use crate::record::{self, LastApplied, Record};
use crate::roster::{Entry, Roster, Stage};
use crate::task::Node;

/// An addon that does not get to work within this is not enabled.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is to become of an addon.
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) record: Option<Record>,
    pub(crate) next: Next,
    pub(crate) settling: Settling,
    pub(crate) decided: Decided,
}

/// Where somebody said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decided {
    Here,
    /// The datastore says so already, and may say something newer meanwhile: it is not written to.
    Elsewhere,
}

/// What comes of it where the addon does not get to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settling {
    /// Nothing is changed.
    Required,
    /// It is changed all the same: what an operator takes from an addon is not the addon's to keep.
    Tried,
}

pub(crate) enum Next {
    Gone,
    Disabled,
    Enabled(Arc<Loaded>),
}

impl Target {
    /// As an operator of this node wants it.
    pub(crate) fn said(name: &str, record: Option<Record>, next: Next) -> Self {
        let (settling, decided) = (Settling::Required, Decided::Here);
        Self { name: name.to_owned(), record, next, settling, decided }
    }
}

impl Node {
    /// The configuration as it would be.
    pub(crate) async fn plan(&self, target: &Target) -> Result<Plan, OperationError> {
        let roster = self.roster();
        let addon = || target.name.clone();
        if let Next::Enabled(loaded) = &target.next {
            let others = roster
                .addons
                .iter()
                .filter(|(name, entry)| **name != target.name && !matches!(entry.stage, Stage::Disabled));
            for (other, entry) in others {
                let hostile = entry
                    .active()
                    .is_some_and(|active| active.loaded.metadata.conflicts.contains(&target.name));
                if hostile || loaded.metadata.conflicts.contains(other) {
                    return Err(OperationError::Conflict { addon: addon(), other: other.clone() });
                }
            }
        }
        let mut editors = self.editors(&roster);
        editors.retain(|turn, _| !turn.is_of(&target.name));
        if let Next::Enabled(loaded) = &target.next {
            let turn = Turn::new(&target.name, loaded.has(Role::Authorizer));
            editors.insert(turn, Editor::Loaded(loaded.clone()));
        }
        let editors = editors.into_values().collect();
        let plan = fold(editors, &self.configuration, &self.data_dir_text(), &self.scope).await;
        plan.map_err(|why| OperationError::Fold { addon: addon(), why })
    }

    pub(crate) async fn commit(&self, target: Target) -> Result<(), OperationError> {
        let plan = self.plan(&target).await?;
        let before = self.roster();
        let (joining, after) = self.join(&before, &target, &plan).await?;
        // A request may count on what comes before the configuration does, never the other way round.
        if joining.is_some() {
            self.publish(after.clone());
        }
        if let Err(why) = self.put_in_force(&target, &plan, &after).await {
            self.leave(joining, before).await;
            return Err(why);
        }
        let leaving = before.addons.get(&target.name).and_then(|entry| entry.active()).cloned();
        self.leave(leaving, after).await;
        let roster = self.roster();
        roster.active().for_each(|active| active.relocate(&self.data_dir, &plan.effective));
        Ok(())
    }

    /// Ends an addon, of which the roster of afterwards knows nothing or a successor.
    async fn leave(&self, leaving: Option<Arc<Active>>, after: Roster) {
        if let Some(leaving) = &leaving {
            self.publish(after.aside(leaving.clone()));
            if after.grants(leaving.loaded.name()).next().is_none() {
                leaving.dismiss().await;
            }
        }
        self.publish(after);
        if let Some(leaving) = leaving {
            leaving.close().await;
        }
    }

    /// Starts what comes, beside what is in force, and gives the roster of afterwards.
    async fn join(
        &self,
        before: &Roster,
        target: &Target,
        plan: &Plan,
    ) -> Result<(Option<Arc<Active>>, Roster), OperationError> {
        let loaded = match &target.next {
            Next::Gone => return Ok((None, before.with(&target.name, None))),
            Next::Disabled => {
                let entry = self.describe(&target.name, target.record.clone(), Stage::Disabled);
                return Ok((None, before.with(&target.name, Some(entry))));
            }
            Next::Enabled(loaded) => loaded,
        };
        let active = Active::start(loaded.clone(), &self.ground(), &plan.effective);
        self.publish(before.aside(active.clone()));
        let failed = match tokio::time::timeout(PATIENCE, active.settle()).await {
            Ok(Ok(())) => None,
            Ok(Err(why)) => Some(why.to_string()),
            Err(_) => Some(active.trouble().unwrap_or_else(|| format!("it is not ready after {PATIENCE:?}"))),
        };
        match (failed, target.settling) {
            (None, _) => {}
            (Some(why), Settling::Tried) => {
                warn!(
                    addon = target.name,
                    why, "an addon does not get to work without what was taken from it"
                );
            }
            (Some(why), Settling::Required) => {
                self.publish(before.clone());
                active.close().await;
                return Err(OperationError::Start { addon: target.name.clone(), why });
            }
        }
        let entry = self.describe(&target.name, target.record.clone(), Stage::Active(active.clone()));
        Ok((Some(active), before.with(&target.name, Some(entry))))
    }

    /// The configuration, the copy on disk and the datastore; each is taken back when the next one fails.
    async fn put_in_force(&self, target: &Target, plan: &Plan, after: &Roster) -> Result<(), OperationError> {
        let addon = || target.name.clone();
        let (config_before, disk_before) = (self.configuration.effective(), self.last_applied());
        let applied = self.configuration.apply(plan.effective.clone()).await;
        applied.map_err(|why| OperationError::Apply { addon: addon(), why })?;
        let disk = LastApplied::new(after.records(), &plan.edits);
        let recorded = match (disk.write(&self.data_dir).await, target.decided) {
            (Err(why), _) => Err(OperationError::State { addon: addon(), why }),
            (Ok(()), Decided::Elsewhere) => Ok(()),
            (Ok(()), Decided::Here) => record::put(self.store.as_ref(), &target.name, target.record.as_ref())
                .await
                .map_err(|why| OperationError::Record { addon: addon(), why }),
        };
        match recorded {
            Ok(()) => self.applied(disk),
            Err(_) => {
                if let Err(why) = disk_before.write(&self.data_dir).await {
                    error!(%why, "take back what was recorded of an addon");
                }
                if let Err(why) = self.configuration.apply(config_before).await {
                    error!(%why, "take back the configuration of an addon");
                }
            }
        }
        recorded
    }

    /// An entry of the roster.
    pub(crate) fn describe(&self, name: &str, record: Option<Record>, stage: Stage) -> Arc<Entry> {
        let builtin = self.builtins.get(name).map(|builtin| &builtin.package);
        let digest = record.as_ref().and_then(Record::digest);
        let own = builtin.filter(|_| digest.is_none());
        let told = own.map(|package| {
            let metadata = &package.metadata;
            (
                metadata.version.clone(),
                metadata.roles.clone(),
                metadata.admission.clone(),
                metadata.scheduling.clone(),
            )
        });
        let recorded = || {
            let record = record.as_ref()?;
            Some((
                record.version.clone(),
                record.roles.clone(),
                record.admission.clone(),
                record.scheduling.clone(),
            ))
        };
        let (version, roles, admission, scheduling) = told.or_else(recorded).unwrap_or_default();
        let digest = digest.or(own.map(|package| &package.digest)).map(ToString::to_string);
        Arc::new(Entry {
            version,
            roles,
            digest: digest.unwrap_or_default(),
            builtin: own.is_some(),
            admission,
            scheduling,
            record,
            stage,
        })
    }
}
