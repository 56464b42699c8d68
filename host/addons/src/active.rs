//! An addon that is loaded, and one that runs: its instances, what is pushed to them, its tasks.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use args::Effective;
use engine::{
    CallError, Component, FolderAccess, Instance, Limits, Role, Setting, Strikes, Unavailable, Warm,
};
use futures_util::StreamExt;
use supervise::Scope;
use tokio::sync::watch;
use tracing::warn;

use crate::admission::Judge;
use crate::documents;
use crate::files::{self, Located};
use crate::lifecycle::{Health, Keeper, NodeEvent};
use crate::metadata::{Metadata, Wants};
use crate::ports::{Documents, ObjectSource};
use crate::pushed::{Fed, Pushed};
use crate::scheduling::Advisor;
use crate::services::AddonServices;

/// The tasks of an addon end within this.
const CLOSING: Duration = Duration::from_secs(5);

/// An addon with its code, that does not run yet.
pub(crate) struct Loaded {
    pub(crate) metadata: Metadata,
    pub(crate) component: Component,
    pub(crate) services: Arc<AddonServices>,
}

impl Loaded {
    pub(crate) fn name(&self) -> &str {
        &self.metadata.name
    }

    pub(crate) fn grants(&self) -> &Wants {
        &self.services.grants
    }

    pub(crate) fn settings(&self) -> &[Setting] {
        &self.services.settings
    }

    pub(crate) fn has(&self, role: Role) -> bool {
        self.metadata.roles.iter().any(|name| name == role.name())
    }

    /// Limits of a role within what the addon may use.
    pub(crate) fn limits(&self, of_role: Limits) -> Limits {
        self.services.allowance.within(of_role)
    }

    /// An instance for calls that requests wait for, or that nobody may hold up.
    pub(crate) fn instance(&self, limits: Limits) -> Result<Instance, CallError> {
        self.component.instantiate(self.services.clone(), self.limits(limits))
    }

    /// An instance that has the granted folders. Its deadline is that of the role alone.
    pub(crate) fn instance_with_folders(&self, limits: Limits) -> Result<Instance, CallError> {
        let limits = Limits { memory: self.limits(limits).memory, ..limits };
        let folders = &self.services.folders;
        // Those to write to are made, so that an addon need not be told to wait for them.
        for folder in folders.iter().filter(|folder| folder.access == FolderAccess::Write) {
            let made = std::fs::create_dir_all(&folder.path);
            made.map_err(|why| CallError::Folder(format!("make {}: {why}", folder.path.display())))?;
        }
        let there: Vec<_> = folders.iter().filter(|folder| folder.path.is_dir()).cloned().collect();
        for folder in &there {
            // Somebody who may write above it could have put a link in its place.
            let real = folder.path.canonicalize();
            if real.is_ok_and(|real| real != folder.path) {
                return Err(CallError::Folder(format!("{} leads elsewhere", folder.path.display())));
            }
        }
        self.component.instantiate_with(self.services.clone(), limits, &there)
    }
}

/// What addons run with.
pub(crate) struct Ground<'a> {
    pub(crate) data_dir: &'a Path,
    pub(crate) objects: &'a dyn ObjectSource,
    pub(crate) documents: Arc<dyn Documents>,
    pub(crate) request_limits: Limits,
    /// Grows whenever what addons say of pods may be another.
    pub(crate) advice: &'a watch::Sender<u64>,
    pub(crate) scope: &'a Scope,
}

/// A running addon.
pub(crate) struct Active {
    pub(crate) loaded: Arc<Loaded>,
    pub(crate) authenticator: Option<Warm<Fed>>,
    pub(crate) authorizer: Option<Warm<Fed>>,
    pub(crate) judge: Option<Judge>,
    pub(crate) advisor: Option<Advisor>,
    pub(crate) pushed: Arc<Pushed>,
    keeper: Option<Keeper>,
    located: watch::Sender<Located>,
    pub(crate) scope: Scope,
}

/// Why an addon does not get to work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("its {role} cannot be called: {why}")]
    Role { role: &'static str, why: Unavailable },
    #[error("its first reconcile failed: {0}")]
    Reconcile(String),
}

/// A task of an addon that has nothing to finish.
fn until_closed(scope: &Scope, name: String, work: impl Future<Output = ()> + Send + 'static) {
    let closed = scope.token();
    scope.spawn(name, async move {
        closed.run_until_cancelled(work).await;
    });
}

