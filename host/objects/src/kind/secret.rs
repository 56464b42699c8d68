//! Secrets: `stringData`, which is written and never read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::Tree;

/// Moves each text of `stringData` to `data`, in the place of what is there.
pub(super) fn keep_text(secret: &mut Tree) {
    let Some(texts) = secret.remove("stringData") else { return };
    for (key, text) in texts.fields() {
        if let Some(text) = text.as_str() {
            secret.set_at(&["data", key], STANDARD.encode(text));
        }
    }
}
