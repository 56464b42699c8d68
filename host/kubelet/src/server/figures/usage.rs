//! What the whole machine uses, from /proc.

use std::fs;
use std::io;

use jiff::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeUsage {
    pub(super) booted: Timestamp,
    pub(super) cpu_nanoseconds: u64,
    pub(super) memory_total: u64,
    pub(super) memory_free: u64,
    pub(super) memory_available: u64,
}

impl NodeUsage {
    pub(super) fn read() -> io::Result<Self> {
        let (stat, meminfo) = (fs::read_to_string("/proc/stat")?, fs::read_to_string("/proc/meminfo")?);
        Self::parse(&stat, &meminfo, rustix::param::clock_ticks_per_second())
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a figure is missing"))
    }

    fn parse(stat: &str, meminfo: &str, ticks_per_second: u64) -> Option<Self> {
        let stat_line = |name: &str| stat.lines().find_map(|line| line.strip_prefix(name));
        // user, nice, system, idle, iowait, irq, softirq, steal; the guests' are in the user's.
        let cpu: Vec<u64> =
            stat_line("cpu ")?.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
        let busy = [0, 1, 2, 5, 6, 7].iter().filter_map(|column| cpu.get(*column)).sum::<u64>();
        let kibibytes = |name: &str| {
            let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u64>().ok().map(|kibibytes| kibibytes << 10)
        };
        Some(Self {
            booted: Timestamp::from_second(stat_line("btime ")?.trim().parse().ok()?).ok()?,
            cpu_nanoseconds: busy * (1_000_000_000 / ticks_per_second),
            memory_total: kibibytes("MemTotal:")?,
            memory_free: kibibytes("MemFree:")?,
            memory_available: kibibytes("MemAvailable:")?,
        })
    }

    pub(super) fn memory_working_set(&self) -> u64 {
        self.memory_total.saturating_sub(self.memory_available)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal:  100 kB\nMemFree:  10 kB\nMemAvailable:  60 kB\n";

    #[test]
    fn idle_time_is_no_usage_and_available_memory_no_working_set() {
        let stat = "cpu  100 10 50 9999 999 4 6 30 70 0\ncpu0 1 1 1 1\nbtime 1700000000\n";
        let usage = NodeUsage::parse(stat, MEMINFO, 100).unwrap();
        assert_eq!(usage.cpu_nanoseconds, 2_000_000_000);
        assert_eq!(usage.memory_working_set(), 40 << 10);
        assert_eq!(usage.booted.as_second(), 1_700_000_000);
    }

    #[test]
    fn a_missing_figure_is_no_zero() {
        assert_eq!(NodeUsage::parse("cpu  1 1 1 1\n", MEMINFO, 100), None);
        assert_eq!(NodeUsage::parse("cpu  1 1 1 1\nbtime 1\n", "MemTotal: 1 kB\n", 100), None);
    }
}
