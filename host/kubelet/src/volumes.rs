//! The volumes of one pod on this node: made before its containers, kept as their objects change, taken away after.

mod fetch;
mod folder;
mod host_path;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use cri::Mount;
use k8s_openapi::api::core::v1::{Container, Pod, Volume, VolumeMount};
use objects::quantity::Quantity;

use crate::kubelet::Context;
use crate::pod::claim::{self, ClaimError};
use crate::pod::container::{ConfigError, propagation, sub_path};
use crate::pod::facts::{PodFacts, PodUid};
use crate::pod::fields;
use crate::pod::payload::{Contents, PayloadError, payload, wanted};

pub(crate) use fetch::{FetchError, Tokens, environment};

#[derive(Debug, thiserror::Error)]
pub(crate) enum VolumeError {
    #[error("MountVolume.SetUp failed for volume {volume:?} : {source}")]
    SetUp { volume: String, source: Cause },
    #[error(
        "Unable to attach or mount volumes: unmounted volumes=[{volume}], unattached volumes=[], failed to process \
         volumes=[{volume}]: error processing PVC {claim}: {source}"
    )]
    Claim { volume: String, claim: String, source: ClaimError },
    #[error("fetch what the volumes are made of: {0}")]
    Fetch(#[from] FetchError),
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Cause {
    #[error(transparent)]
    Payload(#[from] PayloadError),
    #[error("make {}: {source}", path.display())]
    Make { path: PathBuf, source: io::Error },
    #[error("hostPath type check failed: {} is not {wanted}", path.display())]
    HostPath { path: PathBuf, wanted: &'static str },
    #[error("path {path:?} does not exist")]
    Local { path: PathBuf },
}

/// Where a volume is on the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mounted {
    path: PathBuf,
    /// Made of API objects: containers only read it.
    readonly: bool,
}

/// The volumes that are there, and the tokens that were got for them.
#[derive(Default)]
pub(crate) struct Volumes {
    there: BTreeMap<String, Mounted>,
    tokens: Tokens,
}

/// The folder of everything that the kubelet keeps for a pod.
pub(crate) fn pod_folder(root: &Path, uid: &PodUid) -> PathBuf {
    root.join("pods").join(&uid.0)
}

fn volumes(pod: &Pod) -> &[Volume] {
    pod.spec().and_then(|spec| spec.volumes.as_deref()).unwrap_or_default()
}

impl Volumes {
    /// Makes the volumes that are not there and writes those anew whose objects have changed.
    pub(crate) async fn set_up(
        &mut self,
        context: &Context,
        pod: &Pod,
        place: &fields::Place,
    ) -> Result<(), VolumeError> {
        let contents = fetch::contents(context, pod, wanted(volumes(pod)), &mut self.tokens).await?;
        for volume in volumes(pod) {
            if let Some(claim) = claim::claim(pod, volume) {
                self.set_up_claim(context, pod, volume, &claim).await?;
                continue;
            }
            let made = make(&context.config.root, pod, place, volume, &contents);
            let made = made.map_err(|source| VolumeError::SetUp { volume: volume.name.clone(), source })?;
            self.there.insert(volume.name.clone(), made);
        }
        Ok(())
    }

    /// Finds the volume of a claim. Where it is does not change.
    async fn set_up_claim(
        &mut self,
        context: &Context,
        pod: &Pod,
        volume: &Volume,
        claim: &claim::Claim,
    ) -> Result<(), VolumeError> {
        if self.there.contains_key(&volume.name) {
            return Ok(());
        }
        let wrong = |source| VolumeError::Claim {
            volume: volume.name.clone(),
            claim: format!("{}/{}", pod.namespace(), claim.name),
            source,
        };
        let claimed = fetch::claimed(context, pod, claim).await?.map_err(wrong)?;
        let place = claim::place(&claimed.claim, &claimed.volume, claimed.object.as_ref()).map_err(wrong)?;
        let path = match place {
            claim::Place::HostPath(source) => host_path::checked(source),
            claim::Place::Local(path) => local(pod, Path::new(path)),
        };
        let path = path.map_err(|source| VolumeError::SetUp { volume: claimed.volume, source })?;
        self.there.insert(volume.name.clone(), Mounted { path, readonly: claim.readonly });
        Ok(())
    }

    pub(crate) fn are_set_up(&self, pod: &Pod) -> bool {
        volumes(pod).iter().all(|volume| self.there.contains_key(&volume.name))
    }

    /// The mounts of a container, whose environment is known.
    pub(crate) fn mounts(
        &self,
        container: &Container,
        known: impl Fn(&str) -> Option<String>,
    ) -> Result<Vec<Mount>, ConfigError> {
        let mounts = container.volume_mounts.iter().flatten();
        mounts.map(|mount| self.mount(mount, &known)).collect()
    }

    fn mount(
        &self,
        mount: &VolumeMount,
        known: impl Fn(&str) -> Option<String>,
    ) -> Result<Mount, ConfigError> {
        let volume = self.there.get(&mount.name).ok_or_else(|| ConfigError::NoVolume(mount.name.clone()))?;
        let below = sub_path(mount, known)?;
        let path = match below.as_str() {
            "" => volume.path.clone(),
            below => {
                folder::below(&volume.path, below).map_err(|_| ConfigError::SubPath(below.to_owned()))?
            }
        };
        Ok(Mount {
            container_path: mount.mount_path.clone(),
            host_path: path.to_string_lossy().into_owned(),
            readonly: volume.readonly || mount.read_only == Some(true),
            propagation: propagation(mount),
        })
    }
}

/// A folder of the node that is a volume; the group of the pod may write to it.
fn local(pod: &Pod, path: &Path) -> Result<PathBuf, Cause> {
    if !path.exists() {
        return Err(Cause::Local { path: path.to_owned() });
    }
    if let Some(group) = fs_group(pod) {
        let given = folder::give(path, group);
        given.map_err(|source| Cause::Make { path: path.to_owned(), source })?;
    }
    Ok(path.to_owned())
}

/// The group that owns the volumes of a pod.
fn fs_group(pod: &Pod) -> Option<u32> {
    let group = pod.spec().and_then(|spec| spec.security_context.as_ref()?.fs_group);
    group.and_then(|group| u32::try_from(group).ok())
}

fn make(
    root: &Path,
    pod: &Pod,
    place: &fields::Place,
    volume: &Volume,
    contents: &Contents,
) -> Result<Mounted, Cause> {
    if let Some(source) = &volume.host_path {
        let path = host_path::checked(source)?;
        return Ok(Mounted { path, readonly: false });
    }
    let group = fs_group(pod);
    let kind = kind(volume)?;
    let path =
        pod_folder(root, &pod.uid()).join("volumes").join(format!("kubernetes.io~{kind}")).join(&volume.name);
    let failed = |source| Cause::Make { path: path.clone(), source };
    if let Some(files) = payload(pod, place, volume, contents)? {
        // What is secret is never on a disk.
        if matches!(kind, "secret" | "projected") {
            folder::on_memory(&path, None).map_err(failed)?;
        }
        folder::write(&path, &files, group).map_err(failed)?;
        return Ok(Mounted { path, readonly: true });
    }
    let source = volume.empty_dir.clone().unwrap_or_default();
    let limit =
        source.size_limit.and_then(|limit| limit.0.parse::<Quantity>().ok()).map(|limit| limit.value());
    if source.medium.as_deref() == Some("Memory") {
        folder::on_memory(&path, limit).map_err(failed)?;
    }
    folder::shared(&path, group).map_err(failed)?;
    Ok(Mounted { path, readonly: false })
}

/// The name of a volume's plugin, as it is in upstream's paths.
fn kind(volume: &Volume) -> Result<&'static str, PayloadError> {
    let rows = [
        (volume.config_map.is_some(), "configmap"),
        (volume.secret.is_some(), "secret"),
        (volume.projected.is_some(), "projected"),
        (volume.downward_api.is_some(), "downward-api"),
        (volume.empty_dir.is_some(), "empty-dir"),
    ];
    let others =
        [(volume.csi.is_some(), "csi"), (volume.nfs.is_some(), "nfs"), (volume.image.is_some(), "image")];
    let found = |rows: &[(bool, &'static str)]| rows.iter().find(|row| row.0).map(|row| row.1);
    found(&rows).ok_or_else(|| PayloadError::Unsupported {
        volume: volume.name.clone(),
        kind: found(&others).unwrap_or("a driver of its own"),
    })
}

/// Takes away everything that is kept for a pod. Idempotent.
pub(crate) fn tear_down(root: &Path, uid: &PodUid) -> io::Result<()> {
    folder::remove(&pod_folder(root, uid))
}
