//! Endpoints packed into EndpointSlices with as few writes as can be: what is in a slice stays there, gaps of slices that
//! are written anyway are filled first, and slices that are left over are written anew before others are made.

use std::collections::BTreeMap;
use std::sync::Arc;

use client::{Api, ApiError, DeleteOptions};
use jiff::Timestamp;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use observe::Metrics;
use observe::histogram::Histogram;
use reconcile::{ObjectKey, Outcome, Store};

use crate::counts::{Bounds, Levels, spread};
use crate::service::{TRIGGER_TIME, mark};

/// The service that a slice is of.
pub(crate) const SERVICE_LABEL: &str = "kubernetes.io/service-name";
/// Who keeps a slice.
pub(crate) const MANAGER_LABEL: &str = "endpointslice.kubernetes.io/managed-by";

/// What all slices of one packing have.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template {
    pub(crate) namespace: String,
    /// Names are made of it.
    pub(crate) prefix: String,
    pub(crate) labels: BTreeMap<String, String>,
    /// `None` leaves them as they are.
    pub(crate) annotations: Option<BTreeMap<String, String>>,
    pub(crate) owner: OwnerReference,
    /// `IPv4` or `IPv6`.
    pub(crate) address_type: &'static str,
    /// Endpoints that a slice holds.
    pub(crate) room: usize,
}

/// Endpoints with the same ports.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Group {
    pub(crate) ports: Vec<EndpointPort>,
    pub(crate) endpoints: Vec<Endpoint>,
}

/// A slice as it is to be.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    /// `None` for one that is to be made.
    pub(crate) old: Option<Arc<EndpointSlice>>,
    pub(crate) new: EndpointSlice,
}

/// All slices as they are to be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Packing {
    pub(crate) slots: Vec<Slot>,
    /// To be deleted.
    pub(crate) spare: Vec<Arc<EndpointSlice>>,
    /// How many endpoints came and went.
    pub(crate) added: usize,
    pub(crate) removed: usize,
}

/// Ports without their order.
pub(crate) type PortsKey = Vec<(Option<String>, Option<i32>, Option<String>, Option<String>)>;

pub(crate) fn ports_key(ports: &[EndpointPort]) -> PortsKey {
    let key = |port: &EndpointPort| {
        (
            port.name.clone().filter(|name| !name.is_empty()),
            port.port,
            port.protocol.clone(),
            port.app_protocol.clone(),
        )
    };
    let mut keys: PortsKey = ports.iter().map(key).collect();
    keys.sort();
    keys
}

/// What makes two endpoints the same one, whatever else they say.
type EndpointId = (Vec<String>, Option<String>, Option<(Option<String>, Option<String>)>);

fn id(endpoint: &Endpoint) -> EndpointId {
    let mut addresses = endpoint.addresses.clone();
    addresses.sort();
    let target = endpoint.target_ref.as_ref().map(|target| (target.namespace.clone(), target.name.clone()));
    (addresses, endpoint.hostname.clone(), target)
}

fn endpoints(slice: &EndpointSlice) -> &[Endpoint] {
    slice.endpoints.as_deref().unwrap_or_default()
}

fn label<'a>(slice: &'a EndpointSlice, key: &str) -> Option<&'a String> {
    slice.metadata.labels.as_ref().and_then(|labels| labels.get(key))
}

/// The service whose slice it is, if that manager keeps it.
pub(crate) fn service_of(slice: &EndpointSlice, manager: &str) -> Option<ObjectKey> {
    let service = label(slice, SERVICE_LABEL)?;
    let ours = label(slice, MANAGER_LABEL).is_some_and(|known| known == manager);
    ours.then(|| ObjectKey::new(slice.metadata.namespace.clone().unwrap_or_default(), service.clone()))
}

/// The slices of a service that a manager keeps and that are not going.
pub(crate) fn of_service(
    store: &Store<EndpointSlice>,
    service: &ObjectKey,
    manager: &str,
) -> Vec<Arc<EndpointSlice>> {
    let mut slices = store.in_namespace(&service.namespace);
    slices.retain(|slice| {
        slice.metadata.deletion_timestamp.is_none() && service_of(slice, manager).as_ref() == Some(service)
    });
    slices
}

/// In a namespace that is going nothing is to be done any more.
pub(crate) fn unless_going(written: Result<(), ApiError>) -> Result<Outcome, ApiError> {
    match written {
        Err(error) if !error.is_namespace_terminating() => Err(error),
        _ => Ok(Outcome::Done),
    }
}

impl Slot {
    pub(crate) fn endpoints(&self) -> &[Endpoint] {
        endpoints(&self.new)
    }

