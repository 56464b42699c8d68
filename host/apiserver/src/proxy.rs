//! The `proxy` sub-resource of nodes, pods and services: HTTP of any method to the object's own server.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use net::{Body, HttpClient, TlsClient, body};
use objects::Tree;
use objects::resource::GroupResource;
use objects::status::Status;
use supervise::Scope;

use crate::backend::ServiceRef;
use crate::call::Call;
use crate::relay;
use crate::rest::Rest;

const SUBRESOURCE: &str = "proxy";

/// Passes requests on. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ObjectProxy {
    rest: Rest,
    /// Knows kubelets, and is known to them.
    kubelets: HttpClient,
    /// Knows nobody: a pod's certificate is whatever its author chose.
    anybody: HttpClient,
    scope: Scope,
}

/// The parts of a name in a path: `[scheme:]name[:port]`.
#[derive(Debug, PartialEq, Eq)]
struct Named<'a> {
    scheme: &'a str,
    name: &'a str,
    port: &'a str,
}

impl ObjectProxy {
    /// `kubelet` verifies kubelets and is known to them, `anybody` verifies nobody.
    pub(crate) fn new(rest: Rest, kubelet: TlsClient, anybody: TlsClient, scope: Scope) -> Self {
        let [kubelets, anybody] = [kubelet, anybody].map(HttpClient::tls_upgradable);
        Self { rest, kubelets, anybody, scope }
    }

    /// Who asks servers whose certificates nobody vouches for.
    pub(crate) fn anybody(&self) -> &HttpClient {
        &self.anybody
    }

    /// Whether a call is for here.
    pub(crate) fn serves(call: &Call) -> bool {
        call.subresource == SUBRESOURCE && call.resource.group.is_empty()
    }

    pub(crate) async fn answer(&self, call: &Call, request: Request<Body>) -> Result<Response<Body>, Status> {
        let address = request.uri();
        let tail = tail(address.path(), call.resource.is_namespaced());
        if tail.is_empty() && matches!(*request.method(), Method::GET | Method::HEAD) {
            return Ok(with_slash(address));
        }
        let named = Named::read(&call.name).ok_or_else(|| {
            Status::bad_request(format!("invalid {} request {:?}", call.resource.singular, call.name))
        })?;
        let (base, client) = match &*call.resource.plural {
            "nodes" => (self.node(&named)?, &self.kubelets),
            "pods" => (self.pod(call, &named)?, &self.anybody),
            _ => (self.service(call, &named)?, &self.anybody),
        };
        let query = address.query().map(|query| format!("?{query}")).unwrap_or_default();
        let slash = if tail.starts_with('/') { "" } else { "/" };
        let uri = Uri::try_from(format!("{base}{slash}{tail}{query}"))
            .map_err(|error| Status::bad_request(error.to_string()))?;
        relay::pass(client, &self.scope, uri, request, HeaderMap::new()).await.map_err(|error| {
            Status::unavailable(format!("error trying to reach service: {}", relay::told(&error)))
        })
    }

    /// The kubelet, or another port of the node by its own scheme.
    fn node(&self, named: &Named<'_>) -> Result<String, Status> {
        let node = self.object("nodes", "", named.name)?;
        let unknown = |what: &str| Status::internal(format!("node {} has no {what}", named.name));
        let ip = node
            .items_at(&["status", "addresses"])
            .iter()
            .find(|address| address.str_at(&["type"]) == Some("InternalIP"))
            .and_then(|address| address.str_at(&["address"])?.parse::<IpAddr>().ok())
            .ok_or_else(|| unknown("InternalIP"))?;
        let kubelet = node.i64_at(&["status", "daemonEndpoints", "kubeletEndpoint", "Port"]);
        let kubelet = kubelet.and_then(|port| u16::try_from(port).ok());
        let asked = if named.port.is_empty() { kubelet } else { named.port.parse().ok() };
        let port = asked.ok_or_else(|| unknown("kubelet endpoint"))?;
        let scheme = match named.scheme {
            "" if Some(port) == kubelet => "https",
            "" => "http",
            scheme => scheme,
        };
        Ok(format!("{scheme}://{}", SocketAddr::new(ip, port)))
    }

