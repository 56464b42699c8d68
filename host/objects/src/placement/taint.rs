//! Taints, and the tolerations that stand them.

use crate::tree::Tree;

/// What a taint does to the pods that do not stand it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    NoSchedule,
    PreferNoSchedule,
    NoExecute,
}

impl Effect {
    fn read(text: &str) -> Option<Self> {
        match text {
            "NoSchedule" => Some(Self::NoSchedule),
            "PreferNoSchedule" => Some(Self::PreferNoSchedule),
            "NoExecute" => Some(Self::NoExecute),
            _ => None,
        }
    }

    /// Whether no new pod goes there that does not stand it.
    pub fn keeps_away(self) -> bool {
        self != Self::PreferNoSchedule
    }
}

/// A taint of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    pub key: Box<str>,
    pub value: Box<str>,
    pub effect: Effect,
}

impl Taint {
    pub fn new(key: &str, value: &str, effect: Effect) -> Self {
        Self { key: key.into(), value: value.into(), effect }
    }

    /// The taints of a node, those of an unknown effect left out.
    pub fn of_node(node: &Tree) -> Vec<Self> {
        let taint = |taint: &Tree| {
            let effect = Effect::read(taint.str_at(&["effect"])?)?;
            Some(Self::new(text(taint, "key"), text(taint, "value"), effect))
        };
        node.items_at(&["spec", "taints"]).iter().filter_map(taint).collect()
    }
}

/// What a pod stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toleration {
    /// Empty: every key.
    key: Box<str>,
    operator: Operator,
    value: Box<str>,
    /// `None`: every effect.
    effect: Option<Effect>,
    /// How long a NoExecute taint is stood; `None`: for ever.
    pub seconds: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    Exists,
    /// Stands nothing.
    Unknown,
}

impl Toleration {
    /// The tolerations of a pod; one for an unknown effect stands nothing.
    pub fn of_pod(pod: &Tree) -> Vec<Self> {
        pod.items_at(&["spec", "tolerations"]).iter().map(Self::read).collect()
    }

    fn read(tree: &Tree) -> Self {
        let (effect, known) = match text(tree, "effect") {
            "" => (None, true),
            effect => (Effect::read(effect), Effect::read(effect).is_some()),
        };
        let operator = match text(tree, "operator") {
            _ if !known => Operator::Unknown,
            "" | "Equal" => Operator::Equal,
            "Exists" => Operator::Exists,
            _ => Operator::Unknown,
        };
        Self {
            key: text(tree, "key").into(),
            operator,
            value: text(tree, "value").into(),
            effect,
            seconds: tree.i64_at(&["tolerationSeconds"]),
        }
    }

    pub fn stands(&self, taint: &Taint) -> bool {
        let concerns = (self.key.is_empty() || self.key == taint.key) && self.has_effect(taint.effect);
        concerns
            && match self.operator {
                Operator::Exists => true,
                Operator::Equal => self.value == taint.value,
                Operator::Unknown => false,
            }
    }

    /// Whether it is for taints of this effect.
    pub fn has_effect(&self, effect: Effect) -> bool {
        self.effect.is_none_or(|own| own == effect)
    }
}

fn text<'a>(tree: &'a Tree, field: &str) -> &'a str {
    tree.str_at(&[field]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree;

    #[test]
    fn a_toleration_stands_taints_of_its_key_value_and_effect() {
        let taint = Taint::new("k", "v", Effect::NoSchedule);
        for (toleration, stands) in [
            (tree!({ "operator": "Exists" }), true),
            (tree!({ "key": "k", "operator": "Exists" }), true),
            (tree!({ "key": "j", "operator": "Exists" }), false),
            (tree!({ "key": "k", "value": "v" }), true),
            (tree!({ "key": "k", "operator": "Equal", "value": "v", "effect": "NoSchedule" }), true),
            (tree!({ "key": "k", "value": "w" }), false),
            (tree!({ "key": "k", "operator": "Exists", "effect": "NoExecute" }), false),
            (tree!({ "key": "k", "operator": "Exists", "effect": "Never" }), false),
            (tree!({ "key": "k", "operator": "Like", "value": "v" }), false),
        ] {
            let pod = tree!({ "spec": { "tolerations": [(toleration.clone())] } });
            let read = Toleration::of_pod(&pod);
            assert_eq!(read[0].stands(&taint), stands, "{}", toleration.to_json_string());
        }
    }

    #[test]
    fn taints_are_read_with_their_effects() {
        let node = tree!({ "spec": { "taints": [
            { "key": "a", "effect": "NoExecute" }, { "key": "b", "value": "v", "effect": "PreferNoSchedule" },
            { "key": "c", "effect": "Maybe" }
        ] } });
        let expected =
            [Taint::new("a", "", Effect::NoExecute), Taint::new("b", "v", Effect::PreferNoSchedule)];
        assert_eq!(Taint::of_node(&node), expected);
    }
}
