//! Encryption of what is stored: the configuration that `--encryption-provider-config` names, made where the hardened
//! profile names one that is not there, and the change of its keys.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context, Result, bail};
use apiserver::{ApiServerHandle, Encryption, KeyRotation};
use args::{Effective, Service};
use tokio::sync::{Mutex, watch};

use crate::data_dir::DataDir;

/// Where the file of our own making lies, below the data directory.
const OWN: &str = "credentials/encryption.json";

/// The configuration in force.
pub(crate) struct SecretsAtRest {
    file: Option<PathBuf>,
    in_force: watch::Sender<Option<Encryption>>,
    /// One rotation at a time.
    rotating: Mutex<()>,
}

impl SecretsAtRest {
    pub(crate) fn load(effective: &Effective, data_dir: &DataDir) -> Result<Self> {
        let path = effective.service(Service::KubeApiserver).text("encryption-provider-config").to_owned();
        let file = (!path.is_empty()).then(|| PathBuf::from(path));
        let encryption = match &file {
            None => None,
            Some(file) => {
                if *file == data_dir.join(OWN) && !file.exists() {
                    write(file, &Encryption::fresh())?;
                }
                Some(read(file)?.1)
            }
        };
        Ok(Self { file, in_force: watch::Sender::new(encryption), rotating: Mutex::new(()) })
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Option<Encryption>> {
        self.in_force.subscribe()
    }

    /// Another key for everything that is encrypted. Wherever it is interrupted, every value stays readable by the file,
    /// and a second rotation ends what the first one began.
    pub(crate) async fn rotate(&self, api: &ApiServerHandle) -> Result<Vec<String>> {
        let Some(file) = &self.file else {
            bail!(
                "nothing is encrypted: name a configuration in args/kube-apiserver as --encryption-provider-config, or run with --profile hardened"
            );
        };
        let _alone = self.rotating.lock().await;
        let rotation = KeyRotation::of(&read(file)?.0).with_context(|| format!("read {}", file.display()))?;
        self.put(file, &rotation.with_old_keys)?;
        let count = api.encrypt_anew().await.context("encrypt what is stored by the new key")?;
        self.put(file, &rotation.without)?;
        Ok(vec![
            format!("{} has a new key", file.display()),
            format!("{count} objects were encrypted anew; the old keys are forgotten"),
        ])
    }

    fn put(&self, file: &Path, text: &[u8]) -> Result<()> {
        let encryption = Encryption::parse(text).with_context(|| format!("read {}", file.display()))?;
        write(file, text)?;
        self.in_force.send_replace(Some(encryption));
        Ok(())
    }
}

fn read(file: &Path) -> Result<(Vec<u8>, Encryption)> {
    let text = fs::read(file).with_context(|| format!("read {}", file.display()))?;
    let encryption = Encryption::parse(&text).with_context(|| format!("use {}", file.display()))?;
    Ok((text, encryption))
}

/// All of it or nothing, for nobody else to read.
fn write(file: &Path, text: &[u8]) -> Result<()> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    let temporary = file.with_extension("new");
    let put = || -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut options = fs::OpenOptions::new();
        let mut open = options.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        open.write_all(text)?;
        open.sync_all()?;
        fs::rename(&temporary, file)?;
        fs::File::open(folder)?.sync_all()
    };
    put().with_context(|| format!("write {}", file.display()))
}
