//! The continue token of a list: the revision that all pages show, and where the next one starts. Where that revision is
//! forgotten, the rest of the list may be had as it is now.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use datastore::Revision;
use objects::status::Status;
use objects::{Tree, tree};

const VERSION: &str = "meta.k8s.io/v1";

/// How a token says that whatever is there now goes on.
const LATEST: i64 = -1;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Continuation {
    /// `None` for the latest, which another page did not show.
    pub(crate) revision: Option<Revision>,
    /// The last key that was sent, without the prefix of the resource.
    pub(crate) after: String,
}

impl Continuation {
    pub(crate) fn encode(&self) -> String {
        let start = format!("{}\0", self.after);
        let revision = self.revision.map_or(LATEST, |revision| revision.0);
        let token = tree!({ "v": VERSION, "rv": revision, "start": start });
        BASE64_URL_SAFE_NO_PAD.encode(token.to_json())
    }

    pub(crate) fn decode(text: &str) -> Result<Self, Status> {
        let invalid = |why: &str| Status::bad_request(format!("continue key is not valid: {why}"));
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|error| invalid(&error.to_string()))?;
        let token = Tree::from_json(&bytes).map_err(|error| invalid(&error.to_string()))?;
        if token.str_at(&["v"]) != Some(VERSION) {
            return Err(invalid("server does not recognize this encoded version"));
        }
        let revision = match token.i64_at(&["rv"]) {
            None | Some(0) => None,
            Some(..0) => Some(None),
            Some(revision) => Some(Some(Revision(revision))),
        };
        let start = token.str_at(&["start"]).and_then(|start| start.strip_suffix('\0'));
        match (revision, start) {
            (Some(revision), Some(after)) if !after.is_empty() => {
                Ok(Self { revision, after: after.to_owned() })
            }
            _ => Err(invalid("incorrect encoded start resourceVersion (version meta.k8s.io/v1)")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_it_was() {
        for revision in [Some(Revision(7)), None] {
            let continuation = Continuation { revision, after: "default/a".to_owned() };
            assert_eq!(Continuation::decode(&continuation.encode()), Ok(continuation));
        }
        for bad in ["", "%", "e30", "eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ"] {
            assert_eq!(Continuation::decode(bad).unwrap_err().code, 400, "{bad}");
        }
    }
}
