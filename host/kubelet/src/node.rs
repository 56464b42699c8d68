//! The Node object of this machine: registered, its status kept, its lease renewed.

mod lease;
mod object;

use std::sync::Arc;
use std::time::Duration;

use client::{Api, ApiError, Patch};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerImage, Node, NodeStatus};
use objects::tree::to_tree;
use objects::{Tree, tree};
use supervise::Backoff;
use tokio::time::Instant;

use crate::kubelet::Context;
use crate::machine::Usage;

pub(crate) use lease::renew;
pub(crate) use object::{RuntimeState, allocatable};

/// How often the node looks at itself, and how often it says so when nothing has changed: upstream's figures.
const LOOK: Duration = Duration::from_secs(10);
const REPORT: Duration = Duration::from_secs(300);
/// Delays after an error: the node is to be Ready soon after the API server answers.
const FIRST_DELAY: Duration = Duration::from_millis(50);
const LAST_DELAY: Duration = Duration::from_secs(7);
/// Images that a Node lists at most, the largest first.
const IMAGES: usize = 50;

/// Keeps the Node; never ends.
pub(crate) async fn keep(context: Arc<Context>) {
    let nodes = context.client.cluster::<Node>();
    let mut runtime = context.runtime_state.subscribe();
    let mut backoff = Backoff::new(FIRST_DELAY, LAST_DELAY);
    let mut said: Option<(NodeStatus, Instant)> = None;
    loop {
        runtime.borrow_and_update();
        let last = said.as_ref().map(|(status, _)| status);
        let status = look(&context, last).await;
        let due = said
            .as_ref()
            .is_none_or(|(last, at)| at.elapsed() >= REPORT || !object::says_the_same(last, &status));
        let mut pause = LOOK;
        if due {
            match say(&context, &nodes, status).await {
                Ok(status) => {
                    backoff.reset();
                    context
                        .status
                        .send_if_modified(|kubelet| !std::mem::replace(&mut kubelet.registered, true));
                    said = Some((status, Instant::now()));
                }
                Err(error) => {
                    pause = backoff.next_delay();
                    tracing::debug!(%error, "write the node's status");
                }
            }
        }
        tokio::select! {
            _ = runtime.changed() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// The status as it is now, with the times of `last`.
async fn look(context: &Context, last: Option<&NodeStatus>) -> NodeStatus {
    let runtime = context.runtime_state.borrow().clone();
    let images = match &runtime {
        RuntimeState::Up(_) => images(context).await,
        _ => last.and_then(|last| last.images.clone()).unwrap_or_default(),
    };
    let usage = Usage::read(&context.config.root).ok();
    object::status(&context.config, &context.machine, usage, &runtime, images, last, Timestamp::now())
}

async fn images(context: &Context) -> Vec<ContainerImage> {
    let mut images = match context.runtime.images().await {
        Ok(images) => images,
        Err(error) => {
            tracing::debug!(%error, "list the images of the node");
            return Vec::new();
        }
    };
    images.sort_by_key(|image| std::cmp::Reverse(image.size));
    let entry = |image: cri::Image| ContainerImage {
        names: Some(image.repo_digests.into_iter().chain(image.repo_tags).collect()),
        size_bytes: i64::try_from(image.size).ok(),
    };
    images.into_iter().take(IMAGES).map(entry).collect()
}

/// Writes the status, registering the node if the API server has none.
async fn say(context: &Context, nodes: &Api<Node>, status: NodeStatus) -> Result<NodeStatus, ApiError> {
    let name = &context.config.node_name;
    let mut status = object::with_heartbeat(status, Timestamp::now());
    let Some(old) = nodes.find(name).await? else {
        let node = object::node(&context.config, &context.machine, status);
        let status = node.status.clone().unwrap_or_default();
        return match nodes.create(&node).await {
            // A Node may be created without its status.
            Ok(node) => patch(nodes, name, &node, status).await,
            Err(error) => Err(error),
        };
    };
    let labels = object::labels(&context.config, &context.machine);
    let has = |(key, value): (&String, &String)| {
        old.metadata.labels.as_ref().and_then(|labels| labels.get(key)) == Some(value)
    };
    if !labels.iter().all(has) {
        let labels: Vec<(String, Tree)> =
            labels.into_iter().map(|(key, value)| (key, Tree::from(value))).collect();
        let mut metadata = tree!({});
        labels.into_iter().for_each(|(key, value)| metadata.set_at(&["labels", &key], value));
        nodes.patch(name, &Patch::Merge(tree!({ "metadata": (metadata) }))).await?;
    }
    object::adopt_foreign(&mut status, old.status.as_ref());
    patch(nodes, name, &old, status).await
}

async fn patch(
    nodes: &Api<Node>,
    name: &str,
    old: &Node,
    status: NodeStatus,
) -> Result<NodeStatus, ApiError> {
    let tree = |status: &NodeStatus| to_tree(status).expect("a status is made of maps with text keys");
    let before = tree(&old.status.clone().unwrap_or_default());
    if let Some(diff) = before.merge_diff(&tree(&status)) {
        nodes.patch_status(name, &Patch::Merge(tree!({ "status": (diff) }))).await?;
    }
    Ok(status)
}
