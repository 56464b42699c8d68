//! Services and their IPAddress objects, made to agree: an address of a Service that nobody holds is taken down, one that
//! is held for a Service which does not have it is given back. What this server writes agrees by itself; others write too.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use jiff::Timestamp;
use objects::resource::Verb;
use objects::status::{Reason, Status};
use objects::{Tree, meta, tree};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::write;
use crate::admission::address;
use crate::cache::{Cache, Entry};
use crate::call::{Call, Place};
use crate::registry::Served;
use crate::rest::{Rest, uid};

/// How often everything is looked at, whatever has changed.
const EVERY: Duration = Duration::from_secs(180);
/// As long as an address may wait for the Service that it was made for: upstream's.
const GRACE: Duration = Duration::from_secs(60);
const REPORTER: &str = "ipallocator-repair-controller";

/// What may not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Service { namespace: String, name: String },
    Address(String),
}

/// What is wrong with an address, and what is done about it.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    ip: IpAddr,
    repair: Repair,
    /// What is told of, as an event about the Service or the address: reason and note.
    told: Option<(&'static str, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repair {
    Make,
    MakeAnew,
    Remove,
    /// The operator is told, who alone can mend it.
    None,
}

/// What the caches have.
struct State<'a> {
    rest: &'a Rest,
    services: Arc<Served>,
    addresses: Arc<Served>,
    networks: Vec<IpNet>,
}

impl<'a> State<'a> {
    fn of(rest: &'a Rest) -> Option<Self> {
        let find = |group: &str, plural: &str| rest.registry().find(group, "v1", plural);
        let cidrs = rest.list_trees(&*find(address::GROUP, "servicecidrs")?);
        let networks = cidrs.iter().flat_map(|cidr| cidr.items_at(&["spec", "cidrs"]));
        Some(Self {
            rest,
            services: find("", "services")?,
            addresses: find(address::GROUP, address::PLURAL)?,
            networks: networks.filter_map(|cidr| cidr.as_str()?.parse().ok()).collect(),
        })
    }

    fn service(&self, address: &Tree) -> Option<Tree> {
        self.rest.get_tree(&self.services, parent(address, "namespace"), parent(address, "name"))
    }

    fn address(&self, ip: IpAddr) -> Option<Tree> {
        self.rest.get_tree(&self.addresses, "", &ip.to_string())
    }

    /// What is wrong with a Service or an address.
    fn faults(&self, of: &Key, now: Timestamp) -> Vec<Fault> {
        match of {
            Key::Service { namespace, name } => self
                .rest
                .get_tree(&self.services, namespace, name)
                .map_or_else(Vec::new, |service| self.of_service(&service)),
            Key::Address(name) => {
                let address = self.rest.get_tree(&self.addresses, "", name);
                address.and_then(|address| self.of_address(&address, now)).into_iter().collect()
            }
        }
    }

    /// What is wrong with the addresses of a Service.
    fn of_service(&self, service: &Tree) -> Vec<Fault> {
        address::of(service).into_iter().filter_map(|ip| self.of_claim(service, ip)).collect()
    }

    fn of_claim(&self, service: &Tree, ip: IpAddr) -> Option<Fault> {
        let family = address::family(ip);
        let of = format!("{}/{}", meta::namespace(service), meta::name(service));
        let fault = |repair, reason, note| Some(Fault { ip, repair, told: Some((reason, note)) });
        if !self.networks.iter().any(|network| network.contains(&ip)) {
            let note = format!(
                "Cluster IP [{family}]: {ip} is not within any configured Service CIDR; please recreate service"
            );
            return fault(Repair::None, "ClusterIPOutOfRange", note);
        }
        let Some(address) = self.address(ip) else {
            let note = format!("Cluster IP [{family}]: {ip} is not allocated; repairing");
            return fault(Repair::Make, "ClusterIPNotAllocated", note);
        };
        let holder = if names_service(&address) { self.service(&address) } else { None };
        match holder {
            None => {
                let note = format!(
                    "the ClusterIP [{family}]: {ip} for Service {of} has a wrong reference; repairing"
                );
                fault(Repair::MakeAnew, "ClusterIPNotAllocated", note)
            }
            Some(holder) if !is_same(&holder, service) && address::of(&holder).contains(&ip) => {
                let note = format!(
                    "Cluster IP [{family}]:{ip} was assigned to multiple services; please recreate service"
                );
                fault(Repair::None, "ClusterIPAlreadyAllocated", note)
            }
            Some(holder) if !is_same(&holder, service) || !is_labelled(&address, family) => {
                Some(Fault { ip, repair: Repair::MakeAnew, told: None })
            }
            Some(_) => None,
        }
    }

