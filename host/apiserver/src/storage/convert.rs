//! From one version to another that shares its place in the store, but for custom resources that a webhook converts.

use objects::{Tree, convert as builtin, meta};

use crate::registry::Served;
use crate::strategy;

/// An object of the version `from` as one of the version `to` of the same resource.
pub(crate) fn convert(tree: Tree, from: &Served, to: &Served) -> Tree {
    if from.group == to.group && from.version == to.version {
        return tree;
    }
    if to.custom().is_none() {
        return builtin::convert(tree, from, to);
    }
    let mut tree = tree;
    meta::set_gvk(&mut tree, &to.gvk());
    strategy::of(to).refresh(&mut tree);
    tree
}
