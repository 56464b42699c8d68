//! A node on the test's machine: the real binary, with a data directory of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use serde_json::Value;

use crate::image::busybox_archive;
use crate::kubectl::{Answer, Kubectl};
use crate::machine::Machine;
use crate::wait::{LIMIT, eventually};

/// The binary that is tried: the newest that this build made.
///
/// # Panics
/// Where it was not built yet.
pub fn program() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let programs = this.ancestors().skip(1).find(|folder| !folder.ends_with("deps"));
    let program = programs.expect("tests are in deps/ of the folder of programs").join("mk8s-host");
    assert!(program.exists(), "{} is not built: run `make test`", program.display());
    program
}

/// A data directory on a machine, and the host that runs on it, if one does.
pub struct Node {
    pub machine: Machine,
    folder: tempfile::TempDir,
    host: Option<Child>,
}

impl Node {
    /// A machine with an empty data directory; nothing runs.
    ///
    /// # Panics
    /// Where the machine cannot be made.
    pub fn new() -> Self {
        Self { machine: Machine::start(), folder: tempfile::tempdir().unwrap(), host: None }
    }

    /// A node that is ready, with the test's image.
    ///
    /// # Panics
    /// Where it does not get ready.
    pub fn ready() -> Self {
        let mut node = Self::new();
        node.start();
        node.wait_ready();
        node.import_image();
        node
    }

    /// Imports the test's image.
    ///
    /// # Panics
    /// Where the node does not take it.
    pub fn import_image(&self) {
        let archive = self.folder.path().join("busybox.tar");
        busybox_archive(&archive);
        self.ask(&["images", "import", &archive.to_string_lossy()]).expect_ok();
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A path below the data directory.
    pub fn path(&self, path: &str) -> PathBuf {
        self.data_dir().join(path)
    }

    /// Writes a file below the data directory, whose folders are made.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn write(&self, path: &str, text: &str) {
        self.write_bytes(path, text.as_bytes());
    }

    /// Writes a file below the data directory, whose folders are made.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn write_bytes(&self, path: &str, bytes: &[u8]) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Starts the host in the background.
    ///
    /// # Panics
    /// Where it runs already.
    pub fn start(&mut self) {
        self.start_with(&[]);
    }

    /// Starts the host with more flags.
    ///
    /// # Panics
    /// Where it runs already.
    pub fn start_with(&mut self, flags: &[&str]) {
        self.spawn(self.machine.command(program()), flags);
    }

    /// Starts the host as another user, to whom the data directory is given.
    ///
    /// # Panics
    /// Where it runs already.
    pub fn start_as(&mut self, user: u32) {
        fs::create_dir_all(self.data_dir()).unwrap();
        std::os::unix::fs::chown(self.data_dir(), Some(user), Some(user)).unwrap();
        // The test's own folder is nobody else's to pass through, nor is the folder of programs.
        fs::set_permissions(self.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let copy = self.folder.path().join("mk8s-host");
        fs::copy(program(), &copy).unwrap();
        let mut command = self.machine.command("setpriv");
        command.args([&format!("--reuid={user}"), &format!("--regid={user}"), "--clear-groups"]).arg(copy);
        self.spawn(command, &[]);
    }

    fn spawn(&mut self, mut command: Command, flags: &[&str]) {
        assert!(self.host.is_none(), "the host runs already");
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log_path()).unwrap();
        command.arg("--data-dir").arg(self.data_dir()).arg("run").args(flags);
        self.host = Some(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap());
    }

    /// Runs the host to its end, which is to come by itself: one that goes on is ended, and has not failed.
    pub fn run_to_end(&self) -> Answer {
        let mut command = self.machine.command("timeout");
        command.args(["--preserve-status", &LIMIT.as_secs().to_string()]);
        command.arg(program()).arg("--data-dir").arg(self.data_dir()).arg("run");
        Answer::of(command, "")
    }

    /// A command of the binary on this data directory.
    pub fn ask(&self, arguments: &[&str]) -> Answer {
        let mut command = self.machine.command(program());
        command.arg("--data-dir").arg(self.data_dir()).args(arguments);
        Answer::of(command, "")
    }

    /// # Panics
    /// With the log, where the node does not get ready.
    pub fn wait_ready(&self) {
        let answer = self.ask(&["status", "--wait-ready"]);
        assert!(answer.ok, "{}\n{}\n{}", answer.stdout, answer.stderr, self.log());
    }

    pub fn status(&self) -> Value {
        let text = self.ask(&["status", "--format=json"]).expect_ok();
        serde_json::from_str(&text).unwrap()
    }

