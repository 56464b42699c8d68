//! How long after the answer to a write its event is at a watcher.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::Method;

use crate::objects::{WRITTEN, config_map};
use crate::servers::Server;
use crate::table::{Row, number};
use crate::watchers::Lines;

const WRITES: usize = 1000;
/// Writers do not come at once: the machine is quiet between two writes.
const PAUSE: Duration = Duration::from_micros(500);

pub(crate) async fn measure(server: &Server) -> Result<Row> {
    let (writer, watcher) = (server.connection()?, server.connection()?);
    writer.create(WRITTEN, config_map("watched")).await?;
    let watch = format!("{WRITTEN}?watch=true&fieldSelector=metadata.name%3Dwatched");
    let mut lines = Lines::new(watcher.open(Method::GET, &watch, "", Bytes::new()).await?);
    lines.next().await.context("the state at the begin")?;
    let path = format!("{WRITTEN}/watched");
    let mut late = Vec::with_capacity(WRITES);
    for step in 0..WRITES {
        let write = async {
            let patch = format!(r#"{{"metadata":{{"labels":{{"step":"{step}"}}}}}}"#);
            writer.merge(&path, patch.into()).await?;
            anyhow::Ok(Instant::now())
        };
        let told = async {
            lines.next().await?;
            anyhow::Ok(Instant::now())
        };
        let (answered, told) = tokio::try_join!(write, told)?;
        late.push(told.saturating_duration_since(answered));
        tokio::time::sleep(PAUSE).await;
    }
    late.sort();
    let at = |share: usize| late[late.len() * share / 100].as_secs_f64() * 1e3;
    Ok(Row {
        figure: "event after the answer to its write, ms: p50, p99",
        measured: format!("{}, {}", number(at(50)), number(at(99))),
        goal: "p99 under 1",
    })
}
