//! The data directory: MicroK8s' own sub-paths, their modes, and the node's name fixed at its first start.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Where a node run by root keeps everything.
const ROOT_DEFAULT: &str = "/var/lib/mk8s";

/// Folder below `$XDG_DATA_HOME` for everybody else.
const USER_FOLDER: &str = "mk8s";

/// Every folder the host makes, below the data directory; nobody but its owner looks inside.
const FOLDERS: &[&str] = &[
    "args",
    "certs",
    "credentials",
    "run",
    "var/kubernetes/backend",
    "var/lib/addons",
    "var/lib/containerd",
    "var/lib/kubelet",
    "var/lock",
    "var/log/pods",
];

/// An existing data directory.
#[derive(Clone, Debug)]
pub(crate) struct DataDir {
    root: PathBuf,
}

impl DataDir {
    /// The directory asked for, or the default of the user; nothing is made yet.
    pub(crate) fn locate(asked: Option<PathBuf>) -> Result<Self> {
        let root = match asked {
            Some(path) => path,
            None if rustix::process::geteuid().is_root() => PathBuf::from(ROOT_DEFAULT),
            None => user_data_home()?.join(USER_FOLDER),
        };
        let root = std::path::absolute(&root).with_context(|| format!("resolve {}", root.display()))?;
        Ok(Self { root })
    }

    /// Makes what is missing, and refuses a directory of somebody else or one that cannot be written.
    pub(crate) fn prepare(&self) -> Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(&self.root).map_err(|why| self.unusable(&self.root, &why))?;
        let metadata = fs::metadata(&self.root).map_err(|why| self.unusable(&self.root, &why))?;
        let me = rustix::process::geteuid().as_raw();
        if metadata.uid() != me {
            bail!(
                "the data directory {} belongs to uid {} and this is uid {me}: run as its owner, or choose another with --data-dir",
                self.root.display(),
                metadata.uid(),
            );
        }
        for folder in FOLDERS {
            let path = self.root.join(folder);
            builder.create(&path).map_err(|why| self.unusable(&path, &why))?;
        }
        let probe = self.root.join("var/lock/.writable");
        fs::write(&probe, b"")
            .and_then(|()| fs::remove_file(&probe))
            .map_err(|why| self.unusable(&probe, &why))
    }

    fn unusable(&self, path: &Path, why: &io::Error) -> anyhow::Error {
        anyhow::anyhow!(
            "cannot write {} in the data directory {}: {why}: make it writable, or choose another with --data-dir",
            path.display(),
            self.root.display(),
        )
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path below the directory.
    pub(crate) fn join(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The folder whose lock its one host holds.
    pub(crate) fn lock(&self) -> PathBuf {
        self.join("var/lock")
    }

    /// The control socket.
    pub(crate) fn control_socket(&self) -> PathBuf {
        self.join("run/mk8s.sock")
    }

    /// The node's name: what the first start wrote, which is the machine's host name in lower case.
    pub(crate) fn node_name(&self) -> Result<String> {
        let path = self.join("var/lib/node-name");
        match fs::read_to_string(&path) {
            Ok(name) => Ok(name.trim().to_owned()),
            Err(why) if why.kind() == io::ErrorKind::NotFound => {
                let uname = rustix::system::uname();
                let name = uname.nodename().to_string_lossy().to_lowercase();
                fs::write(&path, format!("{name}\n")).map_err(|why| self.unusable(&path, &why))?;
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
                Ok(name)
            }
            Err(why) => Err(why).with_context(|| format!("read {}", path.display())),
        }
    }
}

/// `$XDG_DATA_HOME`, or what it stands for where it is not set.
fn user_data_home() -> Result<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the binary reads the environment")]
    let (data, home) = (std::env::var_os("XDG_DATA_HOME"), std::env::var_os("HOME"));
    match (data.filter(|path| !path.is_empty()), home) {
        (Some(data), _) => Ok(data.into()),
        (None, Some(home)) => Ok(PathBuf::from(home).join(".local/share")),
        (None, None) => {
            bail!("neither XDG_DATA_HOME nor HOME is set: name the data directory with --data-dir")
        }
    }
}
