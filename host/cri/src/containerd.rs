//! How containerd is started for this node: its configuration, its command line, and what to install where it is missing.

use std::path::{Path, PathBuf};

use crate::pause;

/// Plugins of snapshotters that this node does not use, and one that makes a folder outside the data directory.
const DISABLED_PLUGINS: &[&str] = &[
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.zfs",
    "io.containerd.internal.v1.opt",
];

/// Where programs are looked for besides `bin/` of the data directory; runc is in an sbin on Debian.
const PROGRAM_FOLDERS: &[&str] =
    &["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Who puts the containers' cgroups in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CgroupDriver {
    Cgroupfs,
    Systemd,
}

/// Whether the process may lower oom_score_adj, that is, has CAP_SYS_RESOURCE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OomScores {
    Free,
    Restricted,
}

/// The programs that containers are run by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    pub containerd: PathBuf,
    pub runc: PathBuf,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot find {} (looked in {searched}): install it, on Debian with `apt-get install containerd runc`", missing.join(" and "))]
pub struct MissingPrograms {
    pub missing: Vec<&'static str>,
    searched: String,
}

/// What the configuration depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub data_dir: PathBuf,
    /// `host:port`
    pub metrics_address: String,
    pub cgroup_driver: CgroupDriver,
    pub oom_scores: OomScores,
}

impl Programs {
    /// Looks for both programs; names all that are missing.
    pub fn find(data_dir: &Path) -> Result<Self, MissingPrograms> {
        let folders: Vec<PathBuf> =
            Some(data_dir.join("bin")).into_iter().chain(PROGRAM_FOLDERS.iter().map(PathBuf::from)).collect();
        let find = |name: &str| folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file());
        match (find("containerd"), find("runc")) {
            (Some(containerd), Some(runc)) => Ok(Self { containerd, runc }),
            (containerd, runc) => {
                let missing = [("containerd", containerd.is_none()), ("runc", runc.is_none())];
                let missing = missing.into_iter().filter(|(_, gone)| *gone).map(|(name, _)| name).collect();
                let searched: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
                Err(MissingPrograms { missing, searched: searched.join(", ") })
            }
        }
    }
}

impl Layout {
    /// The layout of a data directory on this machine.
    pub fn of(data_dir: &Path, metrics_address: &str) -> Self {
        let unified = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
        let systemd = Path::new("/run/systemd/system").exists();
        Self {
            data_dir: data_dir.to_owned(),
            metrics_address: metrics_address.to_owned(),
            cgroup_driver: if unified && systemd { CgroupDriver::Systemd } else { CgroupDriver::Cgroupfs },
            oom_scores: if may_lower_oom_scores() { OomScores::Free } else { OomScores::Restricted },
        }
    }

    pub fn config_path(&self) -> PathBuf {
        self.data_dir.join("args/containerd.toml")
    }

    pub fn socket(&self) -> PathBuf {
        self.data_dir.join("run/containerd.sock")
    }

    pub fn root(&self) -> PathBuf {
        self.data_dir.join("var/lib/containerd")
    }

    pub fn state(&self) -> PathBuf {
        self.data_dir.join("run/containerd")
    }

    /// Folders that must be there before the start.
    pub fn folders(&self) -> Vec<PathBuf> {
        let fixed = ["args", "args/certs.d", "args/cni-network", "opt/cni/bin", "run"];
        fixed.iter().map(|each| self.data_dir.join(each)).chain([self.root(), self.state()]).collect()
    }

    /// containerd's arguments.
    pub fn arguments(&self) -> Vec<String> {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        ["--config".to_owned(), text(self.config_path())]
            .into_iter()
            .chain(["--root".to_owned(), text(self.root())])
            .chain(["--state".to_owned(), text(self.state())])
            .chain(["--address".to_owned(), text(self.socket())])
            .collect()
    }

    /// The text of `containerd.toml`, version 2, as containerd 1.6 and 1.7 read it.
    pub fn config(&self, programs: &Programs) -> String {
        let path = |path: PathBuf| quoted(&path.to_string_lossy());
        let under = |name: &str| path(self.data_dir.join(name));
        let disabled: Vec<_> = DISABLED_PLUGINS.iter().map(|plugin| quoted(plugin)).collect();
        format!(
            r#"version = 2
root = {root}
state = {state}
disabled_plugins = [{disabled}]

[grpc]
  address = {socket}

[metrics]
  address = {metrics}

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = {pause}
  restrict_oom_score_adj = {restrict}
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  netns_mounts_under_state_dir = true
  tolerate_missing_hugetlb_controller = true

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = {runc}
        SystemdCgroup = {systemd}

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = {cni_bin}
    conf_dir = {cni_conf}

  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = {certs}
"#,
            root = path(self.root()),
            state = path(self.state()),
            disabled = disabled.join(", "),
            socket = path(self.socket()),
            metrics = quoted(&self.metrics_address),
            pause = quoted(pause::reference()),
            restrict = self.oom_scores == OomScores::Restricted,
            runc = path(programs.runc.clone()),
            systemd = self.cgroup_driver == CgroupDriver::Systemd,
            cni_bin = under("opt/cni/bin"),
            cni_conf = under("args/cni-network"),
            certs = under("args/certs.d"),
        )
    }
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn may_lower_oom_scores() -> bool {
    const CAP_SYS_RESOURCE: u32 = 24;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    effective
        .and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok())
        .is_some_and(|bits| bits & (1 << CAP_SYS_RESOURCE) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_that_are_missing_are_named_with_what_to_install() {
        let error = MissingPrograms { missing: vec!["containerd", "runc"], searched: "/bin".to_owned() };
        assert_eq!(
            error.to_string(),
            "cannot find containerd and runc (looked in /bin): install it, on Debian with `apt-get install containerd runc`"
        );
    }

    #[test]
    fn a_quote_in_the_data_directory_stays_inside_its_string() {
        let layout = Layout {
            data_dir: PathBuf::from("/a\"b"),
            metrics_address: "127.0.0.1:1338".to_owned(),
            cgroup_driver: CgroupDriver::Cgroupfs,
            oom_scores: OomScores::Restricted,
        };
        let programs = Programs { containerd: "/c".into(), runc: "/r".into() };
        let config = layout.config(&programs);
        assert!(config.contains(r#"root = "/a\"b/var/lib/containerd""#), "{config}");
        assert!(config.contains("restrict_oom_score_adj = true"));
    }
}
