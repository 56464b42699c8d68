//! Paths of the node itself, of the type that the pod asks for.

use std::fs::{self, DirBuilder, FileType, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::HostPathVolumeSource;

use super::Cause;

/// How a row makes what is not there.
type Make = fn(&Path) -> std::io::Result<()>;

struct Row {
    name: &'static str,
    is: fn(FileType) -> bool,
    wanted: &'static str,
    make: Option<Make>,
}

fn folder(path: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(path)
}

fn file(path: &Path) -> std::io::Result<()> {
    OpenOptions::new().create(true).append(true).mode(0o644).open(path).map(drop)
}

fn is_folder(kind: FileType) -> bool {
    kind.is_dir()
}

fn is_file(kind: FileType) -> bool {
    kind.is_file()
}

const ROWS: &[Row] = &[
    Row { name: "Directory", is: is_folder, wanted: "a directory", make: None },
    Row { name: "DirectoryOrCreate", is: is_folder, wanted: "a directory", make: Some(folder) },
    Row { name: "File", is: is_file, wanted: "a file", make: None },
    Row { name: "FileOrCreate", is: is_file, wanted: "a file", make: Some(file) },
    Row { name: "Socket", is: |kind| kind.is_socket(), wanted: "a socket file", make: None },
    Row { name: "CharDevice", is: |kind| kind.is_char_device(), wanted: "a character device", make: None },
    Row { name: "BlockDevice", is: |kind| kind.is_block_device(), wanted: "a block device", make: None },
];

/// The path, which is of the type that was asked for; with no type it may be anything, also nothing yet.
pub(super) fn checked(source: &HostPathVolumeSource) -> Result<PathBuf, Cause> {
    let path = PathBuf::from(&source.path);
    let Some(row) = ROWS.iter().find(|row| Some(row.name) == source.type_.as_deref()) else {
        return Ok(path);
    };
    if let (Some(make), false) = (row.make, path.exists()) {
        make(&path).map_err(|source| Cause::Make { path: path.clone(), source })?;
    }
    match fs::metadata(&path) {
        Ok(metadata) if (row.is)(metadata.file_type()) => Ok(path),
        _ => Err(Cause::HostPath { path, wanted: row.wanted }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &Path, kind: &str) -> Result<PathBuf, String> {
        let path = path.to_string_lossy().into_owned();
        checked(&HostPathVolumeSource { path, type_: Some(kind.to_owned()) })
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_host_path_is_of_the_type_that_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let new = folder.path().join("new");
        assert!(check(&new, "").is_ok());
        assert!(check(&new, "File").unwrap_err().ends_with("new is not a file"));
        assert!(check(&new, "FileOrCreate").is_ok());
        assert!(check(&new, "Directory").unwrap_err().ends_with("new is not a directory"));
    }
}
