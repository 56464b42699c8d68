//! A component as an OCI artifact: the image manifest of OCI's image specification, with the media types that the
//! WebAssembly artifacts of other tools have.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::digest::Digest;

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const LAYER: &str = "application/wasm";
/// What older tools call a layer.
const OLD_LAYER: &str = "application/vnd.wasm.content.layer.v1+wasm";

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    schema_version: u32,
    #[serde(default)]
    media_type: String,
    config: Descriptor,
    layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    annotations: std::collections::BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    media_type: String,
    pub(crate) digest: String,
    pub(crate) size: u64,
}

impl Descriptor {
    fn of(media_type: &str, content: &[u8]) -> Self {
        let digest = Digest::of(content).to_string();
        Self { media_type: media_type.to_owned(), digest, size: content.len() as u64 }
    }
}

/// What a manifest lists that is no component.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoComponent {
    #[error("it is no manifest of an image: {0}")]
    Json(#[from] serde_json::Error),
    #[error("its layers are {0}, and a component is one of application/wasm")]
    Layers(String),
}

impl Manifest {
    /// The manifest of a component, and the configuration that it names. The same component has the same manifest.
    pub(crate) fn of_component(component: &[u8]) -> (Self, Vec<u8>) {
        let layer = Descriptor::of(LAYER, component);
        let config = json!({
            "created": "1970-01-01T00:00:00Z",
            "architecture": "wasm",
            "os": "wasip2",
            "layerDigests": [layer.digest],
        });
        let config = config.to_string().into_bytes();
        let manifest = Self {
            schema_version: 2,
            media_type: MANIFEST.to_owned(),
            config: Descriptor::of(CONFIG, &config),
            layers: vec![layer],
            annotations: Default::default(),
        };
        (manifest, config)
    }

    /// The layer that is the component.
    pub(crate) fn component(text: &[u8]) -> Result<Descriptor, NoComponent> {
        let manifest: Self = serde_json::from_slice(text)?;
        match &manifest.layers[..] {
            [layer] if [LAYER, OLD_LAYER].contains(&layer.media_type.as_str()) => Ok(layer.clone()),
            layers => {
                let types: Vec<_> = layers.iter().map(|layer| layer.media_type.as_str()).collect();
                Err(NoComponent::Layers(if types.is_empty() { "none".to_owned() } else { types.join(", ") }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_component_of_a_manifest_is_found() {
        let (manifest, config) = Manifest::of_component(b"component");
        let text = serde_json::to_vec(&manifest).unwrap();
        let layer = Manifest::component(&text).unwrap();
        assert_eq!((layer.digest, layer.size), (Digest::of(b"component").to_string(), 9));
        assert_eq!(manifest.config.digest, Digest::of(&config).to_string());
    }

    #[test]
    fn an_image_of_containers_is_no_component() {
        let text = br#"{"schemaVersion":2,"config":{"mediaType":"x","digest":"d","size":1},"layers":[
            {"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"d","size":1}]}"#;
        let why = Manifest::component(text).unwrap_err().to_string();
        assert_eq!(
            why,
            "its layers are application/vnd.oci.image.layer.v1.tar+gzip, and a component is one of application/wasm"
        );
        assert!(Manifest::component(b"{}").is_err());
    }
}
