//! What others hold of the addons. Requests are answered on the thread that asks, from what is in force.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use engine::{
    AdmissionRequest, Attributes, Candidates, Credentials, Decision, Mutation, NodeRating, NodeRefusal,
    Review, Role, RuleSet, Unavailable, User,
};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::warn;

use crate::active::Active;
use crate::admission::{AdmissionStep, Shown, Unjudged};
use crate::grants;
use crate::ledger::{self, Ledgers, LogPage};
use crate::lifecycle::NodeEvent;
use crate::metadata::{Pod, Written};
use crate::operation::{Command, Offer, OperationError, SettingEdit};
use crate::report::{Details, InstallPlan, Report};
use crate::roster::{Entry, Roster, Stage};
use crate::scheduling::{Concerned, Unadvised};

/// A handle; clones share the addons.
#[derive(Clone)]
pub struct AddonsHandle {
    /// None before the addons were started and after they ended.
    pub(crate) roster: Arc<ArcSwapOption<Roster>>,
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) ready: watch::Receiver<bool>,
    pub(crate) ledgers: Arc<Ledgers>,
    /// Grows whenever what they say of pods may be another.
    pub(crate) advice: watch::Sender<u64>,
}

/// An authorizer that had to be asked did not answer: nobody decided.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    #[error("the addons do not run yet")]
    NotRunning,
    #[error(
        "addon {addon} cannot decide: {why}; `mk8s-host plugin logs {addon}` tells more, `mk8s-host plugin disable {addon}` takes it out"
    )]
    Failed { addon: String, why: String },
}

impl AddonsHandle {
    /// The user whom the first addon, by name, knows by these credentials. An addon that fails knows nobody.
    pub fn authenticate(&self, credentials: &Credentials<'_>) -> Option<User> {
        let roster = self.roster.load_full()?;
        let complete = roster.active().filter(|active| active.is_complete());
        complete.filter_map(|active| Some((active, active.authenticator.as_ref()?))).find_map(
            |(active, warm)| match timed(active, Role::Authenticator, || {
                warm.call(|fed| fed.up_to_date()?.authenticate(credentials))
            }) {
                Ok(Some(user)) if user.name.is_empty() => {
                    warn!(
                        addon = active.loaded.name(),
                        "an authenticator knows a user without a name, who is nobody"
                    );
                    None
                }
                Ok(user) => user,
                Err(why) => {
                    warn!(addon = active.loaded.name(), %why, "an authenticator failed, and knows nobody");
                    None
                }
            },
        )
    }

    /// The first decision of an addon, by name; the reasons of those without an opinion are joined. What one that cannot
    /// answer would have said is not known, so nothing is decided then.
    pub fn authorize(&self, user: &User, attributes: &Attributes<'_>) -> Result<Decision, Unanswered> {
        let roster = self.roster.load_full().ok_or(Unanswered::NotRunning)?;
        if let Some(addon) = grants::addon(&user.name) {
            return Ok(own(&roster, addon, attributes));
        }
        let mut reasons = Vec::new();
        for (name, entry) in authorizers(&roster) {
            match ask(name, entry, |instance| instance.authorize(user, attributes))? {
                Decision::NoOpinion(reason) => reasons.extend((!reason.is_empty()).then_some(reason)),
                Decision::Other(unknown) => {
                    let why = format!("it decided {unknown:?}, which this host does not know");
                    return Err(Unanswered::Failed { addon: name.clone(), why });
                }
                decided => return Ok(decided),
            }
        }
        Ok(Decision::NoOpinion(reasons.join("\n")))
    }

    /// What a user may do in a namespace, as the authorizers together say.
    pub fn rules(&self, user: &User, namespace: &str) -> Result<RuleSet, Unanswered> {
        let roster = self.roster.load_full().ok_or(Unanswered::NotRunning)?;
        let mut all = RuleSet::default();
        let mut add = |rules: RuleSet| {
            all.resource_rules.extend(rules.resource_rules);
            all.path_rules.extend(rules.path_rules);
            all.problems.extend(rules.problems);
        };
        match grants::addon(&user.name) {
            Some(addon) => roster.grants(addon).for_each(|granted| add(grants::rules(granted))),
            None => {
                for (name, entry) in authorizers(&roster) {
                    add(ask(name, entry, |instance| instance.rules(user, namespace))?);
                }
            }
        }
        Ok(all)
    }

    /// The addons that want to be shown a write of a user, in their order. None before the addons run.
    pub fn shown(&self, step: AdmissionStep, written: Written<'_>, user: &str) -> Vec<Shown> {
        let roster = self.roster.load_full();
        roster.map(|roster| roster.shown(step, written, user)).unwrap_or_default()
    }

