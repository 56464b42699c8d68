//! Finds the images of a tar: by `index.json` of an OCI layout, else by `manifest.json` of `docker save`.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use serde::{Deserialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use super::{Blob, ImageParts, LayerFormat, Source, architecture, hex_digest};
use crate::Error;

/// The largest JSON file taken from an archive.
const JSON_LIMIT: u64 = 8 * 1024 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Clone, Deserialize)]
struct Platform {
    architecture: String,
    os: String,
}

#[derive(Clone, Copy)]
struct Span {
    offset: u64,
    size: u64,
}

struct Archive {
    path: PathBuf,
    file: File,
    entries: BTreeMap<String, Span>,
}

/// Reads what images a tar holds. Blocking.
pub fn read(path: &Path) -> Result<Vec<ImageParts>, Error> {
    let mut archive = Archive::open(path)?;
    let images = if archive.entries.contains_key("index.json") {
        archive.oci()?
    } else if archive.entries.contains_key("manifest.json") {
        archive.saved()?
    } else {
        return Err(Error::archive("it holds neither index.json nor manifest.json"));
    };
    if images.is_empty() {
        return Err(Error::archive(format!("it holds no named image for linux/{}", architecture())));
    }
    Ok(images)
}

impl Archive {
    fn open(path: &Path) -> Result<Self, Error> {
        let mut file = File::open(path).map_err(Error::archive)?;
        let mut head = [0; 4];
        let read = file.read(&mut head).map_err(Error::archive)?;
        if LayerFormat::detect(&head[..read]) != LayerFormat::Tar {
            return Err(Error::archive("it is compressed: unpack it to a plain tar first"));
        }
        file.rewind().map_err(Error::archive)?;
        let mut entries = BTreeMap::new();
        let mut links = Vec::new();
        for entry in tar::Archive::new(&file).entries_with_seek().map_err(Error::archive)? {
            let entry = entry.map_err(Error::archive)?;
            let name = entry.path().map_err(Error::archive)?;
            let name = name.to_string_lossy().trim_start_matches("./").to_owned();
            if let Some(target) = entry.link_name().map_err(Error::archive)? {
                links.push((name, target.to_string_lossy().trim_start_matches("../").to_owned()));
                continue;
            }
            entries.insert(name, Span { offset: entry.raw_file_position(), size: entry.size() });
        }
        // Old `docker save` writes a layer that it has written before as a link to it.
        for (name, target) in links {
            if let Some(span) = entries.get(&target).copied() {
                entries.insert(name, span);
            }
        }
        Ok(Self { path: path.to_owned(), file, entries })
    }

    fn span(&self, name: &str) -> Result<Span, Error> {
        self.entries.get(name).copied().ok_or_else(|| Error::archive(format!("it lacks {name}")))
    }

    fn bytes(&mut self, name: &str) -> Result<Vec<u8>, Error> {
        let span = self.span(name)?;
        if span.size > JSON_LIMIT {
            return Err(Error::archive(format!("{name} is too large for what it is")));
        }
        self.file.seek(SeekFrom::Start(span.offset)).map_err(Error::archive)?;
        let mut bytes = Vec::new();
        (&self.file).take(span.size).read_to_end(&mut bytes).map_err(Error::archive)?;
        Ok(bytes)
    }

    fn json<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Error> {
        let bytes = self.bytes(name)?;
        serde_json::from_slice(&bytes).map_err(|error| Error::archive(format!("{name}: {error}")))
    }

    /// A file of the archive as a blob, with its digest and format by its content.
    fn layer(&mut self, name: &str) -> Result<Blob, Error> {
        let span = self.span(name)?;
        self.file.seek(SeekFrom::Start(span.offset)).map_err(Error::archive)?;
        let mut rest = (&self.file).take(span.size);
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 256 * 1024];
        let mut format = None;
        loop {
            let read = rest.read(&mut buffer).map_err(Error::archive)?;
            format.get_or_insert_with(|| LayerFormat::detect(&buffer[..read]));
            if read == 0 {
                break;
            }
            hash.update(&buffer[..read]);
        }
        Ok(Blob {
            media_type: format.unwrap_or(LayerFormat::Tar).media_type().to_owned(),
            digest: hex_digest(hash.finalize().as_slice()),
            size: span.size,
            source: Source::File { path: self.path.clone(), offset: span.offset },
        })
    }

    fn saved(&mut self) -> Result<Vec<ImageParts>, Error> {
        let mut images = Vec::new();
        for saved in self.json::<Vec<Saved>>("manifest.json")? {
            let names = saved.repo_tags.unwrap_or_default();
            if names.is_empty() {
                continue;
            }
            let config = self.bytes(&saved.config)?;
            let layers = saved.layers.iter().map(|name| self.layer(name)).collect::<Result<_, _>>()?;
            images.push(ImageParts::build(names, config, layers)?);
        }
        Ok(images)
    }

    fn oci(&mut self) -> Result<Vec<ImageParts>, Error> {
        let index: Index = self.json("index.json")?;
        let mut images = Vec::new();
        for outer in index.manifests {
            let name = ["io.containerd.image.name", "org.opencontainers.image.ref.name"]
                .iter()
                .find_map(|key| outer.annotations.get(*key).cloned());
            let (Some(name), Some(descriptor)) = (name, self.for_this_machine(outer)?) else { continue };
            images.push(self.oci_image(name, &descriptor)?);
        }
        Ok(images)
    }

    /// The manifest that an index of platforms, or a plain descriptor, means here.
    fn for_this_machine(&mut self, descriptor: Descriptor) -> Result<Option<Descriptor>, Error> {
        let is_index =
            descriptor.media_type.contains("image.index") || descriptor.media_type.contains("manifest.list");
        if !is_index {
            return Ok(Some(descriptor));
        }
        let index: Index = self.json(&blob_path(&descriptor.digest))?;
        Ok(index.manifests.into_iter().find(|each| {
            each.platform
                .as_ref()
                .is_none_or(|platform| platform.os == "linux" && platform.architecture == architecture())
        }))
    }

    fn oci_image(&mut self, name: String, descriptor: &Descriptor) -> Result<ImageParts, Error> {
        let bytes = self.bytes(&blob_path(&descriptor.digest))?;
        let manifest: Manifest = serde_json::from_slice(&bytes)
            .map_err(|error| Error::archive(format!("manifest {}: {error}", descriptor.digest)))?;
        let config = self.bytes(&blob_path(&manifest.config.digest))?;
        let config = checked(Blob::bytes(&manifest.config.media_type, config), &manifest.config)?;
        let mut layers = Vec::new();
        for layer in &manifest.layers {
            let mut blob = checked(self.layer(&blob_path(&layer.digest))?, layer)?;
            blob.media_type.clone_from(&layer.media_type);
            layers.push(blob);
        }
        let media_type = match descriptor.media_type.as_str() {
            "" => super::MANIFEST,
            given => given,
        };
        let manifest = checked(Blob::bytes(media_type, bytes), descriptor)?;
        ImageParts::from_blobs(vec![name], manifest, config, layers)
    }
}

fn blob_path(digest: &str) -> String {
    format!("blobs/{}", digest.replacen(':', "/", 1))
}

fn checked(blob: Blob, descriptor: &Descriptor) -> Result<Blob, Error> {
    if blob.digest == descriptor.digest {
        return Ok(blob);
    }
    Err(Error::archive(format!("the content of {} has digest {}", descriptor.digest, blob.digest)))
}
