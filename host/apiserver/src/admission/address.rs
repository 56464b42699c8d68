//! Cluster addresses and node ports of Services: chosen among what no Service has, held until the Service is written.
//! One address, of the family of the service network; a second family is not served.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use objects::resource::GroupKind;
use objects::status::Status;
use objects::validate::{FieldError, Path, to_status};
use objects::{Tree, meta};

use crate::registry::Served;
use crate::rest::{Rest, random};

/// Where the addresses and ports of services come from.
#[derive(Clone, Debug)]
pub(crate) struct ServiceNetwork {
    pub(crate) cidr: IpNet,
    pub(crate) node_ports: RangeInclusive<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    Address(IpAddr),
    Port(u16),
}

pub(crate) struct Addresses {
    network: ServiceNetwork,
    pending: Arc<Mutex<BTreeSet<Claim>>>,
}

/// What was chosen for a Service that is not written yet; given back when dropped.
#[derive(Debug, Default)]
pub(crate) struct Reserved {
    claims: Vec<Claim>,
    pending: Arc<Mutex<BTreeSet<Claim>>>,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        lock(&self.pending).retain(|claim| !self.claims.contains(claim));
    }
}

fn lock(pending: &Mutex<BTreeSet<Claim>>) -> MutexGuard<'_, BTreeSet<Claim>> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_external(service: &Tree) -> bool {
    service.str_at(&["spec", "type"]) == Some("ExternalName")
}

/// What an update does not say of the addresses stays as it was.
pub(super) fn keep(tree: &mut Tree, old: &Tree) {
    if is_external(tree) || is_external(old) {
        return;
    }
    for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        if tree.at(&["spec", field]).is_none_or(Tree::is_empty_value)
            && let Some(value) = old.at(&["spec", field])
        {
            tree.set_at(&["spec", field], value.clone());
        }
    }
    let ports = old.items_at(&["spec", "ports"]).to_vec();
    for port in tree.at_mut(&["spec", "ports"]).and_then(Tree::as_array_mut).into_iter().flatten() {
        let same =
            |old: &&Tree| old.get("port") == port.get("port") && old.get("protocol") == port.get("protocol");
        let node_port = ports.iter().find(same).and_then(|old| old.i64_at(&["nodePort"]));
        if let Some(node_port) = node_port
            && port.i64_at(&["nodePort"]).unwrap_or(0) == 0
        {
            port.insert("nodePort", node_port);
        }
    }
}

impl Addresses {
    pub(super) fn new(network: ServiceNetwork) -> Self {
        Self { network, pending: Arc::default() }
    }

    /// Gives a Service what it lacks and holds it; refuses what another one has or what is out of range. The address that
    /// one has is not changed: that is for validation to refuse.
    pub(super) fn assign(
        &self,
        rest: &Rest,
        resource: &Served,
        tree: &mut Tree,
        old: Option<&Tree>,
    ) -> Result<Reserved, Status> {
        let kind = tree.str_at(&["spec", "type"]).unwrap_or("ClusterIP").to_owned();
        let mut pending = lock(&self.pending);
        let mut taken: BTreeSet<Claim> = pending.clone();
        let me = (meta::namespace(tree).to_owned(), meta::name(tree).to_owned());
        for other in rest.list_trees(resource) {
            if (meta::namespace(&other), meta::name(&other)) != (me.0.as_str(), me.1.as_str()) {
                taken.extend(claims(&other));
            }
        }
        let has_address = old.is_some_and(|old| !is_external(old)) && !is_external(tree);
        let wanted = claims(tree).into_iter().filter(|claim| !has_address || matches!(claim, Claim::Port(_)));
        let errors = refusals(&self.network, tree, &taken, wanted);
        let kind_name = GroupKind::new("", "Service");
        if let Some(status) = to_status(&kind_name, meta::name(tree), &errors) {
            return Err(status);
        }
        if !is_external(tree) {
            self.address(tree, &taken)?;
        }
        if kind == "NodePort" || kind == "LoadBalancer" {
            self.ports(tree, &mut taken)?;
        }
        let claims = claims(tree);
        pending.extend(claims.iter().copied());
        Ok(Reserved { claims, pending: Arc::clone(&self.pending) })
    }

    fn address(&self, tree: &mut Tree, taken: &BTreeSet<Claim>) -> Result<(), Status> {
        let mut address = tree.str_at(&["spec", "clusterIP"]).unwrap_or_default().to_owned();
        if address.is_empty() {
            let free = self.free_address(taken);
            let full = "failed to allocate a serviceIP: range is full";
            address = free.ok_or_else(|| Status::internal(full))?.to_string();
        }
        tree.set_at(&["spec", "clusterIP"], address.as_str());
        tree.set_at(&["spec", "clusterIPs"], vec![address]);
        let family = if self.network.cidr.addr().is_ipv4() { "IPv4" } else { "IPv6" };
        if tree.at(&["spec", "ipFamilies"]).is_none_or(Tree::is_empty_value) {
            tree.set_at(&["spec", "ipFamilies"], vec![family]);
        }
        if tree.str_at(&["spec", "ipFamilyPolicy"]).is_none_or(str::is_empty) {
            tree.set_at(&["spec", "ipFamilyPolicy"], "SingleStack");
        }
        Ok(())
    }

