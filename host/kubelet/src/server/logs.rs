//! `/containerLogs`: a container's log as `kubectl logs` wants it, read from the file that the runtime writes.

mod changes;
mod copy;
mod entry;
mod file;

use std::time::Duration;

use cri::{ContainerId, ContainerState};
use http::Response;
use http::request::Parts;
use jiff::Timestamp;
use net::{Body, body};
use supervise::Scope;

use super::endpoint::Target;
use super::failure::Failure;
use super::query::Query;
use super::reply;
use crate::handle::{ContainerView, KubeletHandle, KubeletStatus, Life};
use copy::{Copy, Options};
use file::LogFile;

/// Chunks that wait for a slow reader.
const CHUNKS: usize = 4;

pub(super) async fn answer(
    handle: &KubeletHandle,
    target: Target<'_>,
    head: &Parts,
    scope: &Scope,
) -> Result<Response<Body>, Failure> {
    let query = Query::of(&head.uri);
    let options = options(&query, Timestamp::now())?;
    let life = if query.flag("previous")? { Life::Previous } else { Life::Latest };
    let container = handle.logged(target.namespace, target.pod, target.container, life)?;
    let ContainerView { id, log_path: path, .. } = container;
    let opened = LogFile::open(&path, options.tail).await;
    let file = opened.map_err(|source| Failure::Read { what: path.display().to_string(), source })?;

    let (out, body) = body::channel(CHUNKS);
    let (mut status, stop) = (handle.status(), scope.token());
    scope.spawn("log", async move {
        let ended = async {
            // The kubelet itself has ended if nobody says any more what runs.
            status.wait_for(|status| !runs(status, &id)).await.map(drop).ok();
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = Copy::new(options, out).run(file, ended) => {}
        }
    });
    Ok(reply::stream("text/plain", body))
}

fn runs(status: &KubeletStatus, id: &ContainerId) -> bool {
    let mut containers = status.pods.values().flat_map(|view| &view.containers);
    containers.any(|container| container.id == *id && container.state == ContainerState::Running)
}

fn options(query: &Query, now: Timestamp) -> Result<Options, Failure> {
    let since_time = query.read::<Timestamp>("sinceTime")?;
    let since_seconds = query.read::<u64>("sinceSeconds")?;
    let since = match (since_time, since_seconds) {
        (Some(_), Some(_)) => return Err(Failure::TwoStarts),
        (None, Some(seconds)) => {
            Some(now.checked_sub(Duration::from_secs(seconds)).unwrap_or(Timestamp::MIN))
        }
        (time, None) => time,
    };
    Ok(Options {
        follow: query.flag("follow")?,
        timestamps: query.flag("timestamps")?,
        tail: query.read("tailLines")?,
        limit: query.read("limitBytes")?,
        since,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_a_time_at_once_are_refused_and_so_is_what_is_no_number() {
        let ask = |query: &str| {
            let uri = format!("/containerLogs/ns/p/c?{query}").parse().unwrap();
            let now = Timestamp::from_second(100).unwrap();
            options(&Query::of(&uri), now).map_err(|failure| failure.code().as_u16())
        };
        assert_eq!(ask("sinceSeconds=10").unwrap().since, Some(Timestamp::from_second(90).unwrap()));
        assert_eq!(
            ask("sinceTime=1970-01-01T00:00:05Z").unwrap().since,
            Some(Timestamp::from_second(5).unwrap())
        );
        assert_eq!(ask("sinceSeconds=1&sinceTime=1970-01-01T00:00:05Z").unwrap_err(), 422);
        assert_eq!(ask("tailLines=many").unwrap_err(), 400);
        assert_eq!(ask("follow=maybe").unwrap_err(), 400);
    }
}
