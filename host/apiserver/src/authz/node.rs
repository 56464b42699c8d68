//! The mode Node: what nodes may read is what their pods name. The authorizer says what nodes may do at all; here that is
//! narrowed to their own, as upstream's authorizer does.

use std::sync::{Arc, OnceLock};

use objects::{Tree, meta};

use super::{Attributes, Authorize, Decision, Rules, Target};
use crate::authn::UserInfo;
use crate::tokens::core;
use crate::view::View;

const GROUP: &str = "system:nodes";
const PREFIX: &str = "system:node:";
const READ: &[&str] = &["get", "list", "watch"];
const LEASES: &str = "kube-node-lease";

/// Whether the mode Node is in force; asked for each request.
pub type NodeMode = Arc<dyn Fn() -> bool + Send + Sync>;

/// An authorizer whose answers to nodes are narrowed to what is theirs, while the mode Node is in force.
pub(crate) struct Narrowed {
    inner: Arc<dyn Authorize>,
    in_force: NodeMode,
    view: OnceLock<View>,
}

impl Narrowed {
    pub(crate) fn new(inner: Arc<dyn Authorize>, in_force: NodeMode) -> Self {
        Self { inner, in_force, view: OnceLock::new() }
    }

    /// What it reads the pods of nodes from. Before, nothing is a node's own.
    pub(crate) fn see(&self, view: View) {
        // Of two the first stays: there is one API server.
        let _seen = self.view.set(view);
    }
}

impl Authorize for Narrowed {
    fn authorize(&self, user: &UserInfo, attributes: &Attributes) -> Decision {
        let decision = self.inner.authorize(user, attributes);
        let is_allowed_node =
            matches!(decision, Decision::Allow { .. }) && name_of(user).is_some() && (self.in_force)();
        match self.view.get().filter(|_| is_allowed_node) {
            Some(view) => match refuse(view, user, attributes) {
                Some(reason) => Decision::NoOpinion { reason },
                None => decision,
            },
            None => decision,
        }
    }

    fn rules(&self, user: &UserInfo, namespace: &str) -> Rules {
        self.inner.rules(user, namespace)
    }
}

/// The name of the node that a user is.
pub(crate) fn name_of(user: &UserInfo) -> Option<&str> {
    let name = user.name.strip_prefix(PREFIX)?;
    user.groups.iter().any(|group| group == GROUP).then_some(name)
}

/// Why a node may not do what the authorizer would let it do; `None` where it may, and for everybody else.
pub(crate) fn refuse(view: &View, user: &UserInfo, attributes: &Attributes) -> Option<String> {
    let node = name_of(user)?;
    let Target::Resource { group, resource, subresource, namespace, name, .. } = &attributes.target else {
        return None;
    };
    let verb = attributes.verb.as_str();
    let own = |what: &str| (name != node).then(|| format!("node {node:?} can only access its own {what}"));
    match (group.as_str(), resource.as_str(), subresource.as_str()) {
        ("", kind @ ("secrets" | "configmaps" | "persistentvolumeclaims" | "persistentvolumes"), "") => {
            if !READ.contains(&verb) {
                return Some("can only read resources of this type".to_owned());
            }
            if name.is_empty() {
                return Some("No Object name found".to_owned());
            }
            let related = pods_of(view, node).iter().any(|pod| uses(view, pod, kind, namespace, name));
            (!related).then(|| format!("no relationship found between node '{node}' and this object"))
        }
        ("", "serviceaccounts", "token") => {
            let uses = |pod: &Tree| {
                meta::namespace(pod) == namespace && pod.str_at(&["spec", "serviceAccountName"]) == Some(name)
            };
            let related = verb == "create" && pods_of(view, node).iter().any(uses);
            (!related).then(|| format!("no relationship found between node '{node}' and this object"))
        }
        ("", "nodes", _) if READ.contains(&verb) => own("node object"),
        ("storage.k8s.io", "csinodes", _) if verb != "create" => own("CSINode"),
        ("coordination.k8s.io", "leases", _) if namespace != LEASES => {
            Some(format!("can only access leases in the {LEASES:?} system namespace"))
        }
        ("coordination.k8s.io", "leases", _) if verb != "create" => own("node lease"),
        _ => None,
    }
}

/// The pods that are bound to a node.
pub(crate) fn pods_of(view: &View, node: &str) -> Vec<Tree> {
    let Some(pods) = view.registry.find("", "v1", "pods") else { return Vec::new() };
    view.list(&pods, "", |entry| entry.field(&pods, "spec.nodeName") == node)
}

/// Whether a pod names an object that its node has to read for it.
fn uses(view: &View, pod: &Tree, kind: &str, namespace: &str, name: &str) -> bool {
    if kind == "persistentvolumes" {
        return claims(pod).any(|claim| {
            let claim = core(view, "persistentvolumeclaims", meta::namespace(pod), &claim);
            claim.is_some_and(|claim| claim.str_at(&["spec", "volumeName"]) == Some(name))
        });
    }
    meta::namespace(pod) == namespace
        && match kind {
            "persistentvolumeclaims" => claims(pod).any(|claim| claim == name),
            "secrets" => names(pod, SECRET).contains(&name),
            _ => names(pod, CONFIG_MAP).contains(&name),
        }
}

/// The names of the claims of a pod, with those that it brings along.
fn claims(pod: &Tree) -> impl Iterator<Item = String> {
    let volumes = pod.items_at(&["spec", "volumes"]).iter();
    volumes.filter_map(|volume| match volume.str_at(&["persistentVolumeClaim", "claimName"]) {
        None if volume.get("ephemeral").is_some() => {
            let own = volume.str_at(&["name"]).unwrap_or_default();
            Some(format!("{}-{own}", meta::name(pod)))
        }
        name => name.map(str::to_owned),
    })
}

