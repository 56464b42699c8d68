//! A real etcd on the test's machine: its server certificate is the node's, and its clients are those of the node's own
//! store.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use crate::kubectl::Answer;
use crate::machine::enter;
use crate::node::Node;
use crate::wait::eventually;

const CLIENTS: &str = "https://127.0.0.1:2379";
/// Nobody peers with it.
const PEERS: &str = "http://127.0.0.1:2382";

/// Debian's etcd, of one member. It ends with its machine.
pub struct Etcd {
    /// The first process of its machine.
    machine: u32,
    certificates: PathBuf,
    folder: PathBuf,
    server: Child,
}

impl Etcd {
    /// Starts it on a data directory, which is made if need be, and waits until it answers.
    ///
    /// # Panics
    /// Where it does not.
    pub fn start(node: &Node, folder: &Path) -> Self {
        let (machine, certificates) = (node.machine.first(), node.path("certs"));
        let server = spawn(machine, &certificates, folder);
        let etcd = Self { machine, certificates, folder: folder.to_owned(), server };
        etcd.wait();
        etcd
    }

    pub fn endpoint(&self) -> String {
        CLIENTS.to_owned()
    }

    /// The real etcdctl.
    pub fn ctl(&self, arguments: &[&str]) -> Answer {
        let mut command = enter(self.machine, "etcdctl");
        let file = |name: &str| self.certificates.join(name);
        command.env("ETCDCTL_API", "3").args(["--endpoints", CLIENTS]);
        command.arg("--cacert").arg(file("ca.crt"));
        command.arg("--cert").arg(file("apiserver-etcd-client.crt"));
        command.arg("--key").arg(file("apiserver-etcd-client.key")).args(arguments);
        Answer::of(command, "")
    }

    /// Ends it without a goodbye, and starts it again.
    ///
    /// # Panics
    /// Where it does not come back.
    pub fn restart(&mut self) {
        // `nsenter` has etcd as its one child, which has to go first.
        let parent = self.server.id();
        let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
        let killed = std::process::Command::new("kill").args(["-KILL", children.trim()]).status().unwrap();
        assert!(killed.success(), "etcd was gone");
        self.server.wait().unwrap();
        self.server = spawn(self.machine, &self.certificates, &self.folder);
        self.wait();
    }

    fn wait(&self) {
        eventually("etcd", || {
            let answer = self.ctl(&["get", "/"]);
            if answer.ok { Ok(()) } else { Err(answer.stderr) }
        });
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        // It may have ended with its machine.
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

fn spawn(machine: u32, certificates: &Path, folder: &Path) -> Child {
    let mut command = enter(machine, "etcd");
    command.args(["--listen-client-urls", CLIENTS, "--advertise-client-urls", CLIENTS]);
    command.args(["--listen-peer-urls", PEERS, "--enable-grpc-gateway=false", "--client-cert-auth"]);
    command.arg("--data-dir").arg(folder).arg("--trusted-ca-file").arg(certificates.join("etcd-ca.crt"));
    command.arg("--cert-file").arg(certificates.join("server.crt"));
    command.arg("--key-file").arg(certificates.join("server.key"));
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("etcd is there: `make setup-tests` installs it")
}
