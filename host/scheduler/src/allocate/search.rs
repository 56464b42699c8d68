//! The search: request by request, device by device, back where that leads nowhere.

use std::collections::HashMap;

use objects::Tree;
use objects::quantity::Quantity;

use super::Asked;
use super::capacity::consumed;
use super::inventory::{Offer, Offered};
use super::request::{Kind, Request};
use crate::view::Amounts;

/// What the API takes of one claim.
const MOST_DEVICES: usize = 32;
/// Devices that are tried, however claims and devices are made; upstream gives up after some seconds.
const STEPS: usize = 20_000;
const GIVEN_UP: &str = "timed out trying to allocate devices";

/// A device for a request.
#[derive(Clone)]
pub(super) struct Pick<'s, 'a> {
    pub(super) claim: usize,
    pub(super) request: &'s Request<'a>,
    pub(super) kind: &'s Kind<'a>,
    pub(super) offered: &'s Offered<'a>,
    /// Of the capacities of a device that is shared.
    pub(super) consumed: Amounts,
    device: usize,
}

/// Devices for every request of every claim; `None` where there are not enough that fit.
pub(super) fn search<'s, 'a>(
    asked: &'s Asked<'a>,
    offer: &'s Offer<'a>,
) -> Result<Option<Vec<Pick<'s, 'a>>>, String> {
    let claims = asked.claims.iter().enumerate();
    let requests = claims.flat_map(|(index, claim)| claim.requests.iter().map(move |one| (index, one)));
    let mut search = Search {
        asked,
        offer,
        requests: requests.collect(),
        picks: Vec::new(),
        selected: HashMap::new(),
        steps: 0,
    };
    Ok((search.is_worthwhile()? && search.fill(0)?).then_some(search.picks))
}

struct Search<'s, 'a> {
    asked: &'s Asked<'a>,
    offer: &'s Offer<'a>,
    requests: Vec<(usize, &'s Request<'a>)>,
    picks: Vec<Pick<'s, 'a>>,
    /// What selectors said, by request, kind and device.
    selected: HashMap<(usize, usize, usize), bool>,
    steps: usize,
}

