//! Folders of the node that an addon's instances find at their root.

use std::path::Path;

use engine::FolderAccess;
use serde::{Deserialize, Serialize};

use super::is_inside;

/// What the host keeps for itself below the data directory: keys, credentials, code that is run, sockets, the store.
const OWN: &[&str] =
    &["args", "bin", "certs", "certs-backup", "credentials", "run", "var/kubernetes", "var/lib"];

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FolderWant {
    /// `/NAME` in the guest.
    pub(crate) name: String,
    /// Below the data directory.
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) access: Access,
    pub(crate) why: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Access {
    #[default]
    Read,
    Write,
}

impl FolderWant {
    /// It has a plain name, and is where nothing is of the host's own, above or below.
    pub(crate) fn is_allowed(&self) -> bool {
        let path = Path::new(&self.path);
        let apart = |own: &&str| !path.starts_with(own) && !Path::new(own).starts_with(path);
        is_inside(&self.name) && !self.name.contains('/') && is_inside(&self.path) && OWN.iter().all(apart)
    }

    pub(crate) fn access(&self) -> FolderAccess {
        match self.access {
            Access::Read => FolderAccess::Read,
            Access::Write => FolderAccess::Write,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(name: &str, path: &str) -> bool {
        let (name, path) = (name.to_owned(), path.to_owned());
        FolderWant { name, path, access: Access::Write, why: String::new() }.is_allowed()
    }

    #[test]
    fn a_folder_is_below_the_data_directory_and_not_where_the_host_keeps_its_own() {
        assert!(allowed("own", "var/able") && allowed("own", "opt/x"));
        for path in [
            "",
            "/etc",
            "..",
            "a/../certs",
            ".",
            "certs",
            "certs/x",
            "var",
            "var/lib/addons",
            "var/kubernetes",
        ] {
            assert!(!allowed("own", path), "{path}");
        }
        for name in ["", "..", "a/b", "/"] {
            assert!(!allowed(name, "var/able"), "{name}");
        }
    }
}
