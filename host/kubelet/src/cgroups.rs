//! The cgroup of a pod, by quality of service, under either driver. The runtime makes it; the empty tree that it
//! leaves is taken away here.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cri::containerd::CgroupDriver;

use crate::machine::Cgroups;
use crate::pod::facts::{PodUid, QosClass};

const MOUNT: &str = "/sys/fs/cgroup";
const CLASSES: [QosClass; 3] = [QosClass::Guaranteed, QosClass::Burstable, QosClass::BestEffort];

/// The parent of a pod's containers, as the runtime is told it.
pub(crate) fn parent(root: &str, driver: CgroupDriver, class: QosClass, uid: &PodUid) -> String {
    let class = match class {
        QosClass::Guaranteed => None,
        QosClass::Burstable => Some("burstable"),
        QosClass::BestEffort => Some("besteffort"),
    };
    let pod = format!("pod{}", uid.0);
    match driver {
        CgroupDriver::Cgroupfs => {
            let parts = ["kubepods"].into_iter().chain(class).chain([pod.as_str()]);
            format!("{}/{}", root.trim_end_matches('/'), parts.collect::<Vec<_>>().join("/"))
        }
        CgroupDriver::Systemd => {
            let pod = pod.replace('-', "_");
            let parts = ["kubepods"].into_iter().chain(class).chain([pod.as_str()]);
            format!("{}.slice", parts.collect::<Vec<_>>().join("-"))
        }
    }
}

/// Removes the empty cgroups of a pod of any class. systemd does so by itself.
pub(crate) fn remove(root: &str, driver: CgroupDriver, cgroups: Cgroups, uid: &PodUid) -> io::Result<()> {
    if driver == CgroupDriver::Systemd {
        return Ok(());
    }
    let mut hierarchies = Vec::new();
    match cgroups {
        Cgroups::V2 => hierarchies.push(PathBuf::from(MOUNT)),
        Cgroups::V1 => {
            for entry in fs::read_dir(MOUNT)? {
                hierarchies.push(entry?.path());
            }
        }
    }
    for hierarchy in hierarchies {
        for class in CLASSES {
            let path = parent(root, driver, class, uid);
            remove_tree(&hierarchy.join(path.trim_start_matches('/')))?;
        }
    }
    Ok(())
}

/// The folders of a cgroup are removed from the innermost; its files are no files.
fn remove_tree(path: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    fs::remove_dir(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_has_its_place_by_class_and_driver() {
        let uid = PodUid("1-2".to_owned());
        let of = |root, driver, class| parent(root, driver, class, &uid);
        assert_eq!(of("/", CgroupDriver::Cgroupfs, QosClass::BestEffort), "/kubepods/besteffort/pod1-2");
        assert_eq!(of("/mk8s", CgroupDriver::Cgroupfs, QosClass::Guaranteed), "/mk8s/kubepods/pod1-2");
        assert_eq!(of("/", CgroupDriver::Systemd, QosClass::Burstable), "kubepods-burstable-pod1_2.slice");
    }
}
