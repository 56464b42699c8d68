//! Pod security: the standards that a namespace holds its pods to, and what of a pod is against them.
//!
//! Pure: the labels of the namespace and the pod come in, a judgement goes out. Exemptions and the pods that are there
//! already are for whoever asks.

mod baseline;
mod checks;
mod level;
mod namespace;
mod restricted;

use crate::tree::Tree;

pub use checks::{Violation, details, evaluate, reasons};
pub use level::{Level, LevelVersion, Policy, Version, policy};
pub use namespace::{NamespaceChange, change, warnings};

static NOTHING: Tree = Tree::Null;

/// A pod, or what a controller makes pods of.
#[derive(Clone, Copy, Debug)]
pub struct PodView<'a> {
    metadata: &'a Tree,
    spec: &'a Tree,
}

impl<'a> PodView<'a> {
    /// The metadata and the specification of a pod or of a template.
    pub fn new(pod: &'a Tree) -> Self {
        let field = |name| pod.get(name).unwrap_or(&NOTHING);
        Self { metadata: field("metadata"), spec: field("spec") }
    }

    /// Init containers first, ephemeral ones last.
    fn containers(self) -> impl Iterator<Item = &'a Tree> {
        let spec = self.spec;
        ["initContainers", "containers", "ephemeralContainers"]
            .into_iter()
            .flat_map(move |list| spec.items_at(&[list]))
    }

    /// The names of the containers that something is to be said of.
    fn named(self, is_bad: impl Fn(&'a Tree) -> bool) -> Vec<&'a str> {
        let bad = self.containers().filter(|container| is_bad(container));
        bad.map(|container| container.str_at(&["name"]).unwrap_or_default()).collect()
    }

    fn annotations(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let annotations = self.metadata.get("annotations").into_iter().flat_map(Tree::fields);
        annotations.map(|(key, value)| (key, value.as_str().unwrap_or_default()))
    }

    fn is_windows(self) -> bool {
        self.spec.str_at(&["os", "name"]) == Some("windows")
    }

    /// Whether root in the pod is nobody outside of it.
    fn has_users_of_its_own(self) -> bool {
        self.spec.bool_at(&["hostUsers"]) == Some(false)
    }
}

/// Kinds beside pods that make pods, and where they say of what.
const TEMPLATES: &[(&str, &str, &[&str])] = &[
    ("", "podtemplates", &["template"]),
    ("", "replicationcontrollers", &["spec", "template"]),
    ("apps", "daemonsets", &["spec", "template"]),
    ("apps", "deployments", &["spec", "template"]),
    ("apps", "replicasets", &["spec", "template"]),
    ("apps", "statefulsets", &["spec", "template"]),
    ("batch", "cronjobs", &["spec", "jobTemplate", "spec", "template"]),
    ("batch", "jobs", &["spec", "template"]),
];

/// What an object of a kind that makes pods makes them of.
pub fn template<'a>(group: &str, plural: &str, object: &'a Tree) -> Option<PodView<'a>> {
    let row = TEMPLATES.iter().find(|row| row.1 == plural && row.0 == group)?;
    object.at(row.2).map(PodView::new)
}

/// Sub-resources of pods whose writes change nothing that the standards look at.
pub const IGNORED_SUBRESOURCES: &[&str] =
    &["exec", "attach", "binding", "eviction", "log", "portforward", "proxy", "status"];

/// Whether a pod that is written over an old one has to be looked at anew: there are other containers or images.
pub fn is_significant(new: &Tree, old: &Tree) -> bool {
    let image = |container: &Tree| container.str_at(&["image"]).unwrap_or_default().to_owned();
    let differs = |list: &str| {
        let (new, old) = (new.items_at(&["spec", list]), old.items_at(&["spec", list]));
        !new.iter().map(image).eq(old.iter().map(image))
    };
    let ephemeral = ["spec", "ephemeralContainers"];
    let is_known = |container: &Tree| {
        let mut before = old.items_at(&ephemeral).iter();
        before.any(|old| old.get("name") == container.get("name") && image(old) == image(container))
    };
    differs("containers") || differs("initContainers") || !new.items_at(&ephemeral).iter().all(is_known)
}

/// Whether the pods of a namespace are held to its standard, or just talked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforcement {
    /// Of a pod.
    Enforced,
    /// Of what makes pods: the pods will be judged when they come.
    Announced,
}

/// What becomes of a write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// Why it is forbidden, as the reason of a Forbidden status.
    pub forbidden: Option<String>,
    pub warnings: Vec<String>,
    /// Audit annotations, whose keys go after `pod-security.kubernetes.io/`.
    pub audit: Vec<(&'static str, String)>,
}

/// Holds a pod, or what pods are made of, to the policy of its namespace.
pub fn judge(policy: &Policy, pod: PodView<'_>, enforcement: Enforcement) -> Judgement {
    let mut judgement = Judgement::default();
    let against = |standard: LevelVersion| {
        let violations = evaluate(standard, pod);
        (!violations.is_empty())
            .then(|| format!("violate PodSecurity \"{standard}\": {}", details(&violations)))
    };
    if enforcement == Enforcement::Enforced {
        judgement.audit.push(("enforce-policy", policy.enforce.to_string()));
        judgement.forbidden = against(policy.enforce).map(|why| why.replacen("violate", "violates", 1));
    }
    if let Some(why) = against(policy.audit) {
        judgement.audit.push(("audit-violations", format!("would {why}")));
    }
    if judgement.forbidden.is_none() {
        judgement.warnings.extend(against(policy.warn).map(|why| format!("would {why}")));
    }
    judgement
}

#[cfg(test)]
mod tests;
