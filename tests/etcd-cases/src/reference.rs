//! A real etcd, with a folder of its own that goes with it; it listens on unix sockets alone.

use std::fs::File;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use crate::check::Running;
use crate::connection::Endpoint;

/// etcd takes a socket for a host and a port, and makes a file of this name where it runs.
const CLIENTS: &str = "localhost:1";
const PEERS: &str = "localhost:2";

pub struct Etcd {
    process: Child,
    folder: tempfile::TempDir,
}

impl Etcd {
    /// Starts one with an empty store, and waits until it listens. It ends with what is returned, and at the latest with
    /// the thread that called.
    ///
    /// # Errors
    /// Where there is no etcd to start.
    #[expect(clippy::disallowed_methods, reason = "the test starts and reaches the etcd that it asks")]
    pub fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let log = File::create(folder.path().join("log"))?;
        let (clients, peers) = (format!("unix://{CLIENTS}"), format!("unix://{PEERS}"));
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "etcd", "--name=node", "--data-dir=data"])
            .args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients])
            .args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers])
            .args(["--initial-cluster", &format!("node={peers}")])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("setpriv and etcd are there: `make setup-tests` installs what tests need")?;
        let etcd = Self { process, folder };
        support::eventually("etcd's socket", || {
            let log = || std::fs::read_to_string(etcd.folder.path().join("log")).unwrap_or_default();
            UnixStream::connect(etcd.socket()).map_err(|error| format!("{error}\n{}", log()))
        });
        Ok(etcd)
    }

    fn socket(&self) -> PathBuf {
        self.path().join(CLIENTS)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Running for Etcd {
    fn endpoint(&self) -> Endpoint {
        Endpoint::Unix(self.socket())
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        // It may have ended by itself, which its cases have told.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
