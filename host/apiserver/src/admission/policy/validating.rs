//! Policies that refuse writes, or warn of them.

use std::collections::BTreeMap;

use cel::{Budget, Value};
use objects::status::{Cause, Details, Reason, Status};
use objects::{Tree, tree};

use super::{Action, Binding, Case, Misconfigured, Policy, is_exempt, namespace};
use crate::admission::Write;
use crate::admission::expression::Spent;
use crate::admission::matching::FailurePolicy;
use crate::admission::scene::{Beside, Scene, Variables};

/// The annotation that tells what did not hold for a write and is but to be told of, and how much of it.
const FAILURES: &str = "validation.policy.admission.k8s.io/validation_failure";
const MAX_FAILURES: usize = 50;
/// The most bytes of an annotation.
const MAX_NOTE: usize = 10 << 10;
/// The most bytes of a message that an expression gives.
const MAX_MESSAGE: usize = 5 << 10;

/// Why a policy does not let a write pass.
struct Denial {
    reason: Reason,
    message: String,
    /// Which of the decisions of the policy it is.
    index: usize,
}

impl Denial {
    const FAILURE: Self = Self { reason: Reason::Invalid, message: String::new(), index: 0 };
}

pub(in crate::admission) async fn validate(write: &mut Write<'_>) -> Result<(), Status> {
    let kind = &write.rest.admission().policies().validating;
    let policies = kind.policies.get(write.rest);
    if policies.is_empty() || is_exempt(write) {
        return Ok(());
    }
    let bindings = kind.bindings.get(write.rest);
    let mut first: Option<(String, Reason)> = None;
    let mut failures: Vec<Tree> = Vec::new();
    let mut deny = |policy: &Policy, binding: Option<&Binding>, denial: Denial| {
        let bound = binding.map(|binding| format!(" with binding '{}'", binding.name)).unwrap_or_default();
        let message = denial.message;
        let told = format!("ValidatingAdmissionPolicy '{}'{bound} denied request: {message}", policy.name);
        first.get_or_insert((told, denial.reason));
    };
    for policy in policies.iter() {
        let Some((resource, cases)) = policy.cases(write, &bindings).await else { continue };
        let namespace = namespace(write).await?;
        let scene = Scene::new(write, &resource);
        let mut notes: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for case in cases {
            let Case { binding, param } = match case {
                Ok(case) => case,
                Err(Misconfigured { binding, why }) => {
                    if policy.failure_policy == FailurePolicy::Fail {
                        deny(policy, binding, Denial { message: why, ..Denial::FAILURE });
                    }
                    continue;
                }
            };
            let beside = Beside { params: param.as_ref(), namespace: namespace.as_ref() };
            let verdict = policy.judge(&scene, beside);
            for denial in verdict.denials {
                for action in &binding.actions {
                    let message = denial.message.clone();
                    let (name, bound) = (&policy.name, &binding.name);
                    match action {
                        Action::Deny => {
                            deny(policy, Some(binding), Denial { message, ..denial });
                        }
                        Action::Warn => write.warnings.push(format!(
                            "Validation failed for ValidatingAdmissionPolicy '{name}' with binding '{bound}': {message}"
                        )),
                        Action::Audit => failures.push(tree!({
                            "message": message, "policy": (name.as_str()), "binding": (bound.as_str()),
                            "expressionIndex": (i64::try_from(denial.index).unwrap_or(i64::MAX)),
                            "validationActions": (binding.actions.iter().map(|it| it.as_str()).collect::<Vec<_>>())
                        })),
                    }
                }
            }
            for message in verdict.faults {
                deny(policy, Some(binding), Denial { message, ..Denial::FAILURE });
            }
            for (key, value) in verdict.notes {
                let values: &mut Vec<String> = notes.entry(key).or_default();
                if !values.contains(&value) {
                    values.push(value);
                }
            }
        }
        for (key, values) in notes {
            write.call.notes.add(format!("{}/{key}", policy.name), values.join(", "));
        }
    }
    if !failures.is_empty() {
        failures.truncate(MAX_FAILURES);
        write.call.notes.add(FAILURES.to_owned(), Tree::Array(failures).to_json_string());
    }
    match first {
        Some((message, reason)) => Err(refused(write, message, reason)),
        None => Ok(()),
    }
}

/// What the client is told: the first refusal.
fn refused(write: &Write<'_>, message: String, reason: Reason) -> Status {
    let status = write.forbidden(message.clone());
    let mut details: Details = status.details.as_deref().cloned().unwrap_or_default();
    details.causes.push(Cause { message, ..Cause::default() });
    Status { reason: Some(reason), code: reason.code(), ..status }.with_details(details)
}

