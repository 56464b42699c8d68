//! The figures of the scheduler in a whole control plane: API server over a store in memory, controllers, and nodes that
//! say that they run their pods, in one process and in real time. One run, two tables; nothing is asserted.
//!
//! Each size has a process of its own, which is this program again as `scheduler-bench NODES PODS`.

#![allow(clippy::print_stdout, reason = "the table is what this program is for")]

mod cluster;
mod process;

use anyhow::{Context, Result, bail};
use process::Outcome;

/// Nodes and pods whose figures have goals.
const GOALS: [(usize, usize); 2] = [(100, 1000), (1000, 10_000)];
/// Nodes and pods that show how it grows.
const GROWTH: [(usize, usize); 4] = [(1, 100), (10, 1000), (100, 1000), (5000, 1000)];

/// As the node has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "this is the command line of a program of its own")]
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => print(),
        [nodes, pods] => {
            let size = (nodes.parse().context("NODES")?, pods.parse().context("PODS")?);
            println!("{}", process::here(|| cluster::measure(size))?);
            Ok(())
        }
        _ => bail!("scheduler-bench takes no arguments, or NODES and PODS"),
    }
}

fn print() -> Result<()> {
    let [small, large] = GOALS.map(process::measure);
    let (small, large) = (small?, large?);
    println!("{:<56} {:>12}   goal", "figure", "measured");
    let row = |figure: &str, measured: String, goal: &str| println!("{figure:<56} {measured:>12}   {goal}");
    let milliseconds = |seconds: f64| format!("{:.2} ms", seconds * 1e3);
    row("POST of a pod to its node, of 1,000 nodes, median", milliseconds(large.middle), "");
    row("POST of a pod to its node, of 1,000 nodes, p99", milliseconds(large.late), "5 ms");
    row("Deployment of 1,000 pods over 100 nodes, all bound", format!("{:.1} s", small.all), "3 s");
    row("Deployment of 10,000 pods over 1,000 nodes, all bound", format!("{:.1} s", large.all), "40 s");
    row("  processors' time, of everything in the process", format!("{:.1} s", large.cpu), "");
    row("  memory, of everything in the process", format!("{:.0} MB", large.memory), "500 MB");
    println!();
    println!(
        "{:>8} {:>8} {:>14} {:>14} {:>10} {:>10}",
        "nodes", "pods", "one, median", "one, p99", "all", "memory"
    );
    let mut sizes: Vec<((usize, usize), Outcome)> = vec![(GOALS[1], large)];
    for size in GROWTH {
        sizes.push((size, process::measure(size)?));
    }
    sizes.sort_by_key(|(size, _)| *size);
    for ((nodes, pods), Outcome { middle, late, all, memory, .. }) in sizes {
        let (middle, late) = (milliseconds(middle), milliseconds(late));
        println!("{nodes:>8} {pods:>8} {middle:>14} {late:>14} {all:>8.1} s {memory:>7.0} MB");
    }
    Ok(())
}
