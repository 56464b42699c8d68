//! What a LimitRange does to a new pod or claim: the defaults that its containers get, and the bounds that they keep.

use crate::meta;
use crate::quantity::Quantity;
use crate::resources::{Amounts, Extent, Side, of_pod};
use crate::tree::Tree;

/// Says in a pod what it was given.
const ANNOTATION: &str = "kubernetes.io/limit-ranger";

const CONTAINERS: &[(&str, &str)] = &[("containers", "container"), ("initContainers", "init container")];

/// Gives the containers of a pod the limits and requests that they do not say themselves.
pub fn apply_defaults(range: &Tree, pod: &mut Tree) {
    let defaults = |field: &str| {
        let mut all = Amounts::default();
        for item in items(range, "Container") {
            Amounts::read(item.get(field)).iter().for_each(|(name, amount)| all.set(name, amount));
        }
        all
    };
    let (limits, requests) = (defaults("default"), defaults("defaultRequest"));
    let mut told = Vec::new();
    for (list, what) in CONTAINERS {
        let containers = pod.at_mut(&["spec", list]).and_then(Tree::as_array_mut);
        for container in containers.into_iter().flatten() {
            for (field, side, amounts) in [("requests", "request", &requests), ("limits", "limit", &limits)] {
                let set = fill(container, field, amounts);
                if !set.is_empty() {
                    let name = container.str_at(&["name"]).unwrap_or_default();
                    told.push(format!("{} {side} for {what} {name}", set.join(", ")));
                }
            }
        }
    }
    if !told.is_empty() {
        let text = format!("LimitRanger plugin set: {}", told.join("; "));
        pod.set_at(&["metadata", "annotations", ANNOTATION], text);
    }
}

fn items<'a>(range: &'a Tree, kind: &'a str) -> impl Iterator<Item = &'a Tree> {
    range.items_at(&["spec", "limits"]).iter().filter(move |item| item.str_at(&["type"]) == Some(kind))
}

/// The names that a list of a container did not have.
fn fill<'a>(container: &mut Tree, field: &str, amounts: &'a Amounts) -> Vec<&'a str> {
    let path = ["resources", field];
    let has = |container: &Tree, name: &str| container.at(&path).is_some_and(|list| list.get(name).is_some());
    let missing: Vec<_> = amounts.iter().filter(|(name, _)| !has(container, name)).collect();
    for (name, amount) in &missing {
        container.make(&path).insert(*name, amount.to_string());
    }
    missing.into_iter().map(|(name, _)| name).collect()
}

/// Whether a write is held against LimitRanges: a new pod or claim, a claim that changes, a pod that is resized.
pub fn applies(plural: &str, subresource: &str, old: Option<&Tree>) -> bool {
    if old.is_some_and(meta::is_deleting) {
        return false;
    }
    match (plural, subresource) {
        ("pods", "resize") => old.is_some(),
        ("pods", "") => old.is_none(),
        ("persistentvolumeclaims", "") => true,
        _ => false,
    }
}

/// What of a pod or claim is out of bounds, as one message; nothing where all is within.
pub fn refuse(range: &Tree, plural: &str, object: &Tree) -> Option<String> {
    let mut messages: Vec<String> = Vec::new();
    match plural {
        "pods" => {
            for item in items(range, "Container") {
                for container in CONTAINERS.iter().flat_map(|(list, _)| object.items_at(&["spec", list])) {
                    let side = |field| Amounts::read(container.at(&["resources", field]));
                    let asked =
                        Asked { kind: "Container", requests: side("requests"), limits: side("limits") };
                    asked.held_to(item, &mut messages);
                }
            }
            for item in items(range, "Pod") {
                let side = |side| of_pod(object, side, Extent::Asked);
                let asked = Asked { kind: "Pod", requests: side(Side::Requests), limits: side(Side::Limits) };
                asked.held_to(item, &mut messages);
            }
        }
        "persistentvolumeclaims" => {
            for item in items(range, "PersistentVolumeClaim") {
                let requests = Amounts::read(object.at(&["spec", "resources", "requests"]));
                let asked = Asked { kind: "PersistentVolumeClaim", requests, limits: Amounts::default() };
                asked.min(&Amounts::read(item.get("min")), &mut messages);
                asked.max_request(&Amounts::read(item.get("max")), &mut messages);
            }
        }
        _ => {}
    }
    let mut unique: Vec<String> = Vec::new();
    for message in messages {
        if !unique.contains(&message) {
            unique.push(message);
        }
    }
    match unique.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        several => Some(format!("[{}]", several.join(", "))),
    }
}

