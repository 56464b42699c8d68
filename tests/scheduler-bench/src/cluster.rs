//! A control plane with nodes, and pods that are to be bound to them: one at a time, then all at once.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use client::{Api, DeleteOptions, Watch, WatchEvent, WatchOptions};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service};
use objects::{Tree, meta, tree};
use simulation::{Setup, World};

/// Pods that are bound one after another.
const ROUNDS: usize = 500;
/// For what a control plane has to do once its nodes are there.
const REST: Duration = Duration::from_secs(2);

/// Times in seconds.
pub(crate) struct Times {
    /// From the POST of a pod until a watch shows its node: the middle one and the hundredth part that is slowest.
    pub(crate) middle: f64,
    pub(crate) late: f64,
    /// From the POST of a Deployment until the last of its pods has its node.
    pub(crate) all: f64,
}

pub(crate) fn measure((nodes, pods): (usize, usize)) -> Result<Times> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let world = World::with(Setup { nodes: 0, ..Setup::default() }).await;
        for number in 0..nodes {
            let labels = tree!({ "topology.kubernetes.io/zone": (format!("zone-{}", number % 3)) });
            world.nodes.add(&format!("node-{number}"), tree!({ "metadata": { "labels": labels } })).await;
        }
        // Pods of a service are spread by default, which costs most.
        let service = tree!({
            "metadata": { "name": "web" }, "spec": { "selector": { "app": "web" }, "ports": [{ "port": 80 }] }
        });
        world.create::<Service>(service).await;
        tokio::time::sleep(REST).await;
        let api = world.client().namespaced::<Pod>("default").viewed::<Tree>();
        let mut times = one_by_one(&api).await.context("bind one pod at a time")?;
        let all = all_at_once(&world, &api, pods).await.context("bind many pods")?;
        times.sort_by(f64::total_cmp);
        Ok(Times { middle: times[times.len() / 2], late: times[times.len() * 99 / 100], all })
    })
}

fn pod(name: &str) -> Tree {
    let spec = spec();
    let metadata = tree!({ "name": name, "labels": { "app": "web" } });
    tree!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec })
}

fn spec() -> Tree {
    tree!({ "containers": [{
        "name": "main", "image": "web", "resources": { "requests": { "cpu": "50m", "memory": "64Mi" } }
    }] })
}

async fn one_by_one(api: &Api<Tree>) -> Result<Vec<f64>> {
    let mut watch = api.watch(&WatchOptions::default()).await?;
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let name = format!("one-{round}");
        let pod = pod(&name);
        let begun = Instant::now();
        api.create(&pod).await?;
        until_bound(&mut watch, &name).await?;
        times.push(begun.elapsed().as_secs_f64());
        api.delete(&name, &DeleteOptions::grace(0)).await?;
        while !matches!(next(&mut watch).await?, WatchEvent::Deleted(pod) if meta::name(&pod) == name) {}
    }
    Ok(times)
}

async fn all_at_once(world: &World, api: &Api<Tree>, pods: usize) -> Result<f64> {
    let mut watch = api.watch(&WatchOptions::default()).await?;
    let template = tree!({ "metadata": { "labels": { "app": "web" } }, "spec": (spec()) });
    let replicas = i64::try_from(pods)?;
    let spec = tree!({
        "replicas": replicas, "selector": { "matchLabels": { "app": "web" } }, "template": template
    });
    let begun = Instant::now();
    world.create::<Deployment>(tree!({ "metadata": { "name": "many" }, "spec": spec })).await;
    let mut bound = 0;
    while bound < pods {
        // The first change of a pod gives it its node, and no other change comes before its node knows of it.
        if let WatchEvent::Modified(pod) = next(&mut watch).await? {
            let is_new = pod.items_at(&["status", "conditions"]).len() == 1;
            bound += usize::from(is_new && has_node(&pod));
        }
    }
    Ok(begun.elapsed().as_secs_f64())
}

async fn until_bound(watch: &mut Watch<Tree>, name: &str) -> Result<()> {
    loop {
        match next(watch).await? {
            WatchEvent::Modified(pod) if meta::name(&pod) == name && has_node(&pod) => return Ok(()),
            _ => {}
        }
    }
}

async fn next(watch: &mut Watch<Tree>) -> Result<WatchEvent<Tree>> {
    Ok(watch.next().await.context("the watch ended")??)
}

fn has_node(pod: &Tree) -> bool {
    pod.str_at(&["spec", "nodeName"]).is_some_and(|node| !node.is_empty())
}
