//! The task of the addons: starts them, and carries out one operation at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use engine::{Engine, Folder, Limits};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use supervise::{Backoff, Scope};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::active::{Ground, Loaded};
use crate::boot::Due;
use crate::depot;
use crate::handle::AddonsHandle;
use crate::ledger::Ledgers;
use crate::library::{ComponentError, Digest, Library, Package};
use crate::metadata::FolderWant;
use crate::operation::{Command, OperationError};
use crate::ports::{Compiler, Configuration, Documents, Issuer, KubeAccess, ObjectSource, Store};
use crate::record::{FOLDER, LastApplied, RECORDS, Record, Source};
use crate::roster::Roster;
use crate::services::{AddonServices, Backends, Identity};
use crate::signature::Trust;
use crate::transaction::Next;

/// Operations that wait for the one under way.
const WAITING: usize = 16;
/// What could not be brought about is tried again: it may hold operations up for as long as an addon may take to start.
const FIRST_RETRY: Duration = Duration::from_secs(2);
const LAST_RETRY: Duration = Duration::from_secs(600);

/// An addon that the host carries.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    pub name: &'static str,
    pub component: &'static [u8],
    /// Where no operator has said.
    pub enabled_by_default: bool,
}

pub struct Config {
    /// The addons are in `var/lib/addons` below it.
    pub data_dir: PathBuf,
    pub builtins: Vec<Builtin>,
    /// For what requests wait for: [`Limits::HOT`].
    pub request_limits: Limits,
    pub trust: Trust,
}

/// What the addons need of the node.
pub struct Deps {
    pub engine: Engine,
    pub compiler: Arc<dyn Compiler>,
    pub store: Arc<dyn Store>,
    pub kube: Arc<dyn KubeAccess>,
    pub issuer: Arc<dyn Issuer>,
    pub objects: Arc<dyn ObjectSource>,
    pub documents: Arc<dyn Documents>,
    pub configuration: Arc<dyn Configuration>,
    pub scope: Scope,
}

impl Config {
    /// Nothing happens before the task runs. A built-in that lies about itself is an error.
    pub fn build(self, deps: Deps) -> Result<(AddonsHandle, AddonsTask), OperationError> {
        let (commands, received) = mpsc::channel(WAITING);
        let (ready_sender, ready) = watch::channel(false);
        let roster = Arc::new(ArcSwapOption::empty());
        let ledgers = Arc::new(Ledgers::default());
        let advice = watch::Sender::new(0);
        let handle = AddonsHandle {
            roster: roster.clone(),
            commands,
            ready,
            ledgers: ledgers.clone(),
            advice: advice.clone(),
        };
        let mut builtins = BTreeMap::new();
        for Builtin { name, component, enabled_by_default } in self.builtins {
            let package = Package::read(Bytes::from_static(component))
                .map_err(|why| OperationError::Component { addon: name.to_owned(), why })?;
            let package = Arc::new(package);
            builtins.insert(name.to_owned(), Embedded { package, enabled_by_default });
        }
        let library = Library::new(self.data_dir.join(FOLDER), deps.engine, deps.compiler);
        let node = Node {
            data_dir: self.data_dir,
            request_limits: self.request_limits,
            trust: self.trust,
            builtins,
            library,
            store: deps.store,
            kube: deps.kube,
            issuer: deps.issuer,
            ledgers: ledgers.clone(),
            objects: deps.objects,
            documents: deps.documents,
            configuration: deps.configuration,
            scope: deps.scope,
            roster,
            advice,
            last_applied: Mutex::default(),
        };
        Ok((handle, AddonsTask { node, commands: received, ready: ready_sender }))
    }
}

pub struct AddonsTask {
    node: Node,
    commands: mpsc::Receiver<Command>,
    ready: watch::Sender<bool>,
}

/// Where a component may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Before the datastore answers.
    Node,
    Cluster,
}

/// An embedded component.
pub(crate) struct Embedded {
    pub(crate) package: Arc<Package>,
    pub(crate) enabled_by_default: bool,
}

