//! From the start of the process to a ready API and a ready node.

use std::time::{Duration, Instant};

use admin::operation::Status;
use admin::{Client, StatusReport, UnitState};
use anyhow::{Result, bail};
use support::Node;

use crate::{Figure, median};

const ROUNDS: usize = 5;
const LIMIT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(2);

struct Start {
    api: Duration,
    node: Duration,
}

pub(crate) async fn measure(node: &mut Node) -> Result<Vec<Figure>> {
    let fresh = start(node).await?;
    let mut again = Vec::new();
    for _ in 0..ROUNDS {
        node.stop();
        again.push(start(node).await?);
    }
    let of = |pick: fn(&Start) -> Duration| median(again.iter().map(pick).collect());
    Ok(vec![
        figure("start without data to a ready API", fresh.api, "1 s"),
        figure("start without data to a ready node", fresh.node, "2 s"),
        figure("start with data to a ready API", of(|start| start.api), "0.3 s"),
        figure("start with data to a ready node", of(|start| start.node), "2 s"),
    ])
}

fn figure(name: &'static str, value: Duration, goal: &'static str) -> Figure {
    Figure { name, value: format!("{:.0} ms", value.as_secs_f64() * 1e3), goal }
}

async fn start(node: &mut Node) -> Result<Start> {
    let client = Client::new(&node.path("run/mk8s.sock"));
    let began = Instant::now();
    node.start();
    let mut api = None;
    loop {
        if let Ok(report) = client.ask(&Status {}).await {
            api = api.or_else(|| serves(&report).then(|| began.elapsed()));
            if let (Some(api), true) = (api, report.ready) {
                return Ok(Start { api, node: began.elapsed() });
            }
        }
        if began.elapsed() > LIMIT {
            bail!("the node is not ready after {LIMIT:?}: {}", node.log());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The API answers, and knows who asks.
fn serves(report: &StatusReport) -> bool {
    let ready = |name| report.units.iter().any(|unit| unit.name == name && unit.state == UnitState::Ready);
    ready("apiserver") && ready("addons")
}
