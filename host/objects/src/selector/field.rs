//! Field selectors: `spec.nodeName=a,status.phase!=Running`.

use std::borrow::Cow;
use std::fmt;

use crate::resource::Resource;
use crate::tree::Tree;

/// All terms must hold; no term holds for everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector {
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    pub field: String,
    pub equal: Equality,
    pub value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Equality {
    Equal,
    NotEqual,
}

/// Why a text is no field selector, or none of a resource, in upstream's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldSelectorError {
    #[error("invalid selector: '{selector}'; can't understand '{part}'")]
    Term { selector: String, part: String },
    #[error("invalid field selector: invalid escape sequence: {0}")]
    Escape(String),
    #[error("invalid field selector: unescaped character in value: {}", u32::from(*.0))]
    Unescaped(char),
    #[error("field label not supported: {0}")]
    Unsupported(String),
}

impl FieldSelector {
    pub fn parse(text: &str) -> Result<Self, FieldSelectorError> {
        let mut terms = Vec::new();
        for part in split(text).into_iter().filter(|part| !part.is_empty()) {
            terms.push(term(part).ok_or_else(|| FieldSelectorError::Term {
                selector: text.to_owned(),
                part: part.to_owned(),
            })??);
        }
        Ok(Self { terms })
    }

    /// One field with one value.
    pub fn exactly(field: &str, value: &str) -> Self {
        let term = Term { field: field.to_owned(), equal: Equality::Equal, value: value.to_owned() };
        Self { terms: vec![term] }
    }

    pub fn is_everything(&self) -> bool {
        self.terms.is_empty()
    }

    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// The value that a field must have, where the selector fixes one.
    pub fn required(&self, field: &str) -> Option<&str> {
        let fixes = |term: &&Term| term.field == field && term.equal == Equality::Equal;
        self.terms.iter().find(fixes).map(|term| term.value.as_str())
    }

    /// Whether the resource can be selected by these fields.
    pub fn check(&self, resource: &Resource) -> Result<(), FieldSelectorError> {
        match self.terms.iter().find(|term| !is_selectable(resource, &term.field)) {
            Some(term) => Err(FieldSelectorError::Unsupported(term.field.clone())),
            None => Ok(()),
        }
    }

    /// Whether the values, asked for by name, are selected.
    pub fn matches<'a>(&self, value: impl Fn(&str) -> Cow<'a, str>) -> bool {
        self.terms.iter().all(|term| (value(&term.field) == term.value) == (term.equal == Equality::Equal))
    }

    pub fn matches_object(&self, resource: &Resource, tree: &Tree) -> bool {
        self.matches(|field| field_value(resource, tree, field))
    }
}

/// The value of a selectable field of an object, as selectors compare it.
pub fn field_value<'a>(resource: &'a Resource, tree: &'a Tree, field: &str) -> Cow<'a, str> {
    let (value, absent) = match field {
        "metadata.name" => (tree.at(&["metadata", "name"]), ""),
        "metadata.namespace" => (tree.at(&["metadata", "namespace"]), ""),
        _ => match resource.selectable.iter().find(|row| row.name == field) {
            Some(row) => {
                let path: Vec<&str> = row.path.iter().map(AsRef::as_ref).collect();
                (tree.at(&path), row.absent.as_ref())
            }
            None => (None, ""),
        },
    };
    match value {
        Some(Tree::Str(text)) => Cow::Borrowed(text),
        Some(Tree::Bool(value)) => Cow::Borrowed(if *value { "true" } else { "false" }),
        Some(Tree::Int(value)) => Cow::Owned(value.to_string()),
        _ => Cow::Borrowed(absent),
    }
}

fn is_selectable(resource: &Resource, field: &str) -> bool {
    field == "metadata.name"
        || (field == "metadata.namespace")
        || resource.selectable.iter().any(|row| row.name == field)
}

/// The parts between commas that no backslash escapes.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// A term, or `None` where there is no operator.
fn term(part: &str) -> Option<Result<Term, FieldSelectorError>> {
    const OPERATORS: &[(&str, Equality)] =
        &[("!=", Equality::NotEqual), ("==", Equality::Equal), ("=", Equality::Equal)];
    for (at, _) in part.char_indices() {
        for (operator, equal) in OPERATORS {
            if let Some(value) = part[at..].strip_prefix(operator) {
                let field = part[..at].to_owned();
                return Some(unescape(value).map(|value| Term { field, equal: *equal, value }));
            }
        }
    }
    None
}

fn unescape(text: &str) -> Result<String, FieldSelectorError> {
    let mut value = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some(c @ ('\\' | ',' | '=')) => value.push(c),
                Some(c) => return Err(FieldSelectorError::Escape(format!("\\{c}"))),
                None => return Err(FieldSelectorError::Escape("\\".to_owned())),
            },
            ',' | '=' => return Err(FieldSelectorError::Unescaped(c)),
            c => value.push(c),
        }
    }
    Ok(value)
}

impl fmt::Display for FieldSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, term) in self.terms.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let operator = if term.equal == Equality::Equal { "=" } else { "!=" };
            let value = term.value.replace('\\', "\\\\").replace(',', "\\,").replace('=', "\\=");
            write!(f, "{comma}{}{operator}{value}", term.field)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::FieldSelector;
    use crate::resource::by_kind;
    use crate::tree;

    #[test]
    fn terms_hold_together() {
        let pods = by_kind("", "v1", "Pod").unwrap();
        let pod = tree!({ "metadata": { "name": "a" }, "spec": { "nodeName": "n" }, "status": { "phase": "Running" } });
        let matches = |text: &str| FieldSelector::parse(text).unwrap().matches_object(pods, &pod);
        assert!(
            matches("spec.nodeName=n,status.phase!=Failed")
                && matches("")
                && matches("spec.hostNetwork==false")
        );
        assert!(!matches("spec.nodeName=") && !matches("metadata.name!=a"));
        assert_eq!(FieldSelector::parse("metadata.name=a").unwrap().required("metadata.name"), Some("a"));
    }

    #[test]
    fn what_is_no_selector_says_why() {
        let error = |text: &str| FieldSelector::parse(text).unwrap_err().to_string();
        assert_eq!(error("a"), "invalid selector: 'a'; can't understand 'a'");
        assert_eq!(error("a=b=c"), "invalid field selector: unescaped character in value: 61");
        assert_eq!(error("a=\\x"), "invalid field selector: invalid escape sequence: \\x");
        let pods = by_kind("", "v1", "Pod").unwrap();
        let unknown = FieldSelector::parse("spec.foo=1").unwrap().check(pods).unwrap_err();
        expect!["field label not supported: spec.foo"].assert_eq(&unknown.to_string());
    }

    proptest! {
        #[test]
        fn values_survive_their_escaping(value in "[a,=\\\\ ]{0,8}") {
            let selector = FieldSelector::exactly("spec.x", &value);
            prop_assert_eq!(FieldSelector::parse(&selector.to_string()).unwrap(), selector);
        }
    }
}
