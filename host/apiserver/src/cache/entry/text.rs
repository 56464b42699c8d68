//! The JSON of a cached object: what the store holds of it, without TypeMeta, and the place of its resourceVersion.

use bytes::Bytes;
use datastore::Revision;
use objects::{Tree, meta};

use crate::registry::Served;

const VERSION: &[u8] = b"\"resourceVersion\":\"";
/// Bytes of a resourceVersion with its name, its comma and its quotes.
const VERSION_LEN: usize = VERSION.len() + 22;

#[derive(Debug)]
pub(super) struct Text {
    /// Fields and the closing brace, without kind, apiVersion and resourceVersion.
    fields: Bytes,
    /// Where the metadata ends: its closing brace.
    metadata_end: usize,
}

impl Text {
    /// Of an object without kind and apiVersion.
    pub(super) fn of(mut tree: Tree) -> Self {
        tree.make(&["metadata"]).object_mut();
        meta::set_resource_version(&mut tree, "");
        let fields = tree.to_json().slice(1..);
        let metadata_end = metadata_end(&fields).expect("metadata was made an object above");
        Self { fields, metadata_end }
    }

    /// Part of a stored value, where that begins as the values do that the API server itself writes. A line end would end
    /// the line of a watch.
    pub(super) fn shared(resource: &Served, stored: &Bytes) -> Option<Self> {
        let rest = stored.strip_prefix(b"{\"kind\":\"")?.strip_prefix(resource.kind.as_bytes())?;
        let rest = rest.strip_prefix(b"\",\"apiVersion\":\"")?;
        let rest = rest.strip_prefix(resource.api_version().as_bytes())?.strip_prefix(b"\",")?;
        let fields = stored.slice_ref(rest);
        let metadata_end = metadata_end(&fields).filter(|_| !fields.contains(&b'\n'))?;
        Some(Self { fields, metadata_end })
    }

    pub(super) fn write(&self, revision: Revision, out: &mut Vec<u8>) {
        let (before, after) = self.fields.split_at(self.metadata_end);
        out.extend_from_slice(before);
        if !before.ends_with(b"{") {
            out.push(b',');
        }
        out.extend_from_slice(VERSION);
        out.extend_from_slice(itoa::Buffer::new().format(revision.0).as_bytes());
        out.push(b'"');
        out.extend_from_slice(after);
    }

    pub(super) fn len(&self) -> usize {
        self.fields.len() + VERSION_LEN
    }
}

/// Where the field `metadata` of an object ends that is an object, if the text is compact. The text is what follows the
/// brace of the outer object.
fn metadata_end(fields: &[u8]) -> Option<usize> {
    let (mut at, mut depth, mut inside) = (0, 0_usize, false);
    while let Some(byte) = fields.get(at) {
        match byte {
            b'"' => {
                let end = string_end(fields, at)?;
                let after = &fields[end..];
                inside |= depth == 0 && &fields[at..end] == b"\"metadata\"" && after.starts_with(b":{");
                at = end;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 && inside {
                    return Some(at);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Behind the quote that ends the string that begins at a quote.
fn string_end(text: &[u8], begin: usize) -> Option<usize> {
    let mut at = begin + 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use objects::tree;

    use super::*;

    fn pods() -> Served {
        let row = objects::resource::served().find(|row| row.plural == "pods").unwrap();
        Served::builtin(std::sync::Arc::clone(row))
    }

    fn written(text: &Text) -> String {
        let mut out = b"{".to_vec();
        text.write(Revision(7), &mut out);
        assert!(out.len() <= 1 + text.len());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_version_is_the_last_field_of_the_metadata() {
        for (tree, wanted) in [
            (tree!({}), r#"{"metadata":{"resourceVersion":"7"}}"#),
            (
                tree!({ "metadata": { "resourceVersion": "3", "name": "}\"" }, "spec": {} }),
                r#"{"metadata":{"name":"}\"","resourceVersion":"7"},"spec":{}}"#,
            ),
            (
                tree!({ "a": "metadata", "b": { "metadata": {} }, "metadata": { "labels": { "x": "{" } } }),
                r#"{"a":"metadata","b":{"metadata":{}},"metadata":{"labels":{"x":"{"},"resourceVersion":"7"}}"#,
            ),
        ] {
            assert_eq!(written(&Text::of(tree)), wanted);
        }
    }

    #[test]
    fn what_the_server_wrote_is_not_copied_and_anything_else_is() {
        let shared = |text: &'static str| Text::shared(&pods(), &Bytes::from_static(text.as_bytes()));
        let own = r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p"},"spec":{}}"#;
        let text = shared(own).unwrap();
        assert_eq!(text.fields.as_ptr(), own[32..].as_ptr());
        assert_eq!(written(&text), r#"{"metadata":{"name":"p","resourceVersion":"7"},"spec":{}}"#);
        for other in [
            r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"}}"#,
            r#"{"kind":"Node","apiVersion":"v1","metadata":{"name":"p"}}"#,
            r#"{"kind":"Pod","apiVersion":"v1","metadata": {"name":"p"}}"#,
            "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"p\"},\n\"spec\":{}}",
            r#"{"kind":"Pod","apiVersion":"v1","spec":{}}"#,
        ] {
            assert!(shared(other).is_none(), "{other}");
        }
    }
}
