//! Cluster addresses and node ports of Services: chosen among what no Service has, held until the Service is written.
//! Addresses are of the ServiceCIDRs that are ready. That no two Services have one is not decided here: with a Service its
//! IPAddress objects are written, which nobody can make twice.

mod families;
mod ports;
mod ranges;
mod record;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use objects::resource::GroupKind;
use objects::status::Status;
use objects::validate::address::parse_ip;
use objects::validate::{FieldError, Path, to_status};
use objects::{Tree, meta};

use crate::registry::Served;
use crate::rest::{Rest, random};
use families::Family;
use ports::{Book, Refusal};

pub(crate) use record::{ALLOCATOR, FAMILY, GROUP, MANAGED_BY, PLURAL, are_given_to, companions, object, of};

/// Where the addresses and ports of services come from.
#[derive(Clone, Debug)]
pub(crate) struct ServiceNetwork {
    /// One of each family at most; the first is of the usual one.
    pub(crate) cidrs: Vec<IpNet>,
    pub(crate) node_ports: RangeInclusive<u16>,
}

const ALLOCATED: &str = "provided IP is already allocated";

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

/// The name of an address' family.
pub(crate) fn family(ip: IpAddr) -> &'static str {
    Family::of(ip).as_str()
}

fn is_external(service: &Tree) -> bool {
    service.str_at(&["spec", "type"]) == Some("ExternalName")
}

pub(super) fn is_headless(service: &Tree) -> bool {
    service.str_at(&["spec", "clusterIP"]) == Some("None")
}

/// What an update does not say of the addresses stays as it was.
pub(super) fn keep(tree: &mut Tree, old: &Tree) {
    if is_external(tree) || is_external(old) {
        return;
    }
    for field in ["clusterIP", "clusterIPs"] {
        if tree.at(&["spec", field]).is_none_or(Tree::is_empty_value)
            && let Some(value) = old.at(&["spec", field])
        {
            tree.set_at(&["spec", field], value.clone());
        }
    }
    ports::keep(tree, old);
}

/// The networks of the ServiceCIDRs that are ready.
fn networks(rest: &Rest) -> Vec<IpNet> {
    let Some(row) = rest.registry().find(GROUP, "v1", "servicecidrs") else { return Vec::new() };
    let is_ready = |cidr: &Tree| {
        let conditions = cidr.items_at(&["status", "conditions"]);
        let ready = conditions.iter().find(|condition| condition.str_at(&["type"]) == Some("Ready"));
        !meta::is_deleting(cidr) && ready.is_none_or(|ready| ready.str_at(&["status"]) == Some("True"))
    };
    let ready = rest.list_trees(&row).into_iter().filter(is_ready);
    ready
        .flat_map(|cidr| cidr.items_at(&["spec", "cidrs"]).to_vec())
        .filter_map(|cidr| cidr.as_str()?.parse().ok())
        .collect()
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
        let invalid = |tree: &Tree, errors: &[FieldError]| {
            to_status(&GroupKind::new("", "Service"), meta::name(tree), errors).map_or(Ok(()), Err)
        };
        let configured: Vec<Family> = self.network.cidrs.iter().map(|cidr| Family::of(cidr.addr())).collect();
        if let Err(errors) = families::settle(tree, old, &configured) {
            invalid(tree, &errors)?;
        }
        let mut pending = lock(&self.pending);
        let mut taken: BTreeSet<Claim> = pending.clone();
        let me = (meta::namespace(tree).to_owned(), meta::name(tree).to_owned());
        for other in rest.list_trees(resource) {
            if (meta::namespace(&other), meta::name(&other)) != (me.0.as_str(), me.1.as_str()) {
                taken.extend(claims(&other));
            }
        }
        let mut given = Vec::new();
        for index in lacking(tree, old) {
            given.extend(address(rest, tree, index, &taken)?.map(Claim::Address));
        }
        let ports = taken.iter().filter_map(|claim| match claim {
            Claim::Port(port) => Some(*port),
            Claim::Address(_) => None,
        });
        let mut book = Book { range: &self.network.node_ports, taken: ports.collect(), given: Vec::new() };
        match ports::assign(tree, old, &mut book) {
            Ok(()) => {}
            Err(Refusal::Field(error)) => invalid(tree, &[error])?,
            Err(Refusal::Whole(status)) => return Err(status),
        }
        given.extend(book.given.into_iter().map(Claim::Port));
        pending.extend(given.iter().copied());
        Ok(Reserved { claims: given, pending: Arc::clone(&self.pending) })
    }
}

