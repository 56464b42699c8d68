//! What a rule allows, which rules it includes, and what a label selector selects: as kube-apiserver decides it.

use std::collections::BTreeMap;

use sdk::Attributes;

use crate::model::{Requirement, Rule, Selector};

const ANY: &str = "*";

impl Rule {
    pub(crate) fn allows(&self, attributes: &Attributes) -> bool {
        has(&self.verbs, &attributes.verb)
            && match attributes.resource.is_empty() {
                true => self.paths.iter().any(|pattern| path_matches(pattern, &attributes.path)),
                false => self.allows_resource(attributes),
            }
    }

    fn allows_resource(&self, attributes: &Attributes) -> bool {
        has(&self.api_groups, &attributes.group)
            && self
                .resources
                .iter()
                .any(|resource| resource_matches(resource, &attributes.resource, &attributes.subresource))
            && (self.resource_names.is_empty() || self.resource_names.contains(&attributes.name))
    }

    /// Whether it allows everything that another rule does.
    pub(crate) fn includes(&self, other: &Self) -> bool {
        let all = |have: &[String], want: &[String]| want.iter().all(|item| has(have, item));
        let resource_matches = |want: &String| match want.split_once('/') {
            Some((resource, subresource)) => {
                self.resources.iter().any(|have| resource_matches(have, resource, subresource))
            }
            None => has(&self.resources, want),
        };
        let names = self.resource_names.is_empty()
            || !other.resource_names.is_empty()
                && other.resource_names.iter().all(|name| self.resource_names.contains(name));
        all(&self.verbs, &other.verbs)
            && all(&self.api_groups, &other.api_groups)
            && other.resources.iter().all(resource_matches)
            && names
            && other.paths.iter().all(|path| self.paths.iter().any(|pattern| path_matches(pattern, path)))
    }
}

fn has(list: &[String], wanted: &str) -> bool {
    list.iter().any(|item| item == ANY || item == wanted)
}

/// `pods`, `pods/log`, `*/scale`, or `*` for all of them.
fn resource_matches(pattern: &str, resource: &str, subresource: &str) -> bool {
    if pattern == ANY {
        return true;
    }
    match pattern.split_once('/') {
        None => subresource.is_empty() && pattern == resource,
        Some((of, sub)) => !subresource.is_empty() && sub == subresource && (of == ANY || of == resource),
    }
}

/// `/healthz`, or `/healthz/*` for all that begins so.
fn path_matches(pattern: &str, path: &str) -> bool {
    pattern == path || pattern.ends_with('*') && path.starts_with(pattern.trim_end_matches('*'))
}

impl Selector {
    /// An empty selector selects everything.
    pub(crate) fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        self.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.match_expressions.iter().all(|requirement| requirement.holds(labels))
    }
}

