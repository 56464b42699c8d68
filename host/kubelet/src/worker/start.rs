//! Starts one container: its image, its environment and mounts, then the runtime's create and start.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use cri::{ContainerId, ContainerState, Mount, Propagation, Sandbox};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, Pod};

use super::{Wish, Worker, jobs, message};
use crate::handle::{ContainerView, PodView};
use crate::pod::backoff::later;
use crate::pod::container::{self as making, Making, TERMINATION_PATH, hosts, log_file, log_folder};
use crate::pod::env;
use crate::pod::facts::PodFacts;
use crate::pod::memory::Failure;
use crate::pod::observed::Observed;
use crate::volumes::{environment, pod_folder};

/// When a container that could not be made is tried again: upstream's sync after an error.
const RETRY: Duration = Duration::from_secs(10);
/// The lives of a container that are kept: the newest and the one before, for `kubectl logs --previous`.
const KEPT_LIVES: usize = 2;
/// The one failure that leaves a container behind.
const START_FAILED: &str = "RunContainerError";
/// How long a hook after the start may take.
const POST_START: Duration = Duration::from_secs(120);

/// The step that failed, as the status names it.
fn failure(reason: &'static str, message: impl ToString) -> Failure {
    Failure { reason, message: message.to_string(), retry_at: later(Timestamp::now(), RETRY), then: None }
}

/// The life of the container that an ephemeral one is to look at.
fn target(pod: &Pod, observed: &Observed, name: &str) -> Result<Option<ContainerId>, Failure> {
    let ephemeral = pod.ephemeral_containers().iter().find(|each| each.name == name);
    let wanted = ephemeral.and_then(|each| each.target_container_name.as_deref());
    let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) else { return Ok(None) };
    let missing =
        || failure("CreateContainerConfigError", format!("unable to find target container {wanted}"));
    observed.latest(wanted).map(|life| Some(life.id.clone())).ok_or_else(missing)
}

impl Worker {
    pub(super) async fn start(&mut self, wish: &Wish, observed: &Observed, name: &str, attempt: u32) {
        let pod = &wish.pod;
        let (Some(container), Some(sandbox)) = (pod.container(name), observed.ready_sandbox()) else {
            return;
        };
        match self.try_start(pod, observed, sandbox, &container, attempt).await {
            Ok(false) => {}
            Ok(true) => {
                self.memory.failures.remove(name);
                if let Some(before) =
                    observed.latest(name).filter(|life| life.state == ContainerState::Exited)
                {
                    let now = Timestamp::now();
                    self.memory.restarts.next(name, before.finished_at.unwrap_or(now), now);
                }
                self.forget_old_lives(pod, observed, name).await;
            }
            Err(failure) => {
                // What the image lacks has been told by then.
                let told =
                    if failure.reason.starts_with("ErrImage") { failure.reason } else { &failure.message };
                self.notice_warning(pod, Some(name), "Failed", format!("Error: {told}"));
                let left_a_life = failure.reason == START_FAILED;
                self.memory.failures.insert(name.to_owned(), failure);
                if left_a_life {
                    self.forget_old_lives(pod, observed, name).await;
                }
            }
        }
    }

    /// Whether the container runs now; it does not while its image is being pulled.
    async fn try_start(
        &mut self,
        pod: &Pod,
        observed: &Observed,
        sandbox: &Sandbox,
        container: &Container,
        attempt: u32,
    ) -> Result<bool, Failure> {
        let Some(image) = self.image(pod, container).await? else { return Ok(false) };
        let place = self.place();
        if !self.volumes.are_set_up(pod) {
            let made = self.volumes.set_up(&self.context, pod, &place).await;
            made.map_err(|error| failure("CreateContainerConfigError", error))?;
        }
        let config_error = |error: &dyn std::error::Error| failure("CreateContainerConfigError", error);
        let sources =
            environment(&self.context, pod, container).await.map_err(|error| config_error(&error))?;
        let envs = env::resolve(pod, container, &place, &sources).map_err(|error| config_error(&error))?;
        let mounts = self.mounts(pod, container, attempt, &envs)?;
        let node_memory = i64::try_from(self.context.machine.memory_bytes).unwrap_or(i64::MAX);
        let target = target(pod, observed, &container.name)?;
        let making = Making { pod, container, attempt, image: &image, envs, mounts, node_memory, target };
        let config = making::container(making).map_err(|error| config_error(&error))?;
        let sandbox_config = self.sandbox_config(pod, sandbox.metadata.attempt);
        let runtime = self.context.runtime.clone();
        let created = runtime.create_container(&sandbox.id, &config, &sandbox_config).await;
        let id = created.map_err(|error| failure("CreateContainerError", error))?;
        self.notice(pod, Some(&container.name), "Created", "Container created");
        self.memory.resize.told.insert(id.clone(), container.resources.clone().unwrap_or_default());
        self.announce(pod, sandbox, container, &id, attempt);
        runtime.start_container(&id).await.map_err(|error| failure(START_FAILED, error))?;
        self.notice(pod, Some(&container.name), "Started", "Container started");
        if let Some(hook) = container.lifecycle.as_ref().and_then(|lifecycle| lifecycle.post_start.clone()) {
            self.jobs.push(jobs::hook(runtime, id, container.name.clone(), hook, POST_START));
        }
        Ok(true)
    }

