//! Policies that change what is written.

use std::sync::Arc;

use cel::{Budget, Value};
use objects::patch::{PatchError, json};
use objects::status::{Cause, Details, Reason, Status};
use objects::{Tree, meta};

use super::{Binding, Case, Misconfigured, Mutation, Policy, is_exempt, namespace};
use crate::admission::expression::{Expression, Spent};
use crate::admission::matching::FailurePolicy;
use crate::admission::scene::{Beside, Scene, Variables};
use crate::admission::{Pass, Write};
use crate::registry::Served;
use crate::rest;

/// What mutating policies did in a round of admission.
#[derive(Debug, Default)]
pub(in crate::admission) struct Mutated {
    /// What was asked and wants to be again when the object changes: policies with their bindings and parameters.
    asked: Vec<String>,
    /// The object after the round; null where nothing was asked.
    result: Tree,
    pub(in crate::admission) changed: bool,
}

/// Why a policy does not let a write pass.
enum Fault {
    Policy(String),
    /// What is told as it is.
    Status(Status),
}

pub(in crate::admission) async fn mutate(write: &mut Write<'_>) -> Result<(), Status> {
    let kind = &write.rest.admission().policies().mutating;
    let policies = kind.policies.get(write.rest);
    if policies.is_empty() || is_exempt(write) {
        return Ok(());
    }
    let bindings = kind.bindings.get(write.rest);
    let mut refusals: Vec<String> = Vec::new();
    let mut reason = None;
    let mut refuse = |policy: &Policy, binding: Option<&Binding>, why: &str, because: Option<Reason>| {
        if policy.failure_policy == FailurePolicy::Ignore {
            return;
        }
        if refusals.is_empty() {
            reason = because;
        }
        refusals.push(match binding {
            Some(binding) => {
                format!("policy '{}' with binding '{}' denied request: {why}", policy.name, binding.name)
            }
            None => format!("policy {:?} denied request: {why}", policy.name),
        });
    };
    let mut invocations: Vec<(&Policy, Arc<Served>, Case<'_>)> = Vec::new();
    for policy in policies.iter() {
        let Some((resource, cases)) = policy.cases(write, &bindings).await else { continue };
        for case in cases {
            match case {
                Ok(case) => invocations.push((policy, Arc::clone(&resource), case)),
                Err(Misconfigured { binding, why }) => refuse(policy, binding, &why, None),
            }
        }
    }
    if !invocations.is_empty() {
        let namespace = namespace(write).await?;
        let before = std::mem::take(&mut write.mutated);
        let is_second = write.pass == Pass::Second;
        let differs = before.changed || before.result != write.object;
        let mut round = Mutated::default();
        for (policy, resource, Case { binding, param }) in invocations {
            let key = key(policy, binding, param.as_ref());
            let beside = Beside { params: param.as_ref(), namespace: namespace.as_ref() };
            let meets =
                Scene::new(write, &resource).meets(&policy.conditions, beside.params, policy.failure_policy);
            match meets {
                Ok(true) => {}
                Ok(false) => continue,
                Err(why) => {
                    refuse(policy, Some(binding), &why, Some(Reason::Invalid));
                    continue;
                }
            }
            if is_second && !(differs && before.asked.contains(&key)) {
                continue;
            }
            for mutation in &policy.mutations {
                match policy.apply(mutation, write, &resource, beside) {
                    Ok(changed) => round.changed |= changed,
                    Err(Fault::Policy(why)) => refuse(policy, Some(binding), &why, Some(Reason::Invalid)),
                    Err(Fault::Status(status)) => return Err(status),
                }
            }
            if policy.is_reinvoked {
                round.asked.push(key);
            }
        }
        round.result = write.object.clone();
        write.mutated = round;
    }
    let Some(message) = refusals.first().cloned() else { return Ok(()) };
    let status = write.forbidden("admission request denied by policy");
    let mut details: Details = status.details.as_deref().cloned().unwrap_or_default();
    details.causes.extend(refusals.into_iter().map(|message| Cause { message, ..Cause::default() }));
    // The reason is that of the policy; the code stays.
    Err(Status { message, reason: reason.or(status.reason), ..status }.with_details(details))
}

fn key(policy: &Policy, binding: &Binding, param: Option<&Tree>) -> String {
    let param = param.map(|param| (meta::namespace(param), meta::name(param)));
    format!("{}/{}/{param:?}", policy.name, binding.name)
}

impl Policy {
    /// Changes the object; whether that made it another.
    fn apply(
        &self,
        mutation: &Mutation,
        write: &mut Write<'_>,
        resource: &Served,
        beside: Beside<'_>,
    ) -> Result<bool, Fault> {
        let scene = Scene::new(write, resource);
        let patched = match mutation {
            Mutation::ApplyConfiguration(expression) => self.configured(expression, &scene, resource, beside),
            Mutation::JsonPatch(expression) => self.patched(expression, &scene, beside),
        };
        let patched = patched.map_err(Fault::Policy)?;
        write.replace(resource, patched, &format!("policy {:?}", self.name)).map_err(Fault::Status)
    }

    fn configured(
        &self,
        expression: &Expression,
        scene: &Scene<'_>,
        resource: &Served,
        beside: Beside<'_>,
    ) -> Result<Tree, String> {
        self.evaluated(expression, scene, beside, |value| {
            mistyped(value, "Object")?;
            let mut applied = value.to_tree().map_err(|error| error.to_string())?;
            meta::set_gvk(&mut applied, &resource.gvk());
            let merged = rest::overlay(resource, scene.object(), &applied);
            merged.map_err(|error| format!("error applying patch: {error}"))
        })
    }

    fn patched(
        &self,
        expression: &Expression,
        scene: &Scene<'_>,
        beside: Beside<'_>,
    ) -> Result<Tree, String> {
        self.evaluated(expression, scene, beside, |value| {
            let mut operations = Tree::array();
            for item in value.items().map_err(|error| error.to_string())? {
                let fields = item.as_struct().into_iter().flat_map(cel::Struct::fields);
                let written = fields.filter(|(name, _)| *name == "value");
                written.into_iter().try_for_each(|(_, value)| match value.as_struct() {
                    Some(object) => mistyped(value, object.name()),
                    None => Ok(()),
                })?;
                let tree = item.to_tree().map_err(|error| {
                    format!(
                        "JSONPath valueExpression evaluated to a type that could not marshal to JSON: {error}"
                    )
                })?;
                if let Some(operations) = operations.as_array_mut() {
                    operations.push(tree);
                }
            }
            let mut tree = scene.object().clone();
            match json::apply(&mut tree, &operations) {
                Ok(()) => Ok(tree),
                // A test that fails says that there is nothing to do.
                Err(PatchError::NotApplicable(why)) if why.starts_with("testing path") => {
                    Ok(scene.object().clone())
                }
                Err(error) => Err(format!("JSON Patch: {error}")),
            }
        })
    }

    /// Evaluates an expression, and makes of its value what is written.
    fn evaluated(
        &self,
        expression: &Expression,
        scene: &Scene<'_>,
        beside: Beside<'_>,
        make: impl FnOnce(&Value<'_>) -> Result<Tree, String>,
    ) -> Result<Tree, String> {
        let variables = Variables::new(&self.variables);
        let (activation, _) = variables.of(scene, beside).map_err(|error| error.to_string())?;
        match variables.evaluate(expression, &activation, &mut Budget::default()) {
            Ok(Ok(value)) => make(&value),
            Ok(Err(why)) => Err(why),
            Err(Spent(why)) => Err(why.to_owned()),
        }
    }
}

/// Whether the objects that an expression made are named as the fields that they stand in.
fn mistyped(value: &Value<'_>, wanted: &str) -> Result<(), String> {
    if let Some(object) = value.as_struct() {
        let name = object.name();
        if name != wanted {
            return Err(format!(
                "type mismatch: unexpected type name {name:?}, expected {wanted:?}, which matches field name path from root Object type"
            ));
        }
        return object.fields().try_for_each(|(name, value)| mistyped(value, &format!("{wanted}.{name}")));
    }
    match value {
        Value::List(_) => {
            let items = value.items().map_err(|error| error.to_string())?;
            items.iter().try_for_each(|item| mistyped(item, wanted))
        }
        _ => Ok(()),
    }
}
