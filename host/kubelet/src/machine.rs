//! What the machine is and has, read from /proc, /sys and /etc once at start.

use std::path::Path;
use std::{fs, io};

/// Facts that do not change while the machine runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    pub cpus: u32,
    pub memory_bytes: u64,
    pub swap_bytes: u64,
    /// The size of the file system that the kubelet's folder is on.
    pub disk_bytes: u64,
    /// `6.1.0-18-amd64`
    pub kernel_version: String,
    /// `Debian GNU/Linux 12 (bookworm)`
    pub os_image: String,
    /// Empty where the machine has none.
    pub machine_id: String,
    pub system_uuid: String,
    pub boot_id: String,
    pub cgroups: Cgroups,
}

/// Which interface of control groups the kernel has mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cgroups {
    /// One hierarchy a controller.
    V1,
    /// One hierarchy for all.
    V2,
}

/// What changes: how much is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    pub memory_available: u64,
    pub disk_available: u64,
    pub inodes_available: u64,
    pub processes: u64,
    pub processes_limit: u64,
}

/// `amd64`, as Kubernetes calls architectures.
pub(crate) const ARCHITECTURE: &str = match std::env::consts::ARCH.as_bytes() {
    b"x86_64" => "amd64",
    b"aarch64" => "arm64",
    _ => std::env::consts::ARCH,
};

impl Machine {
    /// Reads the facts; `folder` is on the file system that pods write to.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let meminfo = fs::read_to_string("/proc/meminfo")?;
        let disk = rustix::fs::statvfs(folder)?;
        let unified = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
        Ok(Self {
            cpus: cpus(&fs::read_to_string("/sys/devices/system/cpu/online")?),
            memory_bytes: kibibytes(&meminfo, "MemTotal"),
            swap_bytes: kibibytes(&meminfo, "SwapTotal"),
            disk_bytes: disk.f_blocks * disk.f_frsize,
            kernel_version: optional("/proc/sys/kernel/osrelease"),
            os_image: os_image(&optional("/etc/os-release")),
            machine_id: optional("/etc/machine-id"),
            system_uuid: optional("/sys/class/dmi/id/product_uuid"),
            boot_id: optional("/proc/sys/kernel/random/boot_id"),
            cgroups: if unified { Cgroups::V2 } else { Cgroups::V1 },
        })
    }
}

impl Usage {
    pub fn read(folder: &Path) -> io::Result<Self> {
        let disk = rustix::fs::statvfs(folder)?;
        let load = fs::read_to_string("/proc/loadavg")?;
        Ok(Self {
            memory_available: kibibytes(&fs::read_to_string("/proc/meminfo")?, "MemAvailable"),
            disk_available: disk.f_bavail * disk.f_frsize,
            inodes_available: disk.f_favail,
            processes: threads(&load),
            processes_limit: optional("/proc/sys/kernel/pid_max").parse().unwrap_or(u64::MAX),
        })
    }
}

/// A fact that some machines, containers above all, do not have.
fn optional(path: &str) -> String {
    fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default()
}

/// The number of processors of a list such as `0-3,6`.
fn cpus(list: &str) -> u32 {
    let range = |part: &str| -> Option<u32> {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(last.trim().parse::<u32>().ok()?.checked_sub(first.trim().parse().ok()?)? + 1)
    };
    list.split(',').filter_map(range).sum::<u32>().max(1)
}

fn kibibytes(meminfo: &str, field: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    number.unwrap_or_default() * 1024
}

fn os_image(release: &str) -> String {
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.unwrap_or("Linux").trim_matches('"').to_owned()
}

/// How many tasks the kernel has: the fourth field is `running/all`.
fn threads(loadavg: &str) -> u64 {
    let field = loadavg.split_whitespace().nth(3).and_then(|field| field.split_once('/'));
    field.and_then(|(_, all)| all.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_counted_over_ranges() {
        assert_eq!((cpus("0-3,6\n"), cpus("0\n"), cpus("0-1")), (5, 1, 2));
    }

    #[test]
    fn memory_and_threads_are_read_from_their_fields() {
        assert_eq!(kibibytes("MemTotal:  16 kB\nMemAvailable: 4 kB\n", "MemAvailable"), 4096);
        assert_eq!(threads("0.11 0.04 0.01 2/345 999"), 345);
    }

    #[test]
    fn the_operating_system_is_named_as_it_wants_to_be() {
        assert_eq!(os_image("ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n"), "Debian GNU/Linux 12");
    }

    #[test]
    fn this_machine_has_memory_and_a_processor() {
        let machine = Machine::read(Path::new("/")).unwrap();
        assert!(machine.cpus > 0 && machine.memory_bytes > 0 && machine.disk_bytes > 0);
    }
}
