//! The owners of an object's replicas as the owners of its Scale's, and back.

use super::fields::FieldSet;
use super::managers::{self, Entry, Managers};
use crate::tree::Tree;

const SCALE: &str = "autoscaling/v1";
const REPLICAS: &[&str] = &["spec", "replicas"];

/// Where a kind has its replicas, by API version: an empty path where a version has none. Who owns fields in a
/// version that is not listed loses them.
pub type ReplicasPaths<'a> = &'a [(&'a str, &'a [&'a str])];

/// Gives a Scale the managers that own the replicas of its object.
pub fn managers_to_scale(object: &Tree, scale: &mut Tree, paths: ReplicasPaths<'_>) {
    let mut managers = Managers::decode(managers::encoded(object)).unwrap_or_default();
    managers.retain(|entry| {
        let owns = replicas(paths, &entry.api_version).is_some_and(|set| owns(entry, &set));
        entry.fields = FieldSet::of_fields(REPLICAS);
        SCALE.clone_into(&mut entry.api_version);
        owns
    });
    managers::put(scale, managers.encode());
}

/// Gives an object, which is in a version, the managers that its Scale has after a write.
pub fn managers_from_scale(object: &mut Tree, scale: &Tree, api_version: &str, paths: ReplicasPaths<'_>) {
    let old = Managers::decode(managers::encoded(object)).unwrap_or_default();
    let mut of_scale = Managers::decode(managers::encoded(scale)).unwrap_or_default();
    let mut managers = old.clone();
    managers.retain(|entry| {
        let Some(set) = replicas(paths, &entry.api_version) else {
            return false;
        };
        // Who owned the replicas and does not in the Scale has lost them.
        if owns(entry, &set) && of_scale.remove(&entry.id).is_none() {
            entry.fields.subtract(&set);
        }
        !entry.fields.is_empty()
    });
    let written = FieldSet::of_fields(REPLICAS);
    for entry in of_scale.entries().iter().filter(|entry| owns(entry, &written)) {
        let before = old.entries().iter().find(|old| old.id == entry.id);
        managers.put(Entry {
            id: entry.id.clone(),
            api_version: api_version.to_owned(),
            // As upstream, a manager that is new here has no time.
            time: before.and_then(|before| before.time.clone()),
            fields: replicas(paths, api_version).unwrap_or_default(),
        });
    }
    managers::put(object, managers.encode());
}

fn replicas(paths: ReplicasPaths<'_>, api_version: &str) -> Option<FieldSet> {
    let (_, path) = paths.iter().find(|(version, _)| *version == api_version)?;
    Some(FieldSet::of_fields(path))
}

fn owns(entry: &Entry, set: &FieldSet) -> bool {
    !entry.fields.intersection(set).is_empty()
}
