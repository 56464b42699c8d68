//! What is in force without an operator of this node: at the start what was last in force, at once, and then what the
//! datastore says, now and whenever it says something else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::Role;
use futures_util::future::join_all;
use supervise::Backoff;
use tracing::{error, info, warn};

use crate::active::Active;
use crate::fold::{Editor, Turn, fold};
use crate::record::{self, LastApplied, Record, Records};
use crate::roster::{Entry, Roster, Stage};
use crate::task::{Node, Reach};
use crate::transaction::{Decided, Next, Target};

const FIRST_RETRY: Duration = Duration::from_millis(200);
const LAST_RETRY: Duration = Duration::from_secs(10);

/// Which addons are brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Those of which the datastore says something else.
    Changed,
    /// Those that do not run, too: what this node alone could not load, the cluster may have meanwhile.
    All,
}

impl Node {
    /// Enables what was enabled when this node last ran, before there is a datastore.
    pub(crate) async fn boot(&self) {
        let last = LastApplied::read(&self.data_dir).unwrap_or_else(|why| {
            error!(%why, "the addons begin without what was last in force");
            LastApplied::default()
        });
        let names: BTreeSet<_> = last.records.keys().chain(self.builtins.keys()).cloned().collect();
        let next = join_all(names.into_iter().map(|name| async {
            let next = self.next(&name, last.records.get(&name), Reach::Node).await;
            (name, next)
        }));
        let next: BTreeMap<_, _> = next.await.into_iter().collect();
        self.applied(last.clone());
        let effective = self.configuration.effective();
        let mut roster = Roster::default();
        for (name, next) in next {
            let stage = match next {
                Ok(Next::Gone) => continue,
                Ok(Next::Disabled) => Stage::Disabled,
                Ok(Next::Enabled(loaded)) => Stage::Active(Active::start(loaded, &self.ground(), &effective)),
                Err(why) => {
                    error!(addon = name, %why, "an enabled addon cannot be loaded");
                    Stage::Broken(why.to_string())
                }
            };
            let entry = self.describe(&name, last.records.get(&name).cloned(), stage);
            roster.addons.insert(name, entry);
        }
        self.publish(roster.clone());
        self.fold_at_start(&roster, &last.records).await;
    }

    /// The addons' edits as they are now; where that cannot be, those of before stay in force.
    async fn fold_at_start(&self, roster: &Roster, records: &Records) {
        let editors = self.editors(roster).into_values().collect();
        let plan = match fold(editors, &self.configuration, &self.data_dir_text(), &self.scope).await {
            Ok(plan) => plan,
            Err(why) => return error!(%why, "the configuration of the addons stays as it was"),
        };
        if let Err(why) = self.configuration.apply(plan.effective.clone()).await {
            return error!(%why, "the configuration of the addons stays as it was");
        }
        roster.active().for_each(|active| active.relocate(&self.data_dir, &plan.effective));
        let state = LastApplied::new(records.clone(), &plan.edits);
        if let Err(why) = state.write(&self.data_dir).await {
            error!(%why, "the next start would begin without what is in force");
        }
        self.applied(state);
    }

    /// Brings about what the datastore says, once it answers; whether that came to be of every addon.
    pub(crate) async fn adopt_records(&self, due: Due) -> bool {
        let mut backoff = Backoff::new(FIRST_RETRY, LAST_RETRY);
        let records = loop {
            match record::list(self.store.as_ref()).await {
                Ok(records) => break records,
                Err(why) => warn!(%why, "read what is enabled"),
            }
            tokio::time::sleep(backoff.next_delay()).await;
        };
        let roster = self.roster();
        let known = roster.records();
        let names: BTreeSet<_> = known.keys().chain(records.keys()).cloned().collect();
        let is_broken = |name: &String| {
            roster.addons.get(name).is_some_and(|entry| matches!(entry.stage, Stage::Broken(_)))
        };
        let is_due =
            |name: &String| known.get(name) != records.get(name) || (due == Due::All && is_broken(name));
        let due: Vec<_> = names.into_iter().filter(is_due).collect();
        if due.is_empty() {
            return true;
        }
        let mut is_as_told = true;
        for name in due {
            let record = records.get(&name).cloned();
            match self.adopt(&name, record.clone()).await {
                Ok(()) => info!(addon = name, "an addon is as the datastore says"),
                Err(why) => {
                    is_as_told = false;
                    self.could_not_adopt(&name, record, &why);
                }
            }
        }
        self.sweep(&[]).await;
        is_as_told
    }

    async fn adopt(&self, name: &str, record: Option<Record>) -> Result<(), String> {
        let next = self.next(name, record.as_ref(), Reach::Cluster).await.map_err(|why| why.to_string())?;
        let is_gone = matches!(next, Next::Gone);
        let target = Target { decided: Decided::Elsewhere, ..Target::said(name, record, next) };
        self.commit(target).await.map_err(|why| why.to_string())?;
        if is_gone {
            self.ledgers.forget(name);
        }
        Ok(())
    }

    /// What ran goes on; what did not is shown with the reason.
    fn could_not_adopt(&self, name: &str, record: Option<Record>, why: &str) {
        error!(addon = name, why, "an addon is not as the datastore says");
        let roster = self.roster();
        let running = roster.addons.get(name).is_some_and(|entry| entry.active().is_some());
        if !running {
            let entry = self.describe(name, record, Stage::Broken(why.to_owned()));
            self.publish(roster.with(name, Some(entry)));
        }
    }

    /// The enabled addons, in the order in which they are folded.
    pub(crate) fn editors(&self, roster: &Roster) -> BTreeMap<Turn, Editor> {
        let remembered: BTreeMap<_, _> =
            self.last_applied().edits().into_iter().map(|edits| (edits.addon.clone(), edits)).collect();
        let editor = |name: &String, stage: &Stage| match stage {
            Stage::Disabled => None,
            Stage::Active(active) => Some(Editor::Loaded(active.loaded.clone())),
            Stage::Broken(_) => remembered.get(name).cloned().map(Editor::Remembered),
        };
        let editors = roster.addons.iter();
        let turn = |name: &String, entry: &Entry| Turn::new(name, entry.has(Role::Authorizer));
        editors.filter_map(|(name, entry)| Some((turn(name, entry), editor(name, &entry.stage)?))).collect()
    }
}
