//! Terms that select nodes by their labels and their name.

use crate::tree::Tree;

/// The one field that a term may name.
const NAME_FIELD: &str = "metadata.name";

/// Any of the terms selects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeSelector {
    pub terms: Vec<NodeSelectorTerm>,
}

/// All requirements must hold; a term without any selects nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeSelectorTerm {
    labels: Vec<NodeRequirement>,
    fields: Vec<NodeRequirement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRequirement {
    key: Box<str>,
    operator: Box<str>,
    values: Vec<Box<str>>,
}

impl NodeSelector {
    /// Reads a NodeSelector object.
    pub fn read(tree: &Tree) -> Self {
        Self { terms: tree.items_at(&["nodeSelectorTerms"]).iter().map(NodeSelectorTerm::read).collect() }
    }

    /// Whether a node of this name with these labels, asked for by key, is selected.
    pub fn matches<'a>(&self, name: &str, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.terms.iter().any(|term| term.matches(name, &label))
    }

    /// The only names of nodes that can be selected, where every term names some.
    pub fn names(&self) -> Option<Vec<&str>> {
        let mut all = Vec::new();
        for term in &self.terms {
            all.extend(term.names()?);
        }
        all.sort_unstable();
        all.dedup();
        (!self.terms.is_empty()).then_some(all)
    }
}

impl NodeSelectorTerm {
    /// Reads a NodeSelectorTerm object.
    pub fn read(tree: &Tree) -> Self {
        let read = |field: &str| tree.items_at(&[field]).iter().map(NodeRequirement::read).collect();
        Self { labels: read("matchExpressions"), fields: read("matchFields") }
    }

    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    pub fn matches<'a>(&self, name: &str, label: &impl Fn(&str) -> Option<&'a str>) -> bool {
        let field = |key: &str| (key == NAME_FIELD).then_some(name);
        !self.is_empty()
            && self.labels.iter().all(|requirement| requirement.holds(label(&requirement.key)))
            && self.fields.iter().all(|requirement| requirement.holds(field(&requirement.key)))
    }

    /// The names that `metadata.name In [..]` allows; `None` where it says nothing of the name.
    fn names(&self) -> Option<Vec<&str>> {
        let mut named =
            self.fields.iter().filter(|field| &*field.key == NAME_FIELD && &*field.operator == "In");
        let mut names: Vec<&str> = named.next()?.values.iter().map(|name| &**name).collect();
        for other in named {
            names.retain(|name| other.values.iter().any(|value| &**value == *name));
        }
        Some(names)
    }
}

impl NodeRequirement {
    fn read(tree: &Tree) -> Self {
        let text = |field: &str| tree.str_at(&[field]).unwrap_or_default().into();
        let values = tree.items_at(&["values"]).iter().filter_map(Tree::as_str).map(Into::into);
        Self { key: text("key"), operator: text("operator"), values: values.collect() }
    }

    fn holds(&self, value: Option<&str>) -> bool {
        let is_listed = value.is_some_and(|value| self.values.iter().any(|one| &**one == value));
        let numbers = || {
            let bound: i64 = self.values.first()?.parse().ok()?;
            Some((value?.parse::<i64>().ok()?, bound))
        };
        match &*self.operator {
            "In" => is_listed,
            "NotIn" => !is_listed,
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            "Gt" => numbers().is_some_and(|(value, bound)| value > bound),
            "Lt" => numbers().is_some_and(|(value, bound)| value < bound),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree;

    fn selector(term: Tree) -> NodeSelector {
        NodeSelector::read(&tree!({ "nodeSelectorTerms": [term] }))
    }

    fn matches(selector: &NodeSelector) -> bool {
        let labels = [("zone", "a"), ("size", "4")];
        selector.matches("n", |key| labels.iter().find(|(known, _)| *known == key).map(|(_, value)| *value))
    }

    #[test]
    fn a_term_selects_by_every_operator() {
        for (operator, key, values, expected) in [
            ("In", "zone", vec!["b", "a"], true),
            ("In", "zone", vec!["b"], false),
            ("NotIn", "zone", vec!["a"], false),
            ("NotIn", "missing", vec!["a"], true),
            ("Exists", "zone", vec![], true),
            ("DoesNotExist", "zone", vec![], false),
            ("DoesNotExist", "missing", vec![], true),
            ("Gt", "size", vec!["3"], true),
            ("Lt", "size", vec!["4"], false),
            ("Gt", "zone", vec!["3"], false),
            ("Gt", "missing", vec!["3"], false),
        ] {
            let term =
                tree!({ "matchExpressions": [{ "key": key, "operator": operator, "values": values }] });
            assert_eq!(matches(&selector(term)), expected, "{operator} {key}");
        }
        assert!(!matches(&selector(Tree::object())), "an empty term selects nothing");
        assert!(!matches(&NodeSelector::default()), "nor does a selector without terms");
    }

    #[test]
    fn names_are_known_where_every_term_has_one() {
        let field = |names: Vec<&str>| tree!({ "key": "metadata.name", "operator": "In", "values": names });
        let one = || tree!({ "matchFields": [(field(vec!["n", "m"])), (field(vec!["n"]))] });
        assert!(matches(&selector(one())));
        assert_eq!(selector(one()).names(), Some(vec!["n"]));
        let other = tree!({ "matchExpressions": [{ "key": "zone", "operator": "Exists" }] });
        let both = NodeSelector::read(&tree!({ "nodeSelectorTerms": [(one()), (other)] }));
        assert_eq!(both.names(), None);
        assert_eq!(NodeSelector::default().names(), None);
    }
}
