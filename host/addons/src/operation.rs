//! What operators do with addons, one operation after the other.

mod change;
mod upgrade;

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::depot;
use crate::fold::FoldError;
use crate::library::{ComponentError, Digest, Package};
use crate::metadata::{Metadata, Wants};
use crate::ports::PortError;
use crate::record::{Record, Source, StateError};
use crate::report::{Details, InstallPlan, Report};
use crate::roster::{Entry, Stage};
use crate::services;
use crate::signature::{SignatureError, Signed, TRUSTED_KEYS, Trust, TrustedKeys};
use crate::task::{Node, Reach};
use crate::transaction::{Next, Target};
use change::Regrant;

type Reply<T> = oneshot::Sender<Result<T, OperationError>>;

pub(crate) enum Command {
    PlanInstall { name: String, offer: Offer<Option<Bytes>>, reply: Reply<InstallPlan> },
    Install { name: String, offer: Offer<Option<Bytes>>, reply: Reply<InstallPlan> },
    Enable { name: String, reply: Reply<Report> },
    Disable { name: String, reply: Reply<Report> },
    Remove { name: String, reply: Reply<()> },
    Details { name: String, reply: Reply<Details> },
    Diff { name: String, component: Option<Bytes>, reply: Reply<Vec<String>> },
    PlanUpgrade { name: String, offer: Offer<Bytes>, reply: Reply<InstallPlan> },
    Upgrade { name: String, offer: Offer<Bytes>, reply: Reply<InstallPlan> },
    Set { name: String, edits: Vec<SettingEdit>, reply: Reply<Report> },
    Grant { name: String, capability: String, reply: Reply<Report> },
    Revoke { name: String, capability: String, reply: Reply<Report> },
}

/// A component, with the names of the capabilities that it is not granted, though it wants them.
#[derive(Clone, Debug)]
pub struct Offer<C> {
    pub component: C,
    pub without: Vec<String>,
}

impl From<Bytes> for Offer<Bytes> {
    fn from(component: Bytes) -> Self {
        Self { component, without: Vec::new() }
    }
}

impl From<Option<Bytes>> for Offer<Option<Bytes>> {
    fn from(component: Option<Bytes>) -> Self {
        Self { component, without: Vec::new() }
    }
}

/// What a component wants, but for what the operator leaves out.
fn granted(metadata: &Metadata, without: &[String]) -> Result<Wants, OperationError> {
    let names = metadata.wants.names();
    if let Some(unknown) = without.iter().find(|name| !names.contains(*name)) {
        return Err(OperationError::NoCapability {
            addon: metadata.name.clone(),
            capability: unknown.clone(),
            known: names.into_iter().collect(),
        });
    }
    Ok(metadata.wants.only(&names.into_iter().filter(|name| !without.contains(name)).collect()))
}

/// What makes a component one that is signed by a trusted key.
fn way_in(signed: &Signed) -> String {
    match signed {
        Signed::No => "have its author sign it (`plugin sign`)".to_owned(),
        _ => format!("put the key of its author into {TRUSTED_KEYS} as NAME.pub"),
    }
}

