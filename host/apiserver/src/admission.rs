//! The admission that is built in, in upstream's order. A mutating step sees the object with its defaults.

pub(crate) mod address;
pub(crate) mod namespace;
mod pod;
mod service_account;

use std::sync::Arc;

use objects::Tree;
use objects::resource::Resource;
use objects::status::Status;

use crate::call::Call;
use crate::rest::Rest;
use address::{Addresses, Reserved, ServiceNetwork};

#[derive(Clone)]
pub(crate) struct Admission {
    addresses: Arc<Addresses>,
}

impl Admission {
    pub(crate) fn new(network: ServiceNetwork) -> Self {
        Self { addresses: Arc::new(Addresses::new(network)) }
    }

    /// Completes a new object, or refuses it. What is returned is held until the object is written.
    pub(crate) async fn create(&self, rest: &Rest, call: &Call, tree: &mut Tree) -> Result<Reserved, Status> {
        namespace::admit(rest, call, tree).await?;
        if is_core(&call.resource, "pods") {
            pod::admit(tree)?;
            service_account::admit(rest, call, tree).await?;
        }
        self.service(rest, call, tree)
    }

    /// Completes an object that is written over an old one, or refuses it.
    pub(crate) fn update(
        &self,
        rest: &Rest,
        call: &Call,
        tree: &mut Tree,
        old: &Tree,
    ) -> Result<Reserved, Status> {
        if is_core(&call.resource, "services") {
            address::keep(tree, old);
        }
        self.service(rest, call, tree)
    }

    pub(crate) fn delete(&self, call: &Call) -> Result<(), Status> {
        namespace::keep(call)
    }

    fn service(&self, rest: &Rest, call: &Call, tree: &mut Tree) -> Result<Reserved, Status> {
        if is_core(&call.resource, "services") {
            self.addresses.assign(rest, &call.resource, tree)
        } else {
            Ok(Reserved::default())
        }
    }
}

fn is_core(resource: &Resource, plural: &str) -> bool {
    resource.group.is_empty() && resource.plural == plural
}