    fn pod(&self, call: &Call, named: &Named<'_>) -> Result<String, Status> {
        let pod = self.object("pods", &call.namespace, named.name)?;
        let ip = pod.str_at(&["status", "podIP"]).and_then(|text| text.parse::<IpAddr>().ok());
        let ip = ip.ok_or_else(|| Status::bad_request("address not allowed"))?;
        let port = match named.port {
            "" => first_port(&pod).unwrap_or(default_port(named.scheme)),
            port => port
                .parse()
                .map_err(|_| Status::bad_request(format!("invalid pod request {:?}", call.name)))?,
        };
        Ok(format!("{}://{}", scheme_or_http(named.scheme), SocketAddr::new(ip, port)))
    }

    fn service(&self, call: &Call, named: &Named<'_>) -> Result<String, Status> {
        let service = ServiceRef {
            namespace: call.namespace.clone(),
            name: named.name.to_owned(),
            port: named.port.to_owned(),
        };
        let address = service.resolve(self.rest.view())?;
        Ok(format!("{}://{address}", scheme_or_http(named.scheme)))
    }

    fn object(&self, plural: &str, namespace: &str, name: &str) -> Result<Tree, Status> {
        let row = self.rest.registry().find("", "v1", plural).ok_or_else(Status::no_such_path)?;
        let found = self.rest.get_tree(&row, namespace, name);
        found.ok_or_else(|| Status::not_found(&GroupResource::new("", plural.to_owned()), name))
    }
}

impl<'a> Named<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let named = match *text.split(':').collect::<Vec<_>>() {
            [name] => Self { scheme: "", name, port: "" },
            [name, port] => Self { scheme: "", name, port },
            [scheme @ ("" | "http" | "https"), name, port] => Self { scheme, name, port },
            _ => return None,
        };
        (!named.name.is_empty()).then_some(named)
    }
}

/// What of a path follows `proxy`, as it came.
fn tail(path: &str, namespaced: bool) -> &str {
    // `/api/v1/namespaces/NAMESPACE/pods/NAME/proxy`, `/api/v1/nodes/NAME/proxy`
    let segments = if namespaced { 7 } else { 5 };
    path.match_indices('/').nth(segments).map_or("", |(at, _)| &path[at..])
}

/// To the same address as a folder, below which relative links find their way.
fn with_slash(uri: &Uri) -> Response<Body> {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut moved = Response::new(body::empty());
    *moved.status_mut() = StatusCode::MOVED_PERMANENTLY;
    if let Ok(to) = header::HeaderValue::try_from(format!("{}/{query}", uri.path())) {
        moved.headers_mut().insert(header::LOCATION, to);
    }
    moved
}

fn scheme_or_http(scheme: &str) -> &str {
    if scheme.is_empty() { "http" } else { scheme }
}

fn default_port(scheme: &str) -> u16 {
    if scheme == "https" { 443 } else { 80 }
}

/// The first port that a pod says it serves.
fn first_port(pod: &Tree) -> Option<u16> {
    let mut ports = pod.items_at(&["spec", "containers"]).iter().flat_map(|row| row.items_at(&["ports"]));
    let port = ports.next()?.i64_at(&["containerPort"])?;
    u16::try_from(port).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_carry_a_scheme_and_a_port() {
        let named = |scheme, name, port| Some(Named { scheme, name, port });
        assert_eq!(Named::read("web"), named("", "web", ""));
        assert_eq!(Named::read("web:http"), named("", "web", "http"));
        assert_eq!(Named::read("https:web:8443"), named("https", "web", "8443"));
        assert_eq!(Named::read("https:web:"), named("https", "web", ""));
        assert_eq!(Named::read("ftp:web:21"), None);
        assert_eq!(Named::read(":80"), None);
    }

    #[test]
    fn what_follows_the_sub_resource_is_passed_as_it_came() {
        assert_eq!(tail("/api/v1/namespaces/d/pods/p/proxy/a%2Fb/", true), "/a%2Fb/");
        assert_eq!(tail("/api/v1/namespaces/d/pods/p/proxy", true), "");
        assert_eq!(tail("/api/v1/nodes/n/proxy/metrics", false), "/metrics");
    }
}
