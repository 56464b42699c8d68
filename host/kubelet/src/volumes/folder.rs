//! Folders of volumes on the disk: on memory, shared, or written as a whole so that a reader sees old or new files
//! and never a mixture.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use crate::pod::payload::Payload;

/// The link that readers go through; it is replaced in one step.
const CURRENT: &str = "..data";
const NEXT: &str = "..data_tmp";

fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(path)
}

/// A folder that every user of the pod may write to; a group of the pod's own owns what is in it.
pub(super) fn shared(path: &Path, group: Option<u32>) -> io::Result<()> {
    make(path)?;
    let mode = if group.is_some() { 0o2777 } else { 0o777 };
    chown(path, None, group)?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// A folder on a tmpfs of its own, `limit` bytes large. Idempotent.
pub(super) fn on_memory(path: &Path, limit: Option<i64>) -> io::Result<()> {
    make(path)?;
    if is_mount_point(path)? {
        return Ok(());
    }
    let size = limit.map(|bytes| format!("size={bytes}")).unwrap_or_default();
    let data = std::ffi::CString::new(size).expect("a number has no zero byte");
    Ok(mount("tmpfs", path, "tmpfs", MountFlags::empty(), data.as_c_str())?)
}

/// Gives a tree to a group, whose members may do with it what its owner may; links are not followed.
pub(super) fn give(path: &Path, group: u32) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    lchown(path, None, Some(group))?;
    let mode = metadata.permissions().mode();
    if metadata.is_dir() {
        fs::set_permissions(path, Permissions::from_mode(mode | 0o2770))?;
        for entry in fs::read_dir(path)? {
            give(&entry?.path(), group)?;
        }
    } else if metadata.is_file() {
        fs::set_permissions(path, Permissions::from_mode(mode | 0o660))?;
    }
    Ok(())
}

/// Every mount of the house is of another file system than the folder that it is in.
fn is_mount_point(path: &Path) -> io::Result<bool> {
    let parent = path.parent().unwrap_or(path);
    Ok(fs::symlink_metadata(path)?.dev() != fs::symlink_metadata(parent)?.dev())
}

/// A path within a volume, which exists afterwards; its links may not lead out.
pub(super) fn below(volume: &Path, path: &str) -> io::Result<PathBuf> {
    let volume = volume.canonicalize()?;
    let wanted = volume.join(path);
    if !wanted.exists() {
        DirBuilder::new().recursive(true).mode(0o750).create(&wanted)?;
    }
    let real = wanted.canonicalize()?;
    if real.starts_with(&volume) { Ok(real) } else { Err(io::ErrorKind::PermissionDenied.into()) }
}

/// Makes `files` the content of the folder, unless it is.
pub(super) fn write(path: &Path, files: &Payload, group: Option<u32>) -> io::Result<()> {
    make(path)?;
    let current = path.join(CURRENT);
    if is_written(&current, files)? {
        return Ok(());
    }
    let old = fs::read_link(&current).ok();
    let (name, folder) = fresh(path)?;
    for (file, content) in files {
        let file = folder.join(file);
        if let Some(parent) = file.parent() {
            make(parent)?;
        }
        fs::write(&file, &content.bytes)?;
        let readable_by_group = if group.is_some() { 0o440 } else { 0 };
        chown(&file, None, group)?;
        fs::set_permissions(&file, Permissions::from_mode(content.mode | readable_by_group))?;
    }
    let next = path.join(NEXT);
    if next.symlink_metadata().is_ok() {
        fs::remove_file(&next)?;
    }
    symlink(&name, &next)?;
    fs::rename(&next, &current)?;
    link_names(path, files)?;
    match old {
        Some(old) => fs::remove_dir_all(path.join(old)),
        None => Ok(()),
    }
}

fn is_written(current: &Path, files: &Payload) -> io::Result<bool> {
    if !current.exists() {
        return Ok(false);
    }
    let same =
        files.iter().all(|(name, file)| fs::read(current.join(name)).is_ok_and(|bytes| bytes == file.bytes));
    Ok(same && count(current)? == files.len())
}