    /// What an addon makes of an object that is about to be written.
    pub async fn mutate(&self, addon: &str, request: AdmissionRequest) -> Result<Mutation, Unjudged> {
        let roster = self.roster.load_full().ok_or_else(not_running)?;
        roster.mutate(addon, request).await
    }

    /// What an addon says of an object that is about to be written.
    pub async fn validate(&self, addon: &str, request: AdmissionRequest) -> Result<Review, Unjudged> {
        let roster = self.roster.load_full().ok_or_else(not_running)?;
        roster.validate(addon, request).await
    }

    /// The addons that are to be asked of a pod, in their order. None before the addons run.
    pub fn concerned(&self, pod: &impl Pod) -> Vec<Concerned> {
        let roster = self.roster.load();
        roster.as_ref().map(|roster| roster.concerned(pod)).unwrap_or_default()
    }

    /// The nodes among the candidates where an addon will not have the pod go.
    pub async fn filter(&self, addon: &str, candidates: Candidates) -> Result<Vec<NodeRefusal>, Unadvised> {
        let roster = self.roster.load_full().unwrap_or_default();
        roster.filter(addon, candidates).await
    }

    /// How well nodes suit a pod: 0 to 100, and 0 those that are not among them.
    pub async fn score(&self, addon: &str, candidates: Candidates) -> Result<Vec<NodeRating>, Unadvised> {
        let roster = self.roster.load_full().unwrap_or_default();
        roster.score(addon, candidates).await
    }

    /// Told whenever what [`concerned`](Self::concerned), [`filter`](Self::filter) or [`score`](Self::score) say may be
    /// another.
    pub fn advice(&self) -> watch::Receiver<u64> {
        self.advice.subscribe()
    }

    /// Tells every addon that runs what happened on the node.
    pub fn tell(&self, event: &NodeEvent) {
        let roster = self.roster.load_full().unwrap_or_default();
        roster.active().for_each(|active| active.tell(event));
    }

    /// Lines of an addon's log from a number on; waits for one where it is asked to.
    pub async fn logs(&self, name: &str, from: u64, wait: bool) -> Result<LogPage, OperationError> {
        self.info(name)?;
        Ok(self.ledgers.of(name).lines_from(from, wait).await)
    }

    /// The numbers of all addons in Prometheus' text format.
    pub fn metrics(&self) -> String {
        ledger::exposition(&self.ledgers.all())
    }

    /// Told whenever what [`list`](Self::list) says may have changed, or something was denied.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.ledgers.news()
    }

    /// Returns when every enabled addon was told all that it was granted and the records of the datastore are in force.
    pub async fn ready(&self) {
        // A task that is gone never gets ready.
        if self.ready.clone().wait_for(|ready| *ready).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Every addon, in the order in which they are folded.
    pub fn list(&self) -> Vec<Report> {
        let roster = self.roster.load_full().unwrap_or_default();
        roster.addons.keys().filter_map(|name| roster.report(name)).collect()
    }

    pub fn info(&self, name: &str) -> Result<Report, OperationError> {
        let roster = self.roster.load_full().unwrap_or_default();
        roster.report(name).ok_or_else(|| OperationError::Unknown(name.to_owned()))
    }

    /// What [`install`](Self::install) would do. Nothing is changed.
    pub async fn plan_install(
        &self,
        name: String,
        offer: impl Into<Offer<Option<Bytes>>>,
    ) -> Result<InstallPlan, OperationError> {
        let offer = offer.into();
        self.ask(|reply| Command::PlanInstall { name, offer, reply }).await
    }

    /// Installs and enables the component, or the built-in called `name` where there is none: grants what it wants and
    /// the offer does not leave out, and takes the place of an addon of the same name. In force when this returns, or as it was before.
    pub async fn install(
        &self,
        name: String,
        offer: impl Into<Offer<Option<Bytes>>>,
    ) -> Result<InstallPlan, OperationError> {
        let offer = offer.into();
        self.ask(|reply| Command::Install { name, offer, reply }).await
    }

    /// In force when this returns, or as it was before. Asks one that is quarantined again.
    pub async fn enable(&self, name: String) -> Result<Report, OperationError> {
        self.ask(|reply| Command::Enable { name, reply }).await
    }

    /// Takes its edits back, then the addon away.
    pub async fn disable(&self, name: String) -> Result<Report, OperationError> {
        self.ask(|reply| Command::Disable { name, reply }).await
    }

    /// Disables it and forgets the component, its grants and what it kept. A built-in that it had replaced is back.
    pub async fn remove(&self, name: String) -> Result<(), OperationError> {
        self.ask(|reply| Command::Remove { name, reply }).await
    }

    /// All that is known of an addon.
    pub async fn details(&self, name: String) -> Result<Details, OperationError> {
        self.ask(|reply| Command::Details { name, reply }).await
    }

    /// What of the configuration an install of the component would change, or to enable or disable the addon of that
    /// name: `service --flag: before -> after`.
    pub async fn diff(&self, name: String, component: Option<Bytes>) -> Result<Vec<String>, OperationError> {
        self.ask(|reply| Command::Diff { name, component, reply }).await
    }

    /// What [`upgrade`](Self::upgrade) would do. Nothing is changed.
    pub async fn plan_upgrade(
        &self,
        name: String,
        offer: impl Into<Offer<Bytes>>,
    ) -> Result<InstallPlan, OperationError> {
        let offer = offer.into();
        self.ask(|reply| Command::PlanUpgrade { name, offer, reply }).await
    }

    /// Puts another component in the place of an addon's. What was granted stays granted and what was revoked stays
    /// revoked; what it wants beyond its predecessor is granted. No request goes unanswered meanwhile.
    pub async fn upgrade(
        &self,
        name: String,
        offer: impl Into<Offer<Bytes>>,
    ) -> Result<InstallPlan, OperationError> {
        let offer = offer.into();
        self.ask(|reply| Command::Upgrade { name, offer, reply }).await
    }

    /// Gives settings values, or takes those that were given back. In force when this returns, or as it was before.
    pub async fn set(&self, name: String, edits: Vec<SettingEdit>) -> Result<Report, OperationError> {
        self.ask(|reply| Command::Set { name, edits, reply }).await
    }

    /// Grants a capability that the addon wants, by its name.
    pub async fn grant(&self, name: String, capability: String) -> Result<Report, OperationError> {
        self.ask(|reply| Command::Grant { name, capability, reply }).await
    }

    /// Takes a capability back: what the addon does with it is denied from then on.
    pub async fn revoke(&self, name: String, capability: String) -> Result<Report, OperationError> {
        self.ask(|reply| Command::Revoke { name, capability, reply }).await
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, OperationError>>) -> Command,
    ) -> Result<T, OperationError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| OperationError::Stopped)?;
        answer.await.map_err(|_| OperationError::Stopped)?
    }
}

