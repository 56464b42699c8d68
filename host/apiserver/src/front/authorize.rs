//! Whether the user may, and the refusal in upstream's words.

use objects::resource::GroupResource;
use objects::status::Status;

use super::{Asked, Parts};
use crate::authn::UserInfo;
use crate::authz::{Attributes, Decision, Target, decide};

/// Seconds after which to ask again for what nobody could decide.
const UNDECIDED: u32 = 1;

/// Annotations of audit events.
const DECISION: &str = "authorization.k8s.io/decision";
const REASON: &str = "authorization.k8s.io/reason";

impl Parts {
    pub(super) fn authorize(&self, user: &UserInfo, attributes: &Attributes) -> Result<(), Status> {
        settle(decide(self.authorize.as_ref(), user, attributes), user, attributes)
    }

    /// As `authorize`, with a note of it on the request's trail.
    pub(super) fn authorize_asked(
        &self,
        asked: &mut Asked,
        user: &UserInfo,
        attributes: &Attributes,
    ) -> Result<(), Status> {
        let decision = decide(self.authorize.as_ref(), user, attributes);
        if let Some(trail) = &mut asked.trail {
            let (word, reason) = match &decision {
                Decision::Allow { reason } => (Some("allow"), reason.as_str()),
                Decision::Deny { reason } | Decision::NoOpinion { reason } => {
                    (Some("forbid"), reason.as_str())
                }
                Decision::Unavailable { .. } => (None, "internal error"),
            };
            if let Some(word) = word {
                trail.annotate(DECISION, word);
            }
            trail.annotate(REASON, reason);
        }
        settle(decision, user, attributes)
    }
}

fn settle(decision: Decision, user: &UserInfo, attributes: &Attributes) -> Result<(), Status> {
    match decision {
        Decision::Allow { .. } => Ok(()),
        Decision::Deny { reason } | Decision::NoOpinion { reason } => {
            Err(forbidden(user, attributes, &reason))
        }
        Decision::Unavailable { why } => Err(Status::internal(why).retry_after(UNDECIDED)),
    }
}

fn forbidden(user: &UserInfo, attributes: &Attributes, reason: &str) -> Status {
    let Attributes { verb, target } = attributes;
    let user = &user.name;
    let (of, object, mut why) = match target {
        Target::Path(path) => {
            (GroupResource::new("", ""), "", format!("User {user:?} cannot {verb} path {path:?}"))
        }
        Target::Resource { group, resource, subresource, namespace, name, .. } => {
            let slash = if subresource.is_empty() { "" } else { "/" };
            let place = if namespace.is_empty() {
                "at the cluster scope".to_owned()
            } else {
                format!("in the namespace {namespace:?}")
            };
            let shown = format!("{resource}{slash}{subresource}");
            let why =
                format!("User {user:?} cannot {verb} resource {shown:?} in API group {group:?} {place}");
            (GroupResource::new(group.clone(), resource.clone()), name.as_str(), why)
        }
    };
    if !reason.is_empty() {
        why = format!("{why}: {reason}");
    }
    Status::forbidden(&of, object, why)
}
