//! [`Groups`]: the pods that have nodes, those alike in what other pods ask of them and in what they ask of others
//! taken together. A selector is tried once for each group, so that the replicas of a workload cost no more than one
//! pod.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::snapshot::NodeId;
use crate::view::{Labels, PodAffinity, PodView};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct GroupId(usize);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Likeness {
    pub(crate) namespace: Box<str>,
    pub(crate) labels: Labels,
    pub(crate) is_deleting: bool,
    pub(crate) affinity: PodAffinity,
}

#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) alike: Arc<Likeness>,
    /// How many are on each node, sorted by node; none of zero.
    nodes: Vec<(NodeId, u32)>,
}

impl Group {
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (NodeId, i64)> {
        self.nodes.iter().map(|(node, count)| (*node, i64::from(*count)))
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Groups {
    slots: Vec<Option<Group>>,
    free: Vec<GroupId>,
    ids: HashMap<Arc<Likeness>, GroupId>,
    by_namespace: HashMap<Box<str>, BTreeSet<GroupId>>,
    with_affinity: BTreeSet<GroupId>,
}

impl Groups {
    /// Counts a pod on a node; gives its group.
    pub(crate) fn add(&mut self, pod: &PodView, node: NodeId) -> GroupId {
        let alike = Likeness {
            namespace: pod.namespace().into(),
            labels: pod.labels.clone(),
            is_deleting: pod.is_deleting,
            affinity: pod.affinity.clone(),
        };
        let id = match self.ids.get(&alike) {
            Some(id) => *id,
            None => self.insert(Arc::new(alike)),
        };
        let nodes = &mut self.slots[id.0].as_mut().expect("an id that is handed out has its group").nodes;
        match nodes.binary_search_by_key(&node, |(known, _)| *known) {
            Ok(found) => nodes[found].1 += 1,
            Err(place) => nodes.insert(place, (node, 1)),
        }
        id
    }

    fn insert(&mut self, alike: Arc<Likeness>) -> GroupId {
        let id = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            GroupId(self.slots.len() - 1)
        });
        self.by_namespace.entry(alike.namespace.clone()).or_default().insert(id);
        if !alike.affinity.is_empty() {
            self.with_affinity.insert(id);
        }
        self.ids.insert(alike.clone(), id);
        self.slots[id.0] = Some(Group { alike, nodes: Vec::new() });
        id
    }

    /// Counts a pod of a group less on its node.
    pub(crate) fn remove(&mut self, id: GroupId, node: NodeId) {
        let Some(group) = &mut self.slots[id.0] else { return };
        if let Ok(found) = group.nodes.binary_search_by_key(&node, |(known, _)| *known) {
            group.nodes[found].1 -= 1;
            if group.nodes[found].1 == 0 {
                group.nodes.remove(found);
            }
        }
        if group.nodes.is_empty() {
            let alike = group.alike.clone();
            self.slots[id.0] = None;
            self.free.push(id);
            self.ids.remove(&alike);
            self.with_affinity.remove(&id);
            if let Some(ids) = self.by_namespace.get_mut(&alike.namespace) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.by_namespace.remove(&alike.namespace);
                }
            }
        }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Group> {
        self.slots.iter().flatten()
    }

    pub(crate) fn in_namespace(&self, namespace: &str) -> impl Iterator<Item = &Group> {
        let ids = self.by_namespace.get(namespace).into_iter().flatten();
        ids.filter_map(|id| self.slots[id.0].as_ref())
    }

    /// Those whose pods ask something of the pods beside them.
    pub(crate) fn with_affinity(&self) -> impl Iterator<Item = &Group> {
        self.with_affinity.iter().filter_map(|id| self.slots[id.0].as_ref())
    }
}

#[cfg(test)]
mod tests {
    use objects::tree;

    use super::*;

    fn pod(app: &str) -> PodView {
        PodView::read(&tree!({ "metadata": { "namespace": "default", "labels": { "app": app } } }))
    }

    #[test]
    fn pods_alike_are_one_group_until_the_last_goes() {
        let mut groups = Groups::default();
        let (one, two) = (NodeId(1), NodeId(2));
        let web = groups.add(&pod("web"), two);
        assert_eq!(groups.add(&pod("web"), one), web);
        assert_eq!(groups.add(&pod("web"), one), web);
        assert_ne!(groups.add(&pod("db"), one), web);
        let counts = |groups: &Groups| -> Vec<Vec<(NodeId, i64)>> {
            groups.in_namespace("default").map(|group| group.nodes().collect()).collect()
        };
        assert_eq!(counts(&groups), [vec![(one, 2), (two, 1)], vec![(one, 1)]]);
        groups.remove(web, one);
        groups.remove(web, one);
        groups.remove(web, two);
        assert_eq!(counts(&groups), [vec![(one, 1)]]);
        assert_eq!(groups.add(&pod("cache"), two), web, "its place is used again");
        assert_eq!(groups.with_affinity().count(), 0);
    }
}