    pub(crate) fn endpoints_mut(&mut self) -> &mut Vec<Endpoint> {
        self.new.endpoints.get_or_insert_default()
    }

    fn len(&self) -> usize {
        endpoints(&self.new).len()
    }

    /// Whether it is to be written.
    pub(crate) fn changed(&self) -> bool {
        let Some(old) = &self.old else { return true };
        let ports = |slice: &EndpointSlice| ports_key(slice.ports.as_deref().unwrap_or_default());
        endpoints(old) != endpoints(&self.new)
            || ports(old) != ports(&self.new)
            || old.metadata.labels != self.new.metadata.labels
            || settled_annotations(&old.metadata) != settled_annotations(&self.new.metadata)
    }
}

/// Annotations that do not tell of the last write alone.
fn settled_annotations(metadata: &ObjectMeta) -> BTreeMap<&String, &String> {
    metadata.annotations.iter().flatten().filter(|(key, _)| *key != TRIGGER_TIME).collect()
}

/// Packs groups of endpoints, of different ports each, into the slices that there are and others. Slices of another
/// owner or kind of address are spare.
pub(crate) fn pack(template: &Template, existing: Vec<Arc<EndpointSlice>>, groups: Vec<Group>) -> Packing {
    let mut packing = Packing::default();
    let mut by_ports: BTreeMap<PortsKey, Vec<Arc<EndpointSlice>>> = BTreeMap::new();
    let mut strangers = Vec::new();
    for slice in existing {
        if template.keeps(&slice) {
            by_ports.entry(ports_key(slice.ports.as_deref().unwrap_or_default())).or_default().push(slice);
        } else {
            strangers.push(slice);
        }
    }
    for group in groups {
        let present = by_ports.remove(&ports_key(&group.ports)).unwrap_or_default();
        template.pack_group(present, group, &mut packing);
    }
    let mut left: Vec<_> = by_ports.into_values().flatten().collect();
    packing.removed += left.iter().map(|slice| endpoints(slice).len()).sum::<usize>();
    packing.spare.append(&mut left);
    if packing.slots.is_empty() {
        packing.slots.push(Slot { old: None, new: template.slice(Vec::new()) });
    }
    packing.reuse(template);
    packing.spare.extend(strangers);
    packing
}

impl Template {
    fn keeps(&self, slice: &EndpointSlice) -> bool {
        let mut owners = slice.metadata.owner_references.iter().flatten();
        slice.address_type == self.address_type
            && owners.any(|owner| owner.uid == self.owner.uid && owner.kind == self.owner.kind)
    }

    fn slice(&self, ports: Vec<EndpointPort>) -> EndpointSlice {
        let metadata = ObjectMeta {
            namespace: Some(self.namespace.clone()),
            generate_name: Some(self.prefix.clone()),
            ..ObjectMeta::default()
        };
        EndpointSlice {
            address_type: self.address_type.to_owned(),
            endpoints: Some(Vec::new()),
            metadata: self.dressed(metadata),
            ports: Some(ports),
        }
    }

    fn dressed(&self, metadata: ObjectMeta) -> ObjectMeta {
        ObjectMeta {
            labels: Some(self.labels.clone()),
            annotations: self.annotations.clone().or(metadata.annotations),
            owner_references: Some(vec![self.owner.clone()]),
            ..metadata
        }
    }

    fn pack_group(&self, present: Vec<Arc<EndpointSlice>>, group: Group, packing: &mut Packing) {
        let mut wanted: BTreeMap<EndpointId, Endpoint> =
            group.endpoints.into_iter().map(|endpoint| (id(&endpoint), endpoint)).collect();
        let mut slots = Vec::new();
        for old in present {
            let kept: Vec<Endpoint> =
                endpoints(&old).iter().filter_map(|one| wanted.remove(&id(one))).collect();
            packing.removed += endpoints(&old).len() - kept.len();
            if kept.is_empty() && !endpoints(&old).is_empty() {
                packing.spare.push(old);
                continue;
            }
            let mut new = (*old).clone();
            new.metadata = self.dressed(new.metadata);
            if !same_beside_hints(&kept, endpoints(&old)) {
                new.endpoints = Some(kept);
            }
            slots.push(Slot { old: Some(old), new });
        }
        packing.added += wanted.len();
        let mut fullest: Vec<&mut Slot> = slots.iter_mut().filter(|slot| slot.changed()).collect();
        fullest.sort_by_key(|slot| std::cmp::Reverse(slot.len()));
        for slot in fullest {
            fill(slot, &mut wanted, self.room);
        }
        while !wanted.is_empty() {
            let fits = |slot: &&mut Slot| !slot.changed() && slot.len() + wanted.len() <= self.room;
            match slots.iter_mut().filter(fits).max_by_key(|slot| slot.len()) {
                Some(slot) => fill(slot, &mut wanted, self.room),
                None => {
                    let mut slot = Slot { old: None, new: self.slice(group.ports.clone()) };
                    fill(&mut slot, &mut wanted, self.room);
                    slots.push(slot);
                }
            }
        }
        packing.slots.extend(slots);
    }
}

