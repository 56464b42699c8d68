//! What scheduling needs of the objects of the API, read once from their trees: a view takes a fraction of the
//! object's memory, and its selectors and amounts are parsed.

mod capacity;
mod device;
mod node;
mod pod;
mod slice;
mod terms;
mod volume;
mod workload;

use objects::{Tree, meta};
use reconcile::ObjectKey;

pub(crate) use capacity::{CapacityView, DriverView};
pub(crate) use device::{DeviceClaimView, DeviceUse};
pub(crate) use node::{CsiNodeView, NodeView};
pub(crate) use pod::{Disk, PodView, PodVolume, preferred_nodes};
pub(crate) use slice::{
    Amounts, DeviceClassView, DeviceId, DeviceView, Reach, SliceView, Taken, amounts, class_key, selectors,
};
pub(crate) use terms::{PodAffinity, PodTerm, Policy, SpreadTerm, Weighted, WhenUnsatisfiable};
pub(crate) use volume::{ClaimView, ClassView, VolumeView};
pub(crate) use workload::{BudgetView, NamespaceView, Selecting};

/// Labels, sorted by key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Labels(Box<[(Box<str>, Box<str>)]>);

impl Labels {
    pub(crate) fn of(object: &Tree) -> Self {
        let mut labels: Vec<(Box<str>, Box<str>)> =
            meta::labels(object).map(|(key, value)| (key.into(), value.into())).collect();
        labels.sort();
        Self(labels.into())
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.binary_search_by(|(known, _)| (**known).cmp(key)).ok()?;
        Some(&self.0[found].1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every field of an object of texts is a label.
    pub(crate) fn include(&self, wanted: &[(Box<str>, Box<str>)]) -> bool {
        wanted.iter().all(|(key, value)| self.get(key) == Some(value))
    }
}

/// Which object it is, and at which version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) key: ObjectKey,
    pub(crate) uid: Box<str>,
    version: Box<str>,
}

impl Head {
    fn of(object: &Tree) -> Self {
        Self {
            key: ObjectKey::new(meta::namespace(object), meta::name(object)),
            uid: meta::uid(object).into(),
            version: meta::resource_version(object).into(),
        }
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }
}

/// Has a view read itself from the tree of its object, and tell a reflector its head.
macro_rules! views {
    ($($view:ty),* $(,)?) => {
        $(impl From<objects::Tree> for $view {
            fn from(tree: objects::Tree) -> Self {
                Self::read(&tree)
            }
        }

        impl reconcile::Reflected for $view {
            fn key(&self) -> reconcile::ObjectKey {
                self.head.key.clone()
            }

            fn resource_version(&self) -> &str {
                self.head.version()
            }
        })*
    };
}

views! {
    PodView, NodeView, CsiNodeView, ClaimView, VolumeView, ClassView, DriverView, CapacityView, BudgetView,
    NamespaceView, Selecting, DeviceClaimView, SliceView, DeviceClassView,
}

/// The text at a path, empty where there is none.
fn text<'a>(tree: &'a Tree, path: &[&str]) -> &'a str {
    tree.str_at(path).unwrap_or_default()
}

/// The text at a path that says something.
fn some_text(tree: &Tree, path: &[&str]) -> Option<Box<str>> {
    tree.str_at(path).filter(|text| !text.is_empty()).map(Into::into)
}

/// The texts of the array at a path.
fn texts(tree: &Tree, path: &[&str]) -> Box<[Box<str>]> {
    tree.items_at(path).iter().filter_map(Tree::as_str).map(Into::into).collect()
}

/// The fields of the object at a path that are texts.
fn pairs(tree: &Tree, path: &[&str]) -> Box<[(Box<str>, Box<str>)]> {
    let fields = tree.at(path).into_iter().flat_map(Tree::fields);
    fields.filter_map(|(key, value)| Some((key.into(), value.as_str()?.into()))).collect()
}
