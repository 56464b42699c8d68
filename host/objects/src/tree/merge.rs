//! Merging trees by structure alone; merging by schema is `patch::strategic`.

use super::{Object, Tree};

impl Tree {
    /// RFC 7386: objects merge, null removes, everything else replaces.
    pub fn merge(&mut self, patch: &Tree) {
        let Tree::Object(patch) = patch else {
            *self = patch.clone();
            return;
        };
        let target = self.object_mut();
        if patch.values().any(Tree::is_null) {
            target.retain(|key, _| !patch.get(key).is_some_and(Tree::is_null));
        }
        for (key, value) in patch.iter().filter(|(_, value)| !value.is_null()) {
            target.entry(key, || Tree::Null).merge(value);
        }
    }

    /// Adds what `defaults` has and this value has not, at any depth of objects.
    pub fn fill(&mut self, defaults: &Tree) {
        match (self, defaults) {
            (Tree::Object(target), Tree::Object(defaults)) => {
                for (key, value) in defaults.iter() {
                    target.entry(key, || value.clone()).fill(value);
                }
            }
            (target @ Tree::Null, defaults) => *target = defaults.clone(),
            _ => {}
        }
    }

    /// The merge patch that turns `self` into `wanted`; `None` where they are equal.
    pub fn merge_diff(&self, wanted: &Tree) -> Option<Tree> {
        let (Tree::Object(from), Tree::Object(to)) = (self, wanted) else {
            return (self != wanted).then(|| wanted.clone());
        };
        let mut patch = Object::new();
        for (key, value) in to.iter() {
            let change = match from.get(key) {
                Some(old) => old.merge_diff(value),
                None => Some(value.clone()),
            };
            if let Some(change) = change {
                patch.insert(key, change);
            }
        }
        for key in from.keys().filter(|key| !to.contains_key(key)) {
            patch.insert(key, Tree::Null);
        }
        (!patch.is_empty()).then_some(Tree::Object(patch))
    }
}
