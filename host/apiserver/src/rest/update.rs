//! UPDATE, and what PATCH shares with it: the optimistic lock, preparation, validation, the end of objects whose last
//! finalizer goes.

use objects::status::Status;
use objects::{Tree, meta};

use super::create::{Prepared, validated};
use super::output::Render;
use super::query::{Execution, WriteOptions};
use super::{Rest, body, delete};
use crate::admission::Write;
use crate::admission::address::Reserved;
use crate::call::{Answer, Call};
use crate::registry::Served;
use crate::storage::Found;
use crate::strategy;

/// Which part of an object a path writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    Status,
    /// `spec.finalizers` of a namespace.
    Finalize,
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
            let mut answer = self.create_tree(call, decoded.tree, options).await?;
            answer.warnings.splice(0..0, decoded.warnings);
            return Ok(answer);
        }
        let wanted = decoded.tree;
        let mut answer = self.write(call, part, options, |_| Ok(wanted.clone())).await?;
        answer.warnings.splice(0..0, decoded.warnings);
        Ok(answer)
    }

    /// Writes what `change` makes of the object, again where somebody else was faster; an object that names its
    /// resourceVersion conflicts instead.
    pub(super) async fn write(
        &self,
        call: &Call,
        part: Part,
        options: WriteOptions,
        change: impl Fn(&Tree) -> Result<Tree, Status>,
    ) -> Result<Answer, Status> {
        let resource = &*call.resource;
        let cache = self.cache(resource)?;
        loop {
            let old = self.found(call).await?;
            let mut new = change(&old.tree)?;
            settle(resource, &call.name, &mut new, &old.tree)?;
            let prepared = self.prepare_update(call, part, new, &old, options).await?;
            let Prepared { tree: new, warnings, _reserved } = prepared;
            let ends = meta::is_deleting(&old.tree) && delete::may_end(resource, &new);
            let written = match (options.execution, ends) {
                (Execution::Dry, _) => Some(Found { tree: new, ..old.clone() }),
                (Execution::Real, true) => self.storage().remove(resource, &old, new).await?,
                (Execution::Real, false) => self.storage().replace(resource, &old, new).await?,
            };
            if let Some(found) = written {
                let body = Render::new(call, &cache.hub).object(found.tree);
                return Ok(Answer { warnings, ..Answer::ok(body) });
            }
        }
    }

    async fn prepare_update(
        &self,
        call: &Call,
        part: Part,
        mut new: Tree,
        old: &Found,
        options: WriteOptions,
    ) -> Result<Prepared, Status> {
        let resource = &*call.resource;
        let strategy = strategy::of(resource);
        if part != Part::Finalize {
            strategy.apply_defaults(&mut new)?;
        }
        let old = &old.tree;
        let mut write = Write::new(self, call, new, Some(old), options);
        self.admission().mutate(&mut write).await?;
        let new = &mut write.object;
        let mut reserved = Reserved::default();
        let errors = match part {
            Part::Whole => {
                reserved = self.admission().addresses(self, call, new, Some(old))?;
                strategy.prepare_update(new, old);
                strategy.validate_update(new, old)
            }
            Part::Status => {
                strategy.prepare_status(new, old);
                strategy.validate_status(new, old)
            }
            Part::Finalize => {
                let wanted = new.at(&["spec", "finalizers"]).cloned();
                *new = old.clone();
                match wanted.filter(|list| !list.is_empty_value()) {
                    Some(list) => new.set_at(&["spec", "finalizers"], list),
                    None => drop(new.remove_at(&["spec", "finalizers"])),
                }
                Vec::new()
            }
        };
        validated(resource, new, &errors)?;
        write.warnings.extend(strategy.warnings(&write.object, Some(old)));
        self.admission().validate(&mut write).await?;
        Ok(Prepared { tree: write.object, warnings: write.warnings, _reserved: reserved })
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
            return Err(Status::uid_precondition(&taken, name, uid, meta::uid(old)));
        }
        _ => {}
    }
    for field in ["creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"] {
        match old.at(&["metadata", field]) {
            Some(value) => new.set_at(&["metadata", field], value.clone()),
            None => drop(new.remove_at(&["metadata", field])),
        }
    }
    new.remove_at(&["metadata", "managedFields"]);
    Ok(())
}
