//! What of a stopped node can be looked at and mended: its certificates, so that an expired CA does not need a running
//! host to be replaced.

use std::path::PathBuf;
use std::time::SystemTime;

use admin::CertificateReport;
use admin::operation::RefreshCertificates;
use anyhow::Result;
use args::Profile;
use datastore::DirectoryLock;
use pki::{Pki, Refresh};

use crate::configuration::Configuration;
use crate::data_dir::DataDir;
use crate::facts::facts;
use crate::status;

/// Every certificate on disk.
pub(crate) fn certificates(data_dir: &DataDir) -> Result<Vec<CertificateReport>> {
    let inventory = Pki::new(data_dir.root()).inventory(SystemTime::now())?;
    Ok(inventory.iter().map(status::certificate).collect())
}

/// Refreshes while no host runs on the data directory.
pub(crate) fn refresh(data_dir: &DataDir, what: &RefreshCertificates) -> Result<Vec<String>> {
    data_dir.prepare()?;
    let _lock = DirectoryLock::acquire(&data_dir.lock())?;
    let effective = Configuration::load(data_dir, Profile::Default)?.effective();
    let facts = facts(data_dir, &effective)?;
    let pki = Pki::new(data_dir.root());
    Ok(pki.refresh(&request(what), &facts, SystemTime::now())?)
}

/// The request of the control socket in the words of the PKI.
pub(crate) fn request(what: &RefreshCertificates) -> Refresh {
    match what {
        RefreshCertificates::Certificate { name } => Refresh::Certificate(name.clone()),
        RefreshCertificates::Leaves => Refresh::Leaves,
        RefreshCertificates::AdoptCa { folder } => Refresh::AdoptAuthority(PathBuf::from(folder)),
        RefreshCertificates::Undo => Refresh::Undo,
        RefreshCertificates::Finish => Refresh::Finish,
    }
}
