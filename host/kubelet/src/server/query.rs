//! The query of a request, decoded.

use std::str::FromStr;

use super::failure::Failure;

pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn of(uri: &http::Uri) -> Self {
        let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        Self(pairs.into_owned().collect())
    }

    /// Every value of a parameter, in order.
    pub(super) fn all(&self, parameter: &str) -> Vec<String> {
        self.0.iter().filter(|(name, _)| name == parameter).map(|(_, value)| value.clone()).collect()
    }

    /// The first value; an empty one is none.
    pub(super) fn first(&self, parameter: &str) -> Option<&str> {
        let found = self.0.iter().find(|(name, _)| name == parameter);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    pub(super) fn read<T: FromStr>(&self, parameter: &'static str) -> Result<Option<T>, Failure> {
        let read =
            |value: &str| value.parse().map_err(|_| Failure::Query { parameter, value: value.to_owned() });
        self.first(parameter).map(read).transpose()
    }

    /// A truth value as Go reads it from a query; absent is false.
    pub(super) fn flag(&self, parameter: &'static str) -> Result<bool, Failure> {
        match self.first(parameter) {
            None | Some("0" | "f" | "F" | "false" | "False" | "FALSE") => Ok(false),
            Some("1" | "t" | "T" | "true" | "True" | "TRUE") => Ok(true),
            Some(value) => Err(Failure::Query { parameter, value: value.to_owned() }),
        }
    }
}