/// The addons of this node, and what they need of it.
pub(crate) struct Node {
    pub(crate) data_dir: PathBuf,
    pub(crate) builtins: BTreeMap<String, Embedded>,
    pub(crate) library: Library,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) configuration: Arc<dyn Configuration>,
    pub(crate) scope: Scope,
    request_limits: Limits,
    pub(crate) trust: Trust,
    kube: Arc<dyn KubeAccess>,
    issuer: Arc<dyn Issuer>,
    pub(crate) ledgers: Arc<Ledgers>,
    objects: Arc<dyn ObjectSource>,
    documents: Arc<dyn Documents>,
    roster: Arc<ArcSwapOption<Roster>>,
    /// Grows whenever what addons say of pods may be another.
    advice: watch::Sender<u64>,
    last_applied: Mutex<LastApplied>,
}

impl AddonsTask {
    /// Enables what was enabled, then what the datastore says, and serves operations, of this node and of others, until it is
    /// told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let Self { node, commands, ready } = self;
        stop.run_until_cancelled(serve(&node, commands, ready)).await;
        // From here on nobody decides: an empty roster would have no opinion, and that is a refusal.
        let ended = node.roster.swap(None);
        for active in ended.iter().flat_map(|roster| roster.active()) {
            active.close().await;
        }
    }
}

async fn serve(node: &Node, mut commands: mpsc::Receiver<Command>, ready: watch::Sender<bool>) {
    node.boot().await;
    let mut changes = node.store.changes(RECORDS);
    changes.next().await;
    let is_as_told = node.adopt_records(Due::All).await;
    node.sweep(&[]).await;
    let complete = async {
        let roster = node.roster();
        for active in roster.active() {
            active.complete().await;
            if let Err(why) = active.warm_up() {
                warn!(addon = active.loaded.name(), %why, "an addon does not get to work");
            }
        }
        ready.send_replace(true);
        info!(addons = roster.active().count(), "the addons are in force");
        std::future::pending::<()>().await;
    };
    let operations = operate(node, &mut commands, changes, is_as_told);
    tokio::select! {
        () = complete => {}
        () = operations => {}
    }
}

/// Carries out what operators of this node say, and brings about what those of others said.
async fn operate(
    node: &Node,
    commands: &mut mpsc::Receiver<Command>,
    mut changes: BoxStream<'static, ()>,
    mut is_as_told: bool,
) {
    let mut backoff = Backoff::new(FIRST_RETRY, LAST_RETRY);
    let retry = tokio::time::sleep(backoff.next_delay());
    tokio::pin!(retry);
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                Some(command) => node.carry_out(command).await,
                None => return,
            },
            _ = changes.next() => is_as_told &= node.adopt_records(Due::Changed).await,
            () = &mut retry, if !is_as_told => {
                is_as_told = node.adopt_records(Due::All).await;
                if is_as_told {
                    backoff.reset();
                }
                retry.as_mut().reset(tokio::time::Instant::now() + backoff.next_delay());
            }
        }
    }
}

impl Node {
    pub(crate) fn roster(&self) -> Roster {
        self.roster.load_full().map(|roster| roster.as_ref().clone()).unwrap_or_default()
    }

    pub(crate) fn publish(&self, roster: Roster) {
        self.roster.store(Some(Arc::new(roster)));
        self.ledgers.changed();
        self.advice.send_modify(|changes| *changes += 1);
    }

