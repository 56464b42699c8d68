//! Makes the parts of an image an image of the runtime: content, snapshots, names, under one lease until all is there.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::{Blob, ImageParts, Source, layout};
use crate::{Error, Runtime, wire::containerd as wire};

const SNAPSHOTTER: &str = "overlayfs";
/// What CRI marks images with that it knows.
const MANAGED: (&str, &str) = ("io.cri-containerd.image", "managed");
/// How long an import that was cut off keeps its parts from being collected.
const LEASE: Duration = Duration::from_secs(3600);
const CHUNK: usize = 1024 * 1024;
/// How long CRI may take to notice a new image, and how often it is asked.
const NOTICE: Duration = Duration::from_secs(10);
const NOTICE_STEP: Duration = Duration::from_millis(5);

const WRITE: &str = "/containerd.services.content.v1.Content/Write";
const ACTION_WRITE: i32 = 1;
const ACTION_COMMIT: i32 = 2;

impl Runtime {
    /// Imports every image of a tar; gives their names.
    pub async fn import_archive(&self, path: &Path) -> Result<Vec<String>, Error> {
        let owned = path.to_owned();
        let read = tokio::task::spawn_blocking(move || layout::read(&owned)).await;
        let images = read.map_err(Error::archive)??;
        let mut names = Vec::new();
        for image in images {
            names.extend(image.names.iter().cloned());
            self.import(image).await?;
        }
        Ok(names)
    }

    /// Imports one image and waits until CRI knows it.
    pub async fn import(&self, image: ImageParts) -> Result<(), Error> {
        let lease = self.lease().await?;
        let imported = self.import_under(&image, &lease).await;
        let request = wire::DeleteLeaseRequest { id: lease, sync: false };
        let released: Result<wire::Empty, _> =
            self.channel.unary("/containerd.services.leases.v1.Leases/Delete", request).await;
        imported?;
        released?;
        self.wait_for(&image).await
    }

    async fn import_under(&self, image: &ImageParts, lease: &str) -> Result<(), Error> {
        let chain = image.chain_ids();
        for layer in &image.layers {
            self.write_blob(layer, BTreeMap::new(), lease).await?;
        }
        let top =
            chain.last().map(|top| (format!("containerd.io/gc.ref.snapshot.{SNAPSHOTTER}"), top.clone()));
        self.write_blob(&image.config, top.into_iter().collect(), lease).await?;
        self.write_blob(&image.manifest, image.manifest_labels(), lease).await?;
        let mut parent = String::new();
        for ((layer, diff), name) in image.layers.iter().zip(&image.diff_ids).zip(chain) {
            self.unpack(layer, diff, &parent, &name, lease).await?;
            parent = name;
        }
        for name in image.names.iter().map(String::as_str).chain([image.id()]) {
            self.name_image(name, image, lease).await?;
        }
        Ok(())
    }

    async fn lease(&self) -> Result<String, Error> {
        let now = Timestamp::now();
        let id = format!("mk8s-import-{}-{}", std::process::id(), now.as_nanosecond());
        let until = now.checked_add(LEASE).unwrap_or(now);
        let labels = HashMap::from([("containerd.io/gc.expire".to_owned(), until.to_string())]);
        let request = wire::CreateLeaseRequest { id: id.clone(), labels };
        let _: wire::CreateLeaseResponse =
            self.channel.unary("/containerd.services.leases.v1.Leases/Create", request).await?;
        Ok(id)
    }

    async fn write_blob(
        &self,
        blob: &Blob,
        labels: BTreeMap<String, String>,
        lease: &str,
    ) -> Result<(), Error> {
        let messages = messages(blob.clone(), labels).await?;
        match self.written(messages, lease).await {
            Err(error) if error.is_already_there() => Ok(()),
            written => written,
        }
    }

    async fn written(
        &self,
        messages: impl Stream<Item = wire::WriteContentRequest> + Send + 'static,
        lease: &str,
    ) -> Result<(), Error> {
        let mut answers =
            self.channel.duplex::<_, wire::WriteContentResponse>(WRITE, messages, Some(lease)).await?;
        loop {
            match answers.message().await.map_err(|status| self.channel.error(WRITE, status))? {
                Some(answer) if answer.action == ACTION_COMMIT => return Ok(()),
                Some(_) => {}
                None => return Err(Error::Incomplete { method: WRITE, missing: "a commit" }),
            }
        }
    }

