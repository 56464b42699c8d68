//! Which writes an addon is shown, and what becomes of one that it cannot judge.

use std::fmt;

use engine::{AdmissionRequest, WriteOperation};
use serde::{Deserialize, Serialize};

/// The field `admission` of the metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdmissionSpec {
    /// What it completes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) mutate: Vec<Rule>,
    /// What it judges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) validate: Vec<Rule>,
    #[serde(default)]
    pub(crate) failure: Failure,
    /// It completes an object again that somebody changed after it.
    #[serde(default)]
    pub(crate) reinvoke: bool,
}

/// What becomes of a write where the addon gives no answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Failure {
    #[default]
    Fail,
    Ignore,
}

/// `completes create of pods; judges create, update of pods, deployments.apps; these writes are refused while it fails`
impl fmt::Display for AdmissionSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clause = |does: &str, rules: &[Rule]| {
            let rules: Vec<_> = rules.iter().map(ToString::to_string).collect();
            (!rules.is_empty()).then(|| format!("{does} {}; ", rules.join(" and ")))
        };
        let clauses = [clause("completes", &self.mutate), clause("judges", &self.validate)];
        clauses.into_iter().flatten().try_for_each(|clause| f.write_str(&clause))?;
        f.write_str(match self.failure {
            Failure::Fail => "these writes are refused while it fails",
            Failure::Ignore => "these writes go on while it fails",
        })
    }
}

/// Writes; in each list `*` is everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) operations: Vec<OperationName>,
    /// Empty for core.
    pub(crate) groups: Vec<String>,
    /// `pods`, `pods/status`, `pods/*`, `*/*`.
    pub(crate) resources: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OperationName {
    Create,
    Update,
    Delete,
    Connect,
    #[serde(rename = "*")]
    Any,
}

/// `create, update of pods, deployments.apps`
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operations: Vec<_> = self.operations.iter().map(|operation| operation.name()).collect();
        let resources = self.groups.iter().flat_map(|group| {
            self.resources.iter().map(move |resource| match group.as_str() {
                "" => resource.clone(),
                group => format!("{resource}.{group}"),
            })
        });
        write!(f, "{} of {}", operations.join(", "), resources.collect::<Vec<_>>().join(", "))
    }
}

impl OperationName {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Connect => "connect",
            Self::Any => "every write",
        }
    }

    /// None stands for each.
    fn operation(self) -> Option<WriteOperation> {
        match self {
            Self::Any => None,
            Self::Create => Some(WriteOperation::Create),
            Self::Update => Some(WriteOperation::Update),
            Self::Delete => Some(WriteOperation::Delete),
            Self::Connect => Some(WriteOperation::Connect),
        }
    }

    fn is(self, operation: WriteOperation) -> bool {
        self.operation().is_none_or(|own| own == operation)
    }
}

impl<'a> Written<'a> {
    pub(crate) fn of(request: &'a AdmissionRequest) -> Self {
        Self {
            operation: request.operation,
            group: &request.resource.group,
            resource: &request.resource.resource,
            subresource: &request.subresource,
        }
    }

    /// Whether one of the rules covers it.
    pub(crate) fn is_shown(self, rules: &[Rule]) -> bool {
        rules.iter().any(|rule| rule.covers(self))
    }
}

/// What a rule looks at of a write.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    pub operation: WriteOperation,
    pub group: &'a str,
    /// Plural name.
    pub resource: &'a str,
    /// Empty for the object itself.
    pub subresource: &'a str,
}

impl Rule {
    /// The operation, group, resource and sub-resource of a write that it covers, those of another where it leaves them open.
    pub(crate) fn like<'a>(
        &'a self,
        written: Written<'a>,
    ) -> Option<(WriteOperation, &'a str, &'a str, &'a str)> {
        let operation = self.operations.first()?.operation().unwrap_or(written.operation);
        let or = |named: &'a str, open: &'a str| if named == "*" { open } else { named };
        let (resource, subresource) =
            self.resources.first().map(|text| text.split_once('/').unwrap_or((text, "")))?;
        Some((
            operation,
            or(self.groups.first()?, written.group),
            or(resource, written.resource),
            or(subresource, ""),
        ))
    }

    pub(crate) fn covers(&self, written: Written<'_>) -> bool {
        self.operations.iter().any(|operation| operation.is(written.operation))
            && self.groups.iter().any(|group| group == "*" || group == written.group)
            && self.resources.iter().any(|resource| is_resource(resource, written))
    }
}

/// As webhooks' rules have it: `pods` is not its sub-resources, `*` is no sub-resource, `*/*` is all.
fn is_resource(rule: &str, written: Written<'_>) -> bool {
    let (resource, subresource) = rule.split_once('/').unwrap_or((rule, ""));
    (resource == "*" || resource == written.resource)
        && (subresource == written.subresource || subresource == "*")
}

impl AdmissionSpec {
    /// What is wrong with it.
    pub(crate) fn wrong(&self) -> Vec<&'static str> {
        let rules = || self.mutate.iter().chain(&self.validate);
        let checks = [
            (rules().next().is_none(), "is missing: neither mutate nor validate has one"),
            (rules().any(|rule| rule.operations.is_empty()), "names no operation"),
            (rules().any(|rule| rule.groups.is_empty()), "names no group"),
            (rules().any(|rule| rule.resources.is_empty()), "names no resource"),
        ];
        checks.into_iter().filter(|(is_wrong, _)| *is_wrong).map(|(_, what)| what).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(resources: &str, written: &str) -> bool {
        let json =
            format!(r#"{{"operations":["create","delete"],"groups":["","apps"],"resources":{resources}}}"#);
        let rule: Rule = serde_json::from_str(&json).unwrap();
        let (resource, subresource) = written.split_once('/').unwrap_or((written, ""));
        rule.covers(Written { operation: WriteOperation::Create, group: "apps", resource, subresource })
    }

    #[test]
    fn a_rule_is_for_what_it_names() {
        assert!(covers(r#"["pods"]"#, "pods"));
        assert!(covers(r#"["pods/status"]"#, "pods/status"));
        assert!(covers(r#"["pods/*"]"#, "pods") && covers(r#"["pods/*"]"#, "pods/status"));
        assert!(covers(r#"["*"]"#, "pods") && covers(r#"["*/*"]"#, "pods/log"));
    }

    #[test]
    fn a_rule_is_for_nothing_else() {
        assert!(!covers(r#"["pods"]"#, "pods/status"));
        assert!(!covers(r#"["*"]"#, "pods/status"));
        assert!(!covers(r#"["pods/log"]"#, "pods"));
        let json = r#"{"operations":["create"],"groups":[""],"resources":["*"]}"#;
        let rule: Rule = serde_json::from_str(json).unwrap();
        let written = |operation, group| Written { operation, group, resource: "pods", subresource: "" };
        assert!(rule.covers(written(WriteOperation::Create, "")));
        assert!(!rule.covers(written(WriteOperation::Update, "")));
        assert!(!rule.covers(written(WriteOperation::Create, "apps")));
    }

    #[test]
    fn rules_that_cover_nothing_are_told() {
        let spec: AdmissionSpec = serde_json::from_str(
            r#"{"mutate":[{"operations":[],"groups":[],"resources":[]}],"failure":"ignore"}"#,
        )
        .unwrap();
        assert_eq!(spec.wrong(), ["names no operation", "names no group", "names no resource"]);
        let none: AdmissionSpec = serde_json::from_str("{}").unwrap();
        assert_eq!((none.wrong().len(), none.failure), (1, Failure::Fail));
    }
}
