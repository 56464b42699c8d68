//! Addons judge writes: each call in a fresh instance, on a thread that may wait, so many at a time.

use std::sync::Arc;
use std::time::Duration;

use engine::{AdmissionRequest, CallError, Instance, Limits, Mutation, Review, Role, Tally, Unavailable};
use supervise::Scope;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tracing::warn;

use crate::active::{Active, Loaded};
use crate::grants;
use crate::metadata::{Failure, Rule, Written};
use crate::pushed::{Fed, Pushed};
use crate::roster::{Entry, Roster, Stage};

/// Calls of one addon at a time.
const AT_A_TIME: usize = 16;
/// A call that waits for the host may take so much longer than one that computes.
const GRACE: Duration = Duration::from_millis(100);

/// A part of admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdmissionStep {
    Mutate,
    Validate,
}

/// An addon that wants to be shown a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub addon: String,
    /// It wants to see its own result again after somebody changed it.
    pub reinvoke: bool,
}

/// An addon that was to be asked did not answer, and nothing may be written without it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Unjudged {
    pub why: String,
}

/// What the calls of an addon share.
pub(crate) struct Judge {
    tally: Tally,
    slots: Semaphore,
}

impl Judge {
    pub(crate) fn new() -> Self {
        Self { tally: Tally::default(), slots: Semaphore::new(AT_A_TIME) }
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }
}

impl Entry {
    fn rules(&self, step: AdmissionStep) -> &[Rule] {
        match (&self.admission, step) {
            (None, _) => &[],
            (Some(spec), AdmissionStep::Mutate) => &spec.mutate,
            (Some(spec), AdmissionStep::Validate) => &spec.validate,
        }
    }
}

impl Roster {
    /// The enabled addons that want to be shown a write of a user, in the order of their names; those that do not run
    /// too.
    pub(crate) fn shown(&self, step: AdmissionStep, written: Written<'_>, user: &str) -> Vec<Shown> {
        let own = grants::addon(user);
        let wants = |(name, entry): (&String, &Arc<Entry>)| {
            let enabled = !matches!(entry.stage, Stage::Disabled);
            let covered = || written.is_shown(entry.rules(step));
            let reinvoke = entry.admission.as_ref().is_some_and(|spec| spec.reinvoke);
            (enabled && own != Some(name) && covered()).then(|| Shown { addon: name.clone(), reinvoke })
        };
        self.addons.iter().filter_map(wants).collect()
    }

    /// What an addon makes of an object; nothing where it does not answer and need not.
    pub(crate) async fn mutate(&self, addon: &str, request: AdmissionRequest) -> Result<Mutation, Unjudged> {
        self.judge(addon, async |active| {
            active
                .judge(move |mut instance| async move {
                    let mutation = instance.mutate(&request).await;
                    (instance.memory(), mutation)
                })
                .await
        })
        .await
    }

    /// What an addon says of an object; nothing where it does not answer and need not.
    pub(crate) async fn validate(&self, addon: &str, request: AdmissionRequest) -> Result<Review, Unjudged> {
        self.judge(addon, async |active| {
            active
                .judge(move |mut instance| async move {
                    let review = instance.validate(&request).await;
                    (instance.memory(), review)
                })
                .await
        })
        .await
    }

    async fn judge<R: Default>(
        &self,
        addon: &str,
        call: impl AsyncFnOnce(&Active) -> Result<R, Unavailable>,
    ) -> Result<R, Unjudged> {
        // It was disabled a moment ago: nobody wants to see the write any more.
        let Some(entry) = self.addons.get(addon) else { return Ok(R::default()) };
        let outcome = match &entry.stage {
            Stage::Disabled => return Ok(R::default()),
            Stage::Broken(why) => Err(why.clone()),
            Stage::Active(active) => call(active).await.map_err(|why| why.to_string()),
        };
        outcome.or_else(|why| match entry.admission.as_ref().map(|spec| spec.failure) {
            Some(Failure::Ignore) => {
                warn!(addon, why, "an addon did not judge a write, which goes on without it");
                Ok(R::default())
            }
            Some(Failure::Fail) | None => Err(Unjudged { why }),
        })
    }
}

impl Active {
    async fn judge<R, F>(&self, call: impl FnOnce(Instance) -> F + Send + 'static) -> Result<R, Unavailable>
    where
        R: Send + 'static,
        F: Future<Output = Judged<R>> + Send,
    {
        let judge = self.judge.as_ref().ok_or(Unavailable::Fault(CallError::Absent(Role::Admission)))?;
        judge.tally.allow()?;
        // The semaphore is never closed.
        let _slot = judge.slots.acquire().await.ok();
        let ledger = &self.loaded.services.ledger;
        let outcome = ledger
            .timed_later(Role::Admission, fresh(self.loaded.clone(), self.pushed.clone(), &self.scope, call))
            .await;
        let quarantined = judge.tally.strikes().quarantined;
        let outcome = judge.tally.ended(outcome);
        if judge.tally.strikes().quarantined != quarantined {
            ledger.changed();
        }
        outcome
    }
}

/// The memory of the instance, and what the call gave.
type Judged<R> = (usize, Result<R, CallError>);

/// Calls an instance that is made for it, on a thread of its own.
async fn fresh<R, F>(
    loaded: Arc<Loaded>,
    pushed: Arc<Pushed>,
    scope: &Scope,
    call: impl FnOnce(Instance) -> F + Send + 'static,
) -> Result<R, CallError>
where
    R: Send + 'static,
    F: Future<Output = Judged<R>> + Send,
{
    let runtime = Handle::current();
    let (limits, ledger) = (loaded.limits(Limits::ADMISSION), loaded.services.ledger.clone());
    let task = scope.spawn_blocking("judge", move || {
        let mut fed = Fed::new(loaded.instance_with_folders(Limits::ADMISSION)?, pushed);
        fed.up_to_date()?;
        let work = tokio::time::timeout(limits.deadline + GRACE, call(fed.into_instance()));
        let (memory, outcome) = runtime.block_on(work).map_err(|_| CallError::Deadline(limits.deadline))?;
        ledger.memory(memory);
        outcome
    });
    task.await.unwrap_or(Err(CallError::Waited))
}
