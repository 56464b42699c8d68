//! What the expressions of webhooks and policies look at: one write, in the version of a resource.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use cel::{
    Access, AccessDecision, AccessRequest, Activation, Authorizer, Budget, EvalError, Fields, MATCH_LIMIT,
    ResourceAccess, SchemaRef, Value, schema as views,
};
use objects::{Tree, meta, schema};

use super::Write;
use super::expression::{Expression, Spent};
use super::matching::FailurePolicy;
use super::request::request;
use crate::authn::UserInfo;
use crate::authz::{Attributes, Decision, Target, decide};
use crate::registry::Served;
use crate::rest::Rest;
use crate::storage::convert;

/// A write, for expressions.
pub(super) struct Scene<'w> {
    object: Tree,
    old: Tree,
    request: Tree,
    /// The type of the object; custom resources are taken as they are.
    view: Option<SchemaRef>,
    judge: Judge<'w>,
    access: ResourceAccess,
}

/// What expressions look at beside the write.
#[derive(Clone, Copy, Default)]
pub(super) struct Beside<'s> {
    pub(super) params: Option<&'s Tree>,
    pub(super) namespace: Option<&'s Tree>,
}

impl<'w> Scene<'w> {
    pub(super) fn new(write: &Write<'w>, resource: &Served) -> Self {
        let call = write.call;
        let own = &call.resource;
        let in_version = |tree: &Tree| match tree {
            Tree::Null => Tree::Null,
            tree => {
                let mut tree = convert(tree.clone(), own, resource);
                if call.subresource.is_empty() || call.subresource == "status" {
                    meta::set_gvk(&mut tree, &resource.gvk());
                }
                tree
            }
        };
        let kind = write.kind(resource);
        let row = schema::by_gvk(&kind.group, &kind.version, &kind.kind);
        Self {
            object: in_version(&write.object),
            old: write.old.map_or(Tree::Null, in_version),
            request: request(write, resource),
            view: row.map(views::builtin),
            judge: Judge { rest: write.rest, user: &call.user },
            access: ResourceAccess {
                group: own.group.to_string(),
                resource: own.plural.to_string(),
                subresource: call.subresource.clone(),
                namespace: call.namespace.clone(),
                name: write.name().to_owned(),
                ..ResourceAccess::default()
            },
        }
    }

    pub(super) fn object(&self) -> &Tree {
        &self.object
    }

    /// The variables that all expressions have but those for messages, which do not ask the authorizer.
    fn without_authorizer<'s>(&'s self, beside: Beside<'s>) -> Result<Activation<'s>, EvalError> {
        let of = |tree, view: Option<&SchemaRef>| Value::from_tree(tree, view);
        let params = beside.params.map_or(Ok(Value::Null), |params| of(params, view_of(params).as_ref()));
        let namespace = beside.namespace.map(|tree| of(tree, Some(&views::namespace())));
        Ok(Activation::new()
            .with("object", of(&self.object, self.view.as_ref())?)
            .with("oldObject", of(&self.old, self.view.as_ref())?)
            .with("request", of(&self.request, Some(&views::admission_request()))?)
            .with("namespaceObject", namespace.unwrap_or(Ok(Value::Null))?)
            .with("params", params?))
    }

    fn with_authorizer<'s>(&'s self, variables: Activation<'s>) -> Activation<'s> {
        let access = Value::request_resource(&self.judge, self.access.clone());
        variables
            .with("authorizer", Value::authorizer(&self.judge))
            .with("authorizer.requestResource", access)
    }

    /// Whether all conditions hold; an error is why that cannot be told, which a policy of `Ignore` takes for no.
    pub(super) fn meets(
        &self,
        conditions: &[Expression],
        params: Option<&Tree>,
        failure_policy: FailurePolicy,
    ) -> Result<bool, String> {
        if conditions.is_empty() {
            return Ok(true);
        }
        let failed = |why: String| match failure_policy {
            FailurePolicy::Fail => Err(why),
            FailurePolicy::Ignore => Ok(false),
        };
        let variables = match self.without_authorizer(Beside { params, namespace: None }) {
            Ok(variables) => self.with_authorizer(variables),
            Err(error) => return failed(error.to_string()),
        };
        let mut budget = Budget::new(MATCH_LIMIT);
        let mut results = Vec::new();
        for condition in conditions {
            match condition.evaluate(&variables, &mut budget) {
                Ok(result) => results.push(result.map(|value| value.as_bool())),
                Err(Spent(why)) => return failed(why.to_owned()),
            }
        }
        if results.contains(&Ok(Some(false))) {
            return Ok(false);
        }
        let mut errors: Vec<String> = Vec::new();
        for error in results.into_iter().filter_map(Result::err) {
            if !errors.contains(&error) {
                errors.push(error);
            }
        }
        match errors.as_slice() {
            [] => Ok(true),
            [only] => failed(only.clone()),
            several => failed(format!("[{}]", several.join(", "))),
        }
    }
}

