//! Carries out a plan.

use std::path::PathBuf;
use std::time::Duration;

use cri::SandboxId;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{LifecycleHandler, Pod};

use super::report::Report;
use super::{RETRY, Step, Wish, Worker, jobs};
use crate::cgroups;
use crate::pod::backoff::later;
use crate::pod::container::{dns, log_folder, sandbox};
use crate::pod::facts::PodFacts;
use crate::pod::memory::Failure;
use crate::pod::observed::Observed;
use crate::pod::plan::Action;
use crate::volumes::tear_down;

/// The runtime class of a pod that names none.
const DEFAULT_HANDLER: &str = "";
/// When a sandbox or a volume that failed is tried again: what it lacks may come any moment.
const POD_RETRY: Duration = Duration::from_secs(2);

impl Worker {
    /// `None` when nothing was done that calls for a look at once.
    pub(super) async fn act(
        &mut self,
        wish: &Wish,
        observed: &Observed,
        actions: Vec<Action>,
    ) -> Option<Step> {
        let mut next = None;
        for action in actions {
            match action {
                Action::StopContainer { id, name, grace, why } => {
                    self.notice(&wish.pod, Some(&name), "Killing", why);
                    self.memory.stopping.insert(id.clone(), grace);
                    let hook = pre_stop(&wish.pod, &name);
                    self.jobs.push(jobs::stop(self.context.runtime.clone(), id, name, grace, hook));
                }
                Action::Probe { id, name, kind } => self.probe(&wish.pod, id, name, kind),
                Action::Resize { id, name } => {
                    self.resize(&wish.pod, id, &name).await;
                    next = Some(Step::Again);
                }
                Action::Release => {
                    let (pod, status) = (wish.pod.clone(), self.last.clone());
                    self.report(Report { pod, status, release: true });
                }
                Action::CreateSandbox { attempt } => {
                    self.create_sandbox(&wish.pod, attempt).await;
                    next = Some(Step::Again);
                }
                Action::StartContainer { name, attempt } => {
                    self.start(wish, observed, &name, attempt).await;
                    next = Some(Step::Again);
                }
                Action::StopSandbox(id) => next = Some(self.stop_sandbox(&wish.pod, &id).await),
                Action::Remove => return Some(self.remove(&wish.pod, observed).await),
            }
        }
        next
    }

    async fn create_sandbox(&mut self, pod: &Pod, attempt: u32) {
        let made = self.try_create_sandbox(pod, attempt).await;
        self.memory.pod_failure = made.err();
    }

    async fn try_create_sandbox(&mut self, pod: &Pod, attempt: u32) -> Result<(), Failure> {
        let failure = |message| {
            let retry_at = later(Timestamp::now(), POD_RETRY);
            Failure { reason: "ContainerCreating", message, retry_at, then: None }
        };
        if let Some(class) =
            pod.spec().and_then(|spec| spec.runtime_class_name.as_deref()).filter(|name| !name.is_empty())
        {
            let why = format!("this node has no runtime class {class:?}");
            self.notice_sandbox_failure(pod, &why);
            return Err(failure(why));
        }
        let place = self.place();
        if let Err(error) = self.volumes.set_up(&self.context, pod, &place).await {
            self.notice_warning(pod, None, "FailedMount", error.to_string());
            return Err(failure(error.to_string()));
        }
        self.volumes_at = Timestamp::now();
        let config = self.sandbox_config(pod, attempt);
        let made = match std::fs::create_dir_all(&config.log_directory) {
            Ok(()) => self
                .context
                .runtime
                .run_sandbox(&config, DEFAULT_HANDLER)
                .await
                .map_err(|error| error.to_string()),
            Err(error) => Err(format!("create {}: {error}", config.log_directory)),
        };
        made.map(drop).map_err(|why| {
            self.notice_sandbox_failure(pod, &why);
            failure(why)
        })
    }

    pub(super) fn sandbox_config(&self, pod: &Pod, attempt: u32) -> cri::SandboxConfig {
        let config = &self.context.config;
        let dns = dns(pod, &config.cluster_dns, &config.cluster_domain);
        let parent = cgroups::parent(&config.cgroup_root, config.cgroup_driver, pod.qos(), &self.uid);
        sandbox(pod, attempt, &config.pod_logs, dns, parent)
    }

    async fn stop_sandbox(&mut self, pod: &Pod, id: &SandboxId) -> Step {
        match self.context.runtime.stop_sandbox(id).await {
            Ok(()) => Step::Again,
            Err(error) => {
                self.notice_warning(pod, None, "FailedKillPod", format!("error killing pod: {error}"));
                Step::Wait(later(Timestamp::now(), RETRY))
            }
        }
    }

    /// Takes everything of the pod off the node; what fails is tried again.
    async fn remove(&mut self, pod: &Pod, observed: &Observed) -> Step {
        let config = &self.context.config;
        for sandbox in observed.sandboxes() {
            if let Err(error) = self.context.runtime.remove_sandbox(&sandbox.id).await {
                tracing::warn!(%error, pod = pod.full_name(), "remove a sandbox");
                return Step::Wait(later(Timestamp::now(), RETRY));
            }
        }
        let logs: PathBuf = config.pod_logs.join(log_folder(pod));
        let gone = |result: std::io::Result<()>| match result {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            result => result,
        };
        let cleared = tear_down(&config.root, &self.uid)
            .and_then(|()| gone(std::fs::remove_dir_all(logs)))
            .and_then(|()| {
                cgroups::remove(
                    &config.cgroup_root,
                    config.cgroup_driver,
                    self.context.machine.cgroups,
                    &self.uid,
                )
            });
        match cleared {
            Ok(()) => Step::Over,
            Err(error) => {
                tracing::warn!(%error, pod = pod.full_name(), "remove the files of a pod");
                Step::Wait(later(Timestamp::now(), RETRY))
            }
        }
    }

    pub(super) async fn resync_volumes(&mut self, pod: &Pod, now: Timestamp) {
        self.volumes_at = now;
        let place = self.place();
        if let Err(error) = self.volumes.set_up(&self.context, pod, &place).await {
            self.notice_warning(pod, None, "FailedMount", error.to_string());
        }
    }
}

fn pre_stop(pod: &Pod, container: &str) -> Option<LifecycleHandler> {
    pod.container(container)?.lifecycle.as_ref()?.pre_stop.clone()
}
