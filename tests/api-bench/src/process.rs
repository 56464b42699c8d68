//! A server that this program started, which is this program again; and what the kernel counts of it.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

pub(crate) struct Process(Child);

impl Process {
    /// Starts this program with other arguments; gives the line that it says when it serves.
    pub(crate) fn start(arguments: [&OsStr; 2]) -> Result<(Self, String)> {
        #[expect(
            clippy::disallowed_methods,
            reason = "a bench is no service: the child is its own, and ends with it"
        )]
        let mut command = Command::new(std::env::current_exe()?);
        let mut process = Self(command.args(arguments).stdout(Stdio::piped()).spawn()?);
        let mut line = String::new();
        BufReader::new(process.0.stdout.take().context("piped above")?).read_line(&mut line)?;
        let line = line.trim().to_owned();
        anyhow::ensure!(!line.is_empty(), "{arguments:?} ended before it served");
        Ok((process, line))
    }

    /// Time on a processor so far, of every thread that is or was.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let text = self.read("stat")?;
        // The name, which may hold anything, ends with the last bracket; utime and stime are fields 14 and 15.
        let (_, fields) = text.rsplit_once(") ").context("stat")?;
        let fields: Vec<_> = fields.split(' ').collect();
        let [user, system] = [fields[11], fields[12]].map(str::parse::<u64>);
        #[expect(clippy::cast_precision_loss, reason = "ticks a second are few")]
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        Ok(Duration::from_secs(user? + system?).div_f64(ticks))
    }

    /// Megabytes of memory.
    pub(crate) fn resident(&self) -> Result<f64> {
        let status = self.read("status")?;
        let value = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(value.trim().trim_end_matches(" kB").parse::<f64>()? * 1024.0 / 1e6)
    }

    fn read(&self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.0.id());
        fs::read_to_string(&path).with_context(|| format!("read {path}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