/// What is counted of the slices of one manager.
pub(crate) struct SliceMetrics {
    added: Histogram,
    removed: Histogram,
    changes: Levels<1>,
}

impl SliceMetrics {
    /// `controller` begins their names.
    pub(crate) fn new(metrics: &Metrics, controller: &str) -> Self {
        let spread = |name: &str, help: &str| {
            spread(metrics, &format!("{controller}_{name}"), help, Bounds(2.0, 2.0, 15))
        };
        Self {
            added: spread("endpoints_added_per_sync", "Endpoints that came in one look at a service"),
            removed: spread("endpoints_removed_per_sync", "Endpoints that went in one look at a service"),
            changes: Levels::new(
                metrics,
                &format!("{controller}_changes"),
                "Slices that were made, changed and deleted",
                ["operation"],
            ),
        }
    }

    /// Takes note of packings that are written now.
    pub(crate) fn count(&self, packings: &[Packing]) {
        let sum = |count: fn(&Packing) -> usize| packings.iter().map(count).sum::<usize>();
        self.added.observe(sum(|packing| packing.added) as f64);
        self.removed.observe(sum(|packing| packing.removed) as f64);
        let changed = |packing: &Packing, is_new: bool| {
            packing.slots.iter().filter(|slot| slot.changed() && slot.old.is_none() == is_new).count()
        };
        let made = packings.iter().map(|packing| changed(packing, true)).sum();
        let updated = packings.iter().map(|packing| changed(packing, false)).sum();
        let deleted = sum(|packing| packing.spare.len());
        let operations = [("create", made), ("update", updated), ("delete", deleted)];
        for (operation, count) in operations.into_iter().filter(|(_, count)| *count > 0) {
            self.changes.rise([operation.into()], count);
        }
    }
}

impl Packing {
    /// Nothing is left of slices.
    pub(crate) fn of_spare(spare: Vec<Arc<EndpointSlice>>) -> Self {
        let removed = spare.iter().map(|slice| endpoints(slice).len()).sum();
        Self { spare, removed, ..Self::default() }
    }

    /// Makes slices that are left over those that are to be made.
    fn reuse(&mut self, template: &Template) {
        for slot in self.slots.iter_mut().filter(|slot| slot.old.is_none()) {
            let Some(old) = self.spare.pop() else { return };
            slot.new.metadata = template.dressed(old.metadata.clone());
            slot.old = Some(old);
        }
    }

    /// Writes what changed, and waits until the store shows it, so that what is read next is not what was before.
    pub(crate) async fn write(
        self,
        api: &Api<EndpointSlice>,
        store: &Store<EndpointSlice>,
        trigger: Option<Timestamp>,
    ) -> Result<(), ApiError> {
        let mut last = String::new();
        for Slot { old, mut new } in self.slots.into_iter().filter(Slot::changed) {
            mark(&mut new.metadata, trigger);
            let written = match &old {
                Some(old) => api.update(old.metadata.name.as_deref().unwrap_or_default(), &new).await?,
                None => api.create(&new).await?,
            };
            last = written.metadata.resource_version.unwrap_or_default();
        }
        for slice in self.spare {
            let name = slice.metadata.name.as_deref().unwrap_or_default();
            let only = DeleteOptions::default().of_uid(slice.metadata.uid.clone().unwrap_or_default());
            match api.delete(name, &only).await {
                Err(error) if !error.is_not_found() && !error.is_conflict() => return Err(error),
                _ => {}
            }
        }
        store.reached(&last).await;
        Ok(())
    }
}

fn same_beside_hints(one: &[Endpoint], other: &[Endpoint]) -> bool {
    let bare = |endpoint: &Endpoint| Endpoint { hints: None, ..endpoint.clone() };
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| bare(one) == bare(other))
}

fn fill(slot: &mut Slot, wanted: &mut BTreeMap<EndpointId, Endpoint>, room: usize) {
    while slot.len() < room
        && let Some((_, endpoint)) = wanted.pop_first()
    {
        slot.endpoints_mut().push(endpoint);
    }
}

#[cfg(test)]
mod tests;
