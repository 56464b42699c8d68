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

/// How often another generated name is tried, as upstream, and another address.
pub(super) const ATTEMPTS: usize = 8;

/// What became of one attempt to create an object.
enum Attempt {
    Made(Answer),
    NameTaken {
        name: String,
        warnings: Vec<String>,
    },
    /// An address that it was given became somebody else's.
    AddressTaken {
        warnings: Vec<String>,
    },
}

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
        // Who else takes its address at the same time makes a Service be tried again, with another.
        let again = generated || address::are_given_to(resource);
        let taken = resource.group_resource();
        let mut attempt = 1;
        loop {
            let mut new = if again { tree.clone() } else { tree.take() };
            if generated {
                let name = meta::generate_name(meta::generate_name_prefix(&tree), random::suffix());
                meta::set_name(&mut new, &name);
            }
            let refused = match self.attempt(call, new, options, tracking).await? {
                Attempt::Made(answer) => return Ok(answer),
                Attempt::NameTaken { name, warnings } if !generated => {
                    return Err(Status::already_exists(&taken, &name).warned(warnings));
                }
                Attempt::NameTaken { name, warnings } => {
                    Status::generated_name_exists(&taken, &name).warned(warnings)
                }
                Attempt::AddressTaken { warnings } => address::lost(&tree).warned(warnings),
            };
            if attempt == ATTEMPTS {
                return Err(refused);
            }
            attempt += 1;
        }
    }

    /// Creates an object that has its name, unless somebody else was faster.
    async fn attempt(
        &self,
        call: &Call,
        new: Tree,
        options: WriteOptions,
        tracking: Tracking,
    ) -> Result<Attempt, Status> {
        let resource = &*call.resource;
        let Prepared { tree: new, warnings, _reserved } = self.prepare(call, new, options, tracking).await?;
        let name = meta::name(&new).to_owned();
        let is_taken = async || {
            let found = self.storage().read(resource, &call.namespace, &name).await?;
            Ok::<_, Status>(found.is_some())
        };
        let created = match options.execution {
            Execution::Real => {
                let companions = address::companions(self.registry(), resource, None, Some(&new));
                let created = self.storage().create(resource, new, &companions).await?;
                if created.is_none() && !companions.is_empty() && !is_taken().await? {
                    return Ok(Attempt::AddressTaken { warnings });
                }
                created.map(|found| found.tree)
            }
            Execution::Dry => (!is_taken().await?).then_some(new),
        };
        let Some(created) = created else { return Ok(Attempt::NameTaken { name, warnings }) };
        let body = Render::new(call, &self.cache(resource)?.hub).object(created);
        Ok(Attempt::Made(Answer { code: StatusCode::CREATED, warnings, ..Answer::ok(body) }))
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
        let completed = self.complete(&mut write).await;
        Prepared::of(write, completed)
    }

    async fn complete(&self, write: &mut Write<'_>) -> Result<Reserved, Status> {
        let call = write.call;
        let (resource, strategy) = (&*call.resource, strategy::of(&call.resource));
        self.admission().mutate(write).await?;
        self.confirm_no_escalation(call, &write.object, None)?;
        let tree = &mut write.object;
        let reserved = self.admission().addresses(self, call, tree, None)?;
        strategy.prepare_create(tree);
        requester(call, tree);
        strategy.stamp(tree, None, supervise::clock::now());
        validated(resource, tree, &strategy.validate(tree))?;
        write.warnings.extend(strategy.warnings(&write.object, None));
        self.admission().validate(write).await?;
        Ok(reserved)
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

impl Prepared {
    /// Of a write that was completed. One that was refused says what admission warned of until then.
    pub(super) fn of(write: Write<'_>, completed: Result<Reserved, Status>) -> Result<Self, Status> {
        match completed {
            Ok(reserved) => Ok(Self { tree: write.object, warnings: write.warnings, _reserved: reserved }),
            Err(status) => Err(status.warned(write.warnings)),
        }
    }
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
