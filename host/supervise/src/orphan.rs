//! Pid files that outlive us: which process was ours, even when its pid was given to another since.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tracing::info;

/// Why an orphan could not be ended.
#[derive(Debug, thiserror::Error)]
pub enum OrphanError {
    #[error("access the pid file {}", path.display())]
    PidFile { path: PathBuf, source: io::Error },
    #[error("end process {pid}, left by an earlier run (pid file {})", path.display())]
    End { pid: i32, path: PathBuf, source: io::Error },
    #[error("process {pid}, left by an earlier run, does not end: end it by hand")]
    Deaf { pid: i32 },
}

/// Records a process as `PID STARTTIME`, the start time in ticks since the machine's start as /proc has it.
pub(crate) fn record(path: &Path, pid: u32) -> Result<(), OrphanError> {
    let fail = |source| OrphanError::PidFile { path: path.to_owned(), source };
    let pid = i32::try_from(pid).map_err(|why| fail(io::Error::other(why)))?;
    let started = start_time(pid).ok_or_else(|| fail(io::Error::other("the process is gone already")))?;
    fs::write(path, format!("{pid} {started}\n")).map_err(fail)
}

/// Ends the process that a pid file names, if it still runs and is the same: SIGTERM, and SIGKILL after `patience`.
/// Blocks.
pub fn end_orphan(path: &Path, patience: Duration) -> Result<(), OrphanError> {
    let fail = |source| OrphanError::PidFile { path: path.to_owned(), source };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(why) => return Err(fail(why)),
    };
    if let Some((pid, started)) = parse(&text) {
        end(path, pid, started, patience)?;
    }
    fs::remove_file(path).map_err(fail)
}

/// A torn file names nobody.
fn parse(text: &str) -> Option<(i32, u64)> {
    let (pid, started) = text.trim().split_once(' ')?;
    Some((pid.parse().ok()?, started.parse().ok()?))
}

fn end(path: &Path, pid: i32, started: u64, patience: Duration) -> Result<(), OrphanError> {
    let fail =
        |source: rustix::io::Errno| OrphanError::End { pid, path: path.to_owned(), source: source.into() };
    let Some(raw) = Pid::from_raw(pid) else { return Ok(()) };
    let handle = match pidfd_open(raw, PidfdFlags::empty()) {
        Ok(handle) => handle,
        Err(rustix::io::Errno::SRCH) => return Ok(()),
        Err(why) => return Err(fail(why)),
    };
    // Compared after the pidfd is open: from here on it cannot come to mean another process.
    if start_time(pid) != Some(started) {
        return Ok(());
    }
    info!(pid, "ending a process left by an earlier run");
    for (signal, wait) in [(Signal::TERM, patience), (Signal::KILL, Duration::from_secs(5))] {
        match pidfd_send_signal(&handle, signal) {
            Ok(()) => {}
            Err(rustix::io::Errno::SRCH) => return Ok(()),
            Err(why) => return Err(fail(why)),
        }
        let wait = Timespec {
            tv_sec: wait.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: wait.subsec_nanos().into(),
        };
        if poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&wait)).map_err(fail)? > 0 {
            return Ok(());
        }
    }
    Err(OrphanError::Deaf { pid })
}

/// Field 22 of `/proc/PID/stat`, counted past the name, which may hold spaces and parentheses.
fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "the process under test is nobody's unit")]
    fn sleeper() -> std::process::Child {
        std::process::Command::new("sleep").arg("600").spawn().unwrap()
    }

    #[test]
    fn a_recorded_process_is_ended_and_its_file_removed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let mut child = sleeper();
        record(&file, child.id()).unwrap();
        end_orphan(&file, Duration::from_secs(5)).unwrap();
        assert!(!child.wait().unwrap().success());
        assert!(!file.exists());
    }

    #[test]
    fn a_pid_that_went_to_another_process_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let mut child = sleeper();
        fs::write(&file, format!("{} 1\n", child.id())).unwrap();
        end_orphan(&file, Duration::from_secs(5)).unwrap();
        assert!(child.try_wait().unwrap().is_none(), "the process still runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_torn_pid_file_names_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        fs::write(&file, "12").unwrap();
        end_orphan(&file, Duration::from_secs(5)).unwrap();
        assert!(!file.exists());
    }
}