    /// What is wrong with an address that is held for a Service.
    fn of_address(&self, address: &Tree, now: Timestamp) -> Option<Fault> {
        let ip: IpAddr = meta::name(address).parse().ok()?;
        if meta::label(address, address::MANAGED_BY) != Some(address::ALLOCATOR) {
            return None;
        }
        let of = format!("{}/{}", parent(address, "namespace"), parent(address, "name"));
        let remove = |reason, note| Some(Fault { ip, repair: Repair::Remove, told: Some((reason, note)) });
        if !names_service(address) {
            let note = format!(
                "IPAddress {ip} appears to have been modified, not referencing a Service {of}: cleaning up"
            );
            return remove("IPAddressNotAllocated", note);
        }
        match self.service(address) {
            Some(service) if address::of(&service).contains(&ip) => None,
            Some(_) => remove(
                "IPAddressWrongReference",
                format!("IPAddress: {ip} for Service {of} has a wrong reference; cleaning up"),
            ),
            None if meta::creation_timestamp(address).is_some_and(|since| now < since + GRACE) => None,
            None => remove(
                "IPAddressNotAllocated",
                format!("IPAddress: {ip} for Service {of} appears to have leaked: cleaning up"),
            ),
        }
    }
}

fn parent<'a>(address: &'a Tree, field: &str) -> &'a str {
    address.str_at(&["spec", "parentRef", field]).unwrap_or_default()
}

fn is_same(one: &Tree, two: &Tree) -> bool {
    meta::namespace(one) == meta::namespace(two) && meta::name(one) == meta::name(two)
}

fn names_service(address: &Tree) -> bool {
    parent(address, "group").is_empty() && parent(address, "resource") == "services"
}

fn is_labelled(address: &Tree, family: &str) -> bool {
    meta::label(address, address::FAMILY) == Some(family)
        && meta::label(address, address::MANAGED_BY) == Some(address::ALLOCATOR)
}

/// Mends what is wrong with these. What one sees while a write is on its way to the caches is looked at once more.
async fn mend(rest: &Rest, keys: &[Key]) -> Result<(), Status> {
    let now = supervise::clock::now();
    let Some(state) = State::of(rest).filter(|state| !state.networks.is_empty()) else { return Ok(()) };
    let suspects: Vec<&Key> = keys.iter().filter(|key| !state.faults(key, now).is_empty()).collect();
    if suspects.is_empty() {
        return Ok(());
    }
    rest.caught_up().await?;
    for key in suspects {
        for fault in state.faults(key, now) {
            state.repair(key, &fault).await?;
        }
    }
    Ok(())
}

