//! The names of a definition.

use objects::Tree;
use objects::validate::{FieldError, Path, dns1035_label};

use crate::embedded::refused_kind;

/// What is wrong with the names that are there.
pub(super) fn validate(names: &Tree, path: &Path, errors: &mut Vec<FieldError>) {
    let text = |name: &str| names.str_at(&[name]).unwrap_or_default();
    let mut refuse = |path: Path, name: &str, message: Option<String>| {
        errors.extend(message.map(|message| FieldError::invalid(&path, name, message)));
    };
    for name in ["plural", "singular"] {
        refuse(path.child(name), text(name), refused(text(name)).filter(|_| !text(name).is_empty()));
    }
    for name in ["kind", "listKind"] {
        refuse(path.child(name), text(name), refused_kind(text(name)).filter(|_| !text(name).is_empty()));
    }
    let mut list = |field: &str| {
        for (index, name) in names.items_at(&[field]).iter().enumerate() {
            let name = name.as_str().unwrap_or_default();
            refuse(path.child(field).index(index), name, refused(name));
        }
    };
    list("shortNames");
    list("categories");
    if !text("kind").is_empty() && text("kind") == text("listKind") {
        let detail = "kind and listKind may not be the same";
        errors.push(FieldError::invalid(&path.child("listKind"), text("listKind"), detail));
    }
}

/// What is wrong with a DNS label.
pub(super) fn refused(name: &str) -> Option<String> {
    let messages = dns1035_label(name);
    (!messages.is_empty()).then(|| messages.join(","))
}