fn not_running() -> Unjudged {
    Unjudged { why: Unanswered::NotRunning.to_string() }
}

/// Does a call that requests wait for, and tells where it was the one too many.
fn timed<R>(
    active: &Active,
    role: Role,
    call: impl FnOnce() -> Result<R, Unavailable>,
) -> Result<R, Unavailable> {
    let ledger = &active.loaded.services.ledger;
    let outcome = ledger.timed(role, call);
    if matches!(outcome, Err(Unavailable::Fault(_))) {
        ledger.changed();
    }
    outcome
}

/// The decision about an addon's own request.
fn own(roster: &Roster, addon: &str, attributes: &Attributes<'_>) -> Decision {
    let nothing = || Decision::NoOpinion(format!("addon {addon} is not enabled"));
    let decisions = roster.grants(addon).map(|granted| grants::decide(addon, granted, attributes));
    let allowed = |decision: &Decision| matches!(decision, Decision::Allow(_));
    decisions.reduce(|first, next| if allowed(&first) { first } else { next }).unwrap_or_else(nothing)
}

/// The enabled authorizers, those that do not run too.
fn authorizers(roster: &Roster) -> impl Iterator<Item = (&String, &Entry)> {
    let enabled = |entry: &Entry| !matches!(entry.stage, Stage::Disabled);
    let entries = roster.addons.iter().map(|(name, entry)| (name, entry.as_ref()));
    entries.filter(move |(_, entry)| entry.has(Role::Authorizer) && enabled(entry))
}

fn ask<R>(
    name: &str,
    entry: &Entry,
    mut question: impl FnMut(&mut engine::Instance) -> Result<R, engine::CallError>,
) -> Result<R, Unanswered> {
    let unanswered = |why: String| Unanswered::Failed { addon: name.to_owned(), why };
    let active: &Active = match &entry.stage {
        Stage::Active(active) => active,
        Stage::Broken(why) => return Err(unanswered(why.clone())),
        Stage::Disabled => return Err(unanswered("it is disabled".to_owned())),
    };
    let warm = active.authorizer.as_ref().ok_or_else(|| unanswered("it is no authorizer".to_owned()))?;
    if !active.is_complete() {
        return Err(unanswered("it waits for its first objects and files".to_owned()));
    }
    let answer = timed(active, Role::Authorizer, || warm.call(|fed| question(fed.up_to_date()?)));
    answer.map_err(|why| unanswered(why.to_string()))
}
