//! The provisioner put together: what it reads, and how it makes and removes volumes.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use client::events::{EventType, Recorder, RecorderTask, Source, recorder};
use client::{ApiError, Client, DeleteOptions, ListOptions};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;
use objects::tree::ConvertError;
use observe::Metrics;
use reconcile::{LoopEnded, LoopMetrics, Loops, ObjectKey, Outcome, Queue, Reconcile, Reflector, Store};
use supervise::{Scope, TaskError};
use tokio_util::sync::CancellationToken;

use crate::folders::Folders;
use crate::plan::{self, CLASS, PROVISIONER, Wish, reference};

/// The service account in `kube-system` that it speaks as.
pub const IDENTITY: &str = "microk8s-hostpath";
/// Each makes one folder or removes one.
const WORKERS: NonZeroUsize = NonZeroUsize::new(4).expect("four is not zero");

/// Plain validated values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub node_name: String,
    /// The folder of all volumes, as the kubelet finds it too.
    pub root: PathBuf,
}

pub struct Deps {
    /// Of [`IDENTITY`].
    pub client: Client,
}

#[derive(Debug, thiserror::Error)]
#[error("open the folder of volumes {}", path.display())]
pub struct BuildError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// Provisions as long as [`run`](Self::run) runs.
#[must_use = "no volume is made unless it runs"]
pub struct HostpathTask {
    claims: Reflector<PersistentVolumeClaim>,
    volumes: Reflector<PersistentVolume>,
    queue: Queue<Subject>,
    provisioner: Provisioner,
    recorder: RecorderTask,
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Subject {
    /// That there is one.
    Class,
    Claim(ObjectKey),
    Volume(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Class => write!(f, "class {CLASS}"),
            Self::Claim(key) => write!(f, "claim {key}"),
            Self::Volume(name) => write!(f, "volume {name}"),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum ProvisionError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("describe a volume: {0}")]
    Describe(#[from] ConvertError),
    #[error("failed to create backing directory: {0}")]
    Make(#[source] io::Error),
    #[error("failed to remove backing directory: {0}")]
    Remove(#[source] io::Error),
    #[error("work on a folder: {0}")]
    Cut(#[from] TaskError),
}

impl Config {
    pub fn build(self, deps: Deps) -> Result<HostpathTask, BuildError> {
        let folders = Folders::open(&self.root);
        let folders = folders.map_err(|source| BuildError { path: self.root.clone(), source })?;
        let Deps { client } = deps;
        let queue = Queue::new("hostpath", &LoopMetrics::new(&Metrics::new()));
        let claims = Reflector::new(client.everywhere::<PersistentVolumeClaim>(), ListOptions::default())
            .feed(&queue, |claim: &PersistentVolumeClaim| {
                Some(Subject::Claim(ObjectKey::of(&claim.metadata)))
            });
        let (node, root) = (self.node_name.clone(), self.root.clone());
        let volumes = Reflector::new(client.cluster::<PersistentVolume>(), ListOptions::default()).feed(
            &queue,
            move |volume: &PersistentVolume| {
                plan::removal(volume, &node, &root)?;
                volume.metadata.name.clone().map(Subject::Volume)
            },
        );
        queue.add(Subject::Class);
        let source = Source { component: format!("{PROVISIONER}_{}", self.node_name), host: String::new() };
        let (events, recorder) = recorder(client.clone(), source);
        let provisioner = Provisioner {
            claims: claims.store(),
            volumes: volumes.store(),
            scope: Scope::root("hostpath"),
            config: self,
            client,
            events,
            folders,
        };
        Ok(HostpathTask { claims, volumes, queue, provisioner, recorder })
    }
}

impl HostpathTask {
    /// Ends when the claims and volumes were read.
    pub fn synced(&self) -> impl Future<Output = ()> + Send + use<> {
        let (claims, volumes) = (self.claims.store(), self.volumes.store());
        async move {
            claims.synced().await;
            volumes.synced().await;
        }
    }

    /// Provisions until `stop`.
    ///
    /// # Errors
    /// The loop that ended though nobody stopped it.
    pub async fn run(self, stop: CancellationToken) -> Result<(), LoopEnded> {
        let synced = self.synced();
        let Self { claims, volumes, queue, provisioner, recorder } = self;
        let mut loops = Loops::new("hostpath");
        loops.spawn("claims", |stop| claims.run(stop));
        loops.spawn("volumes", |stop| volumes.run(stop));
        loops.spawn("events", |stop| async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = recorder.run() => {}
            }
        });
        loops.spawn("provisioner", |stop| async move {
            tokio::select! {
                () = stop.cancelled() => return,
                () = synced => {}
            }
            reconcile::run(provisioner, queue, WORKERS, stop).await;
        });
        loops.run(stop).await
    }
}

struct Provisioner {
    config: Config,
    client: Client,
    events: Recorder,
    claims: Store<PersistentVolumeClaim>,
    volumes: Store<PersistentVolume>,
    folders: Folders,
    /// Where folders are worked on.
    scope: Scope,
}

impl Reconcile for Provisioner {
    type Key = Subject;
    type Error = ProvisionError;

    async fn reconcile(&self, subject: &Subject) -> Result<Outcome, ProvisionError> {
        match subject {
            Subject::Class => self.have_class().await?,
            Subject::Claim(key) => {
                if let Some(claim) = self.claims.get(&key.namespace, &key.name) {
                    self.provision(&claim).await?;
                    self.grow(&claim).await?;
                }
            }
            Subject::Volume(name) => {
                if let Some(volume) = self.volumes.get("", name) {
                    self.remove(&volume).await?;
                }
            }
        }
        Ok(Outcome::Done)
    }
}

impl Provisioner {
    async fn have_class(&self) -> Result<(), ProvisionError> {
        let classes = self.client.cluster::<StorageClass>();
        if classes.find(CLASS).await?.is_some() {
            return Ok(());
        }
        match classes.create(&plan::class()?).await {
            Err(error) if !error.is_already_exists() => Err(error.into()),
            _ => Ok(()),
        }
    }

    async fn provision(&self, claim: &PersistentVolumeClaim) -> Result<(), ProvisionError> {
        let wish = plan::wish(claim, &self.config.node_name);
        if wish == Wish::Nothing || self.volumes.get("", &plan::volume_name(claim)).is_some() {
            return Ok(());
        }
        let class = self.client.cluster::<StorageClass>().find(plan::class_of(claim)).await?;
        let Some(class) = class.filter(|class| wish == Wish::Volume || !plan::waits(class)) else {
            return Ok(());
        };
        let about = reference("PersistentVolumeClaim", &claim.metadata);
        if plan::is_block(claim) {
            let why = format!("{PROVISIONER} does not support block volume provisioning");
            self.events.record(about, EventType::Warning, "ProvisioningFailed", why);
            return Ok(());
        }
        let message = format!(
            "External provisioner is provisioning volume for claim {:?}",
            ObjectKey::of(&claim.metadata).to_string()
        );
        self.events.record(about.clone(), EventType::Normal, "Provisioning", message);
        match self.make(claim, &class).await {
            Ok(()) => {
                let message = format!("Successfully provisioned volume {}", plan::volume_name(claim));
                self.events.record(about, EventType::Normal, "ProvisioningSucceeded", message);
                Ok(())
            }
            Err(error) => {
                let class = plan::class_of(claim);
                let message = format!("failed to provision volume with StorageClass {class:?}: {error}");
                self.events.record(about, EventType::Warning, "ProvisioningFailed", message);
                Err(error)
            }
        }
    }

    /// The folder first: a volume that a pod may use has one.
    async fn make(&self, claim: &PersistentVolumeClaim, class: &StorageClass) -> Result<(), ProvisionError> {
        let name = plan::folder_of(claim);
        self.on_folders({
            let name = name.clone();
            move |folders| folders.make(&name).map_err(ProvisionError::Make)
        })
        .await?;
        let volumes = self.client.cluster::<PersistentVolume>();
        let volume = plan::volume(claim, class, &self.config.node_name, &self.config.root)?;
        match volumes.create(&volume).await {
            Err(error) if error.is_already_exists() => {}
            answer => return answer.map(drop).map_err(ProvisionError::from),
        }
        // Of several nodes that may serve the claim, another was first.
        let made = volumes.find(&plan::volume_name(claim)).await?;
        if made.is_some_and(|volume| !plan::is_of(&volume, &self.config.node_name)) {
            self.on_folders(move |folders| folders.remove_unused(&name).map_err(ProvisionError::Remove))
                .await?;
        }
        Ok(())
    }

    /// The volume first: a claim never has more than its volume.
    async fn grow(&self, claim: &PersistentVolumeClaim) -> Result<(), ProvisionError> {
        let Some(volume) = self.volumes.get("", &plan::volume_name(claim)) else { return Ok(()) };
        let Some(amount) = plan::growth(claim, &volume, &self.config.node_name) else { return Ok(()) };
        let size = BTreeMap::from([("storage".to_owned(), amount)]);
        let mut volume = PersistentVolume::clone(&volume);
        let spec = volume.spec.get_or_insert_default();
        if spec.capacity.as_ref() != Some(&size) {
            spec.capacity = Some(size.clone());
            self.client.cluster::<PersistentVolume>().update(&plan::volume_name(claim), &volume).await?;
        }
        let key = ObjectKey::of(&claim.metadata);
        let mut claim = claim.clone();
        claim.status.get_or_insert_default().capacity = Some(size);
        let claims = self.client.namespaced::<PersistentVolumeClaim>(&key.namespace);
        claims.update_status(&key.name, &claim).await?;
        let about = reference("PersistentVolumeClaim", &claim.metadata);
        self.events.record(about, EventType::Normal, "VolumeResizeSuccessful", "Resize volume succeeded");
        Ok(())
    }

    async fn remove(&self, volume: &PersistentVolume) -> Result<(), ProvisionError> {
        let name = volume.metadata.name.as_deref().unwrap_or_default();
        let volumes = self.client.cluster::<PersistentVolume>();
        // Data are gone for good: what is known may be old.
        let Some(volume) = volumes.find(name).await? else { return Ok(()) };
        let Config { node_name, root } = &self.config;
        let Some(folder) = plan::removal(&volume, node_name, root) else { return Ok(()) };
        let removed =
            self.on_folders(move |folders| folders.remove(&folder).map_err(ProvisionError::Remove)).await;
        if let Err(error) = removed {
            let about = reference("PersistentVolume", &volume.metadata);
            self.events.record(about, EventType::Warning, "VolumeFailedDelete", error.to_string());
            return Err(error);
        }
        let uid = volume.metadata.uid.clone().unwrap_or_default();
        match volumes.delete(name, &DeleteOptions::default().of_uid(uid)).await {
            Err(error) if !error.is_not_found() => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Works on folders where it may take its time.
    async fn on_folders(
        &self,
        work: impl FnOnce(&Folders) -> Result<(), ProvisionError> + Send + 'static,
    ) -> Result<(), ProvisionError> {
        let folders = self.folders.clone();
        self.scope.spawn_blocking("folder", move || work(&folders)).await?
    }
}
