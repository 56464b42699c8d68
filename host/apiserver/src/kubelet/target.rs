//! Where at which kubelet a sub-resource of a pod is answered.

use std::net::{IpAddr, SocketAddr};

use http::Uri;
use objects::status::Status;
use objects::{Tree, meta};

use super::options::{self, Query};
use crate::call::Call;

/// What a sub-resource is at the kubelet.
pub(super) struct Target {
    subresource: &'static str,
    /// The first part of its path there.
    at: &'static str,
    container: Container,
    query: fn(&Call) -> Result<Query, Status>,
    unassigned: Unassigned,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Container {
    InPath,
    Unnamed,
}

/// What is said of a pod that is on no node.
#[derive(Clone, Copy)]
enum Unassigned {
    /// It has logged nothing yet.
    NoContent,
    Refused,
}

#[rustfmt::skip]
const TARGETS: &[Target] = &[
    Target { subresource: "log", at: "containerLogs", container: Container::InPath, query: options::log, unassigned: Unassigned::NoContent },
    Target { subresource: "exec", at: "exec", container: Container::InPath, query: options::exec, unassigned: Unassigned::Refused },
    Target { subresource: "attach", at: "attach", container: Container::InPath, query: options::attach, unassigned: Unassigned::Refused },
    Target { subresource: "portforward", at: "portForward", container: Container::Unnamed, query: options::port_forward, unassigned: Unassigned::Refused },
];

pub(super) fn of(call: &Call) -> Option<&'static Target> {
    let pods = call.resource.group.is_empty() && call.resource.plural == "pods";
    TARGETS.iter().find(|target| pods && target.subresource == call.subresource)
}

impl Target {
    /// Path and query at the kubelet.
    pub(super) fn path(&self, call: &Call, pod: &Tree) -> Result<String, Status> {
        let query = (self.query)(call)?;
        let mut path = format!("/{}/{}/{}", self.at, call.namespace, call.name);
        if self.container == Container::InPath {
            path = format!("{path}/{}", container(call, pod)?);
        }
        let query = query.encoded();
        Ok(if query.is_empty() { path } else { format!("{path}?{query}") })
    }

    /// Whether a pod that is on no node yet is answered for.
    pub(super) fn unassigned(&self, pod: &str) -> Result<(), Status> {
        match self.unassigned {
            Unassigned::NoContent => Ok(()),
            Unassigned::Refused => {
                Err(Status::bad_request(format!("pod {pod} does not have a host assigned")))
            }
        }
    }
}

/// The container that is meant: the one that is named, or the only one.
fn container<'a>(call: &'a Call, pod: &'a Tree) -> Result<&'a str, Status> {
    let names =
        |list: &str| -> Vec<&'a str> { pod.items_at(&["spec", list]).iter().filter_map(name).collect() };
    let [main, init, ephemeral] = ["containers", "initContainers", "ephemeralContainers"].map(names);
    match (call.query("container").unwrap_or_default(), main.as_slice()) {
        ("", [only]) => Ok(only),
        ("", []) => {
            let why = format!("a container name must be specified for pod {}", meta::name(pod));
            Err(Status::bad_request(why))
        }
        ("", several) => {
            let mut why = format!(
                "a container name must be specified for pod {}, choose one of: [{}]",
                meta::name(pod),
                several.join(" ")
            );
            for (kind, others) in [("init", init), ("ephemeral", ephemeral)] {
                if !others.is_empty() {
                    why = format!("{why} or one of the {kind} containers: [{}]", others.join(" "));
                }
            }
            Err(Status::bad_request(why))
        }
        (named, _) => {
            let known = [&main, &init, &ephemeral].iter().any(|names| names.contains(&named));
            let why = || format!("container {named} is not valid for pod {}", meta::name(pod));
            if known { Ok(named) } else { Err(Status::bad_request(why())) }
        }
    }
}

fn name(container: &Tree) -> Option<&str> {
    container.str_at(&["name"])
}

/// A path at the kubelet of a node, which is asked for by its internal address.
pub(super) fn uri(node: &Tree, path: &str) -> Result<Uri, Status> {
    let unknown = |what: &str| Status::internal(format!("node {} has no {what}", meta::name(node)));
    let address = node
        .items_at(&["status", "addresses"])
        .iter()
        .find(|address| address.str_at(&["type"]) == Some("InternalIP"))
        .and_then(|address| address.str_at(&["address"])?.parse::<IpAddr>().ok())
        .ok_or_else(|| unknown("InternalIP"))?;
    let port = node
        .i64_at(&["status", "daemonEndpoints", "kubeletEndpoint", "Port"])
        .and_then(|port| u16::try_from(port).ok())
        .ok_or_else(|| unknown("kubelet endpoint"))?;
    let uri = format!("https://{}{path}", SocketAddr::new(address, port));
    Uri::try_from(uri).map_err(Status::internal)
}
