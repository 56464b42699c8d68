//! The `scale` sub-resource: an object seen as an autoscaling/v1 Scale, which writes how many replicas are wanted.

use std::sync::LazyLock;

use bytes::Bytes;
use objects::Tree;
use objects::apply;
use objects::decode;
use objects::meta;
use objects::patch::undecodable;
use objects::resource::{self, Resource, Verb};
use objects::schema;
use objects::status::Status;
use objects::validate::to_status;

use super::create::validated;
use super::output::{Include, metadata_of};
use super::patch::Patch;
use super::query::{Execution, WriteOptions};
use super::{Rest, body, table, warned};
use crate::admission::Write;
use crate::call::{Answer, Call, Output};
use crate::storage::Found;
use crate::strategy;

/// What patches of a Scale go by.
static SCALE: LazyLock<Resource> = LazyLock::new(|| {
    let model = resource::by_name("apps", "v1", "deployments").expect("the table has deployments");
    Resource {
        group: "autoscaling".into(),
        version: "v1".into(),
        kind: "Scale".into(),
        ..Resource::clone(model)
    }
});

impl Rest {
    pub(super) async fn scale(&self, call: &Call) -> Result<Answer, Status> {
        match call.verb {
            Verb::Get => {
                self.fresh(call.get_freshness()?).await?;
                let object = self.get_tree(&call.resource, &call.namespace, &call.name);
                let object =
                    object.ok_or_else(|| Status::not_found(&call.resource.group_resource(), &call.name))?;
                Ok(Answer::ok(shown(call, strategy::of(&call.resource).scale_of(&object)?)))
            }
            Verb::Update => {
                let options = call.write_options("UpdateOptions")?;
                let wanted = body::object(call, &SCALE.gvk(), options.validation)?;
                let answer = self.rescale(call, options, |_| Ok(wanted.tree.clone())).await;
                warned(answer, wanted.warnings)
            }
            _ => {
                let options = call.write_options("PatchOptions")?;
                let patch = Patch::read(call, &SCALE)?;
                self.rescale(call, options, |scale| {
                    let mut scale = scale.clone();
                    patch.apply(&mut scale)?;
                    let row = schema::by_name("autoscaling.v1.Scale").ok_or_else(Status::no_such_path)?;
                    decode::check(&mut scale, row).map_err(|error| undecodable(patch.tree(), error))?;
                    Ok(scale)
                })
                .await
            }
        }
    }

    /// Writes the replicas of what `change` makes of the object's Scale.
    async fn rescale(
        &self,
        call: &Call,
        options: WriteOptions,
        change: impl Fn(&Tree) -> Result<Tree, Status>,
    ) -> Result<Answer, Status> {
        let resource = &*call.resource;
        let strategy = strategy::of(resource);
        loop {
            let old = self.found(call).await?;
            let old_scale = strategy.scale_to_write(&old.tree)?;
            let mut wanted = change(&old_scale)?;
            body::expect_identity(call, &mut wanted)?;
            let version = meta::resource_version(&wanted);
            if !["", "0", meta::resource_version(&old.tree)].contains(&version) {
                return Err(Status::modified(&resource.group_resource(), &call.name));
            }
            let mut write = Write::new(self, call, wanted, Some(&old_scale), options);
            self.admission().mutate(&mut write).await?;
            let kind = SCALE.gvk().group_kind();
            to_status(&kind, &call.name, &strategy.validate_scale(&write.object)).map_or(Ok(()), Err)?;
            self.admission().validate(&mut write).await?;
            let new = strategy.with_scale(&old.tree, &write.object)?;
            let mut new = super::managed::Ownership::of_scale(call).updated(&old.tree, new);
            meta::set_resource_version(&mut new, meta::resource_version(&old.tree));
            strategy.prepare_update(&mut new, &old.tree);
            validated(resource, &new, &strategy.validate_update(&new, &old.tree, &mut write.warnings))?;
            apply::keep_timestamps(&old.tree, &mut new);
            let written = match options.execution {
                Execution::Dry => Some(Found { tree: new, ..old.clone() }),
                Execution::Real => self.storage().replace(resource, &old, new).await?,
            };
            if let Some(found) = written {
                let scale = shown(call, strategy.scale_of(&found.tree)?);
                return Ok(Answer { warnings: write.warnings, ..Answer::ok(scale) });
            }
        }
    }
}

/// A Scale in the form that the client wants.
fn shown(call: &Call, scale: Tree) -> Bytes {
    match call.output {
        Output::Objects => scale.to_json(),
        Output::Metadata(version) => metadata_of(&scale, version).to_json(),
        Output::Table(version) => table::of_scale(scale, version, Include::of(call)).to_json(),
    }
}