impl Active {
    /// Begins to follow what it was granted; `effective` says where its files are.
    pub(crate) fn start(loaded: Arc<Loaded>, ground: &Ground<'_>, effective: &Effective) -> Arc<Self> {
        let scope = ground.scope.child(loaded.name().to_owned());
        let kinds = loaded.grants().objects.iter().map(|kind| kind.kind());
        let advice = loaded.has(Role::Scheduling).then(|| ground.advice.clone());
        let pushed = Arc::new(Pushed::new(kinds, loaded.has(Role::Files), advice));
        for (place, kind) in pushed.kinds().enumerate() {
            let (pushed, mut updates) = (pushed.clone(), ground.objects.follow(loaded.name(), kind));
            until_closed(&scope, format!("follow {}", kind.resource), async move {
                while let Some(update) = updates.next().await {
                    pushed.objects(place, update);
                }
            });
        }
        let located = watch::Sender::new(files::locate(loaded.grants(), ground.data_dir, effective));
        if loaded.has(Role::Files) {
            let following = files::follow(pushed.clone(), located.subscribe());
            until_closed(&scope, "follow the files".to_owned(), following);
        }
        if !loaded.grants().documents.is_empty() {
            let following = documents::follow(loaded.clone(), pushed.clone(), ground.documents.clone());
            until_closed(&scope, "follow the documents".to_owned(), following);
        }
        let warm = |role: Role| {
            let (loaded, pushed, limits) = (loaded.clone(), pushed.clone(), ground.request_limits);
            loaded
                .has(role)
                .then(|| Warm::new(move || Ok(Fed::new(loaded.instance(limits)?, pushed.clone()))))
        };
        let (authenticator, authorizer) = (warm(Role::Authenticator), warm(Role::Authorizer));
        let keeper =
            loaded.has(Role::Lifecycle).then(|| Keeper::start(loaded.clone(), pushed.clone(), &scope));
        let judge = loaded.has(Role::Admission).then(Judge::new);
        let advisor = loaded.has(Role::Scheduling).then(|| Advisor::new(loaded.clone(), pushed.clone()));
        Arc::new(Self { loaded, authenticator, authorizer, judge, advisor, pushed, keeper, located, scope })
    }

    /// Returns when everything it was granted is told, or when it is closed.
    pub(crate) async fn complete(&self) {
        let mut told = self.pushed.complete();
        let closed = self.scope.token();
        closed.run_until_cancelled(told.wait_for(|complete| *complete)).await;
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.pushed.is_complete()
    }

    /// Returns when it can do its work: everything is told, every role was called, the first reconcile is done.
    pub(crate) async fn settle(&self) -> Result<(), StartError> {
        self.complete().await;
        self.warm_up()?;
        match &self.keeper {
            Some(keeper) => match keeper.first().await {
                Health::Failing(why) | Health::GivenUp(why) => Err(StartError::Reconcile(why)),
                Health::Well | Health::Starting => Ok(()),
            },
            None => Ok(()),
        }
    }

    /// Makes an instance of each role that requests wait for, so that the first one does not.
    pub(crate) fn warm_up(&self) -> Result<(), StartError> {
        let advisor = self.advisor.as_ref().map(|advisor| &advisor.warm);
        let roles = [
            (Role::Authenticator, self.authenticator.as_ref()),
            (Role::Authorizer, self.authorizer.as_ref()),
            (Role::Scheduling, advisor),
        ];
        for (role, warm) in roles {
            let Some(warm) = warm else { continue };
            let called = warm.call(|fed| {
                let instance = fed.up_to_date()?;
                if role == Role::Scheduling {
                    instance.load_scheduling()?;
                }
                self.loaded.services.ledger.memory(fed.memory());
                Ok(())
            });
            called.map_err(|why| StartError::Role { role: role.name(), why })?;
        }
        Ok(())
    }

    /// Its files are where this configuration says.
    pub(crate) fn relocate(&self, data_dir: &Path, effective: &Effective) {
        let located = files::locate(self.loaded.grants(), data_dir, effective);
        self.located.send_if_modified(|known| {
            let moved = *known != located;
            *known = located;
            moved
        });
    }

    pub(crate) fn is_quarantined(&self) -> bool {
        let given_up =
            self.keeper.as_ref().is_some_and(|keeper| matches!(keeper.health(), Health::GivenUp(_)));
        given_up || self.strikes().any(|strikes| strikes.quarantined)
    }

    /// Faults since it was started.
    pub(crate) fn faults(&self) -> u64 {
        self.strikes().map(|strikes| strikes.total).sum()
    }

    fn strikes(&self) -> impl Iterator<Item = Strikes> {
        let judge = self.judge.iter().map(|judge| judge.tally().strikes());
        self.warm().map(Warm::strikes).chain(judge)
    }

    /// Calls again what was given up.
    pub(crate) fn pardon(&self) {
        self.warm().for_each(Warm::pardon);
        self.judge.iter().for_each(|judge| judge.tally().pardon());
        self.keeper.iter().for_each(Keeper::pardon);
    }

    /// Tells it what happened on the node.
    pub(crate) fn tell(&self, event: &NodeEvent) {
        self.keeper.iter().for_each(|keeper| keeper.tell(event.clone()));
    }

    fn warm(&self) -> impl Iterator<Item = &Warm<Fed>> {
        let advisor = self.advisor.iter().map(|advisor| &advisor.warm);
        self.authenticator.iter().chain(&self.authorizer).chain(advisor)
    }

    /// Why it is not well.
    pub(crate) fn trouble(&self) -> Option<String> {
        let quarantined = self.is_quarantined().then(|| {
            "it failed too often and is not called any more; `plugin enable` tries again".to_owned()
        });
        let waiting = || (!self.is_complete()).then(|| "it waits for its first objects and files".to_owned());
        let failing = || match self.keeper.as_ref()?.health() {
            Health::Failing(why) | Health::GivenUp(why) => Some(format!("it cannot reconcile: {why}")),
            Health::Starting | Health::Well => None,
        };
        quarantined.or_else(waiting).or_else(failing)
    }

    /// Tells it that it is disabled.
    pub(crate) async fn dismiss(&self) {
        if let Some(keeper) = &self.keeper {
            keeper.dismiss().await;
        }
    }

    /// Ends its tasks.
    pub(crate) async fn close(&self) {
        for task in self.scope.close(CLOSING).await {
            warn!(task, "a task of an addon did not end in time");
        }
    }
}