/// Where the names of one kind of object stand in a pod: in volumes, in the sources of projected ones, and in the
/// environment of containers.
struct Places {
    volume: &'static [&'static [&'static str]],
    source: &'static [&'static str],
    variable: &'static [&'static str],
    environment: &'static [&'static str],
}

const SECRET: &Places = &Places {
    volume: &[
        &["secret", "secretName"],
        &["csi", "nodePublishSecretRef", "name"],
        &["azureFile", "secretName"],
        &["cephfs", "secretRef", "name"],
        &["flexVolume", "secretRef", "name"],
        &["iscsi", "secretRef", "name"],
        &["rbd", "secretRef", "name"],
        &["scaleIO", "secretRef", "name"],
        &["storageos", "secretRef", "name"],
    ],
    source: &["secret", "name"],
    variable: &["valueFrom", "secretKeyRef", "name"],
    environment: &["secretRef", "name"],
};

const CONFIG_MAP: &Places = &Places {
    volume: &[&["configMap", "name"]],
    source: &["configMap", "name"],
    variable: &["valueFrom", "configMapKeyRef", "name"],
    environment: &["configMapRef", "name"],
};

fn names<'a>(pod: &'a Tree, places: &Places) -> Vec<&'a str> {
    let mut found = Vec::new();
    if std::ptr::eq(places, SECRET) {
        let pulls = pod.items_at(&["spec", "imagePullSecrets"]).iter();
        found.extend(pulls.filter_map(|secret| secret.str_at(&["name"])));
    }
    for volume in pod.items_at(&["spec", "volumes"]) {
        found.extend(places.volume.iter().filter_map(|path| volume.str_at(path)));
        let sources = volume.items_at(&["projected", "sources"]).iter();
        found.extend(sources.filter_map(|source| source.str_at(places.source)));
    }
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for container in pod.items_at(&["spec", list]) {
            let variables = container.items_at(&["env"]).iter();
            found.extend(variables.filter_map(|variable| variable.str_at(places.variable)));
            let sources = container.items_at(&["envFrom"]).iter();
            found.extend(sources.filter_map(|source| source.str_at(places.environment)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use objects::tree;

    use super::*;
    use crate::rest::tests::fixture::Fixture;
    use crate::tokens::tests::pod;

    fn node() -> UserInfo {
        UserInfo { name: "system:node:n1".to_owned(), groups: vec![GROUP.to_owned()], ..UserInfo::default() }
    }

    fn ask(verb: &str, group: &str, resource: &str, namespace: &str, name: &str) -> Attributes {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        Attributes {
            verb: verb.to_owned(),
            target: Target::Resource {
                group: group.to_owned(),
                version: "v1".to_owned(),
                resource: resource.to_owned(),
                subresource: subresource.to_owned(),
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            },
        }
    }

    #[tokio::test]
    async fn a_node_reads_what_its_pods_name_and_nothing_else() {
        let fixture = Fixture::new().await;
        fixture.create("serviceaccounts", tree!({ "metadata": { "name": "app" } })).await.unwrap();
        let mut web = pod("web", "app");
        web.set_at(
            &["spec", "volumes"],
            tree!([
                { "name": "s", "secret": { "secretName": "key" } },
                { "name": "p", "projected": { "sources": [{ "configMap": { "name": "settings" } }] } },
                { "name": "c", "persistentVolumeClaim": { "claimName": "data" } },
                { "name": "e", "ephemeral": { "volumeClaimTemplate": { "spec": {
                    "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } }
                } } } }
            ]),
        );
        web.set_at(&["spec", "automountServiceAccountToken"], false);
        fixture.create("pods", web).await.unwrap();
        let view = fixture.rest.view();
        let may = |verb: &str, group: &str, resource: &str, namespace: &str, name: &str| {
            refuse(view, &node(), &ask(verb, group, resource, namespace, name)).is_none()
        };
        for (verb, group, resource, namespace, name, expected) in [
            ("get", "", "secrets", "default", "key", true),
            ("watch", "", "secrets", "default", "key", true),
            ("get", "", "secrets", "default", "other", false),
            ("get", "", "secrets", "kube-system", "key", false),
            ("list", "", "secrets", "default", "", false),
            ("update", "", "secrets", "default", "key", false),
            ("get", "", "configmaps", "default", "settings", true),
            ("get", "", "configmaps", "default", "kube-root-ca.crt", false),
            ("get", "", "persistentvolumeclaims", "default", "data", true),
            ("get", "", "persistentvolumeclaims", "default", "web-e", true),
            ("get", "", "persistentvolumeclaims", "default", "web-c", false),
            ("update", "", "persistentvolumeclaims", "default", "data", false),
            ("create", "", "serviceaccounts/token", "default", "app", true),
            ("create", "", "serviceaccounts/token", "default", "default", false),
            ("get", "", "nodes", "", "n1", true),
            ("get", "", "nodes", "", "n2", false),
            ("update", "coordination.k8s.io", "leases", "kube-node-lease", "n1", true),
            ("update", "coordination.k8s.io", "leases", "kube-node-lease", "n2", false),
            ("get", "coordination.k8s.io", "leases", "default", "n1", false),
        ] {
            assert_eq!(
                may(verb, group, resource, namespace, name),
                expected,
                "{verb} {resource} {namespace}/{name}"
            );
        }
        let somebody = UserInfo { groups: Vec::new(), ..node() };
        assert_eq!(refuse(view, &somebody, &ask("get", "", "secrets", "default", "other")), None);
    }
}
