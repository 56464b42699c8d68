//! PodSecurity: pods, and what makes pods, against the standards that the labels of their namespace name.

use objects::pod_security::{
    Enforcement, IGNORED_SUBRESOURCES, NamespaceChange, PodView, Policy, change, is_significant, judge,
    policy, template, warnings,
};
use objects::resource::GroupKind;
use objects::status::Status;
use objects::validate::to_status;
use objects::{Tree, meta};

use super::Write;

/// What holds where a namespace says nothing.
const DEFAULTS: Policy = Policy::PRIVILEGED;

pub(super) fn check(write: &mut Write<'_>) -> Result<(), Status> {
    let resource = &write.call.resource;
    match (&*resource.group, &*resource.plural) {
        ("", "namespaces") if write.call.subresource.is_empty() => of_namespace(write),
        ("", "pods") => of_pod(write),
        _ if write.call.subresource.is_empty() => of_template(write),
        _ => Ok(()),
    }
}

fn of_pod(write: &mut Write<'_>) -> Result<(), Status> {
    if IGNORED_SUBRESOURCES.contains(&write.call.subresource.as_str())
        || write.old.is_some_and(|old| !is_significant(&write.object, old))
    {
        return Ok(());
    }
    let Some((policy, invalid)) = policy_of(write) else { return Ok(()) };
    let judgement = judge(&policy, PodView::new(&write.object), Enforcement::Enforced);
    write.warnings.extend(judgement.warnings);
    match judgement.forbidden {
        Some(why) => Err(write.forbidden(why)),
        None => invalid.map_or(Ok(()), Err),
    }
}

fn of_template(write: &mut Write<'_>) -> Result<(), Status> {
    let resource = &write.call.resource;
    let Some(view) = template(&resource.group, &resource.plural, &write.object) else { return Ok(()) };
    let Some((policy, _)) = policy_of(write) else { return Ok(()) };
    let judgement = judge(&policy, view, Enforcement::Announced);
    write.warnings.extend(judgement.warnings);
    Ok(())
}

/// The policy of the namespace, if any pod can be against it, and what is wrong with its labels.
fn policy_of(write: &Write<'_>) -> Option<(Policy, Option<Status>)> {
    let namespace = write.one("", "v1", "namespaces", &write.call.namespace)?;
    let (policy, errors) = policy(&namespace, DEFAULTS);
    if policy.is_privileged() {
        return None;
    }
    Some((policy, to_status(&GroupKind::new("", "Namespace"), meta::name(&namespace), &errors)))
}

fn of_namespace(write: &mut Write<'_>) -> Result<(), Status> {
    match change(&write.object, write.old, DEFAULTS) {
        NamespaceChange::Harmless => {}
        NamespaceChange::Invalid(errors) => {
            let kind = GroupKind::new("", "Namespace");
            return to_status(&kind, meta::name(&write.object), &errors).map_or(Ok(()), Err);
        }
        NamespaceChange::Stricter(enforced) => {
            let name = meta::name(&write.object).to_owned();
            let row = write.rest.registry().find("", "v1", "pods");
            let pods = row.map_or_else(Vec::new, |row| write.rest.view().list(&row, &name, |_| true));
            let pods: Vec<&Tree> = pods.iter().collect();
            write.warnings.extend(warnings(&name, enforced, &pods));
        }
    }
    Ok(())
}