    /// The state of a unit, once it is that.
    pub fn wait_unit(&self, name: &str, state: &str) -> Value {
        eventually(&format!("unit {name} {state}"), || {
            let answer = self.ask(&["status", "--format=json"]);
            let status: Value = serde_json::from_str(&answer.stdout).map_err(|_| answer.stderr)?;
            let units = status["units"].as_array().cloned().unwrap_or_default();
            let unit = units.into_iter().find(|unit| unit["name"] == name).ok_or("there is no such unit")?;
            if unit["state"] == state { Ok(unit) } else { Err(unit.to_string()) }
        })
    }

    /// kubectl of the administrator.
    pub fn kubectl(&self) -> Kubectl<'_> {
        Kubectl::new(&self.machine, &self.path("credentials/client.config"))
    }

    /// kubectl of whom a bearer token makes.
    ///
    /// # Panics
    /// Where the kubeconfig cannot be written.
    pub fn kubectl_as(&self, token: &str) -> Kubectl<'_> {
        let admin = fs::read_to_string(self.path("credentials/client.config")).unwrap();
        let kept = admin.lines().filter(|line| !line.contains("client-certificate-data"));
        let text: Vec<_> = kept
            .map(|line| match line.split_once("client-key-data:") {
                Some((indent, _)) => format!("{indent}token: {token}"),
                None => line.to_owned(),
            })
            .collect();
        let path = self.folder.path().join(format!("{token}.config"));
        fs::write(&path, text.join("\n")).unwrap();
        Kubectl::new(&self.machine, &path)
    }

    /// SIGTERM, and the end.
    ///
    /// # Panics
    /// Where the host does not end.
    pub fn stop(&mut self) {
        self.signal("TERM");
        let mut host = self.host.take().unwrap();
        eventually("the end of the host", || match host.try_wait() {
            Ok(Some(status)) if status.success() => Ok(()),
            other => Err(format!("{other:?}\n{}", self.log())),
        });
    }

    /// SIGKILL: no drain, no goodbye.
    ///
    /// # Panics
    /// Where no host runs.
    pub fn kill(&mut self) {
        self.signal("KILL");
        self.host.take().unwrap().wait().unwrap();
    }

    /// The process of the host, as seen from outside.
    ///
    /// # Panics
    /// Where no host runs.
    pub fn pid(&self) -> u32 {
        // `nsenter` has the host as its one child.
        let parent = self.host.as_ref().expect("the host runs").id();
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
        children.trim().parse().expect("nsenter has one child")
    }

    fn signal(&self, signal: &str) {
        let target = self.pid().to_string();
        let sent =
            std::process::Command::new("kill").args([&format!("-{signal}"), &target]).status().unwrap();
        assert!(sent.success(), "the host was gone");
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// What the host said so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// What the cgroups of this node are called: those of containers, and those of pods that hold them.
    fn cgroups(&self) -> [Vec<String>; 2] {
        let names = |path: &str| {
            let entries = fs::read_dir(self.path(path)).into_iter().flatten().flatten();
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        let containers = names("run/containerd/io.containerd.runtime.v2.task/k8s.io");
        let pods = names("var/lib/kubelet/pods").iter().map(|uid| format!("pod{uid}")).collect();
        [containers, pods]
    }
}

impl Default for Node {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let cgroups = self.cgroups();
        self.machine.end();
        if let Some(mut host) = self.host.take() {
            // It ended with its machine.
            host.wait().ok();
        }
        cgroups.iter().for_each(|names| remove_cgroups(names));
    }
}

/// Removes what the kernel keeps of ended containers and pods; a folder is busy until its last process is gone.
fn remove_cgroups(names: &[String]) {
    if names.is_empty() {
        return;
    }
    let pause = Duration::from_millis(20);
    for _ in 0..100 {
        let left = cgroups_of(Path::new("/sys/fs/cgroup"), names, 0);
        if left.iter().filter(|path| fs::remove_dir(path).is_err()).count() == 0 {
            return;
        }
        std::thread::sleep(pause);
    }
}

/// Folders of these names, below the hierarchies.
fn cgroups_of(folder: &Path, names: &[String], depth: usize) -> Vec<PathBuf> {
    /// hierarchy, kubepods, class, pod, container
    const DEEPEST: usize = 5;
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if !path.is_dir() || path.is_symlink() {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        if names.iter().any(|known| name.contains(known)) {
            found.push(path);
        } else if depth < DEEPEST {
            found.extend(cgroups_of(&path, names, depth + 1));
        }
    }
    found
}