fn count(folder: &Path) -> io::Result<usize> {
    let mut files = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files += if entry.file_type()?.is_dir() { count(&entry.path())? } else { 1 };
    }
    Ok(files)
}

/// A new folder beside the current one, named by the time as upstream's are.
fn fresh(path: &Path) -> io::Result<(String, PathBuf)> {
    let name = format!("..{}", jiff::Timestamp::now().strftime("%Y_%m_%d_%H_%M_%S.%9f"));
    let folder = path.join(&name);
    make(&folder)?;
    Ok((name, folder))
}

/// One link a name at the top, through the current folder; links of names that are gone go.
fn link_names(path: &Path, files: &Payload) -> io::Result<()> {
    let tops: BTreeSet<&str> = files.keys().filter_map(|name| name.split('/').next()).collect();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with("..") && !tops.contains(&*name) {
            fs::remove_file(entry.path())?;
        }
    }
    for top in tops {
        let link = path.join(top);
        if link.symlink_metadata().is_err() {
            symlink(Path::new(CURRENT).join(top), link)?;
        }
    }
    Ok(())
}

/// Removes a tree with the mounts of the house in it, and never what another file system holds.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            fs::remove_file(entry.path())?;
            continue;
        }
        if is_mount_point(&entry.path())? {
            unmount(entry.path(), UnmountFlags::DETACH)?;
        }
        remove(&entry.path())?;
    }
    fs::remove_dir(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pod::payload::File;

    fn files(files: &[(&str, &str)]) -> Payload {
        let file = |text: &str| File { bytes: text.as_bytes().to_vec(), mode: 0o644 };
        files.iter().map(|(name, text)| ((*name).to_owned(), file(text))).collect()
    }

    fn names(path: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<_> =
            fs::read_dir(path).unwrap().map(name).filter(|name| !name.starts_with("..2")).collect();
        names.sort();
        names
    }

    #[test]
    fn a_volume_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v");
        write(&path, &files(&[("a", "1"), ("b/c", "2")]), None).unwrap();
        assert_eq!(fs::read_to_string(path.join("b/c")).unwrap(), "2");
        let first = fs::read_link(path.join(CURRENT)).unwrap();
        write(&path, &files(&[("a", "1"), ("b/c", "2")]), None).unwrap();
        assert_eq!(fs::read_link(path.join(CURRENT)).unwrap(), first, "nothing changed");
        write(&path, &files(&[("a", "3")]), None).unwrap();
        assert_eq!(fs::read_to_string(path.join("a")).unwrap(), "3");
        assert_eq!(names(&path), ["..data", "a"]);
        assert!(!path.join(first).exists());
    }

    #[test]
    fn a_link_does_not_lead_out_of_a_volume() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v");
        shared(&path, None).unwrap();
        symlink("/etc", path.join("out")).unwrap();
        assert!(below(&path, "out").is_err());
        assert!(below(&path, "new/sub").unwrap().is_dir());
    }

    #[test]
    fn a_group_gets_what_is_in_a_folder_and_nothing_that_its_links_lead_to() {
        let folder = tempfile::tempdir().unwrap();
        let (path, outside) = (folder.path().join("v"), folder.path().join("outside"));
        shared(&path, None).unwrap();
        for file in [&path.join("a"), &outside] {
            fs::write(file, "1").unwrap();
            fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
        }
        symlink(&outside, path.join("out")).unwrap();
        let own = fs::metadata(&path).unwrap().gid();
        give(&path, own).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!([mode(&path), mode(&path.join("a")), mode(&outside)], [0o2777, 0o660, 0o600]);
    }

    #[test]
    fn removing_a_pod_takes_its_files_and_is_idempotent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pod");
        write(&path.join("volumes/v"), &files(&[("a", "1")]), None).unwrap();
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_on_memory_is_made_once_and_goes_with_its_pod() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pod/v");
        on_memory(&path, Some(1 << 20)).unwrap();
        fs::write(path.join("a"), "1").unwrap();
        on_memory(&path, Some(1 << 20)).unwrap();
        assert!(is_mount_point(&path).unwrap() && path.join("a").exists());
        remove(&folder.path().join("pod")).unwrap();
        assert!(!path.exists());
    }
}
