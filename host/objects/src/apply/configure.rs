//! Applying a configuration.

use super::check::{Duplicates, check};
use super::collect::field_set;
use super::error::ApplyError;
use super::managers::{self, Entry, Managers, Operation};
use super::merge::merge;
use super::prune::prune;
use super::reset::strip_meta;
use super::track::{Step, adapt};
use super::typing::Typing;
use super::value::same;
use super::{NO_OBJECT, Write, last_applied};
use crate::meta;
use crate::resource::GroupVersionKind;
use crate::tree::Tree;

/// The manager of what an object had before anything was applied to it.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// What becomes of fields that others own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConflict {
    Refuse,
    /// The applier takes them.
    Force,
}

/// Merges a configuration into an object, `None` on create, and gives the object to be written with its managers.
///
/// The configuration is as the client sent it. The result is to be decoded, defaulted and validated as any other
/// object, and [`keep_timestamps`](super::keep_timestamps) is to be called before it is stored.
pub fn apply<T: Typing>(
    write: &Write<'_, T>,
    live: Option<&Tree>,
    applied: &Tree,
    on_conflict: OnConflict,
) -> Result<Tree, ApplyError> {
    let gvk = gvk_of(applied);
    if gvk != *write.gvk {
        return Err(ApplyError::WrongKind(gvk));
    }
    let live = live.unwrap_or(&NO_OBJECT);
    let mut managers = Managers::decode(managers::encoded(live))?;
    if managers.is_empty() {
        let versions = write.versions();
        managers = Step::new(write.reset, &versions, &NO_OBJECT, live)
            .and_then(|step| step.follow(write, managers, BEFORE_FIRST_APPLY))
            .map_err(ApplyError::step("failed to create manager for existing fields"))?;
    }
    let merge = |on_conflict| merged(write, live, applied, managers.clone(), on_conflict);
    let by_kubectl = write.manager == last_applied::KUBECTL;
    let (mut object, managers) = match merge(on_conflict) {
        Err(ApplyError::Conflicts(conflicts)) if by_kubectl => {
            let owned = last_applied::owned(write, live).unwrap_or_default();
            match conflicts.without(&owned) {
                Some(conflicts) => return Err(ApplyError::Conflicts(conflicts)),
                None => merge(OnConflict::Force)?,
            }
        }
        merged => merged?,
    };
    if by_kubectl {
        last_applied::sync(&mut object, applied);
    }
    managers::put(&mut object, managers.encode());
    Ok(object)
}

fn merged<T: Typing>(
    write: &Write<'_, T>,
    live: &Tree,
    applied: &Tree,
    mut managers: Managers,
    on_conflict: OnConflict,
) -> Result<(Tree, Managers), ApplyError> {
    if let Some(Tree::Array(_)) = applied.at(&["metadata", "managedFields"]) {
        return Err(ApplyError::ManagedFields);
    }
    check(applied, write.typing, Duplicates::Refused)
        .map_err(|errors| ApplyError::Applied { object: named(applied), errors })?;
    check(live, write.typing, Duplicates::Allowed)
        .map_err(|errors| ApplyError::Live { object: named(live), errors })?;

    let versions = write.versions();
    adapt(&mut managers, &versions, live);
    let mut object =
        merge(live, applied, write.typing).map_err(ApplyError::step("failed to merge config"))?;
    let mut fields = field_set(applied, write.typing);
    write.reset.strip(&mut fields);
    let id = write.manager(write.manager, Operation::Apply);
    let last = managers.remove(&id);
    managers.put(Entry {
        id: id.clone(),
        api_version: versions.written().to_owned(),
        time: last.as_ref().and_then(|last| last.time.clone()),
        fields,
    });
    if let Some(last) = last.filter(|last| !last.fields.is_empty()) {
        object = prune(object, &versions, &managers, last.fields, &last.api_version);
    }

    let failed = ApplyError::step("failed to compare objects");
    let mut step = Step::new(write.reset, &versions, live, &object).map_err(&failed)?;
    if on_conflict == OnConflict::Refuse
        && let Some(conflicts) = step.conflicts(&managers, &id).map_err(&failed)?
    {
        return Err(ApplyError::Conflicts(conflicts));
    }
    step.take(&mut managers, Some(&id)).map_err(&failed)?;
    if let Some(mut entry) = managers.remove(&id) {
        strip_meta(&mut entry.fields);
        // Who applies what is there already owns it from now on, but wrote nothing.
        if !same(live, &object) {
            entry.time = write.now();
        }
        if !entry.fields.is_empty() {
            managers.put(entry);
        }
    }
    Ok((object, managers))
}

/// The kind that a configuration says it is; empty where it says none that can be read.
fn gvk_of(applied: &Tree) -> GroupVersionKind {
    meta::gvk(applied).unwrap_or_else(|| GroupVersionKind::new("", "", ""))
}

/// How messages name an object: `default/a; apps/v1, Kind=Deployment`.
fn named(object: &Tree) -> String {
    format!("{}/{}; {}", meta::namespace(object), meta::name(object), gvk_of(object))
}
