//! From the POST of a pod with a local image to its phase Running, one pod at a time.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use client::{Api, DeleteOptions, WatchEvent, WatchOptions};
use k8s_openapi::api::core::v1::Pod;
use support::{IMAGE, Node};

use crate::{Figure, client, median};

const ROUNDS: usize = 20;

pub(crate) async fn measure(node: &Node) -> Result<Vec<Figure>> {
    let pods = client(node)?.namespaced::<Pod>("default");
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        times.push(run(&pods, &format!("p{round}")).await?);
    }
    let worst = times.iter().max().copied().unwrap_or_default();
    let text = |time: Duration| format!("{:.0} ms", time.as_secs_f64() * 1e3);
    Ok(vec![
        Figure { name: "POST of a pod to Running, median", value: text(median(times)), goal: "250 ms" },
        Figure { name: "POST of a pod to Running, worst", value: text(worst), goal: "" },
    ])
}

async fn run(pods: &Api<Pod>, name: &str) -> Result<Duration> {
    let pod: Pod = serde_json::from_value(serde_json::json!({
        "metadata": { "name": name },
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{ "name": "main", "image": IMAGE, "command": ["sleep", "1000000"] }]
        }
    }))?;
    let options = WatchOptions { field_selector: format!("metadata.name={name}"), ..WatchOptions::default() };
    let mut watch = pods.watch(&options).await?;
    let began = Instant::now();
    pods.create(&pod).await?;
    loop {
        let event = watch.next().await.context("the watch ended")??;
        let (WatchEvent::Added(seen) | WatchEvent::Modified(seen)) = event else { continue };
        match seen.status.and_then(|status| status.phase).as_deref() {
            Some("Running") => break,
            Some("Failed") => bail!("pod {name} failed"),
            _ => {}
        }
    }
    let time = began.elapsed();
    pods.delete(name, &DeleteOptions::default()).await?;
    while !matches!(watch.next().await.context("the watch ended")??, WatchEvent::Deleted(_)) {}
    Ok(time)
}
