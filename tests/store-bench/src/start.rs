//! From the start of the process to the first answer of a store that is not empty, and its memory then. What the puts before
//! superseded is compacted, as time would have done.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::server::Server;
use crate::table::{Row, median};

const ROUNDS: usize = 3;
/// What a server does at its start is done by then.
const SETTLE: Duration = Duration::from_secs(2);

pub(crate) async fn measure(etcd: &mut Server, ours: &mut Server) -> Result<Vec<Row>> {
    for server in [&*etcd, &*ours] {
        server.compact().await?;
    }
    let mut times = [const { Vec::new() }; 2];
    for _ in 0..ROUNDS {
        for (server, times) in [&mut *etcd, &mut *ours].into_iter().zip(&mut times) {
            times.push(start(server).await?.as_secs_f64() * 1e3);
        }
    }
    tokio::time::sleep(SETTLE).await;
    let row = |figure: &str, [etcd, ours]: [f64; 2], goal| Row {
        figure: figure.to_owned(),
        etcd,
        ours,
        nothing: None,
        goal,
    };
    let resident = [etcd.process()?.resident()?, ours.process()?.resident()?].map(|bytes| bytes as f64 / 1e6);
    Ok(vec![
        row("start with 100,000 KB to the first get, ms", times.map(median), "1,000 ms"),
        row("resident memory after it, MB", resident, "250 MB"),
    ])
}

async fn start(server: &mut Server) -> Result<Duration> {
    server.stop()?;
    let began = Instant::now();
    server.start()?;
    server.answers().await?;
    Ok(began.elapsed())
}
