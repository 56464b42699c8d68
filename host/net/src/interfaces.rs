//! The addresses of this machine.

use std::io;
use std::net::IpAddr;

/// Devices whose addresses belong to pods, not to the machine.
const POD_DEVICES: &[&str] = &["cali", "cni", "flannel", "ovn", "veth", "vxlan"];

/// Every address of the machine but loopback, link-local and those of pod devices: IPv4 first, each sorted.
pub fn machine_addresses() -> io::Result<Vec<IpAddr>> {
    let interfaces = if_addrs::get_if_addrs()?;
    let mut addresses: Vec<_> = interfaces
        .iter()
        .filter(|interface| !POD_DEVICES.iter().any(|prefix| interface.name.starts_with(prefix)))
        .filter(|interface| !interface.is_loopback() && !interface.is_link_local())
        .map(if_addrs::Interface::ip)
        .collect();
    addresses.sort();
    addresses.dedup();
    Ok(addresses)
}