/// What a container, a pod or a claim asks for.
struct Asked {
    kind: &'static str,
    requests: Amounts,
    limits: Amounts,
}

impl Asked {
    fn held_to(&self, item: &Tree, messages: &mut Vec<String>) {
        self.min(&Amounts::read(item.get("min")), messages);
        self.max(&Amounts::read(item.get("max")), messages);
        self.ratio(&Amounts::read(item.get("maxLimitRequestRatio")), messages);
    }

    fn min(&self, bounds: &Amounts, messages: &mut Vec<String>) {
        for (name, bound) in bounds.iter() {
            let rule = format!("minimum {name} usage per {} is {bound}", self.kind);
            let (request, limit) = (self.requests.get(name), self.limits.get(name));
            messages.extend(match (request, limit) {
                (None, _) => Some(format!("{rule}.  No request is specified")),
                (Some(request), _) if request < bound => Some(format!("{rule}, but request is {request}")),
                (_, Some(limit)) if limit < bound => Some(format!("{rule}, but limit is {limit}")),
                _ => None,
            });
        }
    }

    fn max(&self, bounds: &Amounts, messages: &mut Vec<String>) {
        for (name, bound) in bounds.iter() {
            let rule = format!("maximum {name} usage per {} is {bound}", self.kind);
            let (request, limit) = (self.requests.get(name), self.limits.get(name));
            messages.extend(match (request, limit) {
                (_, None) => Some(format!("{rule}.  No limit is specified")),
                (_, Some(limit)) if limit > bound => Some(format!("{rule}, but limit is {limit}")),
                (Some(request), _) if request > bound => Some(format!("{rule}, but request is {request}")),
                _ => None,
            });
        }
    }

    fn max_request(&self, bounds: &Amounts, messages: &mut Vec<String>) {
        for (name, bound) in bounds.iter() {
            let rule = format!("maximum {name} usage per {} is {bound}", self.kind);
            messages.extend(match self.requests.get(name) {
                None => Some(format!("{rule}.  No request is specified")),
                Some(request) if request > bound => Some(format!("{rule}, but request is {request}")),
                Some(_) => None,
            });
        }
    }