    /// An address that nobody has. The first ones are for those who name one, as the cluster's DNS; they are given when
    /// no other is left.
    fn free_address(&self, taken: &BTreeSet<Claim>) -> Option<IpAddr> {
        let cidr = &self.network.cidr;
        let bits = cidr.max_prefix_len() - cidr.prefix_len();
        let size = 1_usize << bits;
        let band = band(size, 16, 256);
        // The first address is the API server's own, the network's and the last of IPv4 are nobody's.
        let hosts: Vec<IpAddr> = cidr.hosts().skip(1).collect();
        let (low, high) = hosts.split_at(band.min(hosts.len()));
        let is_free = |ip: &&IpAddr| !taken.contains(&Claim::Address(**ip));
        from_anywhere(high).find(is_free).or_else(|| low.iter().find(is_free)).copied()
    }

    /// A port that nobody has, by the same rule.
    fn free_port(&self, taken: &BTreeSet<Claim>) -> Option<u16> {
        let ports: Vec<u16> = self.network.node_ports.clone().collect();
        let (low, high) = ports.split_at(band(ports.len(), 32, 128).min(ports.len()));
        let is_free = |port: &&u16| !taken.contains(&Claim::Port(**port));
        from_anywhere(high).find(is_free).or_else(|| low.iter().find(is_free)).copied()
    }

    fn ports(&self, tree: &mut Tree, taken: &mut BTreeSet<Claim>) -> Result<(), Status> {
        taken.extend(claims(tree));
        for port in tree.at_mut(&["spec", "ports"]).and_then(Tree::as_array_mut).into_iter().flatten() {
            if port.i64_at(&["nodePort"]).unwrap_or(0) != 0 {
                continue;
            }
            let free = self.free_port(taken);
            let full = "failed to allocate a nodePort: range is full";
            let free = free.ok_or_else(|| Status::internal(full))?;
            taken.insert(Claim::Port(free));
            port.insert("nodePort", free);
        }
        Ok(())
    }
}

/// How many at the beginning of a range are left to those who name one, as upstream.
fn band(size: usize, share: usize, most: usize) -> usize {
    const LEAST: usize = 16;
    if size < LEAST { 0 } else { (size / share).clamp(LEAST, most) }
}

/// All of a slice, beginning somewhere in it.
fn from_anywhere<T>(items: &[T]) -> impl Iterator<Item = &T> {
    let start = usize::try_from(random::below(items.len() as u64)).unwrap_or(0);
    let (before, from) = items.split_at(start.min(items.len()));
    from.iter().chain(before)
}

/// What a Service has.
fn claims(service: &Tree) -> Vec<Claim> {
    let address = service.str_at(&["spec", "clusterIP"]).and_then(|text| text.parse().ok());
    let port = |port: &Tree| u16::try_from(port.i64_at(&["nodePort"])?).ok().filter(|port| *port != 0);
    let ports = service.items_at(&["spec", "ports"]).iter().filter_map(port).map(Claim::Port);
    address.map(Claim::Address).into_iter().chain(ports).collect()
}

fn refusals(
    network: &ServiceNetwork,
    service: &Tree,
    taken: &BTreeSet<Claim>,
    wanted: impl Iterator<Item = Claim>,
) -> Vec<FieldError> {
    let spec = Path::new("spec");
    wanted
        .filter_map(|claim| match claim {
            Claim::Address(ip) => {
                let path = spec.child("clusterIPs");
                let shown = vec![ip.to_string()];
                if !network.cidr.contains(&ip) {
                    let why = format!(
                        "failed to allocate IP {ip}: the provided IP ({ip}) is not in the valid range. The range of valid IPs is {}",
                        network.cidr
                    );
                    return Some(FieldError::invalid(&spec.child("clusterIPs"), shown, why));
                }
                let why = format!("failed to allocate IP {ip}: provided IP is already allocated");
                taken.contains(&claim).then(|| FieldError::invalid(&path, shown, why))
            }
            Claim::Port(port) => {
                let position = service
                    .items_at(&["spec", "ports"])
                    .iter()
                    .position(|row| row.i64_at(&["nodePort"]) == Some(port.into()));
                let path = spec.child("ports").index(position.unwrap_or(0)).child("nodePort");
                let why = if !network.node_ports.contains(&port) {
                    let (first, last) = (network.node_ports.start(), network.node_ports.end());
                    format!("provided port is not in the valid range. The range of valid ports is {first}-{last}")
                } else if taken.contains(&claim) {
                    "provided port is already allocated".to_owned()
                } else {
                    return None;
                };
                Some(FieldError::invalid(&path, i64::from(port), why))
            }
        })
        .collect()
}
