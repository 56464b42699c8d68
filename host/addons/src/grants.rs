//! What the user `system:addon:NAME` may do: what its addon was granted and nothing else, in any mode of authorization.

use engine::{Attributes, Decision, KubeRequest, ResourceRule, RuleSet};

use crate::metadata::{KubeWant, Wants};

/// The users that are addons.
const PREFIX: &str = "system:addon:";
/// How pushed objects are read.
const READING: [&str; 3] = ["get", "list", "watch"];

/// The addon that a user is.
pub(crate) fn addon(user: &str) -> Option<&str> {
    user.strip_prefix(PREFIX)
}

pub(crate) fn decide(addon: &str, grants: &Wants, asked: &Attributes<'_>) -> Decision {
    let granted = grants.kube.iter().any(|rule| permits(rule, asked))
        || grants.objects.iter().any(|kind| {
            READING.contains(&asked.verb)
                && (asked.group, asked.resource, asked.subresource) == (&*kind.group, &*kind.resource, "")
        });
    if granted && asked.path.is_empty() {
        Decision::Allow(format!("granted to addon {addon}"))
    } else {
        Decision::NoOpinion(format!("not granted to addon {addon}"))
    }
}

/// What of a call is not granted, in words; none where it is.
pub(crate) fn ungranted(addon: &str, grants: &Wants, request: &KubeRequest) -> Option<String> {
    let (verbs, target): (&[&str], _) = match request {
        KubeRequest::Get(target) => (&["get"], target),
        KubeRequest::List(target) => (&["list"], target),
        KubeRequest::Put(target, _) => (&["create", "update"], target),
        KubeRequest::Delete(target) => (&["delete"], target),
    };
    let allowed = |verb: &&str| {
        // Whoever creates names no object to the authorizer.
        let name = if *verb == "create" { "" } else { target.name.as_str() };
        let asked = Attributes {
            verb,
            group: &target.kind.group,
            version: &target.kind.version,
            resource: &target.kind.resource,
            subresource: &target.subresource,
            namespace: &target.namespace,
            name,
            path: "",
        };
        matches!(decide(addon, grants, &asked), Decision::Allow(_))
    };
    let granted = verbs.iter().any(allowed);
    let dot = if target.kind.group.is_empty() { "" } else { "." };
    let slash = if target.subresource.is_empty() { "" } else { "/" };
    (!granted).then(|| {
        format!(
            "kube: {} {:.100}{slash}{:.100}{dot}{:.100}",
            verbs.join(" or "),
            target.kind.resource,
            target.subresource,
            target.kind.group
        )
    })
}

fn permits(rule: &KubeWant, asked: &Attributes<'_>) -> bool {
    let holds = |list: &[String], wanted: &str| list.iter().any(|one| one == "*" || one == wanted);
    let resource = match asked.subresource {
        "" => holds(&rule.resources, asked.resource),
        sub => {
            holds(&rule.resources, &format!("{}/{sub}", asked.resource))
                || rule.resources.iter().any(|one| one.strip_prefix("*/") == Some(sub))
        }
    };
    let name = rule.names.is_empty() || rule.names.iter().any(|one| one == asked.name);
    holds(&rule.verbs, asked.verb) && holds(&rule.groups, asked.group) && resource && name
}

pub(crate) fn rules(grants: &Wants) -> RuleSet {
    let kube = grants.kube.iter().map(|rule| ResourceRule {
        verbs: rule.verbs.clone(),
        groups: rule.groups.clone(),
        resources: rule.resources.clone(),
        names: rule.names.clone(),
    });
    let objects = grants.objects.iter().map(|kind| ResourceRule {
        verbs: READING.map(str::to_owned).to_vec(),
        groups: vec![kind.group.clone()],
        resources: vec![kind.resource.clone()],
        names: Vec::new(),
    });
    RuleSet { resource_rules: kube.chain(objects).collect(), ..RuleSet::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants() -> Wants {
        let text = r#"{"objects":[{"group":"","version":"v1","resource":"pods","why":""}],
            "kube":[{"verbs":["update"],"groups":["apps"],"resources":["deployments","*/scale"],"names":["a"],"why":""}]}"#;
        serde_json::from_str(text).unwrap()
    }

    fn allowed(verb: &str, group: &str, resource: &str, subresource: &str, name: &str) -> bool {
        let asked = Attributes { verb, group, resource, subresource, name, ..Attributes::default() };
        matches!(decide("x", &wants(), &asked), Decision::Allow(_))
    }

    #[test]
    fn what_is_granted_is_allowed() {
        assert!(allowed("update", "apps", "deployments", "", "a"));
        assert!(allowed("update", "apps", "deployments", "scale", "a"));
        assert!(allowed("watch", "", "pods", "", ""));
    }

    #[test]
    fn nothing_else_is_allowed() {
        assert!(!allowed("update", "apps", "deployments", "", "b"));
        assert!(!allowed("update", "apps", "deployments", "status", "a"));
        assert!(!allowed("delete", "", "pods", "", "a"));
        assert!(!allowed("get", "", "pods", "log", "a"));
        assert!(!allowed("get", "", "secrets", "", "a"));
        let path = Attributes { verb: "get", path: "/metrics", ..Attributes::default() };
        assert!(!matches!(decide("x", &wants(), &path), Decision::Allow(_)));
    }
}