impl<'s, 'a> Search<'s, 'a> {
    /// Whether there are enough devices for each request by itself: most nodes are passed over for that.
    fn is_worthwhile(&mut self) -> Result<bool, String> {
        for index in 0..self.requests.len() {
            let mut is_met = false;
            for place in 0..self.requests[index].1.kinds.len() {
                let wanted = self.requests[index].1.kinds[place].count.unwrap_or(1);
                let mut found = 0;
                for device in 0..self.offer.devices.len() {
                    if found < wanted && self.may_pick(index, place, device)? {
                        // Who shares a device may have several shares of it.
                        found += if self.offer.devices[device].device.is_shared { wanted } else { 1 };
                    }
                }
                is_met |= found >= wanted;
            }
            if !is_met {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Finds devices for the requests from one on.
    fn fill(&mut self, index: usize) -> Result<bool, String> {
        let Some((_, request)) = self.requests.get(index).copied() else { return Ok(true) };
        for (place, kind) in request.kinds.iter().enumerate() {
            let found = match kind.count {
                Some(count) => self.pick(index, place, count, 0)?,
                None => self.pick_all(index, place)?,
            };
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Finds `left` more devices, none before `from`, and devices for the requests after this one.
    fn pick(&mut self, index: usize, place: usize, left: usize, from: usize) -> Result<bool, String> {
        if left == 0 {
            return self.fill(index + 1);
        }
        for device in from..self.offer.devices.len() {
            if !self.may_pick(index, place, device)? {
                continue;
            }
            self.push(index, place, device);
            let next = if self.offer.devices[device].device.is_shared { device } else { device + 1 };
            if self.pick(index, place, left - 1, next)? {
                return Ok(true);
            }
            self.picks.pop();
        }
        Ok(false)
    }

    /// Takes every device that is selected, of which there must be one.
    fn pick_all(&mut self, index: usize, place: usize) -> Result<bool, String> {
        let (claim, request) = self.requests[index];
        if let Some(pool) = &self.offer.incomplete {
            let key = &self.asked.claims[claim].view.head.key;
            return Err(format!(
                "claim {key}, request {}: asks for all devices, but resource pool {pool} is currently being updated",
                request.name
            ));
        }
        let before = self.picks.len();
        for device in 0..self.offer.devices.len() {
            if !self.is_selected(index, place, device)? {
                continue;
            }
            if !self.may_pick(index, place, device)? {
                self.picks.truncate(before);
                return Ok(false);
            }
            self.push(index, place, device);
        }
        if self.picks.len() > before && self.fill(index + 1)? {
            return Ok(true);
        }
        self.picks.truncate(before);
        Ok(false)
    }

    fn push(&mut self, index: usize, place: usize, device: usize) {
        let (claim, request) = self.requests[index];
        let (kind, offered) = (&request.kinds[place], &self.offer.devices[device]);
        let consumed = if offered.device.is_shared { self.consumed(kind, offered) } else { None };
        let consumed = consumed.unwrap_or_default();
        self.picks.push(Pick { claim, request, kind, offered, consumed, device });
    }

    fn may_pick(&mut self, index: usize, place: usize, device: usize) -> Result<bool, String> {
        self.steps += 1;
        if self.steps > STEPS {
            return Err(GIVEN_UP.to_owned());
        }
        let (claim, request) = self.requests[index];
        let (kind, offered) = (&request.kinds[place], &self.offer.devices[device]);
        let of_claim = self.picks.iter().filter(|pick| pick.claim == claim).count();
        Ok(of_claim < MOST_DEVICES
            && (kind.is_admin || self.is_free(kind, device))
            && self.is_selected(index, place, device)?
            && is_tolerated(&offered.device.taints, kind.tolerations)
            && self.goes_together(claim, request.name, kind, offered))
    }

    fn consumed(&self, kind: &Kind<'_>, offered: &Offered<'_>) -> Option<Amounts> {
        consumed(&offered.device.capacity, &offered.slice.driver, &kind.capacity)
    }

    /// Whether there is as much of a device as a request asks for, and of what the device is made of.
    fn is_free(&self, kind: &Kind<'_>, device: usize) -> bool {
        let offered = &self.offer.devices[device];
        let in_use = &self.asked.in_use;
        if in_use.is_taken(&offered.id) {
            return false;
        }
        let others = || self.picks.iter().filter(|pick| !pick.kind.is_admin);
        let mut shares = others().filter(|pick| pick.device == device);
        if !offered.device.is_shared {
            let is_enough = kind.capacity.is_empty() || self.consumed(kind, offered).is_some();
            return is_enough && shares.next().is_none() && self.has_counters(device);
        }
        let Some(wanted) = self.consumed(kind, offered) else { return false };
        let is_in = |(name, amount): &(Box<str>, Quantity)| {
            let picked = others().filter(|pick| pick.device == device).flat_map(|pick| &pick.consumed);
            let picked = picked.filter(|(known, _)| known == name).map(|(_, amount)| *amount);
            let all = in_use.consumed(&offered.id, name) + picked.sum() + *amount;
            let value = offered.device.capacity.str_at(&[name, "value"]);
            value.and_then(|value| value.parse::<Quantity>().ok()).is_some_and(|value| all <= value)
        };
        wanted.iter().all(is_in) && (shares.next().is_some() || self.has_counters(device))
    }

    /// Whether enough is left of what a device is made of, unless it was made before.
    fn has_counters(&self, device: usize) -> bool {
        let offered = &self.offer.devices[device];
        if self.asked.in_use.is_used(&offered.id) {
            return true;
        }
        let mut made: Vec<&Pick<'_, '_>> = Vec::new();
        for pick in self.picks.iter().filter(|pick| !pick.kind.is_admin && pick.offered.pool == offered.pool)
        {
            let is_known = made.iter().any(|known| known.device == pick.device);
            if !is_known && !self.asked.in_use.is_used(&pick.offered.id) {
                made.push(pick);
            }
        }
        let drawn = |set: &str, counter: &str| -> Quantity {
            let sets =
                made.iter().flat_map(|pick| &pick.offered.device.draws).filter(|one| *one.name == *set);
            let counters = sets.flat_map(|one| &one.counters).filter(|(name, _)| **name == *counter);
            counters.map(|(_, amount)| *amount).sum()
        };
        offered.device.draws.iter().all(|set| {
            set.counters.iter().all(|(counter, amount)| {
                let left = self.asked.pools.left(offered.pool, &set.name, counter);
                left.is_some_and(|left| drawn(&set.name, counter) + *amount <= left)
            })
        })
    }

    fn is_selected(&mut self, index: usize, place: usize, device: usize) -> Result<bool, String> {
        let key = (index, place, device);
        if let Some(known) = self.selected.get(&key) {
            return Ok(*known);
        }
        let kind = &self.requests[index].1.kinds[place];
        let mut is_selected = true;
        for (expression, whose) in &kind.selectors {
            let told = self.asked.expressions.select(*expression, &self.offer.devices[device]);
            is_selected = told.map_err(|why| format!("{whose}: {why}"))?;
            if !is_selected {
                break;
            }
        }
        self.selected.insert(key, is_selected);
        Ok(is_selected)
    }

    /// Whether a device has what the claim's constraints want alike, or different, in all devices.
    fn goes_together(&self, claim: usize, request: &str, kind: &Kind<'_>, offered: &Offered<'_>) -> bool {
        let constraints = self.asked.claims[claim].view.devices.items_at(&["constraints"]);
        constraints.iter().all(|constraint| {
            let (alike, different) =
                (constraint.str_at(&["matchAttribute"]), constraint.str_at(&["distinctAttribute"]));
            let Some(name) = alike.or(different).filter(|_| is_about(constraint, request, &kind.name)) else {
                return true;
            };
            let Some(own) = offered.attribute(name) else { return false };
            let mut others = self.picks.iter().filter(|pick| {
                pick.claim == claim && is_about(constraint, pick.request.name, &pick.kind.name)
            });
            others.all(|pick| (pick.offered.attribute(name) == Some(own)) == alike.is_some())
        })
    }
}

/// Whether a constraint, or a configuration, holds for a request: it names it, its kind, or nothing.
pub(super) fn is_about(tree: &Tree, request: &str, kind: &str) -> bool {
    let names = tree.items_at(&["requests"]);
    names.is_empty() || names.iter().filter_map(Tree::as_str).any(|name| name == request || name == kind)
}

fn is_tolerated(taints: &Tree, tolerations: &[Tree]) -> bool {
    let field = |tree: &Tree, field: &str| tree.str_at(&[field]).unwrap_or_default().to_owned();
    let keeps_off = |taint: &&Tree| matches!(taint.str_at(&["effect"]), Some("NoSchedule" | "NoExecute"));
    taints.items().iter().filter(keeps_off).all(|taint| {
        tolerations.iter().any(|toleration| {
            let (key, effect) = (field(toleration, "key"), field(toleration, "effect"));
            let exists = toleration.str_at(&["operator"]) == Some("Exists");
            (effect.is_empty() || effect == field(taint, "effect"))
                && (key == field(taint, "key") || (key.is_empty() && exists))
                && (exists || field(toleration, "value") == field(taint, "value"))
        })
    })
}