    pub(crate) fn last_applied(&self) -> LastApplied {
        self.last_applied.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn applied(&self, state: LastApplied) {
        *self.last_applied.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    pub(crate) fn ground(&self) -> Ground<'_> {
        Ground {
            data_dir: &self.data_dir,
            objects: self.objects.as_ref(),
            documents: self.documents.clone(),
            request_limits: self.request_limits,
            advice: &self.advice,
            scope: &self.scope,
        }
    }

    pub(crate) fn data_dir_text(&self) -> String {
        self.data_dir.to_string_lossy().into_owned()
    }

    /// What a record means: a built-in without one is as the release has it.
    pub(crate) async fn next(
        &self,
        name: &str,
        record: Option<&Record>,
        reach: Reach,
    ) -> Result<Next, ComponentError> {
        let builtin = self.builtins.get(name);
        let enabled = match (record, builtin) {
            (Some(record), _) => record.enabled,
            (None, Some(builtin)) => builtin.enabled_by_default,
            (None, None) => return Ok(Next::Gone),
        };
        if !enabled {
            return Ok(Next::Disabled);
        }
        let package = match (record.and_then(Record::digest), builtin) {
            (Some(digest), _) => Arc::new(self.component(digest, reach).await?),
            (None, Some(builtin)) => builtin.package.clone(),
            (None, None) => return Err(ComponentError::Missing(format!("built-in {name}"))),
        };
        self.load(&package, record).await.map(Next::Enabled)
    }

    /// The component that was kept.
    pub(crate) async fn component(&self, digest: &Digest, reach: Reach) -> Result<Package, ComponentError> {
        match (self.library.find(digest).await, reach) {
            (Err(ComponentError::Missing(_) | ComponentError::Altered(_)), Reach::Cluster) => {
                self.fetch(digest).await
            }
            (found, _) => found,
        }
    }

    /// Brings a component from the datastore to this node.
    async fn fetch(&self, digest: &Digest) -> Result<Package, ComponentError> {
        let bytes = depot::get(self.store.as_ref(), digest).await.map_err(ComponentError::Depot)?;
        // Part of one is as good as none.
        let whole = bytes.filter(|bytes| Digest::of(bytes) == *digest);
        let package = Package::read(whole.ok_or_else(|| ComponentError::Missing(digest.to_string()))?)?;
        self.library.keep(&package).await?;
        info!(addon = package.metadata.name, %digest, "a component came from the datastore");
        Ok(package)
    }

    /// Loads a component with the grants of its record; a built-in has what it wants.
    pub(crate) async fn load(
        &self,
        package: &Package,
        record: Option<&Record>,
    ) -> Result<Arc<Loaded>, ComponentError> {
        let metadata = package.metadata.clone();
        let grants = match record.map(|record| &record.source) {
            Some(Source::Component { grants, .. }) => (**grants).clone(),
            Some(Source::BuiltIn) | None => metadata.wants.clone(),
        };
        let component = self.library.load(package).await?;
        let given = record.map(|record| record.settings.clone()).unwrap_or_default();
        // Below it no link is followed.
        let real = self.data_dir.canonicalize().unwrap_or_else(|_| self.data_dir.clone());
        let folder = |folder: &FolderWant| Folder {
            name: folder.name.clone(),
            path: real.join(&folder.path),
            access: folder.access(),
        };
        let identity = Identity {
            addon: metadata.name.clone(),
            settings: metadata.settings(&given),
            folders: grants.folders.iter().map(folder).collect(),
            grants,
        };
        let ledger = self.ledgers.of(&metadata.name);
        let services = Arc::new(AddonServices::new(identity, ledger, self.backends()));
        Ok(Arc::new(Loaded { metadata, component, services }))
    }

    fn backends(&self) -> Backends {
        Backends { store: self.store.clone(), kube: self.kube.clone(), issuer: self.issuer.clone() }
    }

    /// Removes the components that nothing names any more: from this node all of them, from the datastore, which other
    /// nodes write to, those among these.
    pub(crate) async fn sweep(&self, replaced: &[Digest]) {
        let carried = self.builtins.values().map(|builtin| &builtin.package.digest);
        let records = self.roster().records();
        let named: BTreeSet<_> = records.values().filter_map(Record::digest).cloned().collect();
        for digest in replaced.iter().filter(|digest| !named.contains(digest)) {
            if let Err(why) = depot::delete(self.store.as_ref(), digest).await {
                warn!(%digest, %why, "remove a component from the datastore");
            }
        }
        let used = named.into_iter().chain(carried.cloned()).collect();
        if let Err(why) = self.library.sweep(&used).await {
            warn!(%why, "remove components that are used no more");
        }
    }
}
