//! `status.allocation` of a claim, for its driver on the node.

use objects::{Tree, tree};

use super::Claim;
use super::search::{Pick, is_about};
use crate::view::{NodeView, Reach};

pub(super) fn allocation(claim: &Claim<'_>, picks: &[&Pick<'_, '_>], node: &NodeView) -> Tree {
    let results: Vec<Tree> = picks.iter().map(|pick| result(pick)).collect();
    let mut allocation = tree!({ "devices": { "results": results } });
    let config = config(claim, picks);
    if !config.is_empty() {
        allocation.set_at(&["devices", "config"], config);
    }
    if let Some(selector) = selector(picks, node) {
        allocation.insert("nodeSelector", selector);
    }
    allocation
}

fn result(pick: &Pick<'_, '_>) -> Tree {
    let id = &pick.offered.id;
    let mut result = tree!({
        "request": (pick.kind.name.as_str()), "driver": (&*id.driver), "pool": (&*id.pool), "device": (&*id.device)
    });
    if pick.kind.is_admin {
        result.insert("adminAccess", true);
    }
    if !pick.kind.tolerations.is_empty() {
        result.insert("tolerations", pick.kind.tolerations.to_vec());
    }
    result
}

/// What the classes say to their devices' drivers, then what the claim does.
fn config(claim: &Claim<'_>, picks: &[&Pick<'_, '_>]) -> Vec<Tree> {
    let mut config = Vec::new();
    let mut said: Vec<&str> = Vec::new();
    for pick in picks {
        if said.contains(&pick.kind.name.as_str()) {
            continue;
        }
        said.push(&pick.kind.name);
        for one in &pick.kind.class.config {
            let mut one = one.clone();
            one.insert("source", "FromClass");
            one.insert("requests", Tree::Array(vec![Tree::from(pick.kind.name.as_str())]));
            config.push(one);
        }
    }
    for one in claim.view.devices.items_at(&["config"]) {
        let concerns = |pick: &&Pick<'_, '_>| is_about(one, pick.request.name, &pick.kind.name);
        if picks.iter().any(concerns) {
            let mut one = one.clone();
            one.insert("source", "FromClaim");
            config.push(one);
        }
    }
    config
}

/// The nodes that reach all devices; `None` where any does.
fn selector(picks: &[&Pick<'_, '_>], node: &NodeView) -> Option<Tree> {
    let reaches = picks.iter().filter_map(|pick| match &pick.offered.slice.reach {
        Reach::PerDevice => pick.offered.device.reach.as_ref(),
        reach => Some(reach),
    });
    let (mut expressions, mut fields): (Vec<Tree>, Vec<Tree>) = Default::default();
    for reach in reaches {
        match reach {
            Reach::Node(_) => {
                let only = tree!({ "key": "metadata.name", "operator": "In", "values": [(node.name())] });
                return Some(tree!({ "nodeSelectorTerms": [{ "matchFields": [only] }] }));
            }
            Reach::Nodes { tree, .. } => {
                // The API takes one term of it.
                let term = tree.items_at(&["nodeSelectorTerms"]).first();
                let add = |all: &mut Vec<Tree>, field| {
                    for one in term.map_or(&[][..], |term| term.items_at(&[field])) {
                        if !all.contains(one) {
                            all.push(one.clone());
                        }
                    }
                };
                add(&mut expressions, "matchExpressions");
                add(&mut fields, "matchFields");
            }
            Reach::All | Reach::PerDevice => {}
        }
    }
    let mut term = tree!({});
    for (name, all) in [("matchExpressions", expressions), ("matchFields", fields)] {
        if !all.is_empty() {
            term.insert(name, all);
        }
    }
    let is_bound = term.fields().next().is_some();
    is_bound.then(|| tree!({ "nodeSelectorTerms": [term] }))
}
