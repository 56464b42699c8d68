//! How inputs are written: documents of YAML, one after the other, so that a seed is read and made by hand.

use objects::Tree;
use objects::decode::{self, Notation, check};
use objects::schema::{self, Type};

/// Stands between two documents.
const SEPARATOR: &str = "\n---\n";

/// Texts of an input, the last with all that is left; `None` where it is no text, or has fewer.
pub fn texts<const N: usize>(data: &[u8]) -> Option<[&str; N]> {
    let texts: Vec<&str> = std::str::from_utf8(data).ok()?.splitn(N, SEPARATOR).collect();
    texts.try_into().ok()
}

/// A document.
pub fn tree(text: &str) -> Option<Tree> {
    decode::value(text.as_bytes(), Notation::Yaml).ok().map(|(tree, _)| tree)
}

/// An object of a built-in kind, in the form that decoding gives it, and its row of the schema table.
pub fn object(text: &str) -> Option<(Tree, &'static Type)> {
    let mut tree = tree(text).filter(|tree| tree.as_object().is_some())?;
    let gvk = objects::meta::gvk(&tree)?;
    let row = schema::by_gvk(&gvk.group, &gvk.version, &gvk.kind)?;
    check(&mut tree, row).ok()?;
    Some((tree, row))
}