impl State<'_> {
    async fn repair(&self, key: &Key, fault: &Fault) -> Result<(), Status> {
        let (row, namespace, name) = match key {
            Key::Service { namespace, name } => (&self.services, namespace.as_str(), name.as_str()),
            Key::Address(name) => (&self.addresses, "", name.as_str()),
        };
        let Some(about) = self.rest.get_tree(row, namespace, name) else { return Ok(()) };
        if let Some((reason, note)) = &fault.told {
            warn!(namespace, name, note, "services and their addresses do not agree");
            let event = event(&about, reason, note);
            write(self.rest, Verb::Create, ("events.k8s.io", "events"), "", event).await?;
        }
        if [Repair::MakeAnew, Repair::Remove].contains(&fault.repair) {
            let ip = fault.ip.to_string();
            let place = Place { name: &ip, ..Place::default() };
            let call = Call::own(self.addresses.clone(), Verb::Delete, place, &Tree::object());
            match self.rest.answer(call).await {
                Err(status) if !status.is(Reason::NotFound) => return Err(status),
                _ => {}
            }
        }
        if [Repair::Make, Repair::MakeAnew].contains(&fault.repair) {
            let object = address::object(fault.ip, &about);
            write(self.rest, Verb::Create, (address::GROUP, address::PLURAL), "", object).await?;
        }
        Ok(())
    }
}

fn event(about: &Tree, reason: &str, note: &str) -> Tree {
    let namespace = meta::namespace(about);
    let action = if namespace.is_empty() { "IPAddressAllocation" } else { "ClusterIPAllocation" };
    tree!({
        "metadata": {
            "namespace": (if namespace.is_empty() { "default" } else { namespace }),
            "name": (format!("{}.{}", meta::name(about), uid()))
        },
        "regarding": {
            "apiVersion": (about.str_at(&["apiVersion"])), "kind": (about.str_at(&["kind"])),
            "namespace": (about.str_at(&["metadata", "namespace"])), "name": (meta::name(about)),
            "uid": (meta::uid(about)), "resourceVersion": (meta::resource_version(about))
        },
        "eventTime": (meta::rfc3339_micro(supervise::clock::now())), "type": "Warning",
        "reason": reason, "action": action, "note": note,
        "reportingController": REPORTER, "reportingInstance": REPORTER
    })
}

/// Where the changes of a resource are followed.
struct Feed {
    cache: Arc<Cache>,
    changes: watch::Receiver<u64>,
    position: u64,
    keys: fn(&Entry) -> Vec<Key>,
}

impl Feed {
    fn of(rest: &Rest, (group, plural): (&str, &str), keys: fn(&Entry) -> Vec<Key>) -> Option<Self> {
        let row = rest.registry().find(group, "v1", plural)?;
        let cache = rest.view().caches.of(&row)?;
        Some(Self { changes: cache.subscribe(), position: cache.changes_seen(), cache, keys })
    }

    fn all(&self) -> Vec<Key> {
        self.cache.snapshot("", |_| true).entries.iter().flat_map(|entry| (self.keys)(entry)).collect()
    }

    /// What has changed since it was last asked; all where that is not known any more.
    fn changed(&mut self) -> Vec<Key> {
        let seen = self.cache.changes_seen();
        let Ok(changes) = self.cache.changes(self.position, usize::MAX) else {
            self.position = seen;
            return self.all();
        };
        self.position += changes.len() as u64;
        let entries = changes.iter().filter_map(|change| change.new.as_ref().or(change.old.as_ref()));
        entries.flat_map(|entry| (self.keys)(entry)).collect()
    }
}

fn of_service(entry: &Entry) -> Vec<Key> {
    vec![Key::Service { namespace: entry.namespace.to_string(), name: entry.name.to_string() }]
}

/// An address, and the Service that misses it when it is gone.
fn of_address(entry: &Entry) -> Vec<Key> {
    let tree = entry.tree();
    let part = |field: &str| parent(&tree, field).to_owned();
    let service = Key::Service { namespace: part("namespace"), name: part("name") };
    vec![Key::Address(entry.name.to_string()), service]
}

/// Keeps services and their addresses in agreement until `stop`.
pub(crate) async fn follow(rest: Rest, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = keep(&rest) => {}
    }
}

