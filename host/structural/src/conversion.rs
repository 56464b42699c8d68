//! Conversion between the versions of a custom resource: by name alone, or by a webhook, whose review is built and
//! whose answer is judged here. Nothing here calls it.

mod answer;

use objects::resource::{GroupVersion, GroupVersionKind};
use objects::{Tree, meta, tree};

pub use answer::ConversionError;

/// How objects get from one version to another.
#[derive(Clone, Debug, PartialEq)]
pub enum Conversion {
    /// Versions differ in their names alone.
    None,
    Webhook(Webhook),
}

/// The webhook of a definition.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    /// `clientConfig` as the definition has it.
    pub client_config: Tree,
    /// The versions of ConversionReview that the webhook knows.
    pub review_versions: Vec<String>,
}

/// A review that is to be sent, and what is needed to judge its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Review {
    /// The ConversionReview.
    pub request: Tree,
    uid: String,
    /// `v1` or `v1beta1`.
    version: String,
    target: GroupVersion,
    /// Which of the objects were sent.
    sent: Vec<usize>,
    /// What messages call the objects.
    kind: GroupVersionKind,
}

impl Conversion {
    /// Reads `spec.conversion`.
    pub fn of(crd: &Tree) -> Self {
        let path = ["spec", "conversion", "webhook"];
        if crd.str_at(&["spec", "conversion", "strategy"]) != Some("Webhook") {
            return Self::None;
        }
        let webhook = crd.at(&path);
        let versions =
            webhook.map(|webhook| webhook.items_at(&["conversionReviewVersions"])).unwrap_or_default();
        Self::Webhook(Webhook {
            client_config: webhook
                .and_then(|webhook| webhook.get("clientConfig"))
                .cloned()
                .unwrap_or_default(),
            review_versions: versions.iter().filter_map(Tree::as_str).map(str::to_owned).collect(),
        })
    }
}

/// Gives an object the version, and nothing more.
pub fn convert_by_name(object: &mut Tree, target: &GroupVersion) {
    object.insert("apiVersion", target.to_string());
}

impl Webhook {
    /// The review that asks for objects in a version; `Ok(None)` where none needs it. Objects of the version already
    /// are not sent, and those that have nothing but their type are converted by name at once.
    pub fn review(
        &self,
        objects: &mut [Tree],
        target: &GroupVersion,
        uid: &str,
    ) -> Result<Option<Review>, ConversionError> {
        let api_version = target.to_string();
        objects
            .iter_mut()
            .filter(|object| is_bare(object))
            .for_each(|object| convert_by_name(object, target));
        let needs = |object: &Tree| object.str_at(&["apiVersion"]) != Some(&api_version);
        let sent: Vec<usize> = (0..objects.len()).filter(|index| needs(&objects[*index])).collect();
        let Some(first) = sent.first() else { return Ok(None) };
        let spoken =
            self.review_versions.iter().find(|version| ["v1", "v1beta1"].contains(&version.as_str()));
        let version = spoken.ok_or(ConversionError::ReviewVersion)?.clone();
        let asked: Vec<Tree> = sent.iter().map(|index| objects[*index].clone()).collect();
        let request = tree!({
            "kind": "ConversionReview",
            "apiVersion": (format!("apiextensions.k8s.io/{version}")),
            "request": { "uid": uid, "desiredAPIVersion": api_version, "objects": asked }
        });
        let kind = meta::gvk(&objects[*first]).unwrap_or_default();
        Ok(Some(Review { request, uid: uid.to_owned(), version, target: target.clone(), sent, kind }))
    }
}

/// An object without anything but its type converts to itself.
fn is_bare(object: &Tree) -> bool {
    object.as_object().is_some_and(|fields| {
        fields.len() == 2 && fields.contains_key("kind") && fields.contains_key("apiVersion")
    })
}

#[cfg(test)]
mod tests;
