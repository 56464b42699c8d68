//! [`Props`]: a JSONSchemaProps as a definition has it, for the rules about schemas that may break any of them.

use objects::Tree;

/// A schema that is not read yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Props<'a>(pub(crate) &'a Tree);

/// `items`
pub(crate) enum Items<'a> {
    None,
    One(Props<'a>),
    Many(&'a [Tree]),
}

impl<'a> Props<'a> {
    /// What a keyword says; null says nothing.
    pub(crate) fn get(self, key: &str) -> Option<&'a Tree> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    pub(crate) fn text(self, key: &str) -> &'a str {
        self.0.str_at(&[key]).unwrap_or_default()
    }

    pub(crate) fn kind(self) -> &'a str {
        self.text("type")
    }

    pub(crate) fn flag(self, key: &str) -> bool {
        self.0.bool_at(&[key]).unwrap_or(false)
    }

    pub(crate) fn list(self, key: &str) -> &'a [Tree] {
        self.0.items_at(&[key])
    }

    pub(crate) fn texts(self, key: &str) -> impl Iterator<Item = &'a str> {
        self.list(key).iter().filter_map(Tree::as_str)
    }

    /// Whether a keyword says more than the zero value of its type, for lists and maps of them more than none.
    pub(crate) fn is_set(self, key: &str) -> bool {
        self.get(key).is_some_and(|value| !value.is_empty_value())
    }

    pub(crate) fn child(self, key: &str) -> Option<Self> {
        self.get(key).filter(|value| matches!(value, Tree::Object(_))).map(Self)
    }

    pub(crate) fn children(self, key: &str) -> impl Iterator<Item = (&'a str, Self)> {
        self.get(key).into_iter().flat_map(Tree::fields).map(|(name, tree)| (name, Self(tree)))
    }

    pub(crate) fn properties(self) -> impl Iterator<Item = (&'a str, Self)> {
        self.children("properties")
    }

    pub(crate) fn property(self, name: &str) -> Option<Self> {
        self.get("properties")?.get(name).map(Self)
    }

    pub(crate) fn branches(self, key: &str) -> impl Iterator<Item = Self> {
        self.list(key).iter().map(Self)
    }

    pub(crate) fn items(self) -> Items<'a> {
        match self.get("items") {
            Some(tree @ Tree::Object(_)) => Items::One(Self(tree)),
            Some(Tree::Array(schemas)) => Items::Many(schemas),
            _ => Items::None,
        }
    }

    pub(crate) fn item(self) -> Option<Self> {
        match self.items() {
            Items::One(props) => Some(props),
            _ => None,
        }
    }

    /// Whether the schema or one within it is as asked.
    pub(crate) fn any(self, ask: &mut dyn FnMut(Self) -> bool) -> bool {
        ask(self) || self.within().into_iter().any(|below| below.any(ask))
    }

    /// The schemas right within.
    pub(crate) fn within(self) -> Vec<Self> {
        const ONES: [&str; 3] = ["not", "additionalProperties", "additionalItems"];
        const MANY: [&str; 3] = ["allOf", "anyOf", "oneOf"];
        const MAPS: [&str; 4] = ["properties", "patternProperties", "definitions", "dependencies"];
        let mut found: Vec<Self> = ONES.into_iter().filter_map(|key| self.child(key)).collect();
        found.extend(MANY.into_iter().flat_map(|key| self.branches(key)));
        found.extend(MAPS.into_iter().flat_map(|key| self.children(key).map(|(_, below)| below)));
        match self.items() {
            Items::One(below) => found.push(below),
            Items::Many(schemas) => found.extend(schemas.iter().map(Self)),
            Items::None => {}
        }
        found
    }
}
