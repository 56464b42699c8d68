//! The components of this node: their bytes by digest, and what this host compiled of them.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use engine::{Component, Engine, InspectError, LoadError};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;

use crate::metadata::{Metadata, MetadataError, Wants};
use crate::ports::{Compiler, PortError};
use crate::report::{CapabilityReport, Described, SettingReport};

/// Of a file's mode.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// SHA-256 of a component, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Digest(String);

impl Digest {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let hexadecimal = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Self(hexadecimal)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a component cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    #[error(transparent)]
    Inspect(#[from] InspectError),
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    #[error("compile the component: {0}")]
    Compile(PortError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("the component {0} is neither on this node nor in the datastore: install it again")]
    Missing(String),
    #[error("read the component from the datastore: {0}")]
    Depot(PortError),
    #[error("{} has not the content that its name says: install the component again", .0.display())]
    Altered(PathBuf),
    #[error("{doing} {}: {why}", .path.display())]
    File { doing: &'static str, path: PathBuf, why: io::Error },
}

/// A component that is what it says.
pub(crate) struct Package {
    pub(crate) digest: Digest,
    pub(crate) metadata: Metadata,
    pub(crate) bytes: Bytes,
}

impl Package {
    pub(crate) fn read(bytes: Bytes) -> Result<Self, ComponentError> {
        let metadata = Metadata::of(&engine::inspect(&bytes)?)?;
        Ok(Self { digest: Digest::of(&bytes), metadata, bytes })
    }
}

/// What a component says of itself; it is not run.
pub fn describe(component: Bytes) -> Result<Described, ComponentError> {
    let Package { digest, metadata, .. } = Package::read(component)?;
    let settings = metadata.settings(&Default::default()).into_iter().zip(&metadata.settings);
    let capabilities = metadata.wants.capabilities().into_iter();
    Ok(Described {
        digest: digest.to_string(),
        settings: settings
            .map(|(setting, spec)| SettingReport {
                name: setting.name,
                value: setting.value,
                is_default: true,
                description: spec.description.clone(),
            })
            .collect(),
        capabilities: capabilities
            .map(|one| CapabilityReport { name: one.name, text: one.text, granted: false })
            .collect(),
        name: metadata.name,
        version: metadata.version,
        description: metadata.description,
        roles: metadata.roles,
        conflicts: metadata.conflicts,
    })
}

pub(crate) struct Library {
    folder: PathBuf,
    engine: Engine,
    compiler: Arc<dyn Compiler>,
}

impl Library {
    /// `folder` is the host's alone: what lies in it is run.
    pub(crate) fn new(folder: PathBuf, engine: Engine, compiler: Arc<dyn Compiler>) -> Self {
        Self { folder, engine, compiler }
    }

    /// Maps the component, compiled now if it was not before.
    pub(crate) async fn load(&self, package: &Package) -> Result<Component, ComponentError> {
        // What is not granted is linked all the same, and denied when it is called.
        let declared = &package.metadata.wants;
        let path = self.compiled(&package.digest);
        if let Some(compiled) = read_own(&path).await? {
            match self.map(&compiled, declared) {
                Err(LoadError::Unusable(why)) => {
                    tracing::warn!(path = %path.display(), %why, "compile a component anew");
                }
                other => return Ok(other?),
            }
        }
        let compiled = self.compiler.compile(package.bytes.clone()).await.map_err(ComponentError::Compile)?;
        let component = self.map(&compiled, declared)?;
        self.write(path, &compiled).await?;
        Ok(component)
    }

    fn map(&self, compiled: &[u8], declared: &Wants) -> Result<Component, LoadError> {
        // SAFETY: the bytes come from the compiler of this host, or from the folder that it alone writes to.
        unsafe { self.engine.load(compiled, &declared.imports()) }
    }

    /// Keeps the bytes.
    pub(crate) async fn keep(&self, package: &Package) -> Result<(), ComponentError> {
        self.write(self.path(&package.digest), &package.bytes).await
    }

    /// The component that was kept.
    pub(crate) async fn find(&self, digest: &Digest) -> Result<Package, ComponentError> {
        let path = self.path(digest);
        let bytes = read(&path).await?.ok_or_else(|| ComponentError::Missing(digest.to_string()))?;
        match Digest::of(&bytes) == *digest {
            true => Package::read(bytes.into()),
            false => Err(ComponentError::Altered(path)),
        }
    }

    /// Makes the folder this host's alone and removes what none of these components is, also what was compiled by
    /// another release.
    pub(crate) async fn sweep(&self, used: &BTreeSet<Digest>) -> io::Result<()> {
        own(&self.folder).await?;
        let names = |digest: &Digest| [self.path(digest), self.compiled(digest)];
        let used: BTreeSet<_> = used.iter().flat_map(names).collect();
        let mut entries = tokio::fs::read_dir(&self.folder).await?;
        while let Some(entry) = entries.next_entry().await? {
            let path = entry.path();
            let component =
                path.extension().is_some_and(|extension| extension == "wasm" || extension == "cwasm");
            if component && !used.contains(&path) {
                tokio::fs::remove_file(&path).await?;
            }
        }
        Ok(())
    }

    fn compiled(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{digest}-{}.cwasm", self.engine.compatibility()))
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{digest}.wasm"))
    }

    async fn write(&self, path: PathBuf, content: &[u8]) -> Result<(), ComponentError> {
        let written = write(&path, content).await;
        written.map_err(|why| ComponentError::File { doing: "write", path, why })
    }
}

async fn read(path: &Path) -> Result<Option<Vec<u8>>, ComponentError> {
    match tokio::fs::read(path).await {
        Ok(content) => Ok(Some(content)),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(ComponentError::File { doing: "read", path: path.to_owned(), why }),
    }
}

/// What this host compiled: a file that is somebody else's, or that others can write to, is as if it were not there.
async fn read_own(path: &Path) -> Result<Option<Vec<u8>>, ComponentError> {
    let failed = |why| ComponentError::File { doing: "read", path: path.to_owned(), why };
    let metadata = match tokio::fs::symlink_metadata(path).await {
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(failed)?,
    };
    let is_ours = metadata.uid() == rustix::process::geteuid().as_raw();
    if metadata.is_file() && is_ours && metadata.mode() & WRITABLE_BY_OTHERS == 0 {
        return read(path).await;
    }
    tracing::warn!(path = %path.display(), "compile a component anew: others could have written what was compiled");
    tokio::fs::remove_file(path).await.map_err(failed)?;
    Ok(None)
}

/// Writes a file that is whole or not there, for this user's eyes alone.
pub(crate) async fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    own(folder).await?;
    let temporary = path.with_extension("new");
    let written = fill(&temporary, content).await;
    if let Err(why) = written {
        // Where the disk is full, half a file would keep it so.
        tokio::fs::remove_file(&temporary).await.ok();
        return Err(why);
    }
    tokio::fs::rename(&temporary, path).await?;
    File::open(folder).await?.sync_all().await
}

async fn fill(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path).await?;
    file.write_all(content).await?;
    file.sync_all().await
}

