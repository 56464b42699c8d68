//! What this node is called, where it is reached, and what its certificates say of it.

use std::net::IpAddr;

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
fn service_address(effective: &Effective) -> Result<IpAddr> {
    let cidrs = effective.service(Service::KubeApiserver).cidrs("service-cluster-ip-range");
    let first = cidrs.first().and_then(|cidr| cidr.hosts().next());
    first.ok_or_else(|| {
        anyhow::anyhow!("kube-apiserver --service-cluster-ip-range holds no address: give it a larger one")
    })
}

/// Where this node is reached: the address asked for, or the first of the machine, or loopback where it has none.
pub(crate) fn primary_address(asked: Option<IpAddr>, addresses: &[IpAddr]) -> IpAddr {
    let first = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
    asked
        .filter(|address| !address.is_unspecified())
        .or(first.copied())
        .unwrap_or(IpAddr::from([127, 0, 0, 1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(asked: Option<&str>, addresses: &[&str], expected: &str) {
        let parse = |text: &&str| text.parse::<IpAddr>().unwrap();
        let addresses: Vec<_> = addresses.iter().map(parse).collect();
        let asked = asked.as_ref().map(parse);
        assert_eq!(primary_address(asked, &addresses).to_string(), expected);
    }

    #[test]
    fn a_node_is_reached_where_it_was_asked_to_be_or_at_its_first_address_or_on_loopback() {
        check(Some("192.0.2.9"), &["192.0.2.1"], "192.0.2.9");
        check(Some("0.0.0.0"), &["2001:db8::1", "192.0.2.1"], "192.0.2.1");
        check(None, &["2001:db8::1"], "2001:db8::1");
        check(None, &[], "127.0.0.1");
    }
}
