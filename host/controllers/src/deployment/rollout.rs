//! How many pods each set of a Deployment is to have next. Pure; a step at a time, the rest follows when it was seen.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::ReplicaSet;

use super::revision::{self, DESIRED, MAX};
use super::sets::{Sets, actual, available, by_size_then_age, by_size_then_youth, status, sum, wanted};
use super::wish::{Strategy, Wish};

/// A set and the replicas that it is to have.
pub(super) type Sizes = Vec<(Arc<ReplicaSet>, i32)>;

/// Whether the Deployment was scaled since its sets were.
pub(super) fn is_scaling(wish: &Wish, sets: &Sets) -> bool {
    sets.active().any(|set| revision::size(set, DESIRED).is_some_and(|desired| desired != wish.replicas))
}

/// Follows a scaling: one set alone takes all, several take their parts.
pub(super) fn scaled(wish: &Wish, sets: &Sets, total: i32) -> Sizes {
    let mut active = sets.active();
    let one = match (active.next(), active.next()) {
        (None, _) => sets.new.as_ref().or(sets.old.last()),
        (Some(one), None) => Some(one),
        (Some(_), Some(_)) => None,
    };
    if let Some(one) = one {
        return if wanted(one) == wish.replicas { Sizes::new() } else { vec![(one.clone(), wish.replicas)] };
    }
    if sets.new.as_ref().is_some_and(|new| is_saturated(wish, new)) {
        let old = sets.old.iter().filter(|set| wanted(set) > 0);
        return old.map(|set| (set.clone(), 0)).collect();
    }
    match wish.strategy {
        Strategy::Recreate => Sizes::new(),
        Strategy::Rolling { .. } => in_proportion(wish, sets, total),
    }
}

/// Whether the new set has everything that is asked for.
fn is_saturated(wish: &Wish, new: &ReplicaSet) -> bool {
    let desired = revision::size(new, DESIRED);
    [Some(wanted(new)), Some(available(new)), desired].iter().all(|size| *size == Some(wish.replicas))
}

/// `total` is how many pods the status tells of, for sets that do not say of how many they are a part.
fn in_proportion(wish: &Wish, sets: &Sets, total: i32) -> Sizes {
    let mut active: Vec<_> = sets.active().cloned().collect();
    let allowed = if wish.replicas > 0 { wish.replicas + wish.surge() } else { 0 };
    let to_add = allowed - sum(&active, wanted);
    if to_add > 0 {
        active.sort_by_cached_key(|set| by_size_then_youth(set));
    } else {
        active.sort_by_cached_key(|set| by_size_then_age(set));
    }
    let mut left = to_add;
    let mut sizes: Sizes = active
        .into_iter()
        .map(|set| {
            let part = part(wish, &set, total);
            let part = if to_add > 0 { part.min(left) } else { part.max(left) };
            let part = if left == 0 { 0 } else { part };
            left -= part;
            let size = wanted(&set) + part;
            (set, size)
        })
        .collect();
    // What rounding left over is the largest set's.
    if let Some((_, size)) = sizes.first_mut() {
        *size = (*size + left).max(0);
    }
    sizes
}

/// By how much a set is to grow, so that it stays the part of all that it is.
fn part(wish: &Wish, set: &ReplicaSet, total: i32) -> i32 {
    if wish.replicas == 0 {
        return -wanted(set);
    }
    let before = revision::size(set, MAX).filter(|max| *max != 0).unwrap_or(total);
    if before == 0 {
        return 0;
    }
    let size = f64::from(wanted(set)) * f64::from(wish.replicas + wish.surge()) / f64::from(before);
    // Saturates, where an annotation is absurd.
    #[expect(clippy::cast_possible_truncation, reason = "a float that is too large is the largest number")]
    let size = size.round() as i32;
    size.saturating_sub(wanted(set))
}

/// The replicas that a new set begins with, or goes on with, in a rolling update.
pub(super) fn of_new(wish: &Wish, sets: &Sets) -> i32 {
    let present = sets.new.as_ref().map_or(0, |new| wanted(new));
    let Strategy::Rolling { surge, .. } = wish.strategy else { return wish.replicas };
    if present >= wish.replicas {
        return wish.replicas;
    }
    let room = wish.replicas + surge - sum(sets.all(), wanted);
    present + room.clamp(0, wish.replicas - present)
}

/// The next step of a rolling update whose new set is there.
pub(super) fn rolling(wish: &Wish, sets: &Sets, new: &Arc<ReplicaSet>) -> Sizes {
    let size = of_new(wish, sets);
    if size != wanted(new) {
        return vec![(new.clone(), size)];
    }
    let mut old: Sizes = sets.old.iter().map(|set| (set.clone(), wanted(set))).collect();
    let all = sum(sets.all(), wanted);
    let new_unavailable = wanted(new) - available(new);
    let room = all - wish.min_available() - new_unavailable;
    if room <= 0 {
        return Sizes::new();
    }
    // What is not available anyway goes first, wherever it is.
    let mut unhealthy = room;
    for (set, size) in &mut old {
        let down = (*size - available(set)).clamp(0, unhealthy);
        *size -= down;
        unhealthy -= down;
    }
    let mut spare = (sum(sets.all(), available) - wish.min_available()).max(0);
    for (_, size) in &mut old {
        let down = (*size).min(spare);
        *size -= down;
        spare -= down;
    }
    old.retain(|(set, size)| *size != wanted(set));
    old
}

/// The next step of a Deployment whose old pods go before the new ones come: the old sets, while they are to have pods.
pub(super) fn emptied(sets: &Sets) -> Sizes {
    sets.old.iter().filter(|set| wanted(set) > 0).map(|set| (set.clone(), 0)).collect()
}

/// Old sets that nothing needs and for which there is no room in the history, the oldest revision first.
pub(super) fn forgotten(wish: &Wish, sets: &Sets) -> Vec<Arc<ReplicaSet>> {
    let Some(limit) = wish.history else { return Vec::new() };
    let mut old: Vec<_> =
        sets.old.iter().filter(|set| set.metadata.deletion_timestamp.is_none()).cloned().collect();
    let surplus = old.len().saturating_sub(limit);
    // They are in the order of their age, which stays that of one revision.
    old.sort_by_key(|set| revision::revision(set));
    old.truncate(surplus);
    let is_seen =
        |set: &ReplicaSet| status(set, |status| status.observed_generation) >= set.metadata.generation;
    old.retain(|set| wanted(set) == 0 && actual(set) == 0 && is_seen(set));
    old
}
