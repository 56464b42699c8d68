//! What happens on the node and in the cluster, told to the addons: units that come and go, nodes that join, certificates
//! that are issued anew.

use std::collections::{BTreeMap, BTreeSet};

use addons::ports::ObjectUpdate;
use addons::{AddonsHandle, Kind, NodeEvent, ObjectChange};
use futures_util::StreamExt;
use supervise::{TreeHandle, TreeStatus, UnitState};

use crate::adapt::clients::Clients;
use crate::adapt::kube;
use crate::certificates::{CertificatesHandle, CertificatesStatus};
use crate::slot::Slot;
use crate::units::name;

/// Where the happenings come from.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) tree: Slot<TreeHandle>,
    pub(crate) certificates: Slot<CertificatesHandle>,
    pub(crate) clients: Clients,
}

/// Tells the addons, for as long as it is polled.
pub(super) async fn tell(sources: Sources, addons: AddonsHandle) {
    let Sources { tree, certificates, clients } = sources;
    tokio::join!(units(tree, addons.clone()), renewals(certificates, addons.clone()), nodes(clients, addons));
}

async fn units(tree: Slot<TreeHandle>, addons: AddonsHandle) {
    let mut status = tree.wait().await.status();
    let mut known = states(&status.borrow_and_update());
    while status.changed().await.is_ok() {
        let now = states(&status.borrow_and_update());
        for (unit, state) in &now {
            let before = known.get(unit).copied();
            event(unit, before, *state).iter().for_each(|event| addons.tell(event));
        }
        known = now;
    }
}

/// The addons are not told of themselves.
fn states(status: &TreeStatus) -> BTreeMap<&'static str, UnitState> {
    let others = status.units.iter().filter(|unit| unit.name != name::ADDONS);
    others.map(|unit| (unit.name, unit.state)).collect()
}

fn event(unit: &str, before: Option<UnitState>, now: UnitState) -> Option<NodeEvent> {
    if before == Some(now) {
        return None;
    }
    let ran = matches!(before, Some(UnitState::Starting | UnitState::Ready));
    match now {
        UnitState::Starting => Some(NodeEvent::UnitStarting(unit.to_owned())),
        UnitState::Ready => Some(NodeEvent::UnitReady(unit.to_owned())),
        _ if ran => Some(NodeEvent::UnitStopping(unit.to_owned())),
        UnitState::Waiting | UnitState::BackingOff | UnitState::Failed | UnitState::Stopped => None,
    }
}

async fn renewals(certificates: Slot<CertificatesHandle>, addons: AddonsHandle) {
    let mut known = None;
    loop {
        // The unit may be started anew, and then has another handle.
        let mut status = certificates.wait().await.status();
        loop {
            let now = ends(&status.borrow_and_update());
            let renewed = known.as_ref().map_or_else(Vec::new, |known| renewed(known, &now));
            known = Some(now);
            if !renewed.is_empty() {
                addons.tell(&NodeEvent::CertsRenewed(renewed));
            }
            if status.changed().await.is_err() {
                break;
            }
        }
    }
}

/// When each certificate ends.
fn ends(status: &CertificatesStatus) -> BTreeMap<String, String> {
    status.inventory.iter().map(|one| (one.file.clone(), one.not_after.clone())).collect()
}

fn renewed(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    now.iter().filter(|(file, end)| before.get(*file) != Some(end)).map(|(file, _)| file.clone()).collect()
}

async fn nodes(clients: Clients, addons: AddonsHandle) {
    let kind = Kind { group: String::new(), version: "v1".to_owned(), resource: "nodes".to_owned() };
    let mut updates = kube::follow(&clients.host(), &kind);
    let mut known: Option<BTreeSet<String>> = None;
    while let Some(update) = updates.next().await {
        let (names, is_all) = match update {
            ObjectUpdate::Snapshot(objects) => {
                (objects.into_iter().map(|object| object.key.name).collect::<Vec<_>>(), true)
            }
            ObjectUpdate::Changes(changes) => {
                let joined = changes.into_iter().filter_map(|change| match change {
                    ObjectChange::Put(object) => Some(object.key.name),
                    ObjectChange::Delete(key) => {
                        known.iter_mut().for_each(|known| {
                            known.remove(&key.name);
                        });
                        None
                    }
                });
                (joined.collect(), false)
            }
        };
        if let Some(known) = &known {
            let new = names.iter().filter(|name| !known.contains(*name));
            new.for_each(|name| addons.tell(&NodeEvent::NodeJoined(name.clone())));
        }
        match &mut known {
            Some(known) if !is_all => known.extend(names),
            known => *known = Some(names.into_iter().collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_starts_gets_ready_and_stops() {
        let told = |before, now| event("a", before, now);
        let named = || "a".to_owned();
        assert_eq!(
            told(Some(UnitState::Waiting), UnitState::Starting),
            Some(NodeEvent::UnitStarting(named()))
        );
        assert_eq!(told(Some(UnitState::Starting), UnitState::Ready), Some(NodeEvent::UnitReady(named())));
        assert_eq!(
            told(Some(UnitState::Ready), UnitState::BackingOff),
            Some(NodeEvent::UnitStopping(named()))
        );
        assert_eq!(
            told(Some(UnitState::BackingOff), UnitState::Starting),
            Some(NodeEvent::UnitStarting(named()))
        );
    }

    #[test]
    fn what_did_not_change_is_not_told() {
        assert_eq!(event("a", Some(UnitState::Ready), UnitState::Ready), None);
        assert_eq!(event("a", Some(UnitState::BackingOff), UnitState::Failed), None);
        assert_eq!(event("a", None, UnitState::Waiting), None);
    }

    #[test]
    fn certificates_with_another_end_were_renewed() {
        let of =
            |rows: &[(&str, &str)]| rows.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let now = of(&[("a.crt", "1"), ("b.crt", "2"), ("c.crt", "3")]);
        assert_eq!(renewed(&of(&[("a.crt", "1"), ("b.crt", "1")]), &now), ["b.crt", "c.crt"]);
    }
}
