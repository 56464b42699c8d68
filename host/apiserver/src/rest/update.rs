//! UPDATE, and what PATCH shares with it: the optimistic lock, preparation, validation, the end of objects whose last
//! finalizer goes.

use objects::apply;
use objects::status::Status;
use objects::{Tree, meta};

use super::create::{ATTEMPTS, Prepared, validated};
use super::managed::Ownership;
use super::output::Render;
use super::query::{Execution, WriteOptions};
use super::{Rest, body, delete, warned};
use crate::admission::Write;
use crate::admission::address::{self, Reserved};
use crate::call::{Answer, Call};
use crate::registry::Served;
use crate::storage::Found;
use crate::strategy;

/// Which part of an object a path writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    Status,
    /// What the sub-resource of the call writes.
    Named,
}

/// What a write makes of an object.
pub(super) struct Change {
    pub(super) tree: Tree,
    /// What the client is warned of.
    pub(super) warnings: Vec<String>,
}

/// How a write tells who owns which field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tracking {
    /// By what it changes.
    Update,
    /// It has been told already: an applied configuration names what it owns.
    Applied,
}

impl Rest {
    pub(super) async fn update(&self, call: &Call, part: Part) -> Result<Answer, Status> {
        let options = call.write_options("UpdateOptions")?;
        let mut decoded = body::object(call, &call.resource.gvk(), options.validation)?;
        body::expect_identity(call, &mut decoded.tree)?;
        if part == Part::Whole
            && strategy::of(&call.resource).creates_on_update()
            && self.storage().read(&call.resource, &call.namespace, &call.name).await?.is_none()
        {
            meta::set_resource_version(&mut decoded.tree, "");
            let answer = self.create_tree(call, decoded.tree, options, Tracking::Update).await;
            return warned(answer, decoded.warnings);
        }
        let change = |_: &Tree| Ok(Change { tree: decoded.tree.clone(), warnings: decoded.warnings.clone() });
        self.write(call, part, options, Tracking::Update, change).await
    }

    /// Writes what `change` makes of the object, again where somebody else was faster; an object that names its
    /// resourceVersion conflicts instead.
    pub(super) async fn write(
        &self,
        call: &Call,
        part: Part,
        options: WriteOptions,
        tracking: Tracking,
        change: impl Fn(&Tree) -> Result<Change, Status>,
    ) -> Result<Answer, Status> {
        let resource = &*call.resource;
        let cache = self.cache(resource)?;
        let (mut lost, mut seen) = (0, None);
        loop {
            let old = self.found(call).await?;
            let Change { tree: mut new, warnings: mut told } = change(&old.tree)?;
            // Nobody was faster with the object that is as it was: with an address it is to get.
            lost = if seen.replace(old.revision) == Some(old.revision) { lost + 1 } else { 0 };
            if lost == ATTEMPTS {
                return Err(address::lost(&new));
            }
            settle(resource, &call.name, &mut new, &old.tree)?;
            let prepared = self.prepare_update(call, part, tracking, new, &old, options).await;
            let Prepared { tree: mut new, warnings, _reserved } =
                prepared.map_err(|status| status.warned(std::mem::take(&mut told)))?;
            told.extend(warnings);
            apply::keep_timestamps(&old.tree, &mut new);
            let ends = meta::is_deleting(&old.tree) && delete::may_end(resource, &new);
            let left = (!ends).then_some(&new);
            let companions = address::companions(self.registry(), resource, Some(&old.tree), left);
            let written = match (options.execution, ends) {
                (Execution::Dry, _) => Some(Found { tree: new, ..old.clone() }),
                (Execution::Real, true) => self.storage().remove(resource, &old, new, &companions).await?,
                (Execution::Real, false) => {
                    self.storage().replace_with(resource, &old, new, &companions).await?
                }
            };
            if let Some(found) = written {
                let body = Render::new(call, &cache.hub).object(found.tree);
                return Ok(Answer { warnings: told, ..Answer::ok(body) });
            }
        }
    }

    async fn prepare_update(
        &self,
        call: &Call,
        part: Part,
        tracking: Tracking,
        mut new: Tree,
        old: &Found,
        options: WriteOptions,
    ) -> Result<Prepared, Status> {
        let resource = &*call.resource;
        let strategy = strategy::of(resource);
        strategy.apply_defaults(&mut new)?;
        let old = &old.tree;
        if tracking == Tracking::Update {
            new = Ownership::of(call, part).updated(old, new);
        }
        let mut write = Write::new(self, call, new, Some(old), options);
        let completed = self.complete_update(&mut write, part, old).await;
        Prepared::of(write, completed)
    }

    async fn complete_update(
        &self,
        write: &mut Write<'_>,
        part: Part,
        old: &Tree,
    ) -> Result<Reserved, Status> {
        let call = write.call;
        let (resource, strategy) = (&*call.resource, strategy::of(&call.resource));
        self.admission().mutate(write).await?;
        self.confirm_no_escalation(call, &write.object, Some(old))?;
        let new = &mut write.object;
        let mut reserved = Reserved::default();
        let errors = match part {
            Part::Whole => {
                reserved = self.admission().addresses(self, call, new, Some(old))?;
                strategy.prepare_update(new, old);
                strategy.validate_update(new, old, &mut write.warnings)
            }
            Part::Status => {
                strategy.prepare_status(new, old);
                strategy.validate_status(new, old, &mut write.warnings)
            }
            Part::Named => {
                let part = strategy.part(&call.subresource).ok_or_else(Status::no_such_path)?;
                strategy.prepare_part(part, new, old);
                part.validate(new, old)
            }
        };
        strategy.stamp(new, Some(old), supervise::clock::now());
        validated(resource, new, &errors)?;
        write.warnings.extend(strategy.warnings(&write.object, Some(old)));
        self.admission().validate(write).await?;
        Ok(reserved)
    }
}

/// The lock and the metadata that a client cannot change.
fn settle(resource: &Served, name: &str, new: &mut Tree, old: &Tree) -> Result<(), Status> {
    let taken = resource.group_resource();
    match meta::resource_version(new) {
        "" | "0" if !strategy::of(resource).updates_unconditionally() => {
            meta::set_resource_version(new, "");
        }
        "" | "0" => meta::set_resource_version(new, meta::resource_version(old)),
        version if version != meta::resource_version(old) => {
            if version.parse::<u64>().is_err() {
                return Err(super::query::invalid_version(resource, name, version));
            }
            return Err(Status::modified(&taken, name));
        }
        _ => {}
    }
    match meta::uid(new) {
        "" => meta::set_uid(new, meta::uid(old)),
        uid if uid != meta::uid(old) => {
            let key = resource.key(Some(meta::namespace(old)), name).unwrap_or_default();
            return Err(Status::uid_precondition(&taken, (name, &key), uid, meta::uid(old)));
        }
        _ => {}
    }
    for field in ["creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"] {
        match old.at(&["metadata", field]) {
            Some(value) => new.set_at(&["metadata", field], value.clone()),
            None => drop(new.remove_at(&["metadata", field])),
        }
    }
    Ok(())
}
