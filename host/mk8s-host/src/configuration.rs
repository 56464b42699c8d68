//! The files of arguments and what they come to together with the addons' edits: read once, folded again at each edit.

use std::fs;
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::sync::Arc;

use anyhow::{Context, Result};
use args::{AddonEdits, Args, Effective, Mistakes, Profile, Service};
use tokio::sync::watch;

use crate::data_dir::DataDir;

/// The configuration in force; clones share it.
#[derive(Clone)]
pub(crate) struct Configuration {
    args: Arc<Args>,
    effective: Arc<watch::Sender<Arc<Effective>>>,
}

impl Configuration {
    /// Reads `args/`, whose missing files are written with a few words on their grammar.
    pub(crate) fn load(data_dir: &DataDir, profile: Profile) -> Result<Self> {
        let mut files = Vec::new();
        for service in Service::ALL {
            let path = data_dir.join("args").join(service.name());
            let text = match fs::read_to_string(&path) {
                Err(why) if why.kind() == io::ErrorKind::NotFound => {
                    let text = service.default_text();
                    write_private(&path, &text).with_context(|| format!("write {}", path.display()))?;
                    text
                }
                other => other.with_context(|| format!("read {}", path.display()))?,
            };
            files.push((service, text));
        }
        let args = Args::read(&data_dir.root().to_string_lossy(), profile, &files)?;
        // What the addons had changed is in force from the start, before they are asked again.
        let edits = addons::last_edits(data_dir.root())?;
        let effective = Arc::new(args.fold(&edits)?);
        Ok(Self { args: Arc::new(args), effective: Arc::new(watch::channel(effective).0) })
    }

    /// The values in force now.
    pub(crate) fn effective(&self) -> Arc<Effective> {
        self.effective.borrow().clone()
    }

    /// The values with these edits, without putting them in force.
    pub(crate) fn fold(&self, edits: &[AddonEdits]) -> Result<Effective, Mistakes> {
        self.args.fold(edits)
    }

    /// Puts values in force.
    pub(crate) fn replace(&self, effective: Arc<Effective>) {
        self.effective.send_replace(effective);
    }
}

fn write_private(path: &std::path::Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
    io::Write::write_all(&mut file, text.as_bytes())?;
    file.set_permissions(fs::Permissions::from_mode(0o600))
}