    /// Shows the container before it starts, so that its exit finds its pod however soon it comes.
    fn announce(&self, pod: &Pod, sandbox: &Sandbox, container: &Container, id: &ContainerId, attempt: u32) {
        let log = log_file(&container.name, attempt);
        let life = ContainerView {
            name: container.name.clone(),
            id: id.clone(),
            attempt,
            state: ContainerState::Created,
            log_path: self.context.config.pod_logs.join(log_folder(pod)).join(log),
        };
        let known = self.context.status.borrow().pods.get(&self.uid).cloned();
        if let Some(known) = known {
            let mut view = PodView { sandbox: Some(sandbox.id.clone()), ..PodView::clone(&known) };
            view.containers.insert(0, life);
            self.show(view);
        }
    }

    fn mounts(
        &self,
        pod: &Pod,
        container: &Container,
        attempt: u32,
        envs: &[(String, String)],
    ) -> Result<Vec<Mount>, Failure> {
        let root = &self.context.config.root;
        let known = |name: &str| envs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let mounts = self.volumes.mounts(container, known);
        let mut mounts = mounts.map_err(|error| failure("CreateContainerConfigError", error))?;
        let file = |path: &Path, text: &str, mode| {
            write(path, text, mode).map_err(|error| {
                failure("CreateContainerConfigError", format!("write {}: {error}", path.display()))
            })
        };
        let mount = |path: &Path, container_path: &str| Mount {
            container_path: container_path.to_owned(),
            host_path: path.to_string_lossy().into_owned(),
            readonly: false,
            propagation: Propagation::Private,
        };
        if !mounts.iter().any(|mount| mount.container_path == "/etc/hosts") {
            let path = pod_folder(root, &self.uid).join("etc-hosts");
            file(&path, &hosts(pod, &self.pod_ips.1), 0o644)?;
            mounts.push(mount(&path, "/etc/hosts"));
        }
        let said = container.termination_message_path.as_deref().unwrap_or(TERMINATION_PATH);
        let path = message::file(root, &self.uid, &container.name, attempt);
        // Whoever the container runs as writes to it.
        file(&path, "", 0o666)?;
        mounts.push(mount(&path, said));
        Ok(mounts)
    }

    /// Removes lives, with their logs, that nobody asks for any more.
    async fn forget_old_lives(&mut self, pod: &Pod, observed: &Observed, name: &str) {
        let logs = self.context.config.pod_logs.join(log_folder(pod));
        for life in observed.lives(name).skip(KEPT_LIVES - 1) {
            if let Err(error) = self.context.runtime.remove_container(&life.id).await {
                tracing::debug!(%error, container = name, "remove an old life of a container");
                continue;
            }
            if let Err(error) = fs::remove_file(logs.join(log_file(name, life.metadata.attempt))) {
                tracing::debug!(%error, container = name, "remove an old log of a container");
            }
        }
    }

    pub(super) fn note_hook(&mut self, pod: &Pod, id: ContainerId, name: &str, result: Result<(), String>) {
        let Err(error) = result else { return };
        self.notice_warning(pod, Some(name), "FailedPostStartHook", format!("PostStartHook failed: {error}"));
        self.notice(pod, Some(name), "Killing", format!("Stopping container {name}: FailedPostStartHook"));
        self.memory.stopping.insert(id.clone(), pod.grace());
        self.jobs.push(jobs::stop(self.context.runtime.clone(), id, name.to_owned(), pod.grace(), None));
    }
}

fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}
