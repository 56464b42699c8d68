//! One write that many watchers are told of.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use futures_util::future::try_join_all;
use http::{Method, Response};
use http_body_util::BodyExt;
use net::Body;

use crate::objects::{WRITTEN, config_map};
use crate::servers::{Connection, Server};
use crate::table::{Row, Step, median, number};

/// The most connections that watchers share.
const CONNECTIONS: usize = 100;
const SIZES: [usize; 4] = [1, 100, 1000, 5000];
const WRITES: usize = 20;

pub(crate) const COLUMNS: [&str; 2] = ["all are told after ms", "server us each"];

pub(crate) async fn measure(server: &Server) -> Result<Vec<Step>> {
    let writer = server.connection()?;
    writer.create(WRITTEN, config_map("many")).await?;
    let connections: Vec<_> = (0..CONNECTIONS).map(|_| server.shared_connection()).collect::<Result<_>>()?;
    let mut watchers: Vec<Lines> = Vec::new();
    let mut steps = Vec::new();
    for size in SIZES {
        while watchers.len() < size {
            watchers.push(watch(&connections[watchers.len() % CONNECTIONS]).await?);
        }
        steps.push(round(server, &writer, &mut watchers).await?);
    }
    Ok(steps)
}

/// The figures at the largest size.
pub(crate) fn rows(steps: &[Step]) -> impl Iterator<Item = Row> {
    let told = |at: usize| steps.last().and_then(|last| last.values[at]).map(number).unwrap_or_default();
    let rows = [
        Row { figure: "write to 5,000 watchers, all are told after ms", measured: told(0), goal: "100" },
        Row { figure: "write to 5,000 watchers, server CPU each in us", measured: told(1), goal: "8" },
    ];
    rows.into_iter()
}

async fn watch(connection: &Connection) -> Result<Lines> {
    let path = format!("{WRITTEN}?watch=true&fieldSelector=metadata.name%3Dmany");
    let mut lines = Lines::new(connection.open(Method::GET, &path, "", Bytes::new()).await?);
    lines.next().await.context("the state at the begin")?;
    Ok(lines)
}

async fn round(server: &Server, writer: &Connection, watchers: &mut [Lines]) -> Result<Step> {
    let before = server.cpu()?;
    let mut took = Vec::new();
    for step in 0..WRITES {
        let began = Instant::now();
        let patch = format!(r#"{{"metadata":{{"labels":{{"step":"{}-{step}"}}}}}}"#, watchers.len());
        let write = writer.merge("/api/v1/namespaces/bench-write/configmaps/many", patch.into());
        let told = try_join_all(watchers.iter_mut().map(Lines::next));
        tokio::try_join!(write, told)?;
        took.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let spent = before.zip(server.cpu()?).map(|(before, after)| (after - before).as_secs_f64() * 1e6);
    let each = spent.map(|spent| spent / (WRITES * watchers.len()) as f64);
    Ok(Step { size: watchers.len(), values: vec![Some(median(took)), each] })
}

/// The lines of a watch.
pub(crate) struct Lines(Body);

impl Lines {
    pub(crate) fn new(response: Response<Body>) -> Self {
        Self(response.into_body())
    }

    /// Waits for the end of the next line.
    pub(crate) async fn next(&mut self) -> Result<()> {
        loop {
            let frame = self.0.frame().await.context("the watch ended")?;
            let frame = frame.map_err(|error| anyhow::anyhow!(error))?;
            let Some(data) = frame.data_ref() else { continue };
            let ends = data.iter().filter(|byte| **byte == b'\n').count();
            ensure!(ends <= 1, "one write is one event");
            if ends == 1 {
                return Ok(());
            }
        }
    }
}