/// What a policy says of a write.
#[derive(Default)]
struct Verdict<'p> {
    denials: Vec<Denial>,
    /// What the audit is to tell, by the keys of the policy.
    notes: Vec<(&'p str, String)>,
    /// What went wrong with audit annotations, which denies whatever the binding's actions are.
    faults: Vec<String>,
}

impl Policy {
    fn judge(&self, scene: &Scene<'_>, beside: Beside<'_>) -> Verdict<'_> {
        let mut verdict = Verdict::default();
        match scene.meets(&self.conditions, beside.params, self.failure_policy) {
            Ok(true) => {}
            Ok(false) => return verdict,
            Err(why) => {
                verdict.denials.extend(self.failed(why));
                return verdict;
            }
        }
        let variables = Variables::new(&self.variables);
        let (with_authorizer, without) = match variables.of(scene, beside) {
            Ok(activations) => activations,
            Err(error) => {
                verdict.denials.extend(self.failed(error.to_string()));
                return verdict;
            }
        };
        let mut budget = Budget::default();
        let mut results = Vec::with_capacity(self.validations.len());
        for validation in &self.validations {
            match variables.evaluate(&validation.expression, &with_authorizer, &mut budget) {
                Ok(result) => results.push(result.map(|value| value.as_bool() == Some(true))),
                Err(Spent(why)) => {
                    verdict.denials.extend(self.failed(why.to_owned()));
                    return verdict;
                }
            }
        }
        let mut messages = Vec::with_capacity(self.validations.len());
        let mut unspent = Ok(());
        for validation in &self.validations {
            let expression = validation.message_expression.as_ref();
            let made =
                expression.map(|message| variables.evaluate(message, &without, &mut budget)).transpose();
            match made {
                Ok(made) => messages.push(made.and_then(|made| made.ok()?.as_str().and_then(told))),
                Err(Spent(why)) => {
                    unspent = Err(format!("failed messageExpression: {why}"));
                    messages.clear();
                    break;
                }
            }
        }
        messages.resize(self.validations.len(), None);
        for (index, ((validation, result), message)) in
            self.validations.iter().zip(results).zip(messages).enumerate()
        {
            let failed = |why| self.failed(why).map(|denial| Denial { index, ..denial });
            match (result, &unspent) {
                (Err(why), _) => verdict.denials.extend(failed(why)),
                (_, Err(why)) => verdict.denials.extend(failed(why.clone())),
                (Ok(true), _) => {}
                (Ok(false), _) => {
                    let own = || Some(validation.message.clone()).filter(|message| !message.is_empty());
                    let default = || format!("failed expression: {}", validation.expression.text().trim());
                    let message = message.or_else(own).unwrap_or_else(default);
                    verdict.denials.push(Denial { reason: validation.reason, message, index });
                }
            }
        }
        let mut budget = Budget::default();
        for (key, annotation) in &self.annotations {
            match variables.evaluate(annotation, &with_authorizer, &mut budget) {
                Ok(Ok(Value::String(text))) => {
                    let text = text.trim();
                    if !text.is_empty() {
                        let end = text.floor_char_boundary(MAX_NOTE);
                        verdict.notes.push((key.as_str(), text[..end].to_owned()));
                    }
                }
                Ok(Ok(Value::Null)) => {}
                Ok(Ok(other)) => verdict.faults.push(format!(
                    "valueExpression '{}' resulted in unsupported return type: {}. Return type must be either string or null.",
                    annotation.text(),
                    other.type_name()
                )),
                Ok(Err(why)) => verdict.faults.extend(self.failed(why).map(|denial| denial.message)),
                Err(Spent(why)) => {
                    return Verdict { denials: self.failed(why.to_owned()).into_iter().collect(), ..Verdict::default() };
                }
            }
        }
        verdict
    }

    /// What a failure means.
    fn failed(&self, message: String) -> Option<Denial> {
        let is_told = self.failure_policy == FailurePolicy::Fail;
        is_told.then_some(Denial { message, ..Denial::FAILURE })
    }
}

/// A message that an expression made, if it may be told.
fn told(message: &str) -> Option<String> {
    let message = message.trim();
    let is_fit = !message.is_empty() && message.len() <= MAX_MESSAGE && !message.contains('\n');
    is_fit.then(|| message.to_owned())
}
