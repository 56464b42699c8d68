//! A process on the machine, and what the kernel counts of it.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use support::eventually;

/// What `nsenter` has as its one child.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn new(nsenter: Child) -> Self {
        Self(nsenter)
    }

    /// Time on a processor so far, of every thread that is or was.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let text = self.read("stat")?;
        // The name, which may hold anything, ends with the last bracket; utime and stime are fields 14 and 15.
        let (_, fields) = text.rsplit_once(") ").context("stat")?;
        let fields: Vec<_> = fields.split(' ').collect();
        let [user, system] = [fields[11], fields[12]].map(str::parse::<u64>);
        Ok(Duration::from_secs(user? + system?).div_f64(rustix::param::clock_ticks_per_second() as f64))
    }

    /// Bytes of memory.
    pub(crate) fn resident(&self) -> Result<u64> {
        let kilobytes = self.field("status", "VmRSS:")?;
        Ok(kilobytes.trim_end_matches(" kB").parse::<u64>()? * 1024)
    }

    /// Bytes that were to go to a disk, in whole pages.
    pub(crate) fn written(&self) -> Result<u64> {
        Ok(self.field("io", "write_bytes:")?.parse()?)
    }

    fn field(&self, file: &str, name: &str) -> Result<String> {
        let text = self.read(file)?;
        let value = text.lines().find_map(|line| line.strip_prefix(name)).context("no such field")?;
        Ok(value.trim().to_owned())
    }

    fn read(&self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.pid()?.as_raw_nonzero());
        fs::read_to_string(&path).with_context(|| format!("read {path}"))
    }

    fn pid(&self) -> Result<Pid> {
        let parent = self.0.id();
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"))?;
        children.trim().parse().ok().and_then(Pid::from_raw).context("the server has ended")
    }

    /// SIGTERM, and the end.
    pub(crate) fn stop(mut self) -> Result<()> {
        kill_process(self.pid()?, Signal::TERM)?;
        let status = eventually("the end of a server", || match self.0.try_wait() {
            Ok(Some(status)) => Ok(status),
            other => Err(format!("{other:?}")),
        });
        // etcd ends itself with the signal that told it to.
        let told = status.success() || status.signal() == Some(Signal::TERM.as_raw());
        ensure!(told, "the server failed when it was stopped: {status}");
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(pid) = self.pid() {
            // It may be ending by itself.
            kill_process(pid, Signal::KILL).ok();
        }
        self.0.wait().ok();
    }
}
