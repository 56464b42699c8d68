//! The audit policy: which requests leave a trail, and how much of them. The first rule that fits decides, and what no
//! rule fits leaves none.

mod read;

use objects::decode::{self, Notation};

use crate::authn::UserInfo;
use crate::authz::{Attributes, Target};

/// A policy that was read and found right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    rules: Vec<Rule>,
    /// Of all rules.
    omit: Stages,
    omit_managed_fields: bool,
}

/// Everything that is wrong with a policy.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("read the audit policy: {}", .0.join("; "))]
pub struct PolicyError(Vec<String>);

/// How much of a request is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    #[default]
    None,
    Metadata,
    Request,
    RequestResponse,
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    RequestReceived,
    ResponseStarted,
    ResponseComplete,
    Panic,
}

/// A set of stages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stages(u8);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rule {
    level: Level,
    users: Vec<String>,
    groups: Vec<String>,
    verbs: Vec<String>,
    resources: Vec<GroupResources>,
    namespaces: Vec<String>,
    paths: Vec<String>,
    omit: Stages,
    omit_managed_fields: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct GroupResources {
    group: String,
    resources: Vec<String>,
    names: Vec<String>,
}

/// What the policy says of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) level: Level,
    pub(crate) omit: Stages,
    pub(crate) omit_managed_fields: bool,
}

impl Level {
    const ALL: [Self; 4] = [Self::None, Self::Metadata, Self::Request, Self::RequestResponse];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Metadata => "Metadata",
            Self::Request => "Request",
            Self::RequestResponse => "RequestResponse",
        }
    }
}

impl Stage {
    const ALL: [Self; 4] =
        [Self::RequestReceived, Self::ResponseStarted, Self::ResponseComplete, Self::Panic];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::RequestReceived => "RequestReceived",
            Self::ResponseStarted => "ResponseStarted",
            Self::ResponseComplete => "ResponseComplete",
            Self::Panic => "Panic",
        }
    }
}

impl Stages {
    pub(crate) const fn contains(self, stage: Stage) -> bool {
        self.0 & (1 << stage as u8) != 0
    }

    const fn with(self, stage: Stage) -> Self {
        Self(self.0 | 1 << stage as u8)
    }

    const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Policy {
    /// Reads YAML or JSON, and nothing that is not in its schema.
    pub fn read(text: &[u8]) -> Result<Self, PolicyError> {
        let (tree, duplicates) =
            decode::value(text, Notation::Yaml).map_err(|why| PolicyError(vec![why.to_string()]))?;
        read::policy(&tree, duplicates).map_err(PolicyError)
    }

    pub(super) fn judge(&self, user: &UserInfo, attributes: &Attributes) -> Verdict {
        let Some(rule) = self.rules.iter().find(|rule| rule.fits(user, attributes)) else {
            return Verdict { level: Level::None, omit: self.omit, ..Verdict::default() };
        };
        Verdict {
            level: rule.level,
            omit: rule.omit.union(self.omit),
            omit_managed_fields: rule.omit_managed_fields.unwrap_or(self.omit_managed_fields),
        }
    }
}

impl Rule {
    fn fits(&self, user: &UserInfo, attributes: &Attributes) -> bool {
        let among = |list: &[String], text: &str| list.is_empty() || list.iter().any(|own| own == text);
        let is_in_group = || user.groups.iter().any(|group| self.groups.contains(group));
        if !among(&self.users, &user.name)
            || !(self.groups.is_empty() || is_in_group())
            || !among(&self.verbs, &attributes.verb)
        {
            return false;
        }
        let is_of_resources = !self.namespaces.is_empty() || !self.resources.is_empty();
        match &attributes.target {
            Target::Path(path) => {
                !is_of_resources && (self.paths.is_empty() || self.paths.iter().any(|own| leads(own, path)))
            }
            target @ Target::Resource { namespace, .. } if is_of_resources => {
                among(&self.namespaces, namespace)
                    && (self.resources.is_empty() || self.resources.iter().any(|own| own.fits(target)))
            }
            Target::Resource { .. } => self.paths.is_empty(),
        }
    }
}

impl GroupResources {
    fn fits(&self, target: &Target) -> bool {
        let Target::Resource { group, resource, subresource, name, .. } = target else { return false };
        if self.group != "*" && self.group != *group {
            return false;
        }
        let is_named = self.names.is_empty() || self.names.contains(name);
        let is = |own: &String| match own.split_once('/') {
            None => own == "*" || subresource.is_empty() && own == resource,
            Some(("*", sub)) if !subresource.is_empty() => sub == subresource,
            Some((plural, "*")) => plural == resource,
            Some((plural, sub)) => plural == resource && sub == subresource,
        };
        self.resources.is_empty() || is_named && self.resources.iter().any(is)
    }
}

/// Whether a path is the one of a rule, or begins as that does before its `*`.
fn leads(own: &str, path: &str) -> bool {
    own == path || own.strip_suffix('*').is_some_and(|prefix| path.starts_with(prefix))
}

#[cfg(test)]
mod tests;
