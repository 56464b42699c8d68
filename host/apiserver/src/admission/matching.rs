//! Which writes a webhook or a policy is about: rules, and selectors of namespaces and objects.

use std::sync::Arc;

use objects::resource::Resource;
use objects::selector::label::LabelSelector;
use objects::status::Status;
use objects::{Tree, meta};

use super::Write;

use crate::registry::Served;

const ANY: &str = "*";
const EQUIVALENT: &str = "Equivalent";

/// What is matched, read from a webhook or from the constraints of a policy.
#[derive(Debug)]
pub(super) struct Match {
    rules: Vec<Rule>,
    excluded: Vec<Rule>,
    /// Whether a rule for one version of a resource also means its others.
    equivalent: bool,
    namespaces: LabelSelector,
    objects: LabelSelector,
}

/// What becomes of a write that a webhook or a policy cannot judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailurePolicy {
    Fail,
    Ignore,
}

impl FailurePolicy {
    pub(super) fn read(tree: &Tree) -> Self {
        match tree.str_at(&["failurePolicy"]) {
            Some("Ignore") => Self::Ignore,
            _ => Self::Fail,
        }
    }
}

/// How the two users of rules call them.
pub(super) const OF_WEBHOOK: (&str, &str) = ("rules", "");
pub(super) const OF_POLICY: (&str, &str) = ("resourceRules", "excludeResourceRules");

#[derive(Debug)]
struct Rule {
    operations: Vec<String>,
    groups: Vec<String>,
    versions: Vec<String>,
    /// `pods`, `pods/status`, `pods/*`, `*/scale`, `*`, `*/*`
    resources: Vec<String>,
    /// Empty for every name.
    names: Vec<String>,
    scope: String,
}

impl Match {
    /// `names` are the fields of the rules, and of those that are left out.
    pub(super) fn read(tree: &Tree, (rules, excluded): (&str, &str)) -> Self {
        // Selectors were validated when they were written; one that cannot be read selects nothing that it should not.
        let selector = |name: &str| match tree.get(name) {
            Some(tree) => LabelSelector::from_object(tree).ok(),
            None => Some(LabelSelector::default()),
        };
        let rules_of = |name: &str| tree.items_at(&[name]).iter().map(Rule::read).collect::<Vec<_>>();
        Self {
            // A policy without rules is about everything, a webhook about nothing.
            rules: match rules_of(rules) {
                all if all.is_empty() && (rules, excluded) == OF_POLICY => vec![Rule::everything()],
                all => all,
            },
            excluded: rules_of(excluded),
            equivalent: tree.str_at(&["matchPolicy"]).unwrap_or(EQUIVALENT) == EQUIVALENT,
            namespaces: selector("namespaceSelector").unwrap_or_default(),
            objects: selector("objectSelector").unwrap_or_default(),
        }
    }

    /// The resource in whose version the write is meant; `None` where it is not.
    pub(super) fn of(&self, write: &Write<'_>) -> Result<Option<Arc<Served>>, Status> {
        if self.excluded.iter().any(|rule| rule.matches(write, &write.call.resource)) {
            return Ok(None);
        }
        let Some(resource) = self.resource(write) else { return Ok(None) };
        Ok((self.selects_namespace(write)? && self.selects_object(write)).then_some(resource))
    }

    fn resource(&self, write: &Write<'_>) -> Option<Arc<Served>> {
        let own = &write.call.resource;
        let matches = |resource: &Resource| self.rules.iter().any(|rule| rule.matches(write, resource));
        if matches(own) {
            return Some(Arc::clone(own));
        }
        if !self.equivalent {
            return None;
        }
        write.rest.registry().equivalents(own).into_iter().find(|other| matches(other))
    }

    fn selects_namespace(&self, write: &Write<'_>) -> Result<bool, Status> {
        let call = write.call;
        if self.namespaces.is_everything() {
            return Ok(true);
        }
        if super::is(&call.resource, "", "namespaces") {
            return Ok(self.namespaces.matches_object(write.subject()));
        }
        if !call.resource.is_namespaced() {
            return Ok(true);
        }
        let namespace = write.one("", "v1", "namespaces", &call.namespace);
        let namespace = namespace.ok_or_else(|| {
            let resource = objects::resource::GroupResource::new("", "namespaces");
            Status::not_found(&resource, &call.namespace)
        })?;
        Ok(self.namespaces.matches_object(&namespace))
    }

    fn selects_object(&self, write: &Write<'_>) -> bool {
        self.objects.is_everything()
            || self.objects.matches_object(&write.object)
            || write.old.is_some_and(|old| self.objects.matches_object(old))
    }
}

impl Rule {
    fn everything() -> Self {
        let any = || vec![ANY.to_owned()];
        Self {
            operations: any(),
            groups: any(),
            versions: any(),
            resources: vec![format!("{ANY}/{ANY}")],
            names: Vec::new(),
            scope: ANY.to_owned(),
        }
    }

    fn read(tree: &Tree) -> Self {
        let texts = |name: &str| {
            tree.items_at(&[name]).iter().filter_map(Tree::as_str).map(str::to_owned).collect::<Vec<_>>()
        };
        Self {
            operations: texts("operations"),
            groups: texts("apiGroups"),
            versions: texts("apiVersions"),
            resources: texts("resources"),
            names: texts("resourceNames"),
            scope: tree.str_at(&["scope"]).unwrap_or(ANY).to_owned(),
        }
    }

    fn matches(&self, write: &Write<'_>, resource: &Resource) -> bool {
        let has = |list: &[String], text: &str| list.iter().any(|item| item == ANY || item == text);
        let name = write.name();
        has(&self.operations, write.operation.as_str())
            && has(&self.groups, &resource.group)
            && has(&self.versions, &resource.version)
            && self.resources.iter().any(|rule| is_meant(rule, &resource.plural, &write.call.subresource))
            && (self.names.is_empty() || self.names.iter().any(|one| one == name))
            && self.fits_scope(resource)
    }

    fn fits_scope(&self, resource: &Resource) -> bool {
        // A namespace is its own namespace, and yet of cluster scope.
        match self.scope.as_str() {
            "Namespaced" => resource.is_namespaced(),
            "Cluster" => !resource.is_namespaced(),
            _ => true,
        }
    }
}

fn is_meant(rule: &str, plural: &str, subresource: &str) -> bool {
    let (resource, sub) = rule.split_once('/').unwrap_or((rule, ""));
    let fits = |rule: &str, text: &str| rule == ANY || rule == text;
    fits(resource, plural) && (sub == ANY || sub == subresource)
}

impl Write<'_> {
    /// The object, or what is deleted.
    pub(super) fn subject(&self) -> &Tree {
        match (&self.object, self.old) {
            (Tree::Null, Some(old)) => old,
            (object, _) => object,
        }
    }

    /// The name of the object; empty where it is to be generated.
    pub(super) fn name(&self) -> &str {
        match self.call.name.as_str() {
            "" => meta::name(self.subject()),
            name => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_meant;

    #[test]
    fn a_rule_names_resources_and_their_sub_resources() {
        for (rule, plural, subresource, expected) in [
            ("*", "pods", "", true),
            ("*", "pods", "status", false),
            ("*/*", "pods", "status", true),
            ("pods", "pods", "", true),
            ("pods", "pods", "status", false),
            ("pods/*", "pods", "status", true),
            ("*/scale", "deployments", "scale", true),
            ("pods/status", "pods", "log", false),
        ] {
            assert_eq!(is_meant(rule, plural, subresource), expected, "{rule} {plural}/{subresource}");
        }
    }
}
