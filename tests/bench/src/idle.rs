//! What a node uses when nothing happens.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use support::Node;

use crate::{Figure, megabytes};

const SETTLE: Duration = Duration::from_secs(10);
const WINDOW: Duration = Duration::from_secs(30);

pub(crate) fn measure(node: &Node) -> Result<Vec<Figure>> {
    std::thread::sleep(SETTLE);
    let pid = node.pid();
    let (began, before) = (Instant::now(), cpu(pid)?);
    std::thread::sleep(WINDOW);
    let used = (cpu(pid)? - before).as_secs_f64() / began.elapsed().as_secs_f64();
    Ok(vec![
        Figure {
            name: "idle, resident memory",
            value: format!("{:.1} MB", megabytes(resident(pid)?)),
            goal: "80 MB",
        },
        Figure { name: "idle, share of a core", value: format!("{:.2} %", used * 100.0), goal: "0.5 %" },
    ])
}

fn resident(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024)
}

/// Time on a processor so far; in /proc/PID/schedstat by thread, in nanoseconds.
fn cpu(pid: u32) -> Result<Duration> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(thread?.path().join("schedstat"))?;
        nanoseconds += text.split_whitespace().next().context("schedstat")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}
