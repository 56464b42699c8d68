//! Keeps pods that must not be interrupted off nodes that are about to be serviced, and prefers nodes as a label of theirs
//! says. addon.json says of which pods it is asked.

use std::collections::BTreeMap;

use sdk::scheduling::{Candidates, Rating, Refusal};
use sdk::{Change, Error, GroupVersionResource, Object, Objects, Scheduling, log, settings};
use serde_json::Value;

/// The highest score there is.
const BEST: u32 = 100;

pub struct Maintenance {
    annotation: String,
    preference: String,
    /// By their names.
    nodes: BTreeMap<String, Node>,
}

/// What counts of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Node {
    is_serviced: bool,
    preference: u32,
}

sdk::addon!(Maintenance: objects, scheduling);

/// The text of a setting.
fn text(name: &str) -> String {
    let setting = settings::all().into_iter().find(|setting| setting.name == name);
    setting.and_then(|setting| serde_json::from_str(&setting.value).ok()).unwrap_or_default()
}

impl Default for Maintenance {
    fn default() -> Self {
        Self { annotation: text("annotation"), preference: text("preference"), nodes: BTreeMap::new() }
    }
}

impl Maintenance {
    fn put(&mut self, object: &Object) {
        let Ok(json) = serde_json::from_slice::<Value>(&object.json) else { return };
        let label = json["metadata"]["labels"][&self.preference].as_str();
        let preference = label.map(str::parse::<u32>).unwrap_or(Ok(0)).unwrap_or_else(|why| {
            log::warn(format!("node {}: its label {} counts as 0: {why}", object.key.name, self.preference));
            0
        });
        let is_serviced = !json["metadata"]["annotations"][&self.annotation].is_null();
        let node = Node { is_serviced, preference: preference.min(BEST) };
        self.nodes.insert(object.key.name.clone(), node);
    }
}

impl Objects for Maintenance {
    fn snapshot(&mut self, _: GroupVersionResource, objects: Vec<Object>) -> Result<(), Error> {
        self.nodes.clear();
        objects.iter().for_each(|object| self.put(object));
        Ok(())
    }

    fn changed(&mut self, _: GroupVersionResource, changes: Vec<Change>) -> Result<(), Error> {
        for change in changes {
            match change {
                Change::Put(object) => self.put(&object),
                Change::Delete(key) => drop(self.nodes.remove(&key.name)),
                Change::Other(_) => {}
            }
        }
        Ok(())
    }
}

impl Scheduling for Maintenance {
    fn filter(&self, candidates: &Candidates) -> Result<Vec<Refusal>, Error> {
        let is_serviced = |name: &&String| self.nodes.get(*name).is_some_and(|node| node.is_serviced);
        let serviced = candidates.nodes.iter().filter(is_serviced);
        Ok(serviced.map(|name| Refusal::lasting(name, "node(s) were about to be serviced")).collect())
    }

    fn score(&self, candidates: &Candidates) -> Result<Vec<Rating>, Error> {
        let rating = |name: &String| Some(Rating::new(name, self.nodes.get(name)?.preference));
        Ok(candidates.nodes.iter().filter_map(rating).collect())
    }
}

#[cfg(test)]
mod tests {
    use sdk::ObjectKey;

    use super::*;

    fn nodes() -> GroupVersionResource {
        GroupVersionResource { group: String::new(), version: "v1".into(), resource: "nodes".into() }
    }

    fn node(name: &str, metadata: &str) -> Object {
        let key = ObjectKey { namespace: String::new(), name: name.into() };
        Object { key, json: format!(r#"{{"metadata":{{{metadata}}}}}"#).into_bytes() }
    }

    /// Over a node that is serviced, one that is preferred, and one that is neither.
    fn addon() -> Maintenance {
        settings::give(&[("annotation", r#""service""#), ("preference", r#""rank""#)]);
        let mut addon = Maintenance::default();
        let all = vec![
            node("old", r#""annotations":{"service":""},"labels":{"rank":"7"}"#),
            node("new", r#""labels":{"rank":"800"}"#),
            node("odd", r#""labels":{"rank":"high"}"#),
        ];
        addon.snapshot(nodes(), all).expect("nodes are taken");
        addon
    }

    fn candidates() -> Candidates {
        Candidates::new("{}", &["old", "new", "odd", "unknown"])
    }

    fn refused(addon: &Maintenance) -> Vec<String> {
        let refused = addon.filter(&candidates()).expect("it answers");
        refused.into_iter().map(|refusal| format!("{}: {}", refusal.node, refusal.reason)).collect()
    }

    #[test]
    fn a_node_that_is_serviced_gets_no_pod_until_that_is_over() {
        let mut addon = addon();
        assert_eq!(refused(&addon), ["old: node(s) were about to be serviced"]);
        addon.changed(nodes(), vec![Change::Put(node("old", ""))]).expect("nodes are taken");
        assert_eq!(refused(&addon), [""; 0]);
        let gone = vec![Change::Delete(node("old", "").key), Change::Other("later".into())];
        addon.changed(nodes(), gone).expect("nodes are taken");
        assert_eq!(addon.nodes.len(), 2);
    }

    #[test]
    fn a_node_is_preferred_as_its_label_says_within_what_a_score_may_be() {
        let ratings = addon().score(&candidates()).expect("it answers");
        let told: Vec<_> = ratings.iter().map(|rating| (rating.node.as_str(), rating.score)).collect();
        assert_eq!(told, [("old", 7), ("new", 100), ("odd", 0)]);
    }
}