    /// Applies a layer to a snapshot of what is below it.
    async fn unpack(
        &self,
        layer: &Blob,
        diff: &str,
        parent: &str,
        name: &str,
        lease: &str,
    ) -> Result<(), Error> {
        let stat = wire::StatSnapshotRequest { snapshotter: SNAPSHOTTER.to_owned(), key: name.to_owned() };
        let there: Result<wire::StatSnapshotResponse, _> =
            self.channel.unary("/containerd.services.snapshots.v1.Snapshots/Stat", stat).await;
        match there {
            Ok(_) => return Ok(()),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
        let key = format!("extract-{}-{} {name}", std::process::id(), Timestamp::now().as_nanosecond());
        let prepare = wire::PrepareSnapshotRequest {
            snapshotter: SNAPSHOTTER.to_owned(),
            key: key.clone(),
            parent: parent.to_owned(),
            labels: HashMap::new(),
        };
        let prepared: wire::PrepareSnapshotResponse = self
            .channel
            .unary_with("/containerd.services.snapshots.v1.Snapshots/Prepare", prepare, Some(lease))
            .await?;
        let applied = self.apply(layer, diff, prepared.mounts).await;
        if let Err(error) = applied {
            let remove = wire::RemoveSnapshotRequest { snapshotter: SNAPSHOTTER.to_owned(), key };
            let removed: Result<wire::Empty, _> =
                self.channel.unary("/containerd.services.snapshots.v1.Snapshots/Remove", remove).await;
            if let Err(error) = removed {
                tracing::warn!(%error, "cannot remove the snapshot of a broken layer");
            }
            return Err(error);
        }
        let commit = wire::CommitSnapshotRequest {
            snapshotter: SNAPSHOTTER.to_owned(),
            name: name.to_owned(),
            key,
            labels: HashMap::new(),
        };
        let committed: Result<wire::Empty, _> = self
            .channel
            .unary_with("/containerd.services.snapshots.v1.Snapshots/Commit", commit, Some(lease))
            .await;
        committed.map(drop).or_else(|error| if error.is_already_there() { Ok(()) } else { Err(error) })
    }

    async fn apply(&self, layer: &Blob, diff: &str, mounts: Vec<wire::Mount>) -> Result<(), Error> {
        let request = wire::ApplyRequest { diff: Some(descriptor(layer)), mounts };
        let applied: wire::ApplyResponse =
            self.channel.unary("/containerd.services.diff.v1.Diff/Apply", request).await?;
        let digest = applied.applied.unwrap_or_default().digest;
        if digest == diff {
            return Ok(());
        }
        Err(Error::archive(format!(
            "layer {} unpacks to {digest}, its configuration says {diff}",
            layer.digest
        )))
    }

    async fn name_image(&self, name: &str, image: &ImageParts, lease: &str) -> Result<(), Error> {
        let record = wire::Image {
            name: name.to_owned(),
            labels: HashMap::from([(MANAGED.0.to_owned(), MANAGED.1.to_owned())]),
            target: Some(descriptor(&image.manifest)),
            created_at: None,
            updated_at: None,
        };
        let create = wire::CreateImageRequest { image: Some(record.clone()) };
        let created: Result<wire::CreateImageResponse, _> = self
            .channel
            .unary_with("/containerd.services.images.v1.Images/Create", create, Some(lease))
            .await;
        match created {
            Err(error) if error.is_already_there() => {
                let mask = wire::FieldMask { paths: vec!["target".to_owned(), "labels".to_owned()] };
                let update = wire::UpdateImageRequest { image: Some(record), update_mask: Some(mask) };
                let method = "/containerd.services.images.v1.Images/Update";
                let _: wire::UpdateImageResponse =
                    self.channel.unary_with(method, update, Some(lease)).await?;
                Ok(())
            }
            created => created.map(drop),
        }
    }

    /// CRI learns of images by an event; until then it would try to pull.
    async fn wait_for(&self, image: &ImageParts) -> Result<(), Error> {
        let noticed = async {
            for name in &image.names {
                while self.image(name).await?.is_none_or(|known| known.id != image.id()) {
                    tokio::time::sleep(NOTICE_STEP).await;
                }
            }
            Ok(())
        };
        let late = |_| Error::Incomplete { method: "ImageStatus", missing: "the imported image" };
        tokio::time::timeout(NOTICE, noticed).await.map_err(late)?
    }
}

fn descriptor(blob: &Blob) -> wire::Descriptor {
    wire::Descriptor {
        media_type: blob.media_type.clone(),
        digest: blob.digest.clone(),
        size: i64::try_from(blob.size).unwrap_or(i64::MAX),
        annotations: HashMap::new(),
    }
}

/// The blob in chunks, then the commit.
async fn messages(
    blob: Blob,
    labels: BTreeMap<String, String>,
) -> Result<impl Stream<Item = wire::WriteContentRequest> + Send + 'static, Error> {
    let total = i64::try_from(blob.size).unwrap_or(i64::MAX);
    let chunks = Chunks::open(blob.source, blob.size).await?;
    let template = wire::WriteContentRequest {
        action: ACTION_WRITE,
        r#ref: format!("mk8s-import-{}", blob.digest),
        total,
        expected: blob.digest,
        ..Default::default()
    };
    let commit = wire::WriteContentRequest {
        action: ACTION_COMMIT,
        offset: total,
        labels: labels.into_iter().collect(),
        ..template.clone()
    };
    let start = Some((chunks, template, commit, 0_i64));
    Ok(stream::unfold(start, |state| async move {
        let (mut chunks, template, commit, offset) = state?;
        match chunks.next().await {
            Ok(Some(data)) => {
                let message = wire::WriteContentRequest { offset, data: data.to_vec(), ..template.clone() };
                let offset = offset + i64::try_from(data.len()).unwrap_or(i64::MAX);
                Some((message, Some((chunks, template, commit, offset))))
            }
            Ok(None) => Some((commit, None)),
            Err(error) => {
                tracing::warn!(%error, "cannot read image archive");
                None
            }
        }
    }))
}

enum Chunks {
    Bytes(Option<Bytes>),
    File { file: tokio::fs::File, left: u64 },
}

impl Chunks {
    async fn open(source: Source, size: u64) -> Result<Self, Error> {
        Ok(match source {
            Source::Bytes(bytes) => Self::Bytes(Some(bytes)),
            Source::File { path, offset } => {
                let mut file = tokio::fs::File::open(path).await.map_err(Error::archive)?;
                file.seek(std::io::SeekFrom::Start(offset)).await.map_err(Error::archive)?;
                Self::File { file, left: size }
            }
        })
    }

    async fn next(&mut self) -> std::io::Result<Option<Bytes>> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.take()),
            Self::File { left: 0, .. } => Ok(None),
            Self::File { file, left } => {
                let mut chunk = vec![0; CHUNK.min(usize::try_from(*left).unwrap_or(CHUNK))];
                let read = file.read(&mut chunk).await?;
                if read == 0 {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
                chunk.truncate(read);
                *left -= read as u64;
                Ok(Some(chunk.into()))
            }
        }
    }
}
