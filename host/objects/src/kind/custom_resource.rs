//! Definitions of custom resources: names that follow from the kind, and the versions that are or were stored. Their
//! schemas are not looked into here.

use super::{Generation, Kind};
use crate::tree::Tree;

pub(super) const KIND: Kind = Kind {
    unconditional_update: false,
    generation: Generation::Counts,
    defaults,
    create: |definition| remember_stored(definition),
    update: |new, _| remember_stored(new),
    ..Kind::GENERIC
};

fn defaults(definition: &mut Tree) {
    let kind = definition.str_at(&["spec", "names", "kind"]).unwrap_or_default().to_owned();
    if kind.is_empty() {
        return;
    }
    for (field, name) in [("singular", kind.to_lowercase()), ("listKind", format!("{kind}List"))] {
        let path = ["spec", "names", field];
        if definition.str_at(&path).unwrap_or_default().is_empty() {
            definition.set_at(&path, name);
        }
    }
}

/// Once a version is stored, objects of it may be there for good.
fn remember_stored(definition: &mut Tree) {
    let versions = definition.items_at(&["spec", "versions"]).iter();
    let stored = versions.filter(|version| version.bool_at(&["storage"]) == Some(true));
    let Some(name) = stored.filter_map(|version| version.get("name").cloned()).next() else { return };
    match definition.make(&["status", "storedVersions"]) {
        Tree::Array(names) if names.contains(&name) => {}
        Tree::Array(names) => names.push(name),
        none => *none = Tree::Array(vec![name]),
    }
}
