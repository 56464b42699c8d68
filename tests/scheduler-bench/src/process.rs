//! A process for each size: what it measures of itself, and how it tells the process that started it.

use std::fmt;
use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::cluster::Times;

pub(crate) struct Outcome {
    pub(crate) middle: f64,
    pub(crate) late: f64,
    pub(crate) all: f64,
    /// Seconds of processors.
    pub(crate) cpu: f64,
    /// Megabytes, at the most.
    pub(crate) memory: f64,
}

/// One line, which [`measure`] reads.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { middle, late, all, cpu, memory } = self;
        write!(f, "{middle} {late} {all} {cpu} {memory}")
    }
}

/// Measures here, with what the kernel counts of this process.
pub(crate) fn here(measure: impl FnOnce() -> Result<Times>) -> Result<Outcome> {
    let Times { middle, late, all } = measure()?;
    Ok(Outcome { middle, late, all, cpu: cpu()?, memory: memory()? })
}

/// Measures a size in another process.
pub(crate) fn measure((nodes, pods): (usize, usize)) -> Result<Outcome> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a bench is no service: the child is its own, and is waited for"
    )]
    let mut command = Command::new(std::env::current_exe()?);
    let child = command.args([nodes.to_string(), pods.to_string()]).stderr(Stdio::inherit());
    let output = child.output().context("start this program again")?;
    ensure!(output.status.success(), "{nodes} nodes and {pods} pods: {}", output.status);
    let line = String::from_utf8(output.stdout)?;
    let values: Vec<f64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let [middle, late, all, cpu, memory] = values[..] else { anyhow::bail!("five numbers, not {line}") };
    Ok(Outcome { middle, late, all, cpu, memory })
}

fn cpu() -> Result<f64> {
    let text = fs::read_to_string("/proc/self/stat").context("read stat")?;
    // The name, which may hold anything, ends with the last bracket; utime and stime are fields 14 and 15.
    let (_, fields) = text.rsplit_once(") ").context("stat")?;
    let fields: Vec<_> = fields.split(' ').collect();
    let ticks = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    #[expect(clippy::cast_precision_loss, reason = "ticks a second are few")]
    let per_second = rustix::param::clock_ticks_per_second() as f64;
    Ok(ticks / per_second)
}

fn memory() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status").context("read status")?;
    let value = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(value.trim().trim_end_matches(" kB").parse::<f64>()? * 1024.0 / 1e6)
}