/// The type of an object that says its kind.
fn view_of(tree: &Tree) -> Option<SchemaRef> {
    let gvk = meta::gvk(tree)?;
    schema::by_gvk(&gvk.group, &gvk.version, &gvk.kind).map(views::builtin)
}

/// The variables that a policy names, each worked out when it is first asked for.
pub(super) struct Variables<'a> {
    named: &'a [(String, Expression)],
    cells: Vec<OnceLock<Result<Value<'a>, EvalError>>>,
    all: OnceLock<Activation<'a>>,
    /// What working them out has cost since it was last taken from a budget.
    cost: AtomicU64,
}

impl<'a> Variables<'a> {
    pub(super) fn new(named: &'a [(String, Expression)]) -> Self {
        let cells = named.iter().map(|_| OnceLock::new()).collect();
        Self { named, cells, all: OnceLock::new(), cost: AtomicU64::new(0) }
    }

    /// The variables of the expressions of a policy: with the authorizer, and without it.
    pub(super) fn of(
        &'a self,
        scene: &'a Scene<'_>,
        beside: Beside<'a>,
    ) -> Result<(Activation<'a>, Activation<'a>), EvalError> {
        let without = scene.without_authorizer(beside)?.with("variables", Value::fields(self));
        let all = self.all.get_or_init(|| scene.with_authorizer(without.clone()));
        Ok((all.clone(), without))
    }

    /// Evaluates an expression that may ask for variables, whose cost is its own.
    pub(super) fn evaluate<'v>(
        &self,
        expression: &Expression,
        activation: &Activation<'v>,
        budget: &mut Budget,
    ) -> Result<Result<Value<'v>, String>, Spent> {
        let result = expression.evaluate(activation, budget);
        match budget.spend(self.cost.swap(0, Ordering::Relaxed)) {
            Ok(()) => result,
            Err(_) => Err(Spent::BUDGET),
        }
    }
}

impl Fields for Variables<'_> {
    fn field(&self, name: &str) -> Option<Result<Value<'_>, EvalError>> {
        let position = self.named.iter().rposition(|(known, _)| known == name)?;
        let activation = self.all.get()?;
        let value = self.cells.get(position)?.get_or_init(|| {
            let mut budget = Budget::new(u64::MAX);
            let value = self.named[position].1.variable(name, activation, &mut budget);
            self.cost.fetch_add(u64::MAX - budget.remaining(), Ordering::Relaxed);
            value
        });
        Some(value.clone())
    }
}

/// Answers the questions of expressions for the user of a request.
struct Judge<'w> {
    rest: &'w Rest,
    user: &'w UserInfo,
}

impl Authorizer for Judge<'_> {
    fn authorize(&self, request: &AccessRequest) -> AccessDecision {
        let target = match &request.of {
            Access::Path(path) => Target::Path(path.clone()),
            Access::Resource(of) => Target::Resource {
                group: of.group.clone(),
                version: "*".to_owned(),
                resource: of.resource.clone(),
                subresource: of.subresource.clone(),
                namespace: of.namespace.clone(),
                name: of.name.clone(),
            },
        };
        let account;
        let user = match &request.service_account {
            Some((namespace, name)) => {
                account = UserInfo {
                    name: format!("system:serviceaccount:{namespace}:{name}"),
                    groups: vec![
                        "system:serviceaccounts".to_owned(),
                        format!("system:serviceaccounts:{namespace}"),
                        "system:authenticated".to_owned(),
                    ],
                    ..UserInfo::default()
                };
                &account
            }
            None => self.user,
        };
        let attributes = Attributes { verb: request.verb.clone(), target };
        match decide(self.rest.authorizer(), user, &attributes) {
            Decision::Allow { reason } => AccessDecision { allowed: true, reason, error: None },
            Decision::Deny { reason } | Decision::NoOpinion { reason } => {
                AccessDecision { allowed: false, reason, error: None }
            }
            Decision::Unavailable { why } => {
                AccessDecision { allowed: false, reason: String::new(), error: Some(why) }
            }
        }
    }
}
