//! MutatingAdmissionWebhook and ValidatingAdmissionWebhook: servers of the operator's that are asked about writes.

mod hook;
mod review;

use objects::Tree;
use objects::patch::json;
use objects::status::Status;
use tracing::warn;

use self::hook::{Hook, Reinvocation};
use self::review::Verdict;
use super::Write;
use super::matching::FailurePolicy;
use super::round::Turn;
use crate::registry::Served;
use crate::rest::Derived;
use crate::webhook::Servers;

const GROUP: &str = "admissionregistration.k8s.io";
/// What webhooks are not asked about, so that a broken one can be removed.
const EXEMPT: &[&str] = &["mutatingwebhookconfigurations", "validatingwebhookconfigurations"];

pub(crate) struct Webhooks {
    mutating: Derived<Vec<Hook>>,
    validating: Derived<Vec<Hook>>,
    servers: Servers,
}

impl Webhooks {
    pub(crate) fn new() -> Self {
        Self {
            mutating: Derived::new((GROUP, "v1", "mutatingwebhookconfigurations"), hook::read_all),
            validating: Derived::new((GROUP, "v1", "validatingwebhookconfigurations"), hook::read_all),
            servers: Servers::default(),
        }
    }
}

pub(super) async fn mutate(write: &mut Write<'_>) -> Result<(), Status> {
    if is_exempt(write) {
        return Ok(());
    }
    let webhooks = write.rest.admission().webhooks();
    let hooks = webhooks.mutating.get(write.rest);
    let mut turn = Turn::begin(std::mem::take(&mut write.round), write.pass, &write.object);
    for hook in hooks.iter() {
        if !turn.asks(&hook.id) {
            continue;
        }
        let Some(resource) = hook.meant(write)? else { continue };
        let verdict = match ask(webhooks, write, hook, &resource).await? {
            Some(verdict) => verdict,
            None => continue,
        };
        let changed = match verdict.patch {
            Some(patch) => patched(write, hook, &resource, &patch)?,
            None => false,
        };
        turn.asked(&hook.id, changed, hook.reinvocation == Reinvocation::IfNeeded);
    }
    write.round = turn.end(&write.object);
    Ok(())
}

pub(super) async fn validate(write: &mut Write<'_>) -> Result<(), Status> {
    if is_exempt(write) {
        return Ok(());
    }
    let webhooks = write.rest.admission().webhooks();
    for hook in webhooks.validating.get(write.rest).iter() {
        if let Some(resource) = hook.meant(write)? {
            ask(webhooks, write, hook, &resource).await?;
        }
    }
    Ok(())
}

fn is_exempt(write: &Write<'_>) -> bool {
    let resource = &write.call.resource;
    resource.group == GROUP && EXEMPT.contains(&&*resource.plural)
}

/// What a webhook says; `None` where it could not be asked and the write goes on without it.
async fn ask(
    webhooks: &Webhooks,
    write: &mut Write<'_>,
    hook: &Hook,
    resource: &Served,
) -> Result<Option<Verdict>, Status> {
    if write.is_dry() && !hook.may_run_dry {
        return Err(Status::bad_request(format!(
            "admission webhook {:?} does not support dry run",
            hook.name
        )));
    }
    let uid = crate::rest::uid();
    let request = review::question(write, hook, resource, &uid);
    let asked = webhooks.servers.ask(write.rest.view(), &hook.webhook, hook.timeout, &request).await;
    let verdict = asked.and_then(|answer| review::verdict(&answer, &uid, hook));
    let verdict = match (verdict, hook.failure_policy) {
        (Ok(verdict), _) => verdict,
        (Err(why), FailurePolicy::Ignore) => {
            warn!(webhook = hook.name, why, "a webhook could not be asked, its policy is to go on");
            return Ok(None);
        }
        (Err(why), FailurePolicy::Fail) => {
            return Err(Status::internal(format!("failed calling webhook {:?}: {why}", hook.name)));
        }
    };
    write.warnings.extend(verdict.warnings.iter().cloned());
    match &verdict.refusal {
        Some(status) => Err(status.clone()),
        None => Ok(Some(verdict)),
    }
}

/// Patches the object; whether that changed it.
fn patched(write: &mut Write<'_>, hook: &Hook, resource: &Served, patch: &Tree) -> Result<bool, Status> {
    let mut tree = crate::storage::convert(write.object.clone(), &write.call.resource, resource);
    json::apply(&mut tree, patch).map_err(|error| Status::internal(error.to_status().message))?;
    write.replace(resource, tree, &format!("webhook {:?}", hook.name))
}
