//! CREATE.

use http::StatusCode;
use objects::resource::{GroupKind, Resource};
use objects::status::{Outcome, Status};
use objects::validate::{FieldError, to_status};
use objects::{Tree, kind, meta};

use super::managed::Ownership;
use super::output::Render;
use super::query::{Execution, WriteOptions};
use super::update::{Part, Tracking};
use super::{Rest, body, random, warned};
use crate::admission::Write;
use crate::admission::address::{self, Reserved};
use crate::authn::UserInfo;
use crate::call::{Answer, Call};
use crate::strategy;

/// How often another generated name is tried, as upstream.
const NAME_ATTEMPTS: usize = 8;

impl Rest {
    pub(super) async fn create(&self, call: &Call) -> Result<Answer, Status> {
        let options = call.write_options("CreateOptions")?;
        let decoded = body::object(call, &call.resource.gvk(), options.validation)?;
        let answer = self.create_tree(call, decoded.tree, options, Tracking::Update).await;
        warned(answer, decoded.warnings)
    }

    /// Creates what was decoded, defaulted by nobody yet.
    pub(super) async fn create_tree(
        &self,
        call: &Call,
        mut tree: Tree,
        options: WriteOptions,
        tracking: Tracking,
    ) -> Result<Answer, Status> {
        let resource = &*call.resource;
        let cache = self.cache(resource)?;
        if resource.is_ending() {
            let why = "create not allowed while custom resource definition is terminating";
            return Err(Status {
                message: why.to_owned(),
                ..Status::method_not_supported(&resource.group_resource(), "create")
            });
        }
        body::settle_namespace(call, &mut tree)?;
        if !["", "0"].contains(&meta::resource_version(&tree)) {
            return Err(version_on_create());
        }
        let generated = meta::name(&tree).is_empty() && !meta::generate_name_prefix(&tree).is_empty();
        for attempt in 1.. {
            // Who else takes its address at the same time makes a Service be tried again, with another.
            let again = generated || address::are_given_to(resource);
            let mut new = if again { tree.clone() } else { tree.take() };
            if generated {
                let name = meta::generate_name(meta::generate_name_prefix(&tree), random::suffix());
                meta::set_name(&mut new, &name);
            }
            let Prepared { tree: new, warnings, _reserved } =
                self.prepare(call, new, options, tracking).await?;
            let name = meta::name(&new).to_owned();
            let created = match options.execution {
                Execution::Real => {
                    let companions = address::companions(self.registry(), resource, None, Some(&new));
                    let created = self.storage().create(resource, new, &companions).await?;
                    if created.is_none()
                        && !companions.is_empty()
                        && self.storage().read(resource, &call.namespace, &name).await?.is_none()
                    {
                        continue;
                    }
                    created.map(|found| found.tree)
                }
                Execution::Dry => {
                    let taken = self.storage().read(resource, &call.namespace, &name).await?;
                    taken.is_none().then_some(new)
                }
            };
            if let Some(created) = created {
                let body = Render::new(call, &cache.hub).object(created);
                return Ok(Answer { code: StatusCode::CREATED, warnings, ..Answer::ok(body) });
            }
            let taken = resource.group_resource();
            if !generated {
                return Err(Status::already_exists(&taken, &name));
            }
            if attempt >= NAME_ATTEMPTS {
                return Err(Status::generated_name_exists(&taken, &name));
            }
        }
        unreachable!("the loop ends by its attempts")
    }

    /// Admission, defaults, server-set metadata, validation: everything before the store.
    async fn prepare(
        &self,
        call: &Call,
        mut tree: Tree,
        options: WriteOptions,
        tracking: Tracking,
    ) -> Result<Prepared, Status> {
        let resource = &*call.resource;
        let strategy = strategy::of(resource);
        for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "resourceVersion"] {
            tree.remove_at(&["metadata", field]);
        }
        meta::set_uid(&mut tree, &random::uid());
        meta::set_creation_timestamp(&mut tree, supervise::clock::now());
        strategy.apply_defaults(&mut tree)?;
        if tracking == Tracking::Update {
            tree = Ownership::of(call, Part::Whole).created(tree);
        }
        let mut write = Write::new(self, call, tree, None, options);
        self.admission().mutate(&mut write).await?;
        self.confirm_no_escalation(call, &write.object, None)?;
        let tree = &mut write.object;
        let reserved = self.admission().addresses(self, call, tree, None)?;
        strategy.prepare_create(tree);
        requester(call, tree);
        strategy.stamp(tree, None, supervise::clock::now());
        validated(resource, tree, &strategy.validate(tree))?;
        write.warnings.extend(strategy.warnings(&write.object, None));
        self.admission().validate(&mut write).await?;
        Ok(Prepared { tree: write.object, warnings: write.warnings, _reserved: reserved })
    }
}

/// A request for a certificate says who asks.
fn requester(call: &Call, tree: &mut Tree) {
    let resource = &call.resource;
    if resource.plural == "certificatesigningrequests" && resource.group == "certificates.k8s.io" {
        let UserInfo { name, uid, groups, extra } = call.user.clone();
        kind::set_requester(tree, &kind::Requester { username: name, uid, groups, extra });
    }
}

/// An object ready to be written, with what admission holds for it until then.
pub(super) struct Prepared {
    pub(super) tree: Tree,
    /// What admission warns the client of.
    pub(super) warnings: Vec<String>,
    pub(super) _reserved: Reserved,
}

/// The Invalid status of an object, where something is wrong with it.
pub(super) fn validated(resource: &Resource, tree: &Tree, errors: &[FieldError]) -> Result<(), Status> {
    let kind = GroupKind::new(resource.group.clone(), resource.kind.clone());
    to_status(&kind, meta::name(tree), errors).map_or(Ok(()), Err)
}

/// Upstream gives no reason for this one.
fn version_on_create() -> Status {
    Status {
        outcome: Outcome::Failure,
        code: 500,
        reason: None,
        message: "resourceVersion should not be set on objects to be created".to_owned(),
        details: None,
        continued: None,
        warnings: Vec::new(),
    }
}
