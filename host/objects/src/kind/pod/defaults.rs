//! Defaults of pods that depend on other fields. Those by type hold in templates too; the last ones are a pod's own.

use super::amounts;
use crate::tree::Tree;

/// A volume of no type is an empty directory.
pub(in crate::kind) fn volume(volume: &mut Tree) {
    if super::volume::sources(volume).next().is_none() {
        volume.insert("emptyDir", Tree::object());
    }
    let reference = volume.str_at(&["image", "reference"]).map(policy_of);
    if let (Some(policy), Some(image)) = (reference, volume.get_mut("image")) {
        set_missing(image, "pullPolicy", policy);
    }
}

pub(in crate::kind) fn pull_policy(container: &mut Tree) {
    let policy = policy_of(container.str_at(&["image"]).unwrap_or_default());
    set_missing(container, "imagePullPolicy", policy);
}

/// The account has two names; the old one only counts where the new one is missing.
pub(in crate::kind) fn service_account(spec: &mut Tree) {
    let text = |field: &str| spec.str_at(&[field]).filter(|text| !text.is_empty());
    let Some(name) = text("serviceAccountName").or_else(|| text("serviceAccount")) else { return };
    let name = name.to_owned();
    spec.insert("serviceAccountName", name.as_str());
    spec.insert("serviceAccount", name);
}

fn set_missing(tree: &mut Tree, field: &str, value: &str) {
    if tree.get(field).is_none_or(Tree::is_empty_value) {
        tree.insert(field, value);
    }
}

/// `latest` moves, and an image without a tag means it.
fn policy_of(image: &str) -> &'static str {
    if tag(image) == Some("latest") { "Always" } else { "IfNotPresent" }
}

/// The tag of an image; `latest` where it has neither tag nor digest, nothing where it is no reference at all.
fn tag(image: &str) -> Option<&str> {
    let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    let (name, tag) = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (name, None),
    };
    let is_domain = |part: &str| part.contains(['.', ':']) || part == "localhost";
    let path = name.split_once('/').filter(|(domain, _)| is_domain(domain)).map_or(name, |(_, path)| path);
    let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let component = |part: &str| {
        part.bytes().next().is_some_and(lower)
            && part.bytes().all(|byte| lower(byte) || b"._-".contains(&byte))
    };
    if !path.split('/').all(component) {
        return None;
    }
    tag.or(if digest.is_some() { None } else { Some("latest") })
}

/// What is limited and asks for nothing asks for the limit; and what else a pod has, but no template.
pub(in crate::kind) fn pod(pod: &mut Tree) {
    let Some(spec) = pod.get_mut("spec") else { return };
    let host_network = spec.bool_at(&["hostNetwork"]) == Some(true);
    for list in ["containers", "initContainers"] {
        for container in spec.get_mut(list).and_then(Tree::as_array_mut).into_iter().flatten() {
            request_limits(container);
            if host_network {
                open_on_the_host(container);
            }
        }
    }
    amounts::default_pod_level(spec);
    if spec.get("enableServiceLinks").is_none() {
        spec.insert("enableServiceLinks", true);
    }
}

fn request_limits(container: &mut Tree) {
    let limits = container.at(&["resources", "limits"]).cloned().unwrap_or_default();
    for (name, limit) in limits.fields() {
        if container.at(&["resources", "requests", name]).is_none() {
            container.set_at(&["resources", "requests", name], limit.clone());
        }
    }
}

/// In the network of the host a port is a port of the host.
fn open_on_the_host(container: &mut Tree) {
    for port in container.get_mut("ports").and_then(Tree::as_array_mut).into_iter().flatten() {
        if port.get("hostPort").is_none_or(Tree::is_empty_value)
            && let Some(number) = port.get("containerPort").cloned()
        {
            port.insert("hostPort", number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::policy_of;

    #[test]
    fn only_what_moves_is_always_pulled() {
        for image in ["nginx", "nginx:latest", "localhost:5000/a/b", "Example.com/a", "a:latest@sha256:0"] {
            assert_eq!(policy_of(image), "Always", "{image}");
        }
        for image in ["nginx:1.25", "a@sha256:0", "", " ", "Nginx", "registry:5000/a:1"] {
            assert_eq!(policy_of(image), "IfNotPresent", "{image}");
        }
    }
}
