//! What is to be done with an object, by its own state and by what became of its owners.

use client::{Patch, Propagation};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use objects::tree::to_tree;
use objects::{Tree, tree};

use super::graph::{Dependents, FOREGROUND, Head, ORPHAN, Scene};

/// What an object is looked at for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Nothing,
    /// Its dependents are to lose it as their owner; then it goes.
    Orphan,
    /// It may go: nothing blocks it any more.
    Finish,
    /// Whether its owners are still there is to be asked.
    Verify,
}

impl Task {
    pub(super) fn of(scene: &Scene) -> Self {
        let head = &scene.node.head;
        if head.is_orphaning() {
            return Self::Orphan;
        }
        if head.is_foreground() {
            return if scene.dependents.blocking { Self::Nothing } else { Self::Finish };
        }
        let is_held = (0..head.owners.len()).all(|index| is_held_by(scene, index));
        if head.is_deleting || is_held { Self::Nothing } else { Self::Verify }
    }
}

/// Whether the watches know the owner of a reference, and it is there to stay.
pub(super) fn is_held_by(scene: &Scene, index: usize) -> bool {
    let (head, owner) = (&scene.node.head, &scene.owners[index]);
    owner
        .as_ref()
        .is_some_and(|owner| !owner.head.is_foreground() && owner.is_meant(head, &head.owners[index]))
}

/// What became of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Solid,
    /// It waits for its dependents to go.
    Waiting,
    Absent,
    /// It is in a namespace, what it is to own is not.
    OutOfReach,
    /// No such kind is served now.
    UnknownKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Keep,
    /// Until its owners' kinds are served.
    Wait,
    /// Owners that are not solid are dropped from it.
    Release,
    Delete {
        policy: Propagation,
        /// Whether its owners wait no longer for it: the owner of one is below it.
        unblock: bool,
    },
}

/// What becomes of an object whose owners stand so.
pub(super) fn judge(head: &Head, standings: &[Standing], dependents: Dependents) -> Verdict {
    let has = |standing| standings.contains(&standing);
    if standings.is_empty() || has(Standing::OutOfReach) {
        return Verdict::Keep;
    }
    if has(Standing::UnknownKind) {
        return Verdict::Wait;
    }
    let is_all_solid = standings.iter().all(|standing| *standing == Standing::Solid);
    if has(Standing::Solid) {
        return if is_all_solid { Verdict::Keep } else { Verdict::Release };
    }
    if has(Standing::Waiting) && dependents.any {
        return Verdict::Delete { policy: Propagation::Foreground, unblock: dependents.foreground };
    }
    let policy = if head.has_finalizer(ORPHAN) {
        Propagation::Orphan
    } else if head.has_finalizer(FOREGROUND) {
        Propagation::Foreground
    } else {
        Propagation::Background
    };
    Verdict::Delete { policy, unblock: false }
}

/// Leaves the owners of an object that `keep` says.
pub(super) fn released(head: &Head, keep: impl Fn(usize, &OwnerReference) -> bool) -> Patch {
    let left = head.owners.iter().enumerate().filter(|(index, owner)| keep(*index, owner));
    owners_patch(head, left.map(|(_, owner)| owner.clone()))
}

/// The same owners, none of which waits for the object.
pub(super) fn unblocked(head: &Head) -> Patch {
    let owners = head.owners.iter().cloned();
    owners_patch(head, owners.map(|owner| OwnerReference { block_owner_deletion: Some(false), ..owner }))
}

fn owners_patch(head: &Head, owners: impl Iterator<Item = OwnerReference>) -> Patch {
    let owners: Vec<Tree> =
        owners.map(|owner| to_tree(&owner).expect("an owner reference is JSON")).collect();
    let version = head.version.as_str();
    Patch::Merge(tree!({ "metadata": { "resourceVersion": version, "ownerReferences": owners } }))
}

pub(super) fn without_finalizer(head: &Head, finalizer: &str) -> Patch {
    let left: Vec<&str> =
        head.finalizers.iter().map(String::as_str).filter(|one| *one != finalizer).collect();
    let version = head.version.as_str();
    Patch::Merge(tree!({ "metadata": { "resourceVersion": version, "finalizers": left } }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Dependents = Dependents { any: false, blocking: false, foreground: false };
    const ANY: Dependents = Dependents { any: true, ..NONE };
    const CYCLE: Dependents = Dependents { any: true, blocking: true, foreground: true };

    fn delete(policy: Propagation) -> Verdict {
        Verdict::Delete { policy, unblock: false }
    }

    #[test]
    fn one_solid_owner_holds_an_object_and_the_others_are_dropped() {
        use Standing::{Absent, Solid, Waiting};
        let head = Head::default();
        assert_eq!(judge(&head, &[Solid, Solid], NONE), Verdict::Keep);
        assert_eq!(judge(&head, &[Absent, Solid], NONE), Verdict::Release);
        assert_eq!(judge(&head, &[Waiting, Solid], ANY), Verdict::Release);
    }

    #[test]
    fn without_a_solid_owner_it_goes_as_its_finalizers_say() {
        let absent = |finalizers: &[&str]| {
            let finalizers = finalizers.iter().map(|one| (*one).to_owned()).collect();
            judge(&Head { finalizers, ..Head::default() }, &[Standing::Absent], ANY)
        };
        assert_eq!(absent(&[]), delete(Propagation::Background));
        assert_eq!(absent(&["example.com/x", ORPHAN]), delete(Propagation::Orphan));
        assert_eq!(absent(&[FOREGROUND]), delete(Propagation::Foreground));
    }

    #[test]
    fn who_is_waited_for_lets_its_own_dependents_go_first_and_a_cycle_ends() {
        use Standing::{Absent, Waiting};
        let head = Head::default();
        assert_eq!(judge(&head, &[Waiting, Absent], ANY), delete(Propagation::Foreground));
        assert_eq!(judge(&head, &[Waiting], NONE), delete(Propagation::Background));
        let unblocked = Verdict::Delete { policy: Propagation::Foreground, unblock: true };
        assert_eq!(judge(&head, &[Waiting], CYCLE), unblocked);
    }

    #[test]
    fn an_owner_that_cannot_be_asked_for_ends_nothing() {
        use Standing::{Absent, OutOfReach, UnknownKind};
        let head = Head::default();
        assert_eq!(judge(&head, &[Absent, UnknownKind], NONE), Verdict::Wait);
        assert_eq!(judge(&head, &[Absent, OutOfReach], NONE), Verdict::Keep);
        assert_eq!(judge(&head, &[], NONE), Verdict::Keep);
    }
}