    fn ratio(&self, bounds: &Amounts, messages: &mut Vec<String>) {
        for (name, bound) in bounds.iter() {
            let rule = format!("{name} max limit to request ratio per {} is {bound}", self.kind);
            let told = |amounts: &Amounts| amounts.get(name).filter(|amount| *amount != Quantity::ZERO);
            let (Some(request), limit) = (told(&self.requests), told(&self.limits)) else {
                messages.push(format!("{rule}, but no request is specified or request is 0"));
                continue;
            };
            let Some(limit) = limit else {
                messages.push(format!("{rule}, but no limit is specified or limit is 0"));
                continue;
            };
            let ratio = limit.as_f64() / request.as_f64();
            if ratio > bound.as_f64() {
                messages.push(format!("{rule}, but provided ratio is {ratio:.6}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn tree(json: &str) -> Tree {
        Tree::from_json(json.as_bytes()).unwrap()
    }

    fn range(item: &str) -> Tree {
        tree(&format!(r#"{{"spec":{{"limits":[{item}]}}}}"#))
    }

    fn pod(resources: &str) -> Tree {
        tree(&format!(r#"{{"spec":{{"containers":[{{"name":"a","resources":{resources}}}]}}}}"#))
    }

    #[test]
    fn a_container_gets_what_it_does_not_say() {
        let range = range(
            r#"{"type":"Container","default":{"cpu":"1","memory":"1Gi"},"defaultRequest":{"cpu":"500m"}}"#,
        );
        let mut pod = tree(
            r#"{"spec":{"containers":[{"name":"a"},{"name":"b","resources":{"limits":{"cpu":"2"},"requests":{"cpu":"2"}}}],
                "initContainers":[{"name":"i","resources":{"limits":{"cpu":"2","memory":"1"}}}]}}"#,
        );
        apply_defaults(&range, &mut pod);
        expect![[r#"{"spec":{"containers":[{"name":"a","resources":{"requests":{"cpu":"500m"},"limits":{"cpu":"1","memory":"1Gi"}}},{"name":"b","resources":{"limits":{"cpu":"2","memory":"1Gi"},"requests":{"cpu":"2"}}}],"initContainers":[{"name":"i","resources":{"limits":{"cpu":"2","memory":"1"},"requests":{"cpu":"500m"}}}]},"metadata":{"annotations":{"kubernetes.io/limit-ranger":"LimitRanger plugin set: cpu request for container a; cpu, memory limit for container a; memory limit for container b; cpu request for init container i"}}}"#]].assert_eq(&pod.to_json_string());
        let mut full = pod.clone();
        apply_defaults(&range, &mut full);
        assert_eq!(full, pod);
    }

    #[test]
    fn what_is_out_of_bounds_is_told_in_upstreams_words() {
        let refused =
            |item: &str, resources: &str| refuse(&range(item), "pods", &pod(resources)).unwrap_or_default();
        let max = r#"{"type":"Container","max":{"cpu":"2"}}"#;
        let lines = [
            refused(max, r#"{"limits":{"cpu":"3"}}"#),
            refused(max, r#"{"limits":{"cpu":"2"},"requests":{"cpu":"3"}}"#),
            refused(max, "{}"),
            refused(max, r#"{"limits":{"cpu":"2"}}"#),
            refused(r#"{"type":"Pod","min":{"cpu":"1","memory":"1Gi"}}"#, r#"{"requests":{"cpu":"500m"}}"#),
            refused(
                r#"{"type":"Pod","min":{"cpu":"1"}}"#,
                r#"{"requests":{"cpu":"1"},"limits":{"cpu":"500m"}}"#,
            ),
            refused(
                r#"{"type":"Container","maxLimitRequestRatio":{"cpu":"2"}}"#,
                r#"{"requests":{"cpu":"1"},"limits":{"cpu":"3"}}"#,
            ),
            refused(
                r#"{"type":"Container","maxLimitRequestRatio":{"cpu":"2"}}"#,
                r#"{"limits":{"cpu":"3"}}"#,
            ),
            refused(
                r#"{"type":"Container","maxLimitRequestRatio":{"cpu":"2"}}"#,
                r#"{"requests":{"cpu":"3"}}"#,
            ),
        ];
        expect![[r#"
            maximum cpu usage per Container is 2, but limit is 3
            maximum cpu usage per Container is 2, but request is 3
            maximum cpu usage per Container is 2.  No limit is specified

            [minimum cpu usage per Pod is 1, but request is 500m, minimum memory usage per Pod is 1Gi.  No request is specified]
            minimum cpu usage per Pod is 1, but limit is 500m
            cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000
            cpu max limit to request ratio per Container is 2, but no request is specified or request is 0
            cpu max limit to request ratio per Container is 2, but no limit is specified or limit is 0"#]].assert_eq(&lines.join("\n"));
    }

    #[test]
    fn a_claim_is_bounded_by_what_it_requests() {
        let range =
            range(r#"{"type":"PersistentVolumeClaim","min":{"storage":"1Gi"},"max":{"storage":"2Gi"}}"#);
        let refused = |storage: &str| {
            let claim = tree(&format!(r#"{{"spec":{{"resources":{{"requests":{{{storage}}}}}}}}}"#));
            refuse(&range, "persistentvolumeclaims", &claim).unwrap_or_default()
        };
        let lines = [
            refused(""),
            refused(r#""storage":"1Mi""#),
            refused(r#""storage":"3Gi""#),
            refused(r#""storage":"1Gi""#),
        ];
        expect![[r#"
            [minimum storage usage per PersistentVolumeClaim is 1Gi.  No request is specified, maximum storage usage per PersistentVolumeClaim is 2Gi.  No request is specified]
            minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1Mi
            maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi
        "#]].assert_eq(&lines.join("\n"));
    }

    #[test]
    fn pods_are_held_to_bounds_when_they_come_and_when_they_are_resized() {
        let old = Tree::object();
        assert!(
            applies("pods", "", None)
                && !applies("pods", "", Some(&old))
                && applies("pods", "resize", Some(&old))
        );
        assert!(applies("persistentvolumeclaims", "", Some(&old)) && !applies("secrets", "", None));
        let deleting = tree(r#"{"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"}}"#);
        assert!(!applies("persistentvolumeclaims", "", Some(&deleting)));
    }
}
