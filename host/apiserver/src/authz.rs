//! Who may do what: the question, the answers, and the trait that decides.

pub(crate) mod node;

pub use node::NodeMode;

use crate::authn::UserInfo;

/// What a user asks to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// `get`, `list`, `watch`, `create`, …; the method in lower case for a path.
    pub verb: String,
    pub target: Target,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Resource {
        group: String,
        version: String,
        resource: String,
        /// Empty for the resource itself.
        subresource: String,
        /// Empty for cluster scope and for all namespaces.
        namespace: String,
        /// Empty for collections.
        name: String,
    },
    /// A path that is no resource: `/healthz`.
    Path(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Allow {
        reason: String,
    },
    Deny {
        reason: String,
    },
    NoOpinion {
        reason: String,
    },
    /// Nobody could decide: the request fails with 500 and is neither allowed nor forbidden.
    Unavailable {
        why: String,
    },
}

impl Decision {
    pub fn allow(reason: impl Into<String>) -> Self {
        Self::Allow { reason: reason.into() }
    }
}

/// What a user may do in a namespace, for SelfSubjectRulesReview.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    pub resource: Vec<ResourceRule>,
    pub non_resource: Vec<NonResourceRule>,
    /// Whether there may be more than is listed.
    pub incomplete: bool,
    pub evaluation_error: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceRule {
    pub verbs: Vec<String>,
    pub api_groups: Vec<String>,
    pub resources: Vec<String>,
    pub resource_names: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NonResourceRule {
    pub verbs: Vec<String>,
    pub paths: Vec<String>,
}

/// Decides what a user may do. Called on the thread of a request, so it answers in microseconds. `system:masters` is
/// allowed before it is asked.
pub trait Authorize: Send + Sync + 'static {
    fn authorize(&self, user: &UserInfo, attributes: &Attributes) -> Decision;

    /// What the user may do in the namespace.
    fn rules(&self, user: &UserInfo, namespace: &str) -> Rules;
}

/// The group that may do everything, whatever the authorizer says.
const MASTERS: &str = "system:masters";

pub(crate) fn is_master(user: &UserInfo) -> bool {
    user.groups.iter().any(|group| group == MASTERS)
}

/// What the user may do: `system:masters` everything, anybody else what the authorizer says.
pub(crate) fn decide(authorizer: &dyn Authorize, user: &UserInfo, attributes: &Attributes) -> Decision {
    if is_master(user) { Decision::allow("") } else { authorizer.authorize(user, attributes) }
}

/// The rules of the user in the namespace, with the one that lets `system:masters` do everything at the front.
pub(crate) fn rules(authorizer: &dyn Authorize, user: &UserInfo, namespace: &str) -> Rules {
    let mut rules = authorizer.rules(user, namespace);
    if is_master(user) {
        let all = || vec!["*".to_owned()];
        let resource =
            ResourceRule { verbs: all(), api_groups: all(), resources: all(), resource_names: Vec::new() };
        let path = NonResourceRule { verbs: all(), paths: all() };
        // Where everybody may do everything, the authorizer said so.
        if !rules.resource.contains(&resource) {
            rules.resource.insert(0, resource);
        }
        if !rules.non_resource.contains(&path) {
            rules.non_resource.insert(0, path);
        }
    }
    rules
}
