//! ValidatingAdmissionPolicy and MutatingAdmissionPolicy: the operator's rules in CEL about writes, each in force where
//! a binding says so.

mod mutating;
mod params;
mod read;
mod typing;
mod validating;

use objects::Tree;
use objects::resource::GroupResource;
use objects::status::{Reason, Status};

use super::expression::Expression;
use super::matching::{FailurePolicy, Match};
use super::{Write, is};
use crate::registry::Served;
use crate::rest::Derived;
use params::{ParamKind, ParamRef};

pub(super) use mutating::{Mutated, mutate};
pub(crate) use typing::follow;
pub(super) use validating::validate;

const GROUP: &str = "admissionregistration.k8s.io";
/// What no policy is about, so that a broken one can be removed.
const EXEMPT: &[&str] = &[
    "validatingadmissionpolicies",
    "validatingadmissionpolicybindings",
    "mutatingadmissionpolicies",
    "mutatingadmissionpolicybindings",
];

/// The policies that are in force, as the cache has them.
pub(crate) struct Policies {
    validating: Kind,
    mutating: Kind,
}

/// Policies of a kind, and their bindings.
struct Kind {
    policies: Derived<Vec<Policy>>,
    bindings: Derived<Vec<Binding>>,
}

struct Policy {
    name: String,
    failure_policy: FailurePolicy,
    scope: Match,
    conditions: Vec<Expression>,
    variables: Vec<(String, Expression)>,
    param_kind: Option<ParamKind>,
    validations: Vec<Validation>,
    /// By their keys.
    annotations: Vec<(String, Expression)>,
    mutations: Vec<Mutation>,
    /// Whether it is asked again when the object has changed after it.
    is_reinvoked: bool,
}

struct Validation {
    expression: Expression,
    message: String,
    message_expression: Option<Expression>,
    reason: Reason,
}

enum Mutation {
    ApplyConfiguration(Expression),
    JsonPatch(Expression),
}

struct Binding {
    name: String,
    policy: String,
    /// `None` where everything that the policy is about is meant.
    scope: Option<Match>,
    param_ref: Option<ParamRef>,
    actions: Vec<Action>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Deny,
    Warn,
    Audit,
}

impl Action {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "Deny",
            Self::Warn => "Warn",
            Self::Audit => "Audit",
        }
    }
}

impl Policies {
    pub(crate) const fn new() -> Self {
        Self {
            validating: Kind {
                policies: Derived::new((GROUP, "v1", "validatingadmissionpolicies"), read::policies),
                bindings: Derived::new((GROUP, "v1", "validatingadmissionpolicybindings"), read::bindings),
            },
            mutating: Kind {
                policies: Derived::new((GROUP, "v1", "mutatingadmissionpolicies"), read::policies),
                bindings: Derived::new((GROUP, "v1", "mutatingadmissionpolicybindings"), read::bindings),
            },
        }
    }
}

fn is_exempt(write: &Write<'_>) -> bool {
    EXEMPT.iter().any(|plural| is(&write.call.resource, GROUP, plural))
}

/// What a policy is to judge: a write in the version of a resource, with a parameter or without.
struct Case<'p> {
    binding: &'p Binding,
    param: Option<Tree>,
}

/// Why a policy cannot judge: itself, or one of its bindings.
struct Misconfigured<'p> {
    binding: Option<&'p Binding>,
    why: String,
}

impl Policy {
    /// The resource in whose version it is about a write, and what it is to judge there; `None` where it is not.
    async fn cases<'p>(
        &self,
        write: &Write<'_>,
        bindings: &'p [Binding],
    ) -> Option<(std::sync::Arc<Served>, Vec<Result<Case<'p>, Misconfigured<'p>>>)> {
        let own: Vec<&Binding> = bindings.iter().filter(|binding| binding.policy == self.name).collect();
        if own.is_empty() {
            return None;
        }
        let of_policy =
            |why: String| Misconfigured { binding: None, why: format!("failed to configure policy: {why}") };
        let resource = match self.scope.of(write) {
            Ok(resource) => resource?,
            Err(status) => {
                let own = std::sync::Arc::clone(&write.call.resource);
                return Some((own, vec![Err(of_policy(status.message))]));
            }
        };
        let params = match self.param_kind.as_ref().map(|kind| kind.resolve(write)).transpose() {
            Ok(params) => params,
            Err(why) => return Some((resource, vec![Err(of_policy(why))])),
        };
        let mut cases = Vec::new();
        for binding in own {
            let found = match &binding.scope {
                Some(scope) => scope.of(write).map(|resource| resource.is_some()),
                None => Ok(true),
            };
            let found = match found {
                Ok(true) => params::collect(write, params.as_deref(), binding.param_ref.as_ref()).await,
                Ok(false) => continue,
                Err(status) => Err(status.message),
            };
            match found {
                Ok(params) => cases.extend(params.into_iter().map(|param| Ok(Case { binding, param }))),
                Err(why) => cases.push(Err(Misconfigured {
                    binding: Some(binding),
                    why: format!("failed to configure binding: {why}"),
                })),
            }
        }
        Some((resource, cases))
    }
}

/// The namespace that a write is in, for expressions.
async fn namespace(write: &Write<'_>) -> Result<Option<Tree>, Status> {
    let call = write.call;
    if !call.resource.is_namespaced() || call.namespace.is_empty() {
        return Ok(None);
    }
    if let Some(namespace) = write.one("", "v1", "namespaces", &call.namespace) {
        return Ok(Some(namespace));
    }
    let missing = || Status::not_found(&GroupResource::new("", "namespaces"), &call.namespace);
    let row = write.rest.registry().find("", "v1", "namespaces").ok_or_else(missing)?;
    write.rest.stored(&row, "", &call.namespace).await?.map(Some).ok_or_else(missing)
}
