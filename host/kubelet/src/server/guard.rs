//! Who may ask 10250 what: each path is a subresource of this node.

use client::delegated::{Access, Gate, Refusal, ResourceAccess};
use http::request::Parts;
use http::{Method, Response};
use net::Body;

use super::failure::plain;

/// Subresources that say exactly what a path is, asked before the general one.
const FINE: &[(&str, &str)] =
    &[("/pods", "pods"), ("/runningpods", "pods"), ("/healthz", "healthz"), ("/configz", "configz")];
const COARSE: &[(&str, &str)] = &[("/stats", "stats"), ("/metrics", "metrics"), ("/logs", "log")];
/// What every other path is.
const REST: &str = "proxy";

/// Paths by which something runs in a container. A WebSocket asks with GET, and reading a node is no permission to
/// run commands on it: here upstream's verb, which follows the method alone, is not followed.
const RUNNING: &[&str] = &["/exec", "/attach", "/run", "/portForward"];

/// `Err` is the answer to who may not.
pub(super) async fn admit(gate: &Gate, node: &str, head: &Parts) -> Result<(), Response<Body>> {
    let path = head.uri.path();
    let verb = verb(&head.method, path);
    let subresources = subresources(path);
    let mut refusal = None;
    for subresource in &subresources {
        let access = Access::Resource(ResourceAccess {
            verb: verb.to_owned(),
            version: "v1".to_owned(),
            resource: "nodes".to_owned(),
            subresource: (*subresource).to_owned(),
            name: node.to_owned(),
            ..ResourceAccess::default()
        });
        match gate.admit(head, &access).await {
            Ok(_) => return Ok(()),
            Err(Refusal::Forbidden(forbidden)) => refusal = Some(Refusal::Forbidden(forbidden)),
            Err(other) => return Err(refused(&other, verb, &subresources)),
        }
    }
    let refusal = refusal.expect("every path has a subresource");
    Err(refused(&refusal, verb, &subresources))
}

fn refused(refusal: &Refusal, verb: &str, subresources: &[&str]) -> Response<Body> {
    let text = match refusal {
        Refusal::Unauthorized => "Unauthorized".to_owned(),
        Refusal::Forbidden(forbidden) => format!(
            "Forbidden (user={}, verb={verb}, resource=nodes, subresource(s)=[{}])\n",
            forbidden.user.name,
            subresources.join(" ")
        ),
        Refusal::Unavailable(error) => {
            tracing::warn!(%error, "cannot ask the API server who may use the kubelet");
            format!("Authorization error (verb={verb}, resource=nodes): {refusal}")
        }
    };
    plain(refusal.code(), text)
}

fn verb(method: &Method, path: &str) -> &'static str {
    if RUNNING.iter().any(|prefix| lies_at(path, prefix)) {
        return "create";
    }
    match *method {
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        Method::GET => "get",
        _ => "",
    }
}

fn subresources(path: &str) -> Vec<&'static str> {
    let of = |table: &[(&str, &'static str)]| {
        table.iter().find(|(prefix, _)| lies_at(path, prefix)).map(|(_, subresource)| *subresource)
    };
    of(FINE).into_iter().chain([of(COARSE).unwrap_or(REST)]).collect()
}

fn lies_at(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_is_a_subresource_of_the_node() {
        for (path, expected) in [
            ("/pods", "pods proxy"),
            ("/runningpods/", "pods proxy"),
            ("/healthz", "healthz proxy"),
            ("/configz", "configz proxy"),
            ("/stats/summary", "stats"),
            ("/metrics", "metrics"),
            ("/metrics/cadvisor", "metrics"),
            ("/logs/syslog", "log"),
            ("/containerLogs/ns/pod/c", "proxy"),
            ("/exec/ns/pod/c", "proxy"),
            ("/podsandmore", "proxy"),
            ("/", "proxy"),
        ] {
            assert_eq!(subresources(path).join(" "), expected, "{path}");
        }
    }

    #[test]
    fn the_verb_is_the_methods_and_running_a_command_is_never_reading() {
        for (method, path, expected) in [
            (Method::GET, "/pods", "get"),
            (Method::DELETE, "/pods", "delete"),
            (Method::POST, "/run/ns/pod/c", "create"),
            (Method::GET, "/exec/ns/pod/c", "create"),
            (Method::GET, "/portForward/ns/pod", "create"),
            (Method::GET, "/containerLogs/ns/pod/c", "get"),
            (Method::OPTIONS, "/pods", ""),
        ] {
            assert_eq!(verb(&method, path), expected, "{method} {path}");
        }
    }
}
