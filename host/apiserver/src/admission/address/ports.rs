//! Ports of the nodes that lead to Services.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use objects::Tree;
use objects::status::Status;
use objects::validate::{FieldError, Path};

use super::ranges::band;
use crate::rest::random;

/// The ports of which some are taken.
pub(super) struct Book<'a> {
    pub(super) range: &'a RangeInclusive<u16>,
    pub(super) taken: BTreeSet<u16>,
    pub(super) given: Vec<u16>,
}

/// Why a Service does not get a port.
pub(super) enum Refusal {
    Field(FieldError),
    Whole(Status),
}

impl Book<'_> {
    fn take(&mut self, port: u16) -> Result<(), String> {
        if !self.range.contains(&port) {
            let (first, last) = (self.range.start(), self.range.end());
            return Err(format!(
                "provided port is not in the valid range. The range of valid ports is {first}-{last}"
            ));
        }
        if !self.taken.insert(port) {
            return Err("provided port is already allocated".to_owned());
        }
        self.given.push(port);
        Ok(())
    }

    /// A port that nobody has; the first ones are for those who name one.
    fn next(&mut self) -> Option<u16> {
        let (first, last) = (u64::from(*self.range.start()), u64::from(*self.range.end()));
        let size = (last + 1).saturating_sub(first);
        let band = u64::try_from(band(size.into(), 32, 128)).unwrap_or(size);
        let high = size - band;
        let start = random::below(high);
        let upper = (0..high).map(|at| band + (start + at) % high);
        let offset = upper.chain(0..band);
        let mut ports = offset.filter_map(|offset| u16::try_from(first + offset).ok());
        let port = ports.find(|port| !self.taken.contains(port))?;
        self.taken.insert(port);
        self.given.push(port);
        Some(port)
    }
}

fn node_port(port: &Tree) -> Option<u16> {
    u16::try_from(port.i64_at(&["nodePort"])?).ok().filter(|port| *port != 0)
}

fn check_port(service: &Tree) -> Option<u16> {
    u16::try_from(service.i64_at(&["spec", "healthCheckNodePort"])?).ok().filter(|port| *port != 0)
}

/// The ports that a Service has.
pub(super) fn of(service: &Tree) -> impl Iterator<Item = u16> {
    let ports = service.items_at(&["spec", "ports"]).iter().filter_map(node_port);
    ports.chain(check_port(service))
}

/// The type of a Service that has ports of the nodes.
fn has_node_ports(service: &Tree) -> bool {
    ["NodePort", "LoadBalancer"].contains(&service.str_at(&["spec", "type"]).unwrap_or_default())
}

/// Whether load balancers ask each node whether it has endpoints.
fn is_checked(service: &Tree) -> bool {
    service.str_at(&["spec", "type"]) == Some("LoadBalancer")
        && service.str_at(&["spec", "externalTrafficPolicy"]) == Some("Local")
}

/// What an update does not say of the ports stays as it was, by their names.
pub(super) fn keep(service: &mut Tree, old: &Tree) {
    if has_node_ports(service) && has_node_ports(old) {
        let before = old.items_at(&["spec", "ports"]).to_vec();
        let mut used: Vec<u16> = service.items_at(&["spec", "ports"]).iter().filter_map(node_port).collect();
        for port in service.at_mut(&["spec", "ports"]).and_then(Tree::as_array_mut).into_iter().flatten() {
            let name = |port: &Tree| port.str_at(&["name"]).unwrap_or_default().to_owned();
            let same = before.iter().find(|old| name(old) == name(port)).and_then(node_port);
            if let Some(number) = same.filter(|number| node_port(port).is_none() && !used.contains(number)) {
                used.push(number);
                port.insert("nodePort", number);
            }
        }
    }
    if is_checked(service)
        && check_port(service).is_none()
        && let Some(port) = check_port(old).filter(|_| is_checked(old))
    {
        service.set_at(&["spec", "healthCheckNodePort"], port);
    }
}

/// Gives a Service the ports that it lacks, and books those that it names and had not.
pub(super) fn assign(service: &mut Tree, old: Option<&Tree>, book: &mut Book<'_>) -> Result<(), Refusal> {
    if has_node_ports(service) {
        node_ports(service, old, book)?;
    }
    check(service, old, book)
}

fn node_ports(service: &mut Tree, old: Option<&Tree>, book: &mut Book<'_>) -> Result<(), Refusal> {
    let gives = service.bool_at(&["spec", "allocateLoadBalancerNodePorts"]) != Some(false);
    let mut own: BTreeSet<u16> = old.into_iter().flat_map(of).collect();
    let mut ports = service.items_at(&["spec", "ports"]).to_vec();
    for index in 0..ports.len() {
        let port = &ports[index];
        let asked = node_port(port);
        if asked.is_none() && !gives {
            continue;
        }
        // The same port by another protocol is behind the same port of the nodes.
        let is_twin = |other: &&Tree| other.get("port") == port.get("port");
        let given = match asked.or_else(|| ports.iter().filter(is_twin).find_map(node_port)) {
            Some(named) => named,
            None => book.next().ok_or_else(|| full("failed to allocate a nodePort"))?,
        };
        if own.insert(given) && !book.given.contains(&given) {
            book.take(given).map_err(|why| {
                let path = Path::new("spec").child("ports").index(index).child("nodePort");
                Refusal::Field(FieldError::invalid(&path, i64::from(given), why))
            })?;
        }
        ports[index].insert("nodePort", given);
    }
    service.set_at(&["spec", "ports"], ports);
    Ok(())
}

/// The port at which load balancers ask whether a node has endpoints.
fn check(service: &mut Tree, old: Option<&Tree>, book: &mut Book<'_>) -> Result<(), Refusal> {
    if !is_checked(service) || old.is_some_and(is_checked) {
        return Ok(());
    }
    let Some(port) = check_port(service) else {
        let port = book.next().ok_or_else(|| full("failed to allocate a HealthCheck NodePort 0"))?;
        service.set_at(&["spec", "healthCheckNodePort"], port);
        return Ok(());
    };
    let failed = |why| format!("failed to allocate requested HealthCheck NodePort {port}: {why}");
    book.take(port).map_err(|why| Refusal::Whole(Status::internal(failed(why))))
}

fn full(what: &str) -> Refusal {
    Refusal::Whole(Status::internal(format_args!("{what}: range is full")))
}
