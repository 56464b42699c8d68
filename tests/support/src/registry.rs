//! A real registry of images on loopback, with a folder of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::machine::Machine;

const PROGRAM: &str = "docker-registry";

/// Debian's docker-registry. It ends when it is dropped.
pub struct Registry {
    /// `127.0.0.1:PORT`.
    pub address: String,
    server: Child,
    _folder: TempDir,
}

impl Registry {
    /// One that takes anything from anybody.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn start() -> Self {
        Self::serve(Command::new(PROGRAM), None)
    }

    /// The same on a machine, with which it ends.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn start_on(machine: &Machine) -> Self {
        Self::serve(machine.command(PROGRAM), None)
    }

    /// One that knows the users of these lines of `htpasswd` alone.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn start_for(htpasswd: &str) -> Self {
        Self::serve(Command::new(PROGRAM), Some(htpasswd))
    }

    fn serve(mut command: Command, htpasswd: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let auth = htpasswd.map(|lines| {
            fs::write(path("htpasswd"), lines).unwrap();
            format!("auth:\n  htpasswd:\n    realm: test\n    path: {}\n", path("htpasswd"))
        });
        let auth = auth.unwrap_or_default();
        // The port is one that is free; the log tells it.
        let config = format!(
            "version: 0.1\nlog:\n  formatter: text\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:0\n{auth}",
            path("data"),
        );
        fs::write(path("config.yml"), config).unwrap();
        command.args(["serve", &path("config.yml")]).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut server = command.spawn().expect("docker-registry is there: `make setup-tests` installs it");
        let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
        let address = lines
            .find_map(|line| {
                let line = line.unwrap();
                let (_, after) = line.split_once("listening on ")?;
                Some(after.split(['"', ' ', ',']).next()?.to_owned())
            })
            .expect("the registry says where it listens");
        // It must not wait for somebody who reads its log.
        std::thread::spawn(move || lines.for_each(drop));
        Self { address, server, _folder: folder }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}
