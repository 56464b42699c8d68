//! SelfSubjectReview and TokenReview: who somebody is.

use objects::status::Status;
use objects::{Tree, meta, tree};

use super::{Question, ReviewDeps, texts, user_tree};
use crate::call::{Answer, Call};

pub(super) fn oneself(_: &ReviewDeps, call: &Call) -> Result<Answer, Status> {
    let mut question = Question::read(call)?;
    meta::set_creation_timestamp(&mut question.tree, supervise::clock::now());
    Ok(question.answered(tree!({ "userInfo": (user_tree(&call.user)) })))
}

pub(super) fn token(deps: &ReviewDeps, call: &Call) -> Result<Answer, Status> {
    let question = Question::read(call)?;
    let token = question.tree.str_at(&["spec", "token"]).unwrap_or_default();
    if token.is_empty() {
        return Err(Status::bad_request("token is required for TokenReview in authentication"));
    }
    let audiences = texts(&question.tree, &["spec", "audiences"]);
    let status = match (deps.ask_bearer)(token, &audiences) {
        Ok(Some(bearer)) => tree!({
            "authenticated": true, "user": (user_tree(&bearer.user)), "audiences": (bearer.audiences)
        }),
        Ok(None) => tree!({ "user": (Tree::object()) }),
        Err(error) => tree!({ "user": (Tree::object()), "error": error }),
    };
    Ok(question.answered(status))
}
