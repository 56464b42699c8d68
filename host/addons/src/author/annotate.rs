//! Writes metadata into a component, for languages whose tools do not: `plugin annotate`.

use bytes::Bytes;
use engine::{InspectError, METADATA};

use crate::library::{ComponentError, Package};

#[derive(Debug, thiserror::Error)]
pub enum AnnotateError {
    #[error(transparent)]
    Component(#[from] ComponentError),
    #[error(
        "annotate the component: its SDK wrote the metadata within, where it stays: edit addon.json and build anew"
    )]
    WrittenBySdk,
}

/// The component with this metadata, in the place of what it was annotated with before. Metadata that is not true of it
/// is refused.
pub fn annotate(component: &[u8], metadata: &[u8]) -> Result<Bytes, AnnotateError> {
    let of = |why: InspectError| AnnotateError::Component(why.into());
    let bare = engine::without_sections(component, &[METADATA]).map_err(of)?;
    match engine::inspect(&bare) {
        Err(InspectError::NoMetadata) => {}
        Err(why) => return Err(of(why)),
        Ok(_) => return Err(AnnotateError::WrittenBySdk),
    }
    // Compact, so that a component is the same whatever its author's editor does.
    let compact =
        serde_json::from_slice::<serde_json::Value>(metadata).and_then(|value| serde_json::to_vec(&value));
    let compact = compact.map_err(|why| ComponentError::from(crate::MetadataError::Json(why)))?;
    let annotated = engine::with_section_in_front(&bare, METADATA, &compact).map_err(of)?;
    let annotated = Bytes::from(annotated);
    Package::read(annotated.clone())?;
    Ok(annotated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::node::{hollow_addon, plugin};

    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn annotated(version: &str, component: &[u8]) -> Bytes {
        let metadata = format!(r#"{{"contract": "0.1", "name": "a", "version": "{version}"}}"#);
        annotate(component, metadata.as_bytes()).unwrap()
    }

    #[test]
    fn metadata_takes_the_place_of_that_of_before() {
        let twice = annotated("2", &annotated("1", EMPTY));
        assert_eq!(twice, annotated("2", EMPTY));
        assert_eq!(crate::describe(twice).unwrap().version, "2");
        assert_eq!(annotated("1", EMPTY), hollow_addon("a", "1", ""));
    }

    #[test]
    fn metadata_that_lies_is_refused() {
        let lie = br#"{"contract": "0.1", "name": "a", "version": "1", "roles": ["config"]}"#;
        let why = annotate(EMPTY, lie).unwrap_err().to_string();
        assert!(why.contains("it claims the role config, which the component does not export"), "{why}");
        let why = annotate(EMPTY, b"{").unwrap_err().to_string();
        assert!(why.starts_with("read the metadata of the component: EOF"), "{why}");
    }

    #[test]
    fn metadata_of_an_sdk_is_left_to_it() {
        let why = annotate(&plugin("auth-token"), b"{}").unwrap_err();
        assert!(matches!(why, AnnotateError::WrittenBySdk), "{why}");
    }

    #[test]
    fn what_is_no_component_is_refused() {
        for bytes in [&b""[..], b"no component", b"\0asm\x01\0\0\0"] {
            assert!(matches!(annotate(bytes, b"{}"), Err(AnnotateError::Component(_))));
        }
    }
}
