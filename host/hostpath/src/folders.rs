//! The folders of volumes, all directly below one: names are looked up from its handle, and no link leads out.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

/// A handle; clones share the folder.
#[derive(Clone)]
pub(crate) struct Folders(Arc<Dir>);

impl Folders {
    /// Makes the folder of folders if it is not there.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o755).create(root)?;
        Ok(Self(Arc::new(Dir::open_ambient_dir(root, ambient_authority())?)))
    }

    /// A folder that every user of a pod may write to. Idempotent.
    pub(crate) fn make(&self, name: &str) -> io::Result<()> {
        match self.0.create_dir(name) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let all = cap_std::fs::Permissions::from_std(Permissions::from_mode(0o777));
        self.0.set_permissions(name, all)
    }

    /// Removes a folder with what is in it. Idempotent.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match self.0.remove_dir_all(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            ended => ended,
        }
    }

    /// Removes a folder that nothing was put into.
    pub(crate) fn remove_unused(&self, name: &str) -> io::Result<()> {
        self.0.remove_dir(name)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_folder_is_open_to_every_user_and_goes_with_what_is_in_it() {
        let root = tempfile::tempdir().unwrap();
        let folders = Folders::open(&root.path().join("storage")).unwrap();
        let path = root.path().join("storage/a");
        folders.make("a").unwrap();
        fs::create_dir(path.join("below")).unwrap();
        fs::write(path.join("below/file"), "1").unwrap();
        folders.make("a").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o777);
        assert!(folders.remove_unused("a").is_err(), "a folder with data in it is used");
        folders.remove("a").unwrap();
        folders.remove("a").unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn nothing_outside_is_made_or_removed() {
        let root = tempfile::tempdir().unwrap();
        let folders = Folders::open(&root.path().join("storage")).unwrap();
        let outside = root.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "1").unwrap();
        symlink(&outside, root.path().join("storage/link")).unwrap();
        assert!(folders.make("../new").is_err());
        assert!(folders.remove("../outside").is_err());
        folders.make("a").unwrap();
        symlink(&outside, root.path().join("storage/a/link")).unwrap();
        folders.remove("a").unwrap();
        drop(folders.remove("link"));
        assert!(outside.join("file").exists());
    }
}
