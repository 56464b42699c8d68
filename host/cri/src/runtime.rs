//! The calls of CRI's RuntimeService, one method each.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use futures_util::{StreamExt, stream};
use serde_json::Value;
use tokio::net::TcpStream;

use crate::{
    ContainerConfig, ContainerId, ContainerStats, ContainerStatus, Error, LinuxResources, Sandbox,
    SandboxConfig, SandboxId, Spawner, grpc::Channel, wire::runtime as wire,
};

/// How many containers are asked for their status at a time.
const STATUS_CONCURRENCY: usize = 16;

/// A handle on the runtime: cheap to clone, usable whether or not anybody listens on the socket.
#[derive(Clone)]
pub struct Runtime {
    pub(crate) channel: Channel,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// `containerd`
    pub name: String,
    pub version: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeStatus {
    pub runtime_ready: bool,
    pub network_ready: bool,
    /// Why one of them is not.
    pub message: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecOutput {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub exit_code: i32,
}

impl Runtime {
    /// A handle on the runtime that listens, or will listen, on `socket`. Nothing is dialled yet.
    pub fn new(socket: PathBuf, spawner: Spawner) -> Self {
        Self { channel: Channel::new(socket, spawner) }
    }

    pub async fn version(&self) -> Result<Version, Error> {
        let request = wire::VersionRequest { version: "v1".to_owned() };
        let answer: wire::VersionResponse =
            self.channel.unary("/runtime.v1.RuntimeService/Version", request).await?;
        Ok(Version { name: answer.runtime_name, version: answer.runtime_version })
    }

    pub async fn status(&self) -> Result<RuntimeStatus, Error> {
        let request = wire::StatusRequest { verbose: false };
        let answer: wire::StatusResponse =
            self.channel.unary("/runtime.v1.RuntimeService/Status", request).await?;
        let conditions = answer.status.unwrap_or_default().conditions;
        let holds = |name: &str| conditions.iter().any(|each| each.r#type == name && each.status);
        let failed = conditions.iter().filter(|each| !each.status);
        Ok(RuntimeStatus {
            runtime_ready: holds("RuntimeReady"),
            network_ready: holds("NetworkReady"),
            message: failed.map(|each| each.message.as_str()).collect::<Vec<_>>().join("; "),
        })
    }

    pub async fn run_sandbox(&self, config: &SandboxConfig, handler: &str) -> Result<SandboxId, Error> {
        let request =
            wire::RunPodSandboxRequest { config: Some(config.into()), runtime_handler: handler.to_owned() };
        let answer: wire::RunPodSandboxResponse =
            self.channel.unary("/runtime.v1.RuntimeService/RunPodSandbox", request).await?;
        Ok(SandboxId(answer.pod_sandbox_id))
    }

    /// Ends every process of the sandbox and takes its network down. Idempotent.
    pub async fn stop_sandbox(&self, id: &SandboxId) -> Result<(), Error> {
        let request = wire::StopPodSandboxRequest { pod_sandbox_id: id.0.clone() };
        let answer: Result<wire::StopPodSandboxResponse, _> =
            self.channel.unary("/runtime.v1.RuntimeService/StopPodSandbox", request).await;
        gone_is_done(answer.map(drop))
    }

    /// Removes the sandbox and whatever containers it has left. Idempotent.
    pub async fn remove_sandbox(&self, id: &SandboxId) -> Result<(), Error> {
        let request = wire::RemovePodSandboxRequest { pod_sandbox_id: id.0.clone() };
        let answer: Result<wire::RemovePodSandboxResponse, _> =
            self.channel.unary("/runtime.v1.RuntimeService/RemovePodSandbox", request).await;
        gone_is_done(answer.map(drop))
    }

    /// The addresses of a sandbox with a network of its own, the primary one first.
    pub async fn sandbox_addresses(&self, id: &SandboxId) -> Result<Vec<String>, Error> {
        let request = wire::PodSandboxStatusRequest { pod_sandbox_id: id.0.clone(), verbose: false };
        let answer: wire::PodSandboxStatusResponse =
            self.channel.unary("/runtime.v1.RuntimeService/PodSandboxStatus", request).await?;
        let network = answer.status.unwrap_or_default().network.unwrap_or_default();
        let further = network.additional_ips.into_iter().map(|each| each.ip);
        Ok(Some(network.ip).into_iter().chain(further).filter(|ip| !ip.is_empty()).collect())
    }

    /// Connects to a port that something in a sandbox serves on loopback.
    pub async fn connect(&self, id: &SandboxId, port: u16) -> Result<TcpStream, Error> {
        let namespace = self.network_namespace(id).await?;
        net::dial::loopback(namespace.as_deref(), port)
            .await
            .map_err(|source| Error::Connect { port, source })
    }

    /// `None` for a sandbox on the host's network.
    async fn network_namespace(&self, id: &SandboxId) -> Result<Option<PathBuf>, Error> {
        let method = "/runtime.v1.RuntimeService/PodSandboxStatus";
        let request = wire::PodSandboxStatusRequest { pod_sandbox_id: id.0.clone(), verbose: true };
        let answer: wire::PodSandboxStatusResponse = self.channel.unary(method, request).await?;
        let info = answer.info.get("info").ok_or(Error::Incomplete { method, missing: "its details" })?;
        let info: Value = serde_json::from_str(info)
            .map_err(|_| Error::Incomplete { method, missing: "its details in JSON" })?;
        let namespaces = info["runtimeSpec"]["linux"]["namespaces"].as_array();
        let network = namespaces.into_iter().flatten().find(|namespace| namespace["type"] == "network");
        Ok(network.and_then(|network| network["path"].as_str()).map(PathBuf::from))
    }

    /// The sandboxes that carry all of `labels`.
    pub async fn sandboxes(&self, labels: BTreeMap<String, String>) -> Result<Vec<Sandbox>, Error> {
        let filter =
            wire::PodSandboxFilter { id: String::new(), label_selector: labels.into_iter().collect() };
        let request = wire::ListPodSandboxRequest { filter: Some(filter) };
        let answer: wire::ListPodSandboxResponse =
            self.channel.unary("/runtime.v1.RuntimeService/ListPodSandbox", request).await?;
        Ok(answer.items.into_iter().map(Into::into).collect())
    }

    pub async fn create_container(
        &self,
        sandbox: &SandboxId,
        config: &ContainerConfig,
        sandbox_config: &SandboxConfig,
    ) -> Result<ContainerId, Error> {
        let request = wire::CreateContainerRequest {
            pod_sandbox_id: sandbox.0.clone(),
            config: Some(config.into()),
            sandbox_config: Some(sandbox_config.into()),
        };
        let answer: wire::CreateContainerResponse =
            self.channel.unary("/runtime.v1.RuntimeService/CreateContainer", request).await?;
        Ok(ContainerId(answer.container_id))
    }

    pub async fn start_container(&self, id: &ContainerId) -> Result<(), Error> {
        let request = wire::StartContainerRequest { container_id: id.0.clone() };
        let _: wire::StartContainerResponse =
            self.channel.unary("/runtime.v1.RuntimeService/StartContainer", request).await?;
        Ok(())
    }

    /// Changes the limits of a running container; how it is picked by the kernel for want of memory stays.
    pub async fn update_container(&self, id: &ContainerId, resources: &LinuxResources) -> Result<(), Error> {
        let request = wire::UpdateContainerResourcesRequest {
            container_id: id.0.clone(),
            linux: Some(resources.into()),
        };
        let _: wire::UpdateContainerResourcesResponse =
            self.channel.unary("/runtime.v1.RuntimeService/UpdateContainerResources", request).await?;
        Ok(())
    }

    /// SIGTERM (or the image's stop signal), then SIGKILL after `grace`. Returns when the container is gone. Idempotent.
    pub async fn stop_container(&self, id: &ContainerId, grace: Duration) -> Result<(), Error> {
        let timeout = i64::try_from(grace.as_secs()).unwrap_or(i64::MAX);
        let request = wire::StopContainerRequest { container_id: id.0.clone(), timeout };
        let answer: Result<wire::StopContainerResponse, _> =
            self.channel.unary("/runtime.v1.RuntimeService/StopContainer", request).await;
        gone_is_done(answer.map(drop))
    }

    /// Idempotent.
    pub async fn remove_container(&self, id: &ContainerId) -> Result<(), Error> {
        let request = wire::RemoveContainerRequest { container_id: id.0.clone() };
        let answer: Result<wire::RemoveContainerResponse, _> =
            self.channel.unary("/runtime.v1.RuntimeService/RemoveContainer", request).await;
        gone_is_done(answer.map(drop))
    }

    /// The containers that carry all of `labels`, each with its whole status.
    pub async fn containers(&self, labels: BTreeMap<String, String>) -> Result<Vec<ContainerStatus>, Error> {
        let filter =
            wire::ContainerFilter { label_selector: labels.into_iter().collect(), ..Default::default() };
        self.matching(filter).await
    }

    /// `None` when the runtime does not have it.
    pub async fn container(&self, id: &ContainerId) -> Result<Option<ContainerStatus>, Error> {
        let filter = wire::ContainerFilter { id: id.0.clone(), ..Default::default() };
        Ok(self.matching(filter).await?.pop())
    }

    async fn matching(&self, filter: wire::ContainerFilter) -> Result<Vec<ContainerStatus>, Error> {
        let request = wire::ListContainersRequest { filter: Some(filter) };
        let listed: wire::ListContainersResponse =
            self.channel.unary("/runtime.v1.RuntimeService/ListContainers", request).await?;
        let asked = listed.containers.into_iter().map(|container| async move {
            let request = wire::ContainerStatusRequest { container_id: container.id, verbose: false };
            let method = "/runtime.v1.RuntimeService/ContainerStatus";
            match self.channel.unary::<_, wire::ContainerStatusResponse>(method, request).await {
                Ok(answer) => {
                    let status = answer.status.ok_or(Error::Incomplete { method, missing: "a status" });
                    let sandbox = SandboxId(container.pod_sandbox_id);
                    Some(status.map(|status| ContainerStatus::from_wire(status, sandbox)))
                }
                Err(error) if error.is_not_found() => None,
                Err(error) => Some(Err(error)),
            }
        });
        let answers: Vec<_> = stream::iter(asked).buffered(STATUS_CONCURRENCY).collect().await;
        answers.into_iter().flatten().collect()
    }

    /// Runs a command in a container to its end, or until `timeout` (zero: none).
    pub async fn exec_sync(
        &self,
        id: &ContainerId,
        command: Vec<String>,
        timeout: Duration,
    ) -> Result<ExecOutput, Error> {
        let request = wire::ExecSyncRequest {
            container_id: id.0.clone(),
            cmd: command,
            timeout: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        };
        let answer: wire::ExecSyncResponse =
            self.channel.unary("/runtime.v1.RuntimeService/ExecSync", request).await?;
        Ok(ExecOutput { stdout: answer.stdout, stderr: answer.stderr, exit_code: answer.exit_code })
    }

    /// Makes the runtime write to the container's log path anew, after its file was renamed.
    pub async fn reopen_log(&self, id: &ContainerId) -> Result<(), Error> {
        let request = wire::ReopenContainerLogRequest { container_id: id.0.clone() };
        let _: wire::ReopenContainerLogResponse =
            self.channel.unary("/runtime.v1.RuntimeService/ReopenContainerLog", request).await?;
        Ok(())
    }

    /// What each running container uses now.
    pub async fn stats(&self) -> Result<Vec<ContainerStats>, Error> {
        let answer: wire::ListContainerStatsResponse = self
            .channel
            .unary("/runtime.v1.RuntimeService/ListContainerStats", wire::ListContainerStatsRequest {})
            .await?;
        Ok(answer.stats.into_iter().map(Into::into).collect())
    }
}

/// Stopping or removing what is not there has reached its aim.
fn gone_is_done(answer: Result<(), Error>) -> Result<(), Error> {
    answer.or_else(|error| if error.is_not_found() { Ok(()) } else { Err(error) })
}
