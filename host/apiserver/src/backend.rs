//! Where the requests for a Service go: to one of its ready endpoints, as its EndpointSlices name them. For webhooks,
//! aggregated API servers and the proxy of Services; no virtual address has to work for it.

use std::net::{IpAddr, SocketAddr};

use objects::Tree;
use objects::resource::GroupResource;
use objects::status::Status;

use crate::rest::random;
use crate::view::View;

const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// A service by its reference in a webhook, an APIService or a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceRef {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// A port by its number or name; empty for the only one.
    pub(crate) port: String,
}

impl ServiceRef {
    /// The name that its server's certificate is for.
    pub(crate) fn host(&self) -> String {
        format!("{}.{}.svc", self.name, self.namespace)
    }

    /// The address of one ready endpoint.
    pub(crate) fn resolve(&self, view: &View) -> Result<SocketAddr, Status> {
        let services = view.registry.find("", "v1", "services").ok_or_else(Status::no_such_path)?;
        let service = view.get(&services, &self.namespace, &self.name);
        let service =
            service.ok_or_else(|| Status::not_found(&GroupResource::new("", "services"), &self.name))?;
        let port = self.port_of(&service)?;
        let slices = view.registry.find("discovery.k8s.io", "v1", "endpointslices");
        let slices = slices.map_or_else(Vec::new, |row| {
            view.list(&row, &self.namespace, |entry| entry.label(SERVICE_NAME) == Some(&self.name))
        });
        let name = port.str_at(&["name"]).unwrap_or_default();
        let ready: Vec<SocketAddr> = slices.iter().flat_map(|slice| addresses(slice, name)).collect();
        let none = || Status::unavailable(format!("no endpoints available for service {:?}", self.name));
        let chosen = random::below(ready.len() as u64);
        usize::try_from(chosen).ok().and_then(|at| ready.get(at).copied()).ok_or_else(none)
    }

    fn port_of<'a>(&self, service: &'a Tree) -> Result<&'a Tree, Status> {
        let ports = service.items_at(&["spec", "ports"]);
        if self.port.is_empty()
            && let [only] = ports
        {
            return Ok(only);
        }
        let is = |port: &&Tree| {
            port.str_at(&["name"]) == Some(&self.port)
                || port.i64_at(&["port"]).is_some_and(|number| number.to_string() == self.port)
        };
        ports.iter().find(is).ok_or_else(|| {
            Status::unavailable(format!("no service port {:?} found for service {:?}", self.port, self.name))
        })
    }
}

/// The ready addresses of a slice with the port of a name.
fn addresses(slice: &Tree, port: &str) -> Vec<SocketAddr> {
    let named = |row: &&Tree| row.str_at(&["name"]).unwrap_or_default() == port;
    let number = slice.items_at(&["ports"]).iter().find(named).and_then(|row| row.i64_at(&["port"]));
    let Some(number) = number.and_then(|number| u16::try_from(number).ok()) else { return Vec::new() };
    let endpoints = slice.items_at(&["endpoints"]).iter();
    let ready = endpoints.filter(|endpoint| endpoint.bool_at(&["conditions", "ready"]) != Some(false));
    let texts = ready.flat_map(|endpoint| endpoint.items_at(&["addresses"])).filter_map(Tree::as_str);
    texts.filter_map(|text| text.parse::<IpAddr>().ok()).map(|ip| SocketAddr::new(ip, number)).collect()
}

#[cfg(test)]
mod tests {
    use objects::tree;

    use super::*;

    #[test]
    fn only_ready_endpoints_with_the_port_are_asked() {
        let slice = tree!({
            "ports": [{ "name": "https", "port": 8443 }, { "name": "http", "port": 80 }],
            "endpoints": [
                { "addresses": ["10.1.0.1"], "conditions": { "ready": true } },
                { "addresses": ["10.1.0.2"], "conditions": { "ready": false } },
                { "addresses": ["10.1.0.3"] }
            ]
        });
        let shown = |port| addresses(&slice, port).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(shown("https"), ["10.1.0.1:8443", "10.1.0.3:8443"]);
        assert!(shown("").is_empty());
    }
}
