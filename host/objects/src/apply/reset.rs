//! What a write cannot own: what its endpoint resets, and what nobody owns.

use super::fields::FieldSet;

/// The fields that an endpoint does not write, by paths of field names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reset<'a> {
    #[default]
    Nothing,
    /// These, and what is below them.
    These(&'a [&'a [&'a str]]),
    /// All but these, what is below them and what leads to them; `*` is any field or item.
    AllBut(&'a [&'a [&'a str]]),
}

/// Identity and bookkeeping, which nobody owns. What is below `metadata` is owned nevertheless.
const OWNED_BY_NOBODY: &[&[&str]] = &[
    &["apiVersion"],
    &["kind"],
    &["metadata"],
    &["metadata", "name"],
    &["metadata", "namespace"],
    &["metadata", "creationTimestamp"],
    &["metadata", "selfLink"],
    &["metadata", "uid"],
    &["metadata", "clusterName"],
    &["metadata", "generation"],
    &["metadata", "managedFields"],
    &["metadata", "resourceVersion"],
];

impl Reset<'_> {
    pub(super) fn strip(self, set: &mut FieldSet) {
        match self {
            Self::Nothing => {}
            Self::These(paths) => paths.iter().for_each(|path| set.remove_all(path)),
            Self::AllBut(paths) => keep(set, paths),
        }
    }
}

fn keep(set: &mut FieldSet, paths: &[&[&str]]) {
    set.retain(|node| {
        let matching: Vec<&[&str]> = paths
            .iter()
            .filter_map(|path| path.split_first())
            .filter(|(first, _)| **first == "*" || node.element.field() == Some(first))
            .map(|(_, rest)| rest)
            .collect();
        if matching.is_empty() {
            node.member = false;
            node.below = FieldSet::default();
        } else if matching.iter().all(|rest| !rest.is_empty()) {
            keep(&mut node.below, &matching);
        }
    });
}

pub(super) fn strip_meta(set: &mut FieldSet) {
    OWNED_BY_NOBODY.iter().for_each(|path| set.remove(path));
}
