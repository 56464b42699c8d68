//! [`FieldSet`]: a set of paths, kept as the tree that they make.

use std::cmp::Ordering;

use super::element::Element;
use crate::tree::Key;

/// A set of paths. A path may be in it without those that lead to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FieldSet(Vec<Node>);

/// A step that paths of the set take: never one that is neither a member nor leads to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) element: Element,
    /// Whether the path that ends here is in the set.
    pub(super) member: bool,
    pub(super) below: FieldSet,
}

/// A path, as error messages show it.
pub(super) type Path<'a> = Vec<&'a Element>;

impl Node {
    pub(super) fn is_empty(&self) -> bool {
        !self.member && self.below.is_empty()
    }
}

impl FieldSet {
    /// The set of nodes whose steps differ, in any order.
    pub(super) fn new(mut nodes: Vec<Node>) -> Self {
        nodes.retain(|node| !node.is_empty());
        nodes.sort_unstable_by(|one, two| one.element.cmp(&two.element));
        Self(nodes)
    }

    /// The set of one path of fields; of none where it is empty.
    pub(super) fn of_fields(path: &[&str]) -> Self {
        path.iter().rev().fold(Self::default(), |below, name| {
            let element = Element::Field(Key::from(*name));
            Self(vec![Node { element, member: below.is_empty(), below }])
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn nodes(&self) -> &[Node] {
        &self.0
    }

    /// Changes each node by a function that may empty it.
    pub(super) fn retain(&mut self, mut change: impl FnMut(&mut Node)) {
        self.0.retain_mut(|node| {
            change(node);
            !node.is_empty()
        });
    }

    pub(super) fn get(&self, element: &Element) -> Option<&Node> {
        self.0.get(self.position(element).ok()?)
    }

    fn position(&self, element: &Element) -> Result<usize, usize> {
        self.0.binary_search_by(|node| node.element.cmp(element))
    }

    /// Adds a node to what is there of its step.
    pub(super) fn add(&mut self, node: Node) {
        match self.position(&node.element) {
            Ok(at) => {
                let old = &mut self.0[at];
                old.member |= node.member;
                old.below = std::mem::take(&mut old.below).union(node.below);
            }
            Err(at) if !node.is_empty() => self.0.insert(at, node),
            Err(_) => {}
        }
    }

    pub(super) fn union(self, other: Self) -> Self {
        if self.is_empty() || other.is_empty() {
            return if self.is_empty() { other } else { self };
        }
        let mut nodes = Vec::with_capacity(self.0.len().max(other.0.len()));
        let (mut one, mut two) = (self.0.into_iter().peekable(), other.0.into_iter().peekable());
        while let (Some(first), Some(second)) = (one.peek(), two.peek()) {
            match first.element.cmp(&second.element) {
                Ordering::Less => nodes.extend(one.next()),
                Ordering::Greater => nodes.extend(two.next()),
                Ordering::Equal => {
                    let twin = two.next();
                    nodes.extend(one.next().zip(twin).map(|(one, two)| Node {
                        element: one.element,
                        member: one.member || two.member,
                        below: one.below.union(two.below),
                    }));
                }
            }
        }
        nodes.extend(one);
        nodes.extend(two);
        Self(nodes)
    }

    pub(super) fn intersection(&self, other: &Self) -> Self {
        let both = |node: &Node| {
            let twin = other.get(&node.element)?;
            let shared = Node {
                element: node.element.clone(),
                member: node.member && twin.member,
                below: node.below.intersection(&twin.below),
            };
            (!shared.is_empty()).then_some(shared)
        };
        Self(self.0.iter().filter_map(both).collect())
    }

    /// Takes the members of another set out, not what is below them; says whether there were any.
    pub(super) fn subtract(&mut self, other: &Self) -> bool {
        let mut any = false;
        for node in &other.0 {
            let Ok(at) = self.position(&node.element) else {
                continue;
            };
            let own = &mut self.0[at];
            any |= own.member && node.member;
            own.member &= !node.member;
            any |= own.below.subtract(&node.below);
            if own.is_empty() {
                self.0.remove(at);
            }
        }
        any
    }

    pub(super) fn difference(&self, other: &Self) -> Self {
        let mut rest = self.clone();
        rest.subtract(other);
        rest
    }

    /// Takes a path of fields out; what is below it stays.
    pub(super) fn remove(&mut self, path: &[&str]) {
        self.at_fields(path, |node| node.member = false);
    }

    /// Takes a path of fields out with all that is below it.
    pub(super) fn remove_all(&mut self, path: &[&str]) {
        self.at_fields(path, |node| {
            node.member = false;
            node.below = Self::default();
        });
    }

    fn at_fields(&mut self, path: &[&str], change: impl FnOnce(&mut Node)) {
        let Some((first, rest)) = path.split_first() else {
            return;
        };
        let Ok(at) = self.0.binary_search_by(|node| node.element.cmp_field(first)) else {
            return;
        };
        let node = &mut self.0[at];
        if rest.is_empty() {
            change(node);
        } else {
            node.below.at_fields(rest, change);
        }
        if node.is_empty() {
            self.0.remove(at);
        }
    }

    /// The paths: those of one length that end at a step come before those that go on from there.
    pub(super) fn paths(&self) -> Vec<Path<'_>> {
        let mut paths = Vec::new();
        self.walk(&mut Vec::new(), &mut paths);
        paths
    }

    fn walk<'a>(&'a self, prefix: &mut Path<'a>, paths: &mut Vec<Path<'a>>) {
        let members = self.0.iter().filter(|node| node.member);
        paths.extend(members.map(|node| prefix.iter().copied().chain([&node.element]).collect()));
        for node in &self.0 {
            prefix.push(&node.element);
            node.below.walk(prefix, paths);
            prefix.pop();
        }
    }
}

pub(super) fn show(path: &[&Element]) -> String {
    path.iter().map(|element| element.to_string()).collect()
}
