//! A machine of the test's own: network, mount and process namespaces that end, with everything in them, when it is
//! dropped.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::wait::eventually;

/// What the machine does when it starts: an interface with an address of the documentation range, whose other end is in
/// the same namespace.
const BOOT: &str = "mount --make-rprivate / && \
    ip link set lo up && \
    ip link add eth0 type veth peer name cable && \
    ip addr add 192.0.2.10/24 dev eth0 && ip link set eth0 up && ip link set cable up && \
    ip route add default via 192.0.2.1 && \
    echo up && exec sleep infinity";

/// The namespaces, held by their first process.
pub struct Machine {
    /// `unshare`, whose child is the first process.
    holder: Child,
    /// The first process, as seen from outside.
    pid: u32,
}

impl Machine {
    /// # Panics
    /// Where this process may not make namespaces.
    pub fn start() -> Self {
        let mut holder = Command::new("unshare")
            .args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", BOOT])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("unshare is there: `make setup-tests` installs what tests need");
        let mut line = String::new();
        let mut output = std::io::BufReader::new(holder.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut output, &mut line).unwrap();
        assert_eq!(line, "up\n", "the test's machine did not start: these tests need root");
        let children = format!("/proc/{0}/task/{0}/children", holder.id());
        let pid = eventually("the first process", || {
            let text = fs::read_to_string(&children).map_err(|why| why.to_string())?;
            text.trim().parse().map_err(|_| format!("{children} holds {text:?}"))
        });
        Self { holder, pid }
    }

    /// A command that runs on the machine.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        enter(self.pid, program)
    }

    /// Runs on a thread of its own, all of whose sockets are the machine's.
    ///
    /// # Panics
    /// Where what is run does, or this process may not enter namespaces.
    pub fn inside<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let namespace = fs::File::open(format!("/proc/{}/ns/net", self.pid)).unwrap();
                move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
                run()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// The first process, as seen from outside.
    pub fn first(&self) -> u32 {
        self.pid
    }

    /// Ends every process on the machine; its first one takes the others along.
    ///
    /// # Panics
    /// Where the holder of the machine is gone already.
    pub fn end(&mut self) {
        self.holder.kill().expect("the holder is ours");
        self.holder.wait().expect("the holder is ours");
    }
}

/// A command that runs on the machine whose first process this is.
pub(crate) fn enter(first: u32, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["--target", &first.to_string(), "--net", "--mount", "--pid", "--"]).arg(program);
    command.stdin(Stdio::null());
    command
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.end();
    }
}
