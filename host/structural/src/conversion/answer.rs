//! What a conversion webhook answers: as many objects, of the version asked for, that are still the same objects.

use objects::validate::{FieldError, Path, metadata_maps};
use objects::{Tree, meta};

use super::Review;

/// Why objects were not converted, in upstream's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConversionError {
    #[error("no supported conversion review versions")]
    ReviewVersion,
    /// The answer as a whole is wrong.
    #[error("conversion webhook for {kind} failed: {why}")]
    Failed { kind: String, why: String },
    #[error("conversion webhook for {kind} returned {returned} objects, expected {expected}")]
    Count { kind: String, returned: usize, expected: usize },
    /// One of the objects is.
    #[error("conversion webhook for {kind} returned invalid converted object at index {index}: {why}")]
    Object { kind: String, index: usize, why: String },
    #[error("conversion webhook for {kind} returned invalid metadata in object at index {index}: {why}")]
    Metadata { kind: String, index: usize, why: String },
}

impl Review {
    /// Puts the converted objects of an answer in the place of those that were sent.
    pub fn apply(&self, answer: &Tree, objects: &mut [Tree]) -> Result<(), ConversionError> {
        let kind = || self.kind.to_string();
        let converted =
            self.converted(answer).map_err(|why| ConversionError::Failed { kind: kind(), why })?;
        if converted.len() != self.sent.len() {
            let (returned, expected) = (converted.len(), self.sent.len());
            return Err(ConversionError::Count { kind: kind(), returned, expected });
        }
        let mut accepted = Vec::with_capacity(converted.len());
        for (index, (at, object)) in self.sent.iter().zip(converted).enumerate() {
            let original = &objects[*at];
            self.same(original, object).map_err(|why| ConversionError::Object {
                kind: kind(),
                index,
                why,
            })?;
            let restored = restore_metadata(original, object);
            accepted.push(restored.map_err(|why| ConversionError::Metadata { kind: kind(), index, why })?);
        }
        for (at, object) in self.sent.iter().zip(accepted) {
            objects[*at] = object;
        }
        Ok(())
    }

    /// The objects of an answer that says it succeeded.
    fn converted<'a>(&self, answer: &'a Tree) -> Result<&'a [Tree], String> {
        let text = |path: &[&str]| answer.str_at(path).unwrap_or_default();
        // v1beta1 looked neither at the type nor at the uid, and there are webhooks that rely on that.
        let is_v1 = self.version == "v1";
        if is_v1
            && (text(&["apiVersion"]), text(&["kind"])) != ("apiextensions.k8s.io/v1", "ConversionReview")
        {
            let actual = meta::gvk(answer).unwrap_or_default();
            return Err(format!(
                "expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got {actual}"
            ));
        }
        let Some(response) = answer.get("response").filter(|response| !response.is_null()) else {
            return Err("no response provided".to_owned());
        };
        let uid = text(&["response", "uid"]);
        if is_v1 && uid != self.uid {
            return Err(format!("expected response.uid={:?}, got {uid:?}", self.uid));
        }
        let status = text(&["response", "result", "status"]);
        if status != "Success" {
            let message = text(&["response", "result", "message"]);
            return Err(if message.is_empty() {
                format!("response.result.status was '{status}', not 'Success'")
            } else {
                message.to_owned()
            });
        }
        Ok(response.items_at(&["convertedObjects"]))
    }

    /// Whether an object is the one that was sent, in the version asked for.
    fn same(&self, original: &Tree, converted: &Tree) -> Result<(), String> {
        let text = |tree: &Tree, path: &[&str]| tree.str_at(path).unwrap_or_default().to_owned();
        let version = text(converted, &["apiVersion"]);
        if version != self.target.to_string() {
            return Err(format!("invalid groupVersion (expected {}, received {version})", self.target));
        }
        let (expected, received) = (text(original, &["kind"]), text(converted, &["kind"]));
        if expected != received {
            return Err(format!("invalid kind (expected {expected}, received {received})"));
        }
        for (field, said) in [("name", "name"), ("namespace", "namespace"), ("uid", "UID")] {
            let path = ["metadata", field];
            let (expected, received) = (text(original, &path), text(converted, &path));
            if expected != received {
                return Err(format!("must have the same {said}: {expected} != {received}"));
            }
        }
        Ok(())
    }
}

/// The converted object with the metadata of the original; labels and annotations are the webhook's.
fn restore_metadata(original: &Tree, converted: &Tree) -> Result<Tree, String> {
    let answered = match converted.get("metadata") {
        None => return Err("missing metadata in converted object".to_owned()),
        Some(metadata @ Tree::Object(_)) => metadata,
        Some(other) => return Err(format!("invalid metadata of type {} in converted object", other.shape())),
    };
    let mut metadata = original.get("metadata").cloned().unwrap_or_else(Tree::object);
    for field in ["labels", "annotations"] {
        let Some(map) = answered.get(field).filter(|map| !map.is_null()) else {
            metadata.remove(field);
            continue;
        };
        if !matches!(map, Tree::Object(_)) {
            return Err(format!("invalid metadata.{field} of type {} in converted object", map.shape()));
        }
        if let Some((key, value)) = map.fields().find(|(_, value)| !matches!(value, Tree::Str(_))) {
            let shape = value.shape();
            return Err(format!(
                "metadata.{field}[{key}] must be a string, but is {shape} in converted object"
            ));
        }
        metadata.insert(field, map.clone());
    }
    let changed = ["labels", "annotations"]
        .into_iter()
        .any(|field| original.at(&["metadata", field]) != metadata.get(field));
    let mut restored = converted.clone();
    restored.insert("metadata", metadata);
    let refused = if changed { metadata_maps(&Path::new("metadata"), &restored) } else { Vec::new() };
    match refused.iter().map(FieldError::to_string).collect::<Vec<_>>().as_slice() {
        [] => Ok(restored),
        [only] => Err(only.clone()),
        several => Err(format!("[{}]", several.join(", "))),
    }
}
