//! Image archives: reads `docker save` and OCI layout tars and hands their parts to containerd's content store,
//! snapshotter and image store.

mod import;
mod layout;

use std::{collections::BTreeMap, path::PathBuf};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::Error;

pub use layout::read;

pub(crate) const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// Bytes by digest, in memory or as a range of a file.
#[derive(Clone, Debug)]
pub struct Blob {
    pub(crate) media_type: String,
    pub(crate) digest: String,
    pub(crate) size: u64,
    pub(crate) source: Source,
}

#[derive(Clone, Debug)]
pub(crate) enum Source {
    Bytes(Bytes),
    File { path: PathBuf, offset: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LayerFormat {
    Tar,
    Gzip,
    Zstd,
}

/// One image: its names, and the blobs that it consists of.
#[derive(Clone, Debug)]
pub struct ImageParts {
    pub names: Vec<String>,
    pub(crate) manifest: Blob,
    pub(crate) config: Blob,
    pub(crate) layers: Vec<Blob>,
    /// The digest of each layer's tar, from the bottom.
    pub(crate) diff_ids: Vec<String>,
}

#[derive(Deserialize)]
struct ImageConfig {
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

pub(crate) fn digest_of(bytes: &[u8]) -> String {
    hex_digest(Sha256::digest(bytes).as_slice())
}

pub(crate) fn hex_digest(hash: &[u8]) -> String {
    use std::fmt::Write as _;
    hash.iter().fold(String::from("sha256:"), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string succeeds");
        text
    })
}

/// This machine's architecture in the words of image configurations.
pub(crate) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

impl LayerFormat {
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Tar => "application/vnd.docker.image.rootfs.diff.tar",
            Self::Gzip => "application/vnd.docker.image.rootfs.diff.tar.gzip",
            Self::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
        }
    }

    /// By the first bytes of a layer.
    pub(crate) fn detect(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::Tar,
        }
    }
}

impl Blob {
    pub(crate) fn bytes(media_type: &str, bytes: Vec<u8>) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: digest_of(&bytes),
            size: bytes.len() as u64,
            source: Source::Bytes(bytes.into()),
        }
    }
}

impl ImageParts {
    /// An image whose manifest is written here.
    pub(crate) fn build(names: Vec<String>, config: Vec<u8>, layers: Vec<Blob>) -> Result<Self, Error> {
        let config = Blob::bytes(CONFIG, config);
        let descriptor =
            |blob: &Blob| json!({ "mediaType": blob.media_type, "digest": blob.digest, "size": blob.size });
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(&config),
            "layers": layers.iter().map(descriptor).collect::<Vec<_>>(),
        });
        let manifest = Blob::bytes(MANIFEST, manifest.to_string().into_bytes());
        Self::from_blobs(names, manifest, config, layers)
    }

    /// An image of given blobs; the configuration is in memory.
    pub(crate) fn from_blobs(
        names: Vec<String>,
        manifest: Blob,
        config: Blob,
        layers: Vec<Blob>,
    ) -> Result<Self, Error> {
        let Source::Bytes(bytes) = &config.source else {
            return Err(Error::archive("its configuration was not read"));
        };
        let parsed: ImageConfig = serde_json::from_slice(bytes)
            .map_err(|error| Error::archive(format!("its configuration: {error}")))?;
        let diff_ids = parsed.rootfs.diff_ids;
        if diff_ids.len() != layers.len() {
            let (has, names) = (layers.len(), diff_ids.len());
            return Err(Error::archive(format!("it has {has} layers, its configuration names {names}")));
        }
        let names = names.iter().map(|name| normalized(name)).collect();
        Ok(Self { names, manifest, config, layers, diff_ids })
    }

    /// The id that CRI gives the image.
    pub fn id(&self) -> &str {
        &self.config.digest
    }

    /// The name of each layer's snapshot: itself and all below it.
    pub(crate) fn chain_ids(&self) -> Vec<String> {
        let mut chain: Vec<String> = Vec::with_capacity(self.diff_ids.len());
        for diff in &self.diff_ids {
            let next = match chain.last() {
                None => diff.clone(),
                Some(parent) => digest_of(format!("{parent} {diff}").as_bytes()),
            };
            chain.push(next);
        }
        chain
    }

    /// What keeps the parts of the image from being collected as garbage.
    pub(crate) fn manifest_labels(&self) -> BTreeMap<String, String> {
        let config = ("containerd.io/gc.ref.content.config".to_owned(), self.config.digest.clone());
        let layers = self.layers.iter().enumerate();
        let layers =
            layers.map(|(n, layer)| (format!("containerd.io/gc.ref.content.l.{n}"), layer.digest.clone()));
        Some(config).into_iter().chain(layers).collect()
    }
}

/// A reference in full, as the runtime keeps it: `busybox` is `docker.io/library/busybox:latest`.
pub fn normalized(reference: &str) -> String {
    let (name, suffix) = match reference.split_once('@') {
        Some((name, digest)) => (name, format!("@{digest}")),
        None => match reference.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, format!(":{tag}")),
            _ => (reference, ":latest".to_owned()),
        },
    };
    let first = name.split('/').next().unwrap_or_default();
    let has_domain = name.contains('/') && (first.contains(['.', ':']) || first == "localhost");
    match (has_domain, name.contains('/')) {
        (true, _) => format!("{name}{suffix}"),
        (false, true) => format!("docker.io/{name}{suffix}"),
        (false, false) => format!("docker.io/library/{name}{suffix}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_completed_as_docker_does() {
        for (short, full) in [
            ("busybox", "docker.io/library/busybox:latest"),
            ("busybox:1.36", "docker.io/library/busybox:1.36"),
            ("me/app", "docker.io/me/app:latest"),
            ("localhost:32000/app:x", "localhost:32000/app:x"),
            ("localhost:32000/app", "localhost:32000/app:latest"),
            ("mk8s.io/pause:1", "mk8s.io/pause:1"),
            ("busybox@sha256:00", "docker.io/library/busybox@sha256:00"),
        ] {
            assert_eq!(normalized(short), full);
        }
    }

    #[test]
    fn a_configuration_that_names_more_layers_than_there_are_is_refused() {
        let config = br#"{"rootfs":{"diff_ids":["sha256:00"]}}"#.to_vec();
        let error = ImageParts::build(vec!["x".to_owned()], config, Vec::new()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot read image archive: it has 0 layers, its configuration names 1"
        );
    }

    #[test]
    fn the_chain_of_a_second_layer_depends_on_the_first() {
        let layers = vec![Blob::bytes("t", b"a".to_vec()), Blob::bytes("t", b"b".to_vec())];
        let config = format!(r#"{{"rootfs":{{"diff_ids":["{}","{}"]}}}}"#, digest_of(b"a"), digest_of(b"b"));
        let parts = ImageParts::build(vec!["x".to_owned()], config.into_bytes(), layers).unwrap();
        let chain = parts.chain_ids();
        assert_eq!(chain[0], digest_of(b"a"));
        assert_eq!(chain[1], digest_of(format!("{} {}", digest_of(b"a"), digest_of(b"b")).as_bytes()));
    }
}
