//! Probing: a command in the container, a connection, a request.

use std::time::Duration;

use cri::{ContainerId, Runtime};
use http::Request;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, HTTPGetAction, Pod, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use net::{HttpClient, body, dial};

use super::Worker;
use super::jobs::Done;
use crate::pod::facts::PodFacts;
use crate::pod::probe::ProbeKind;

/// A probe's patience if it says nothing.
const TIMEOUT_SECONDS: i32 = 1;

/// Why a probe has not passed.
#[derive(Debug)]
pub(super) enum Unhealthy {
    /// The container is at fault.
    Failed(String),
    /// The probe could not be made: it says nothing of the container.
    Impossible(String),
}

/// A port by number, or by its name among the container's.
fn port(container: &Container, port: &IntOrString) -> Result<u16, Unhealthy> {
    let number = match port {
        IntOrString::Int(number) => Some(*number),
        IntOrString::String(name) => {
            let named = container.ports.iter().flatten().find(|port| port.name.as_ref() == Some(name));
            named.map(|port| port.container_port).or_else(|| name.parse().ok())
        }
    };
    number
        .and_then(|number| u16::try_from(number).ok())
        .ok_or_else(|| Unhealthy::Impossible(format!("invalid port {port:?}")))
}

async fn tcp(host: &str, port: u16) -> Result<(), Unhealthy> {
    let dialled = dial::tcp(host, port).await;
    dialled.map(drop).map_err(|error| Unhealthy::Failed(format!("dial tcp {host}:{port}: {error}")))
}

async fn http(host: &str, port: u16, action: &HTTPGetAction) -> Result<(), Unhealthy> {
    if action.scheme.as_deref() == Some("HTTPS") {
        return Err(Unhealthy::Impossible("probes by HTTPS are not supported on this node".to_owned()));
    }
    let path = action.path.as_deref().filter(|path| !path.is_empty()).unwrap_or("/");
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut request = Request::get(format!("http://{host}:{port}{slash}{path}"));
    request = request.header(http::header::USER_AGENT, "kube-probe/1.36").header(http::header::ACCEPT, "*/*");
    for header in action.http_headers.iter().flatten() {
        request = request.header(&header.name, &header.value);
    }
    let request = request.body(body::empty()).map_err(|error| Unhealthy::Impossible(error.to_string()))?;
    let answer = HttpClient::plain().send(request).await;
    let answer = answer.map_err(|error| Unhealthy::Failed(error.to_string()))?;
    match answer.status().as_u16() {
        200..400 => Ok(()),
        code => Err(Unhealthy::Failed(format!("HTTP probe failed with statuscode: {code}"))),
    }
}

async fn exec(
    runtime: &Runtime,
    id: &ContainerId,
    command: Vec<String>,
    limit: Duration,
) -> Result<(), Unhealthy> {
    let output = runtime.exec_sync(id, command, limit).await;
    let output = output.map_err(|error| Unhealthy::Impossible(error.to_string()))?;
    let text = || String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned();
    if output.exit_code == 0 { Ok(()) } else { Err(Unhealthy::Failed(text())) }
}

async fn run(
    runtime: Runtime,
    id: &ContainerId,
    container: &Container,
    probe: &Probe,
    pod_ip: &str,
) -> Result<(), Unhealthy> {
    let seconds = probe.timeout_seconds.filter(|seconds| *seconds > 0).unwrap_or(TIMEOUT_SECONDS);
    let limit = Duration::from_secs(seconds.unsigned_abs().into());
    let probing = async {
        if let Some(action) = &probe.exec {
            exec(&runtime, id, action.command.clone().unwrap_or_default(), limit).await
        } else if let Some(action) = &probe.http_get {
            let host = action.host.as_deref().filter(|host| !host.is_empty()).unwrap_or(pod_ip);
            http(host, port(container, &action.port)?, action).await
        } else if let Some(action) = &probe.tcp_socket {
            let host = action.host.as_deref().filter(|host| !host.is_empty()).unwrap_or(pod_ip);
            tcp(host, port(container, &action.port)?).await
        } else {
            Err(Unhealthy::Impossible("probes by gRPC are not supported on this node".to_owned()))
        }
    };
    let timed = tokio::time::timeout(limit, probing).await;
    timed.unwrap_or_else(|_| Err(Unhealthy::Failed(format!("timed out after {limit:?}"))))
}

impl Worker {
    pub(super) fn probe(&mut self, pod: &Pod, id: ContainerId, name: String, kind: ProbeKind) {
        let Some((probe, container)) =
            pod.container(&name).and_then(|each| Some((kind.of(&each)?.clone(), each.into_owned())))
        else {
            return;
        };
        self.memory.probes.begin(&id, kind);
        let runtime = self.context.runtime.clone();
        let pod_ip = self.pod_ips.1.first().map(ToString::to_string).unwrap_or_default();
        self.jobs.push(Box::pin(async move {
            let result = run(runtime, &id, &container, &probe, &pod_ip).await;
            Done::Probed { id, name, kind, result }
        }));
    }

    pub(super) fn note_probe(
        &mut self,
        pod: &Pod,
        id: &ContainerId,
        name: &str,
        kind: ProbeKind,
        result: Result<(), Unhealthy>,
    ) {
        let mut word = kind.word().to_owned();
        word[..1].make_ascii_uppercase();
        let verdict = match result {
            Ok(()) => Some(true),
            Err(Unhealthy::Failed(why)) => {
                self.notice_warning(pod, Some(name), "Unhealthy", format!("{word} probe failed: {why}"));
                Some(false)
            }
            Err(Unhealthy::Impossible(why)) => {
                self.notice_warning(pod, Some(name), "Unhealthy", format!("{word} probe errored: {why}"));
                None
            }
        };
        let now = Timestamp::now();
        let probe = pod.container(name).and_then(|container| kind.of(&container).cloned());
        match (&probe, verdict) {
            (Some(probe), Some(passed)) => self.memory.probes.record(id, kind, probe, passed, now),
            _ => self.memory.probes.discard(id, kind, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_has_a_number_or_a_name() {
        let container = r#"{"name":"c","ports":[{"name":"web","containerPort":8080}]}"#;
        let container: Container = serde_json::from_str(container).unwrap();
        let of = |wanted| port(&container, &wanted).ok();
        assert_eq!(of(IntOrString::Int(80)), Some(80));
        assert_eq!(of(IntOrString::String("web".to_owned())), Some(8080));
        assert_eq!(of(IntOrString::String("none".to_owned())), None);
        assert_eq!(of(IntOrString::Int(70_000)), None);
    }
}
