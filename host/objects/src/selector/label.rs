//! Label selectors: their text form and meta/v1 LabelSelector objects.

mod parse;

use std::fmt;

use crate::meta;
use crate::tree::Tree;
use crate::validate::{FieldError, Path, label_key, label_value};

pub use parse::LabelSelectorError;

/// All requirements must hold; no requirement holds for everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LabelSelector {
    requirements: Vec<Requirement>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Requirement {
    key: String,
    operator: Operator,
    /// Sorted, each once.
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    Exists,
    DoesNotExist,
    In,
    NotIn,
    Equals,
    DoubleEquals,
    NotEquals,
    GreaterThan,
    LessThan,
}

impl LabelSelector {
    /// Reads the text form: `app=web,tier in (a, b),!legacy`.
    pub fn parse(text: &str) -> Result<Self, LabelSelectorError> {
        parse::parse(text)
    }

    /// Reads a LabelSelector object. An empty one selects everything; of one that is absent the caller decides.
    pub fn from_object(object: &Tree) -> Result<Self, LabelSelectorError> {
        let mut requirements = Vec::new();
        for (key, value) in object.get("matchLabels").into_iter().flat_map(Tree::fields) {
            let value = value.as_str().unwrap_or_default().to_owned();
            requirements.push(Requirement::new(key.to_owned(), Operator::Equals, vec![value])?);
        }
        for expression in object.items_at(&["matchExpressions"]) {
            let text = expression.str_at(&["operator"]).unwrap_or_default();
            let operator = match text {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                other => return Err(LabelSelectorError::Operator(other.to_owned())),
            };
            let values = expression.items_at(&["values"]).iter().filter_map(Tree::as_str).map(str::to_owned);
            let key = expression.str_at(&["key"]).unwrap_or_default().to_owned();
            requirements.push(Requirement::new(key, operator, values.collect())?);
        }
        Ok(Self { requirements })
    }

    /// Selects the objects that have all labels of a map, as a Service's selector does.
    pub fn from_map(map: &Tree) -> Self {
        let requirement = |(key, value): (&str, &Tree)| Requirement {
            key: key.to_owned(),
            operator: Operator::Equals,
            values: vec![value.as_str().unwrap_or_default().to_owned()],
        };
        Self { requirements: map.fields().map(requirement).collect() }
    }

    /// With its requirements in the order of their keys, as upstream shows the selector of an object.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.requirements.sort_by(|one, two| one.key.cmp(&two.key));
        self
    }

    /// Selects what all of the two select.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.requirements.extend(other.requirements);
        self
    }

    /// With one requirement more.
    pub fn with(
        mut self,
        key: &str,
        operator: Operator,
        values: &[&str],
    ) -> Result<Self, LabelSelectorError> {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        self.requirements.push(Requirement::new(key.to_owned(), operator, values)?);
        Ok(self)
    }

    pub fn is_everything(&self) -> bool {
        self.requirements.is_empty()
    }

    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Whether the labels, asked for by key, are selected.
    pub fn matches<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements.iter().all(|requirement| requirement.matches(label(&requirement.key)))
    }

    pub fn matches_object(&self, tree: &Tree) -> bool {
        self.matches(|key| meta::label(tree, key))
    }
}

impl Requirement {
    fn new(key: String, operator: Operator, mut values: Vec<String>) -> Result<Self, LabelSelectorError> {
        values.sort();
        values.dedup();
        let shown = || Tree::from(values.iter().map(String::as_str).collect::<Vec<_>>());
        let path = Path::new("values");
        let refused = label_key(&key);
        if !refused.is_empty() {
            return Err(FieldError::invalid(&Path::new("key"), key, refused.join("; ")).into());
        }
        use Operator as Op;
        let complaint = match operator {
            Op::In | Op::NotIn if values.is_empty() => {
                Some("for 'in', 'notin' operators, values set can't be empty")
            }
            Op::Equals | Op::DoubleEquals | Op::NotEquals if values.len() != 1 => {
                Some("exact-match compatibility requires one single value")
            }
            Op::Exists | Op::DoesNotExist if !values.is_empty() => {
                Some("values set must be empty for exists and does not exist")
            }
            Op::GreaterThan | Op::LessThan if values.len() != 1 => {
                Some("for 'Gt', 'Lt' operators, exactly one value is required")
            }
            _ => None,
        };
        if let Some(complaint) = complaint {
            return Err(FieldError::invalid(&path, shown(), complaint).into());
        }
        for (index, value) in values.iter().enumerate() {
            let ordered = matches!(operator, Op::GreaterThan | Op::LessThan);
            if ordered && value.parse::<i64>().is_err() {
                let complaint = "for 'Gt', 'Lt' operators, the value must be an integer";
                return Err(FieldError::invalid(&path.index(index), value, complaint).into());
            }
            let refused = label_value(value);
            if !refused.is_empty() {
                let path = path.index(index).key(&key);
                return Err(FieldError::invalid(&path, value, refused.join("; ")).into());
            }
        }
        Ok(Self { key, operator, values })
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    pub fn operator(&self) -> Operator {
        self.operator
    }

    pub fn values(&self) -> &[String] {
        &self.values
    }

    fn matches(&self, label: Option<&str>) -> bool {
        let is_one = |label: &str| self.values.iter().any(|value| value == label);
        let compare = |label: &str| Some(label.parse::<i64>().ok()?.cmp(&self.values.first()?.parse().ok()?));
        match self.operator {
            Operator::Exists => label.is_some(),
            Operator::DoesNotExist => label.is_none(),
            Operator::In | Operator::Equals | Operator::DoubleEquals => label.is_some_and(is_one),
            Operator::NotIn | Operator::NotEquals => !label.is_some_and(is_one),
            Operator::GreaterThan => label.and_then(compare).is_some_and(|order| order.is_gt()),
            Operator::LessThan => label.and_then(compare).is_some_and(|order| order.is_lt()),
        }
    }
}

impl fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, requirement) in self.requirements.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{requirement}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.values.join(",");
        let key = &self.key;
        match self.operator {
            Operator::Exists => f.write_str(key),
            Operator::DoesNotExist => write!(f, "!{key}"),
            Operator::In => write!(f, "{key} in ({values})"),
            Operator::NotIn => write!(f, "{key} notin ({values})"),
            Operator::Equals => write!(f, "{key}={values}"),
            Operator::DoubleEquals => write!(f, "{key}=={values}"),
            Operator::NotEquals => write!(f, "{key}!={values}"),
            Operator::GreaterThan => write!(f, "{key}>{values}"),
            Operator::LessThan => write!(f, "{key}<{values}"),
        }
    }
}

#[cfg(test)]
mod tests;
