//! What this node is called, where it is reached, and what its certificates say of it.

use anyhow::Result;
use args::{Effective, Service};
use pki::Facts;

use crate::data_dir::DataDir;

/// The page's port, for kubeconfigs of a node whose API server does not listen.
const DEFAULT_API_PORT: u16 = 16443;

/// What the certificates of this node are to say, by the configuration in force.
pub(crate) fn facts(data_dir: &DataDir, effective: &Effective) -> Result<Facts> {
    let api = effective.service(Service::KubeApiserver);
    let advertised = api.address("advertise-address");
    let mut addresses = net::machine_addresses()?;
    addresses.extend(advertised.filter(|address| !addresses.contains(address)));
    Ok(Facts {
        node_name: node_name(data_dir, effective)?,
        addresses,
        service_address: service_address(effective)?,
        api_port: api.port("secure-port").unwrap_or(DEFAULT_API_PORT),
    })
}

/// `--hostname-override`, or the name that the data directory holds.
pub(crate) fn node_name(data_dir: &DataDir, effective: &Effective) -> Result<String> {
    match effective.service(Service::Kubelet).text("hostname-override") {
        "" => data_dir.node_name(),
        name => Ok(name.to_lowercase()),
    }
}

/// The first address of the service CIDR: the service `kubernetes`.
fn service_address(effective: &Effective) -> Result<std::net::IpAddr> {
    let cidrs = effective.service(Service::KubeApiserver).cidrs("service-cluster-ip-range");
    let first = cidrs.first().and_then(|cidr| cidr.hosts().next());
    first.ok_or_else(|| {
        anyhow::anyhow!("kube-apiserver --service-cluster-ip-range holds no address: give it a larger one")
    })
}
