//! Whether the user may, and the refusal in upstream's words.

use objects::resource::GroupResource;
use objects::status::Status;

use super::Parts;
use crate::authn::UserInfo;
use crate::authz::{Attributes, Decision, Target, decide};

/// Seconds after which to ask again for what nobody could decide.
const UNDECIDED: u32 = 1;

impl Parts {
    pub(super) fn authorize(&self, user: &UserInfo, attributes: &Attributes) -> Result<(), Status> {
        match decide(self.authorize.as_ref(), user, attributes) {
            Decision::Allow { .. } => Ok(()),
            Decision::Deny { reason } | Decision::NoOpinion { reason } => {
                Err(forbidden(user, attributes, &reason))
            }
            Decision::Unavailable { why } => Err(Status::internal(why).retry_after(UNDECIDED)),
        }
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