/// Makes a folder this user's alone.
async fn own(folder: &Path) -> io::Result<()> {
    tokio::fs::create_dir_all(folder).await?;
    tokio::fs::set_permissions(folder, Permissions::from_mode(0o700)).await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::future::BoxFuture;

    use super::*;
    use crate::tests::node::{ENGINE, HereCompiler, hollow_addon};

    #[derive(Default)]
    struct Counting(AtomicU32);

    impl Compiler for Counting {
        fn compile(&self, component: Bytes) -> BoxFuture<'_, Result<Vec<u8>, PortError>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            HereCompiler.compile(component)
        }
    }

    #[tokio::test]
    async fn what_others_could_have_written_is_not_run() {
        let folder = tempfile::tempdir().unwrap();
        let counting = Arc::new(Counting::default());
        let library = Library::new(folder.path().to_owned(), ENGINE.clone(), counting.clone());
        let package = Package::read(hollow_addon("a", "1", "")).unwrap();
        let path = library.compiled(&package.digest);
        let load = async || {
            library.load(&package).await.unwrap();
            counting.0.load(Ordering::Relaxed)
        };
        assert_eq!((load().await, load().await), (1, 1));
        std::fs::set_permissions(&path, Permissions::from_mode(0o602)).unwrap();
        assert_eq!((load().await, load().await), (2, 2));
        let elsewhere = folder.path().join("elsewhere");
        std::fs::rename(&path, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        assert_eq!((load().await, load().await), (3, 3));
    }
}