async fn keep(rest: &Rest) {
    let services = Feed::of(rest, ("", "services"), of_service);
    let addresses = Feed::of(rest, (address::GROUP, address::PLURAL), of_address);
    let (Ok(()), Some((mut services, mut addresses))) = (rest.synced().await, services.zip(addresses)) else {
        return;
    };
    let mut keys = [services.all(), addresses.all()].concat();
    loop {
        if let Err(status) = mend(rest, &keys).await {
            warn!(%status, "cannot make services and their addresses agree");
        }
        keys = tokio::select! {
            Ok(()) = services.changes.changed() => services.changed(),
            Ok(()) = addresses.changes.changed() => addresses.changed(),
            () = tokio::time::sleep(EVERY) => [services.all(), addresses.all()].concat(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::tests::fixture::Fixture;

    struct World {
        fixture: Fixture,
        address: String,
    }

    impl World {
        /// With a Service and the address that it got.
        async fn new() -> Self {
            let fixture = Fixture::new().await;
            let service = tree!({ "metadata": { "name": "s" }, "spec": { "ports": [{ "port": 80 }] } });
            let service = fixture.create("services", service).await.unwrap();
            let address = service.str_at(&["spec", "clusterIP"]).unwrap().to_owned();
            Self { fixture, address }
        }

        async fn write(&self, verb: Verb, name: &str, tree: &Tree) {
            let row = self.fixture.rest.registry().find(address::GROUP, "v1", address::PLURAL).unwrap();
            let call = Call::own(row, verb, Place { name, ..Place::default() }, tree);
            self.fixture.rest.answer(call).await.unwrap();
        }

        /// Looks at everything once; the notes of what was told.
        async fn mend(&self) -> Vec<String> {
            let rest = &self.fixture.rest;
            let feeds = [
                Feed::of(rest, ("", "services"), of_service),
                Feed::of(rest, (address::GROUP, address::PLURAL), of_address),
            ];
            let keys: Vec<Key> = feeds.iter().flatten().flat_map(Feed::all).collect();
            mend(rest, &keys).await.unwrap();
            let row = rest.registry().find("events.k8s.io", "v1", "events").unwrap();
            let notes = rest.list_trees(&row);
            let note = |event: &Tree| event.str_at(&["note"]).unwrap().replace(&self.address, "IP");
            notes.iter().map(note).collect()
        }

        fn parents(&self) -> Vec<String> {
            let row = self.fixture.rest.registry().find(address::GROUP, "v1", address::PLURAL).unwrap();
            let all = self.fixture.rest.list_trees(&row);
            all.iter().map(|address| parent(address, "name").to_owned()).collect()
        }
    }

    #[tokio::test]
    async fn an_address_that_nobody_holds_is_taken_down_and_told_of() {
        let world = World::new().await;
        assert!(world.mend().await.is_empty());
        world.write(Verb::Delete, &world.address, &Tree::object()).await;
        assert_eq!(world.mend().await, ["Cluster IP [IPv4]: IP is not allocated; repairing"]);
        assert_eq!(world.parents(), ["s"]);
        assert_eq!(world.mend().await.len(), 1);
    }

    #[tokio::test]
    async fn an_address_that_is_held_for_another_is_given_to_whom_has_it() {
        let world = World::new().await;
        world.write(Verb::Delete, &world.address, &Tree::object()).await;
        let ip: IpAddr = world.address.parse().unwrap();
        let other = tree!({ "metadata": { "namespace": "default", "name": "other" } });
        world.write(Verb::Create, "", &address::object(ip, &other)).await;
        assert_eq!(
            world.mend().await,
            ["the ClusterIP [IPv4]: IP for Service default/s has a wrong reference; repairing"]
        );
        assert_eq!(world.parents(), ["s"]);
    }

    #[tokio::test]
    async fn an_address_that_a_service_does_not_have_is_given_back() {
        let world = World::new().await;
        let service = world.fixture.get("services", "s").await.unwrap();
        world.write(Verb::Create, "", &address::object("10.152.183.9".parse().unwrap(), &service)).await;
        assert_eq!(
            world.mend().await,
            ["IPAddress: 10.152.183.9 for Service default/s has a wrong reference; cleaning up"]
        );
        assert_eq!(world.parents(), ["s"]);
    }
}