/// Which of the addresses of a Service it is to get, by their positions.
fn lacking(service: &Tree, old: Option<&Tree>) -> std::ops::Range<usize> {
    let count = families::said(service).len();
    let stays = |old: &Tree| families::stays(service, old);
    match old {
        _ if is_external(service) || is_headless(service) => 0..0,
        None => 0..count,
        Some(old) if is_external(old) => 0..count,
        Some(old) if is_headless(old) || stays(old) => 0..0,
        // A second one: the first it has.
        Some(old) => families::said(old).len().max(1)..count,
    }
}

/// Gives a Service the address at one position: the one that it asks for, or a free one. What is no address is left to
/// validation.
fn address(
    rest: &Rest,
    service: &mut Tree,
    index: usize,
    taken: &BTreeSet<Claim>,
) -> Result<Option<IpAddr>, Status> {
    let family = families::said(service).get(index).copied().unwrap_or(Family::V4);
    let mut addresses: Vec<String> =
        families::texts(service, "clusterIPs").into_iter().map(str::to_owned).collect();
    let row = rest.registry().find(GROUP, "v1", PLURAL).ok_or_else(Status::no_such_path)?;
    let is_free = |ip: IpAddr| {
        !taken.contains(&Claim::Address(ip)) && rest.view().entry(&row, "", &ip.to_string()).is_none()
    };
    let mut networks = networks(rest);
    networks.retain(|network| Family::of(network.addr()) == family);
    let asked = addresses.get(index).filter(|address| !address.is_empty());
    let Some(asked) = asked else {
        let mut free = networks.iter().filter_map(|network| ranges::free(network, random::below, is_free));
        let ip = free.next().ok_or_else(full)?;
        addresses.truncate(index);
        addresses.push(ip.to_string());
        if index == 0 {
            service.set_at(&["spec", "clusterIP"], ip.to_string());
        }
        service.set_at(&["spec", "clusterIPs"], addresses);
        return Ok(Some(ip));
    };
    let Some(ip) = parse_ip(asked) else { return Ok(None) };
    if !networks.into_iter().any(|network| ranges::has(&network, ip)) {
        return Err(refused(service, asked, "the provided network does not match the current range"));
    }
    if is_free(ip) { Ok(Some(ip)) } else { Err(refused(service, asked, ALLOCATED)) }
}

/// What is answered where whatever address a Service was given became somebody else's: as if none were free, for none can
/// be had.
pub(crate) fn lost(service: &Tree) -> Status {
    let asked = families::texts(service, "clusterIPs").first().copied();
    match asked.or(service.str_at(&["spec", "clusterIP"])).filter(|asked| !asked.is_empty()) {
        Some(asked) => refused(service, asked, ALLOCATED),
        None => full(),
    }
}

fn full() -> Status {
    Status::internal("failed to allocate a serviceIP: range is full")
}

fn refused(service: &Tree, asked: &str, why: &str) -> Status {
    let why = format!("failed to allocate IP {asked}: {why}");
    let mut addresses = families::texts(service, "clusterIPs");
    if addresses.is_empty() {
        addresses.push(asked);
    }
    let addresses: Vec<String> = addresses.into_iter().map(str::to_owned).collect();
    let errors = [FieldError::invalid(&Path::new("spec").child("clusterIPs"), addresses, why)];
    let status = to_status(&GroupKind::new("", "Service"), meta::name(service), &errors);
    status.unwrap_or_else(Status::no_such_path)
}

/// What a Service has.
fn claims(service: &Tree) -> Vec<Claim> {
    let addresses = of(service).into_iter().map(Claim::Address);
    addresses.chain(ports::of(service).map(Claim::Port)).collect()
}
