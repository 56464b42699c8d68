//! `status.allocation` of a claim, for its driver on the node.

use objects::{Tree, tree};

use super::Claim;
use super::search::{Pick, is_about};
use crate::view::{NodeView, Reach};

pub(super) fn allocation(claim: &Claim<'_>, picks: &[&Pick<'_, '_>], node: &NodeView) -> Tree {
    let results = picks.iter().enumerate();
    let results: Vec<Tree> = results.map(|(place, pick)| result(pick, &claim.view.head.uid, place)).collect();
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

fn result(pick: &Pick<'_, '_>, claim: &str, place: usize) -> Tree {
    let id = &pick.offered.id;
    let mut result = tree!({
        "request": (pick.kind.name.as_str()), "driver": (&*id.driver), "pool": (&*id.pool), "device": (&*id.device)
    });
    if pick.kind.is_admin {
        result.insert("adminAccess", true);
    } else if pick.offered.device.is_shared {
        let mut consumed = tree!({});
        for (name, amount) in &pick.consumed {
            consumed.insert(&**name, amount.to_string());
        }
        result.insert("shareID", share_id(claim, place));
        result.insert("consumedCapacity", consumed);
    }
    if !pick.kind.tolerations.is_empty() {
        result.insert("tolerations", pick.kind.tolerations.to_vec());
    }
    result
}

/// A UUID of a share: no other share has it, and it is the same whenever it is asked for.
fn share_id(claim: &str, place: usize) -> String {
    let digest = |seed: u64| {
        let bytes = claim.bytes().chain(place.to_le_bytes());
        bytes.fold(seed, |digest, byte| (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    };
    let (high, low) = (digest(0xcbf2_9ce4_8422_2325), digest(0x6c62_272e_07bb_0142));
    let (high, low) = (high & !0xf000 | 0x8000, low & !(0b11 << 62) | 1 << 63);
    let (first, second, third) = (high >> 32, high >> 16 & 0xffff, high & 0xffff);
    let (fourth, fifth) = (low >> 48, low & 0xffff_ffff_ffff);
    format!("{first:08x}-{second:04x}-{third:04x}-{fourth:04x}-{fifth:012x}")
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
