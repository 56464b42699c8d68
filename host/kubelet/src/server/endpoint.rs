//! What is where: one row per path, with the methods and the ports that it is served on.

use http::Method;

use super::failure::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Port {
    /// 10250
    Secure,
    /// 10255
    ReadOnly,
    /// 10248
    Health,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Healthz,
    Pods,
    RunningPods,
    Metrics,
    ContainerMetrics,
    ResourceMetrics,
    Summary,
    Spec,
    Logs,
    Run,
    Exec,
    Attach,
    PortForward,
}

/// The pod and the container that a path names; empty where it names none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Target<'a> {
    pub(super) namespace: &'a str,
    pub(super) pod: &'a str,
    /// Given by the longer form of a path.
    pub(super) uid: Option<&'a str>,
    pub(super) container: &'a str,
}

struct Row {
    path: &'static str,
    names: Names,
    methods: &'static [Method],
    ports: &'static [Port],
    endpoint: Endpoint,
}

/// What follows the path of a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    Nothing,
    /// `/{namespace}/{pod}`, or `/{namespace}/{pod}/{uid}`
    Pod,
    /// `/{namespace}/{pod}/{container}`; `Uid` also `/{namespace}/{pod}/{uid}/{container}`
    Container(Uid),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Uid {
    Possible,
    Never,
}

const READ: &[Method] = &[Method::GET];
const STREAM: &[Method] = &[Method::GET, Method::POST];
const WRITE: &[Method] = &[Method::POST];

const EVERY: &[Port] = &[Port::Secure, Port::ReadOnly, Port::Health];
const OPEN: &[Port] = &[Port::Secure, Port::ReadOnly];
const SECURE: &[Port] = &[Port::Secure];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row("/healthz",          Names::Nothing,                  READ,   EVERY,  Endpoint::Healthz),
    row("/pods",             Names::Nothing,                  READ,   OPEN,   Endpoint::Pods),
    row("/runningpods",      Names::Nothing,                  READ,   SECURE, Endpoint::RunningPods),
    row("/metrics",          Names::Nothing,                  READ,   OPEN,   Endpoint::Metrics),
    row("/metrics/cadvisor", Names::Nothing,                  READ,   SECURE, Endpoint::ContainerMetrics),
    row("/metrics/resource", Names::Nothing,                  READ,   SECURE, Endpoint::ResourceMetrics),
    row("/stats/summary",    Names::Nothing,                  READ,   OPEN,   Endpoint::Summary),
    row("/spec",             Names::Nothing,                  READ,   &[Port::ReadOnly], Endpoint::Spec),
    row("/containerLogs",    Names::Container(Uid::Never),    READ,   SECURE, Endpoint::Logs),
    row("/run",              Names::Container(Uid::Possible), WRITE,  SECURE, Endpoint::Run),
    row("/exec",             Names::Container(Uid::Possible), STREAM, SECURE, Endpoint::Exec),
    row("/attach",           Names::Container(Uid::Possible), STREAM, SECURE, Endpoint::Attach),
    row("/portForward",      Names::Pod,                      STREAM, SECURE, Endpoint::PortForward),
];

const fn row(
    path: &'static str,
    names: Names,
    methods: &'static [Method],
    ports: &'static [Port],
    endpoint: Endpoint,
) -> Row {
    Row { path, names, methods, ports, endpoint }
}

/// The endpoint of a request, and what its path names.
pub(super) fn find<'a>(
    port: Port,
    method: &Method,
    path: &'a str,
) -> Result<(Endpoint, Target<'a>), Failure> {
    let served = ROWS.iter().filter(|row| row.ports.contains(&port));
    let found = served.filter_map(|row| Some((row, row.target(path)?))).next();
    match found {
        Some((row, target)) if row.methods.contains(method) => Ok((row.endpoint, target)),
        // The read-only port changes nothing, wherever it is.
        None if port == Port::Secure || method == Method::GET => Err(Failure::NoSuchPath),
        _ => Err(Failure::Method),
    }
}

impl Row {
    fn target<'a>(&self, path: &'a str) -> Option<Target<'a>> {
        let rest = path.strip_prefix(self.path)?;
        if self.names == Names::Nothing {
            return matches!(rest, "" | "/").then(Target::default);
        }
        let names: Vec<_> = rest.strip_prefix('/')?.split('/').collect();
        if names.iter().any(|name| name.is_empty()) {
            return None;
        }
        match (self.names, names.as_slice()) {
            (Names::Pod, [namespace, pod]) => Some(Target { namespace, pod, ..Target::default() }),
            (Names::Pod, [namespace, pod, uid]) => {
                Some(Target { namespace, pod, uid: Some(uid), ..Target::default() })
            }
            (Names::Container(_), [namespace, pod, container]) => {
                Some(Target { namespace, pod, container, uid: None })
            }
            (Names::Container(Uid::Possible), [namespace, pod, uid, container]) => {
                Some(Target { namespace, pod, container, uid: Some(uid) })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(port: Port, method: Method, path: &str) -> String {
        match find(port, &method, path) {
            Ok((endpoint, target)) => format!("{endpoint:?} {}", target.container).trim().to_owned(),
            Err(failure) => failure.code().as_u16().to_string(),
        }
    }

    #[test]
    fn the_secure_port_serves_every_row_with_its_methods() {
        for (method, path, expected) in [
            (Method::GET, "/healthz", "Healthz"),
            (Method::GET, "/pods", "Pods"),
            (Method::GET, "/pods/", "Pods"),
            (Method::GET, "/runningpods/", "RunningPods"),
            (Method::GET, "/metrics/cadvisor", "ContainerMetrics"),
            (Method::GET, "/containerLogs/ns/pod/c", "Logs c"),
            (Method::GET, "/containerLogs/ns/pod/uid/c", "404"),
            (Method::POST, "/containerLogs/ns/pod/c", "405"),
            (Method::GET, "/exec/ns/pod/c", "Exec c"),
            (Method::POST, "/exec/ns/pod/uid/c", "Exec c"),
            (Method::DELETE, "/exec/ns/pod/c", "405"),
            (Method::GET, "/exec/ns/pod", "404"),
            (Method::GET, "/exec/ns//c", "404"),
            (Method::POST, "/run/ns/pod/c", "Run c"),
            (Method::GET, "/run/ns/pod/c", "405"),
            (Method::GET, "/spec", "404"),
            (Method::GET, "/podsandmore", "404"),
        ] {
            assert_eq!(answer(Port::Secure, method.clone(), path), expected, "{method} {path}");
        }
    }

    #[test]
    fn the_read_only_port_takes_get_alone_and_has_no_streams() {
        for (method, path, expected) in [
            (Method::GET, "/healthz", "Healthz"),
            (Method::GET, "/pods", "Pods"),
            (Method::GET, "/metrics", "Metrics"),
            (Method::GET, "/stats/summary", "Summary"),
            (Method::GET, "/spec/", "Spec"),
            (Method::POST, "/pods", "405"),
            (Method::HEAD, "/pods", "405"),
            (Method::GET, "/exec/ns/pod/c", "404"),
            (Method::POST, "/exec/ns/pod/c", "405"),
            (Method::GET, "/containerLogs/ns/pod/c", "404"),
        ] {
            assert_eq!(answer(Port::ReadOnly, method.clone(), path), expected, "{method} {path}");
        }
    }

    #[test]
    fn the_health_port_knows_nothing_else() {
        assert_eq!(answer(Port::Health, Method::GET, "/healthz"), "Healthz");
        assert_eq!(answer(Port::Health, Method::GET, "/pods"), "404");
    }
}
