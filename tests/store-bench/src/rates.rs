//! Requests a second and the server's time on a processor for each, by kind of request and number of clients.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::disk;
use crate::load::{Clients, Operation, Work};
use crate::server::Server;
use crate::table::{Limit, Row, median};

const ROUNDS: usize = 3;
const WARM_UP: Duration = Duration::from_millis(200);
const WINDOW: Duration = Duration::from_secs(1);

struct Workload {
    name: &'static str,
    operation: Operation,
    clients: usize,
    /// What every store has to do for a request.
    least: Least,
    goal: &'static str,
    cpu_goal: &'static str,
}

#[derive(Clone, Copy)]
enum Least {
    Echo,
    /// Nobody shares the fsync.
    EchoAndFsync,
}

const WORKLOADS: &[Workload] = &[
    Workload {
        name: "put of 1 KB, 1 client",
        operation: Operation::Put,
        clients: 1,
        least: Least::EchoAndFsync,
        goal: "1.5x",
        cpu_goal: "0.25x",
    },
    Workload {
        name: "put of 1 KB, 64 clients",
        operation: Operation::Put,
        clients: 64,
        least: Least::Echo,
        goal: "2.5x",
        cpu_goal: "0.25x",
    },
    Workload {
        name: "get of 1 KB, 1 client",
        operation: Operation::Get,
        clients: 1,
        least: Least::Echo,
        goal: "1.8x",
        cpu_goal: "0.25x",
    },
    Workload {
        name: "get of 1 KB, 16 clients",
        operation: Operation::Get,
        clients: 16,
        least: Least::Echo,
        goal: "2.5x",
        cpu_goal: "0.25x",
    },
    Workload {
        name: "range of 1,000 KB, 1 client",
        operation: Operation::Range,
        clients: 1,
        least: Least::Echo,
        goal: "2.5x",
        cpu_goal: "",
    },
];

#[derive(Clone, Copy)]
struct Rate {
    per_second: f64,
    /// Microseconds of the server for one request.
    cpu: f64,
}

/// What the servers did of one kind.
pub(crate) struct Rates {
    workload: &'static Workload,
    etcd: Rate,
    ours: Rate,
    nothing: Rate,
    /// How many the disk did meanwhile, where they are counted.
    fsyncs: Option<f64>,
}

/// etcd, ours, and the one that does nothing, each again and again in turn; the disk that is in `folder` too.
pub(crate) async fn measure(servers: [&Server; 3], folder: &Path) -> Result<Vec<Rates>> {
    let most = WORKLOADS.iter().map(|workload| workload.clients).max().unwrap_or_default();
    let mut clients = Vec::new();
    for server in servers {
        clients.push((server, Clients::new(server, most)?));
    }
    let mut all = Vec::new();
    for workload in WORKLOADS {
        let (mut rounds, mut fsyncs) = ([const { Vec::new() }; 3], Vec::new());
        for _ in 0..ROUNDS {
            if let Least::EchoAndFsync = workload.least {
                fsyncs.push(disk::fsyncs(folder)?);
            }
            for ((server, clients), rounds) in clients.iter().zip(&mut rounds) {
                rounds.push(round(server, clients, workload).await?);
            }
        }
        let [etcd, ours, nothing] = rounds.map(|rounds: Vec<Rate>| Rate {
            per_second: median(rounds.iter().map(|rate| rate.per_second).collect()),
            cpu: median(rounds.iter().map(|rate| rate.cpu).collect()),
        });
        let fsyncs = (!fsyncs.is_empty()).then(|| median(fsyncs));
        all.push(Rates { workload, etcd, ours, nothing, fsyncs });
    }
    Ok(all)
}

async fn round(server: &Server, clients: &Clients, workload: &Workload) -> Result<Rate> {
    clients.run(workload.clients, Work::lasting(workload.operation, WARM_UP)).await?;
    let (began, before) = (Instant::now(), server.process()?.cpu()?);
    let answered = clients.run(workload.clients, Work::lasting(workload.operation, WINDOW)).await? as f64;
    let cpu = server.process()?.cpu()? - before;
    Ok(Rate { per_second: answered / began.elapsed().as_secs_f64(), cpu: cpu.as_secs_f64() * 1e6 / answered })
}

impl Rates {
    pub(crate) fn rows(&self) -> [Row; 2] {
        let Self { workload, etcd, ours, nothing, .. } = self;
        let row = |unit: &str, goal, pick: fn(&Rate) -> f64| Row {
            figure: format!("{}, {unit}", workload.name),
            etcd: pick(etcd),
            ours: pick(ours),
            nothing: Some(pick(nothing)),
            goal,
        };
        [
            row("a second", workload.goal, |rate| rate.per_second),
            row("server CPU in us", workload.cpu_goal, |rate| rate.cpu),
        ]
    }

    /// What a store could do at most.
    pub(crate) fn limits(&self) -> Vec<Limit> {
        let Self { workload, ours, nothing, fsyncs, .. } = self;
        let limit = |what: &str, per_second: f64| Limit {
            what: format!("{}: {what}", workload.name),
            per_second,
            reached: Some(ours.per_second / per_second),
        };
        let echoes = nothing.per_second;
        match *fsyncs {
            None => vec![limit("an echo", echoes)],
            Some(fsyncs) => vec![
                Limit { what: "fsync of 1 KB".to_owned(), per_second: fsyncs, reached: None },
                limit("an echo and an fsync", 1.0 / (1.0 / echoes + 1.0 / fsyncs)),
            ],
        }
    }
}