/// A setting that is given a value in the operator's words, or taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingEdit {
    pub name: String,
    pub value: Option<String>,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    #[error("there is no addon {0}: `plugin list` shows those there are")]
    Unknown(String),
    #[error("there is no file {name}, and no built-in addon of that name: give a file, or one of {}", .builtins.join(", "))]
    NoBuiltin { name: String, builtins: Vec<String> },
    #[error("addon {0} is built in and cannot be removed: disable it")]
    BuiltIn(String),
    #[error("addon {addon}: {why}")]
    Component { addon: String, why: ComponentError },
    #[error("addon {addon}: {why}")]
    Signature { addon: String, why: SignatureError },
    #[error(
        "addon {addon} is {signed}, and this host takes what is signed by a trusted key alone: {}, or start the host without --require-signature",
        way_in(signed)
    )]
    NotTrusted { addon: String, signed: Signed },
    #[error("addon {addon} cannot be enabled beside {other}: disable {other} first")]
    Conflict { addon: String, other: String },
    #[error("the configuration with this change of addon {addon}: {why}")]
    Fold { addon: String, why: FoldError },
    #[error("start addon {addon}: {why}; nothing was changed, mend that and try again")]
    Start { addon: String, why: String },
    #[error("put the configuration of addon {addon} in force: {why}; everything is as before")]
    Apply { addon: String, why: PortError },
    #[error("record addon {addon} in the datastore: {why}; everything is as before")]
    Record { addon: String, why: PortError },
    #[error("record addon {addon} on disk: {why}; everything is as before")]
    State { addon: String, why: StateError },
    #[error("the component is the addon {found}, not {addon}: upgrade {found}, or install it")]
    OtherAddon { addon: String, found: String },
    #[error(
        "addon {0} is built in, and as this release has it: another component is put in its place by `plugin install`"
    )]
    NotInstalled(String),
    #[error("addon {addon} has no setting {name:?}: it has {}", listed(.known))]
    NoSetting { addon: String, name: String, known: Vec<String> },
    #[error("the setting {name} of addon {addon} is {wanted}, not {value:?}")]
    SettingValue { addon: String, name: String, wanted: &'static str, value: String },
    #[error("addon {addon} does not want {capability:?}: it wants {}", listed(.known))]
    NoCapability { addon: String, capability: String, known: Vec<String> },
    #[error("addon {0} is built in, and has what it wants: disable it, or install a component of your own")]
    BuiltInGrants(String),
    #[error("the addons are stopped: is the host?")]
    Stopped,
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// A component and the record that it would have.
struct Candidate {
    package: Arc<Package>,
    /// None of a built-in.
    signed: Option<Signed>,
    record: Record,
    entered: Option<Arc<Entry>>,
}

impl Node {
    pub(crate) async fn carry_out(&self, command: Command) {
        // Who asked may have gone meanwhile; what was done is done.
        match command {
            Command::PlanInstall { name, offer, reply } => {
                drop(reply.send(self.plan_install(&name, offer).await));
            }
            Command::Install { name, offer, reply } => {
                drop(reply.send(self.install(&name, offer).await));
            }
            Command::Enable { name, reply } => drop(reply.send(self.enable(&name).await)),
            Command::Disable { name, reply } => drop(reply.send(self.disable(&name).await)),
            Command::Remove { name, reply } => drop(reply.send(self.remove(&name).await)),
            Command::Details { name, reply } => drop(reply.send(self.details(&name).await)),
            Command::Diff { name, component, reply } => {
                drop(reply.send(self.diff(&name, component).await));
            }
            Command::PlanUpgrade { name, offer, reply } => {
                drop(reply.send(self.plan_upgrade(&name, offer).await));
            }
            Command::Upgrade { name, offer, reply } => {
                drop(reply.send(self.upgrade(&name, offer).await));
            }
            Command::Set { name, edits, reply } => drop(reply.send(self.set(&name, &edits).await)),
            Command::Grant { name, capability, reply } => {
                drop(reply.send(self.regrant(&name, &capability, Regrant::Grant).await));
            }
            Command::Revoke { name, capability, reply } => {
                drop(reply.send(self.regrant(&name, &capability, Regrant::Revoke).await));
            }
        }
    }

    /// The uploaded component, or the built-in of that name.
    fn candidate(&self, name: &str, offer: Offer<Option<Bytes>>) -> Result<Candidate, OperationError> {
        let Offer { component, without } = offer;
        let of = |why| OperationError::Component { addon: name.to_owned(), why };
        let signed = component.as_ref().map(|component| self.signed(name, component)).transpose()?;
        let uploaded = component.map(Package::read).transpose().map_err(of)?;
        let (package, source) = match uploaded {
            Some(package) => {
                let grants = Box::new(granted(&package.metadata, &without)?);
                let digest = package.digest.clone();
                (Arc::new(package), Source::Component { digest, grants })
            }
            None if !without.is_empty() => return Err(OperationError::BuiltInGrants(name.to_owned())),
            None => {
                let names = || self.builtins.keys().cloned().collect();
                let unknown = || OperationError::NoBuiltin { name: name.to_owned(), builtins: names() };
                (self.builtins.get(name).ok_or_else(unknown)?.package.clone(), Source::BuiltIn)
            }
        };
        let entered = self.roster().addons.get(&package.metadata.name).cloned();
        let before = entered.as_ref().and_then(|entry| entry.record.as_ref());
        let metadata = &package.metadata;
        let record = Record {
            enabled: true,
            version: metadata.version.clone(),
            roles: metadata.roles.clone(),
            admission: metadata.admission.clone(),
            scheduling: metadata.scheduling.clone(),
            source,
            settings: before.map(|record| record.settings.clone()).unwrap_or_default(),
        };
        Ok(Candidate { package, signed, record, entered })
    }

    /// Whose signature the component carries; one that this host does not take is an error.
    fn signed(&self, addon: &str, component: &[u8]) -> Result<Signed, OperationError> {
        let of = |why| OperationError::Signature { addon: addon.to_owned(), why };
        let trusted = TrustedKeys::read(&self.data_dir.join(TRUSTED_KEYS)).map_err(of)?;
        match (self.trust, trusted.verify(component).map_err(of)?) {
            (Trust::Anybody, signed) | (Trust::Signed, signed @ Signed::Trusted(_)) => Ok(signed),
            (Trust::Signed, signed) => Err(OperationError::NotTrusted { addon: addon.to_owned(), signed }),
        }
    }

    async fn plan_install(
        &self,
        name: &str,
        offer: Offer<Option<Bytes>>,
    ) -> Result<InstallPlan, OperationError> {
        let candidate = self.candidate(name, offer)?;
        let target = self.enabled(&candidate).await?;
        let plan = self.plan(&target).await?;
        let changes = self.configuration.effective().changes(&plan.effective);
        Ok(candidate.shown(changes.iter().map(ToString::to_string).collect()))
    }

    async fn install(&self, name: &str, offer: Offer<Option<Bytes>>) -> Result<InstallPlan, OperationError> {
        let candidate = self.candidate(name, offer)?;
        let target = self.enabled(&candidate).await?;
        let addon = target.name.clone();
        if candidate.record.digest().is_some() {
            self.keep(&candidate.package).await?;
        }
        let before = self.configuration.effective();
        let committed = self.commit(target).await;
        self.sweep(&candidate.digests()).await;
        committed?;
        let changes = before.changes(&self.configuration.effective());
        let mut plan = candidate.shown(changes.iter().map(ToString::to_string).collect());
        plan.addon = self.report(&addon)?;
        Ok(plan)
    }

    async fn enable(&self, name: &str) -> Result<Report, OperationError> {
        let entry = self.entry(name)?;
        if let Some(active) = entry.active() {
            active.pardon();
            return self.report(name);
        }
        let record = self.touched(name, &entry, true);
        let of = |why| OperationError::Component { addon: name.to_owned(), why };
        if self.trust == Trust::Signed && record.digest().is_some() {
            let package = self.package(name, &entry).await?;
            self.signed(name, &package.bytes)?;
        }
        let next = self.next(name, Some(&record), Reach::Cluster).await.map_err(of)?;
        self.commit(Target::said(name, Some(record), next)).await?;
        self.report(name)
    }

    async fn disable(&self, name: &str) -> Result<Report, OperationError> {
        let entry = self.entry(name)?;
        if !matches!(entry.stage, Stage::Disabled) {
            let record = self.touched(name, &entry, false);
            self.commit(Target::said(name, Some(record), Next::Disabled)).await?;
        }
        self.report(name)
    }

    async fn remove(&self, name: &str) -> Result<(), OperationError> {
        let entry = self.entry(name)?;
        if entry.builtin {
            return Err(OperationError::BuiltIn(name.to_owned()));
        }
        let next = self.next(name, None, Reach::Cluster).await;
        let next = next.map_err(|why| OperationError::Component { addon: name.to_owned(), why })?;
        self.commit(Target::said(name, None, next)).await?;
        let before: Vec<_> = entry.record.iter().filter_map(Record::digest).cloned().collect();
        self.sweep(&before).await;
        self.ledgers.forget(name);
        self.forget_kept(name).await.map_err(|why| OperationError::Record { addon: name.to_owned(), why })
    }

    /// Keeps a component on this node, and for the others in the datastore.
    async fn keep(&self, package: &Package) -> Result<(), OperationError> {
        let addon = || package.metadata.name.clone();
        let kept = self.library.keep(package).await;
        kept.map_err(|why| OperationError::Component { addon: addon(), why })?;
        let published = depot::put(self.store.as_ref(), &package.digest, &package.bytes).await;
        published.map_err(|why| OperationError::Record { addon: addon(), why })
    }

    async fn forget_kept(&self, name: &str) -> Result<(), PortError> {
        for (key, _) in self.store.list(&services::kv_prefix(name)).await? {
            self.store.delete(&key).await?;
        }
        Ok(())
    }

    async fn enabled(&self, candidate: &Candidate) -> Result<Target, OperationError> {
        let name = candidate.package.metadata.name.clone();
        let loaded = self.load(&candidate.package, Some(&candidate.record)).await;
        let loaded = loaded.map_err(|why| OperationError::Component { addon: name.clone(), why })?;
        Ok(Target::said(&name, Some(candidate.record.clone()), Next::Enabled(loaded)))
    }

    /// The record of an addon that an operator enables or disables.
    fn touched(&self, name: &str, entry: &Entry, enabled: bool) -> Record {
        let untouched = || Record {
            enabled,
            version: entry.version.clone(),
            roles: entry.roles.clone(),
            admission: entry.admission.clone(),
            scheduling: entry.scheduling.clone(),
            source: Source::BuiltIn,
            settings: Default::default(),
        };
        let mut record = entry.record.clone().unwrap_or_else(untouched);
        record.enabled = enabled;
        if let (None, Some(builtin)) = (record.digest(), self.builtins.get(name)) {
            record.version.clone_from(&builtin.package.metadata.version);
            record.roles.clone_from(&builtin.package.metadata.roles);
            record.admission.clone_from(&builtin.package.metadata.admission);
            record.scheduling.clone_from(&builtin.package.metadata.scheduling);
        }
        record
    }

    fn entry(&self, name: &str) -> Result<Arc<Entry>, OperationError> {
        let entry = self.roster().addons.get(name).cloned();
        entry.ok_or_else(|| OperationError::Unknown(name.to_owned()))
    }

    fn report(&self, name: &str) -> Result<Report, OperationError> {
        self.roster().report(name).ok_or_else(|| OperationError::Unknown(name.to_owned()))
    }
}

impl Candidate {
    /// Of its component, and of the one that it takes the place of.
    fn digests(&self) -> Vec<Digest> {
        let before = self.entered.iter().filter_map(|entry| entry.record.as_ref()?.digest());
        before.chain([&self.package.digest]).cloned().collect()
    }

    fn shown(&self, changes: Vec<String>) -> InstallPlan {
        let metadata = &self.package.metadata;
        let builtin = self.record.digest().is_none();
        let digest = self.package.digest.to_string();
        let other = self.entered.as_ref().filter(|entry| entry.digest != digest);
        InstallPlan {
            addon: Report {
                name: metadata.name.clone(),
                version: metadata.version.clone(),
                roles: metadata.roles.clone(),
                state: crate::State::Disabled,
                digest,
                message: None,
                builtin,
                denied: 0,
            },
            source: self.signed.as_ref().map_or("built in".to_owned(), ToString::to_string),
            capabilities: metadata.says().chain(metadata.wants.lines()).collect(),
            wants_more: Vec::new(),
            not_granted: self.record.withheld(&metadata.wants),
            changes,
            replaces: other.map(|entry| {
                let source = if entry.builtin { "built in" } else { "installed" };
                format!("{} {} ({source})", metadata.name, entry.version)
            }),
        }
    }
}
