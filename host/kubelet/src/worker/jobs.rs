//! What takes its time and does not keep the worker from looking: stops, pulls, probes, hooks.

use std::time::{Duration, Instant};

use cri::{ContainerId, Runtime};
use futures_util::future::BoxFuture;
use k8s_openapi::api::core::v1::LifecycleHandler;

use super::probe::Unhealthy;
use crate::pod::probe::ProbeKind;

pub(super) type Job = BoxFuture<'static, Done>;

/// A job that has ended.
pub(super) enum Done {
    Stopped { id: ContainerId, name: String, result: Result<(), cri::Error> },
    Pulled { name: String, image: String, took: Duration, result: Result<(), cri::Error> },
    Probed { id: ContainerId, name: String, kind: ProbeKind, result: Result<(), Unhealthy> },
    Hooked { id: ContainerId, name: String, result: Result<(), String> },
}

/// Runs the hook before the stop within the grace, then stops with what is left of it.
pub(super) fn stop(
    runtime: Runtime,
    id: ContainerId,
    name: String,
    grace: Duration,
    hook: Option<LifecycleHandler>,
) -> Job {
    Box::pin(async move {
        let begun = Instant::now();
        if let Some(hook) = hook
            && let Err(error) = run_hook(&runtime, &id, &hook, grace).await
        {
            tracing::debug!(error, container = name, "the hook before a stop failed");
        }
        let left = grace.saturating_sub(begun.elapsed());
        // The runtime counts whole seconds. A hook that used up the grace leaves the process one to see its signal.
        let left = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        let left = Duration::from_secs(if grace.is_zero() { 0 } else { left.max(1) });
        let result = runtime.stop_container(&id, left).await;
        Done::Stopped { id, name, result }
    })
}

/// Runs the hook after the start.
pub(super) fn hook(
    runtime: Runtime,
    id: ContainerId,
    name: String,
    hook: LifecycleHandler,
    limit: Duration,
) -> Job {
    Box::pin(async move {
        let result = run_hook(&runtime, &id, &hook, limit).await;
        Done::Hooked { id, name, result }
    })
}

async fn run_hook(
    runtime: &Runtime,
    id: &ContainerId,
    hook: &LifecycleHandler,
    limit: Duration,
) -> Result<(), String> {
    if let Some(sleep) = &hook.sleep {
        let asked = Duration::from_secs(sleep.seconds.max(0).unsigned_abs());
        tokio::time::sleep(asked.min(limit)).await;
        return Ok(());
    }
    let Some(exec) = &hook.exec else {
        return Err("hooks by httpGet and tcpSocket are not supported on this node".to_owned());
    };
    let command = exec.command.clone().unwrap_or_default();
    match runtime.exec_sync(id, command.clone(), limit).await {
        Ok(output) if output.exit_code == 0 => Ok(()),
        Ok(output) => Err(format!("command '{}' exited with {}", command.join(" "), output.exit_code)),
        Err(error) => Err(error.to_string()),
    }
}