impl Requirement {
    /// An operator that does not exist holds for nothing.
    fn holds(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        let listed = value.is_some_and(|value| self.values.contains(value));
        match self.operator.as_str() {
            "In" => listed,
            "NotIn" => !listed,
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(json: &str) -> Rule {
        serde_json::from_str(json).unwrap()
    }

    /// `GROUP/RESOURCE[/SUBRESOURCE][:NAME]`, or a path.
    fn asks(verb: &str, what: &str) -> Attributes {
        let mut attributes = Attributes {
            verb: verb.into(),
            namespace: String::new(),
            group: String::new(),
            version: "v1".into(),
            resource: String::new(),
            subresource: String::new(),
            name: String::new(),
            path: String::new(),
            extra: Vec::new(),
        };
        if what.starts_with("//") {
            attributes.path = what[1..].into();
            return attributes;
        }
        let (what, name) = what.split_once(':').unwrap_or((what, ""));
        let mut parts = what.split('/').map(str::to_owned);
        attributes.group = parts.next().unwrap();
        attributes.resource = parts.next().unwrap();
        attributes.subresource = parts.next().unwrap_or_default();
        attributes.name = name.into();
        attributes
    }

    fn check(rule_json: &str, allowed: &[(&str, &str)], others: &[(&str, &str)]) {
        let rule = rule(rule_json);
        for (verb, what) in allowed {
            assert!(rule.allows(&asks(verb, what)), "{verb} {what}");
        }
        for (verb, what) in others {
            assert!(!rule.allows(&asks(verb, what)), "{verb} {what}");
        }
    }

    #[test]
    fn a_resource_does_not_include_its_subresources() {
        check(
            r#"{"verbs":["get"],"apiGroups":[""],"resources":["pods","services/proxy"]}"#,
            &[("get", "/pods"), ("get", "/pods:a"), ("get", "/services/proxy")],
            &[("get", "/pods/log"), ("get", "/services"), ("list", "/pods"), ("get", "apps/pods")],
        );
    }

    #[test]
    fn a_star_stands_for_all_of_its_place() {
        check(
            r#"{"verbs":["*"],"apiGroups":["*"],"resources":["*"]}"#,
            &[("get", "/pods"), ("frob", "apps/x/y:z")],
            &[("get", "//healthz")],
        );
        check(
            r#"{"verbs":["get"],"apiGroups":["*"],"resources":["*/scale"]}"#,
            &[("get", "apps/deployments/scale"), ("get", "/replicationcontrollers/scale")],
            &[("get", "apps/deployments"), ("get", "apps/deployments/status"), ("get", "apps/x/upscale")],
        );
    }

    #[test]
    fn named_resources_do_not_include_collections() {
        check(
            r#"{"verbs":["get","list"],"apiGroups":[""],"resources":["configmaps"],"resourceNames":["a"]}"#,
            &[("get", "/configmaps:a"), ("list", "/configmaps:a")],
            &[("list", "/configmaps"), ("get", "/configmaps:b")],
        );
    }

    #[test]
    fn a_path_may_end_in_a_star() {
        check(
            r#"{"verbs":["get"],"nonResourceURLs":["/healthz","/api/*"]}"#,
            &[("get", "//healthz"), ("get", "//api/"), ("get", "//api/v1")],
            &[("get", "//healthz/x"), ("get", "//api"), ("post", "//api/v1"), ("get", "/pods")],
        );
        check(r#"{"verbs":["*"],"nonResourceURLs":["*"]}"#, &[("get", "//anything")], &[("get", "/pods")]);
    }

    #[test]
    fn a_rule_includes_what_it_allows() {
        let wide = rule(r#"{"verbs":["*"],"apiGroups":[""],"resources":["pods","*/scale"]}"#);
        let named = rule(r#"{"verbs":["get"],"apiGroups":[""],"resources":["pods"],"resourceNames":["a"]}"#);
        let scale = rule(r#"{"verbs":["get"],"apiGroups":[""],"resources":["x/scale"]}"#);
        assert!(wide.includes(&named) && wide.includes(&scale));
        assert!(!named.includes(&rule(r#"{"verbs":["get"],"apiGroups":[""],"resources":["pods"]}"#)));
        assert!(!wide.includes(&rule(r#"{"verbs":["get"],"apiGroups":["apps"],"resources":["pods"]}"#)));
        assert!(!wide.includes(&rule(r#"{"verbs":["get"],"nonResourceURLs":["/x"]}"#)));
    }

    #[test]
    fn selectors_hold_all_their_requirements() {
        let labels = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
        let selects = |json: &str| serde_json::from_str::<Selector>(json).unwrap().selects(&labels);
        assert!(selects(r#"{"matchLabels":{"a":"1"},"matchExpressions":[{"key":"a","operator":"Exists"}]}"#));
        assert!(selects(r#"{"matchExpressions":[{"key":"b","operator":"NotIn","values":["1"]}]}"#));
        assert!(selects(r#"{"matchExpressions":[{"key":"a","operator":"In","values":["1","2"]}]}"#));
        assert!(!selects(r#"{"matchLabels":{"a":"2"}}"#));
        assert!(!selects(r#"{"matchExpressions":[{"key":"a","operator":"DoesNotExist"}]}"#));
        assert!(!selects(r#"{"matchExpressions":[{"key":"a","operator":"Like"}]}"#));
    }
}
