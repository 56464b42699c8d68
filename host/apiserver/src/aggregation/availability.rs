//! Whether aggregated servers answer: their APIServices say so in the condition `Available`. What those that do tell of
//! their group versions is kept.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use objects::resource::Verb;
use objects::{Tree, meta, tree};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::ask::{self, Failed};
use super::{Aggregator, Remote, remote};
use crate::call::{Call, Place};
use crate::registry::Served;

/// How often a server is asked that nothing is heard of, as upstream.
const EVERY: Duration = Duration::from_secs(30);

/// What was found about a server: the condition's status, reason and message.
struct Finding {
    status: &'static str,
    reason: &'static str,
    message: String,
}

/// Looks at each server in turn whenever an APIService, a Service or an EndpointSlice changes, and from time to time.
pub(super) async fn run(aggregator: Aggregator, stop: CancellationToken) {
    let watched = [remote::ROW, ("", "v1", "services"), ("discovery.k8s.io", "v1", "endpointslices")];
    let rest = aggregator.0.rest.clone();
    let rows: Vec<Arc<Served>> = watched
        .iter()
        .filter_map(|(group, version, plural)| rest.registry().find(group, version, plural))
        .collect();
    let mut changes: Vec<_> = rows.iter().filter_map(|row| rest.view().changes(row)).collect();
    loop {
        let remotes = aggregator.remotes();
        tokio::select! {
            () = stop.cancelled() => return,
            () = look(&aggregator, &remotes) => {}
        }
        let changed = changes.iter_mut().map(|changed| Box::pin(changed.changed()));
        let every = if remotes.is_empty() { Duration::MAX } else { EVERY };
        tokio::select! {
            () = stop.cancelled() => return,
            () = pause(every) => {}
            _ = futures_util::future::select_all(changed) => {}
        }
    }
}

/// Asks each server. Of one that answers but tells nothing the last word counts. What is known of them is out before
/// their conditions say that they answer.
async fn look(aggregator: &Aggregator, remotes: &[Arc<Remote>]) {
    let (mut findings, mut news) = (Vec::new(), Vec::new());
    for remote in remotes {
        let (told, finding) = match find(aggregator, remote).await {
            Ok(list) => (ask::told(aggregator, remote, &list).await.ok(), Finding::passed()),
            Err(finding) => (None, finding),
        };
        news.push((Arc::clone(remote), told));
        findings.push(finding);
    }
    aggregator.neighbours().replace(news);
    for (remote, finding) in remotes.iter().zip(findings) {
        record(aggregator, remote, finding).await;
    }
}

impl Finding {
    fn passed() -> Self {
        Self { status: "True", reason: "Passed", message: "all checks passed".to_owned() }
    }

    fn failed(reason: &'static str, message: String) -> Self {
        Self { status: "False", reason, message }
    }
}

async fn pause(time: Duration) {
    match time {
        Duration::MAX => std::future::pending().await,
        time => tokio::time::sleep(time).await,
    }
}

/// The plain list of resources of a server that answers.
async fn find(aggregator: &Aggregator, remote: &Remote) -> Result<Bytes, Finding> {
    let no = |reason, message| Err(Finding::failed(reason, message));
    let service = &remote.service;
    let at = format!("{}/{}", service.namespace, service.name);
    let rest = &aggregator.0.rest;
    let found = rest.registry().find("", "v1", "services");
    if found.and_then(|row| rest.get_tree(&row, &service.namespace, &service.name)).is_none() {
        return no(
            "ServiceNotFound",
            format!("service/{} in {:?} is not present", service.name, service.namespace),
        );
    }
    if service.resolve(rest.view()).is_err() {
        return no(
            "MissingEndpoints",
            format!(
                "endpoints for service/{} in {:?} have no addresses with port name \"\"",
                service.name, service.namespace
            ),
        );
    }
    let address = ask::address(remote);
    ask::resources(aggregator, remote).await.map_err(|failed| {
        let why = match failed {
            Failed::Status(code) => format!("bad status from https://{at}{address}: {}", code.as_u16()),
            Failed::Other(why) => why,
        };
        let message = format!("failing or missing response from https://{at}{address}: {why}");
        Finding::failed("FailedDiscoveryCheck", message)
    })
}

/// Writes a condition that is news.
async fn record(aggregator: &Aggregator, remote: &Remote, finding: Finding) {
    let rest = &aggregator.0.rest;
    let (group, version, plural) = remote::ROW;
    let Some(row) = rest.registry().find(group, version, plural) else { return };
    let Some(mut service) = rest.get_tree(&row, "", &remote.name) else { return };
    let conditions = service.make(&["status", "conditions"]);
    let is = |tree: &Tree| tree.str_at(&["type"]) == Some("Available");
    let old = conditions.items().iter().find(|tree| is(tree)).cloned().unwrap_or(Tree::Null);
    let Finding { status, reason, message } = finding;
    let same = [("status", status), ("reason", reason), ("message", message.as_str())]
        .iter()
        .all(|(key, value)| old.str_at(&[key]) == Some(value));
    if same {
        return;
    }
    let since = match old.str_at(&["status"]) == Some(status) {
        true => old.str_at(&["lastTransitionTime"]).unwrap_or_default().to_owned(),
        false => meta::rfc3339(supervise::clock::now()),
    };
    let new = tree!({
        "type": "Available", "status": status, "lastTransitionTime": since, "reason": reason, "message": message
    });
    let mut list: Vec<Tree> = conditions.items().iter().filter(|tree| !is(tree)).cloned().collect();
    list.push(new);
    *conditions = Tree::Array(list);
    let place = Place { name: &remote.name, subresource: "status", ..Place::default() };
    let call = Call::own(row, Verb::Update, place, &service);
    match rest.answer(call).await {
        // Who changed it in between made news, after which it is looked at again.
        Err(status) if status.code != 409 && status.code != 404 => {
            warn!(apiservice = remote.name, %status, "cannot record whether an aggregated API is available");
        }
        _ => {}
    }
}
