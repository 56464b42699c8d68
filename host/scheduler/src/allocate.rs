//! Which devices claims get on a node: those that their requests select, that nobody has, and that go together. Pure.
//!
//! A request takes the first devices that fit; where those leave a later request without, others are tried.

mod capacity;
mod expression;
mod in_use;
mod inventory;
mod request;
mod result;
mod search;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use objects::Tree;
use reconcile::ObjectKey;

use crate::snapshot::Table;
use crate::view::{DeviceClaimView, DeviceClassView, NodeView, SliceView};

use expression::Expressions;
pub(crate) use in_use::InUse;
use inventory::Pools;
use request::Request;

/// What claims ask for, against what there is.
pub(crate) struct Asked<'a> {
    claims: Vec<Claim<'a>>,
    expressions: Expressions,
    pools: Pools<'a>,
    in_use: InUse,
}

/// One claim that is to be allocated.
struct Claim<'a> {
    view: &'a Arc<DeviceClaimView>,
    requests: Vec<Request<'a>>,
}

/// The devices of a claim.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Allocated {
    pub(crate) claim: ObjectKey,
    pub(crate) uid: Box<str>,
    /// `status.allocation`
    pub(crate) allocation: Tree,
}

impl<'a> Asked<'a> {
    /// `in_use`: what other claims have.
    ///
    /// # Errors
    /// What no node can give, in upstream's words.
    pub(crate) fn new(
        claims: &[&'a Arc<DeviceClaimView>],
        classes: &'a Table<DeviceClassView>,
        slices: &'a Table<SliceView>,
        in_use: InUse,
    ) -> Result<Self, String> {
        let mut expressions = Expressions::default();
        let mut read = Vec::new();
        for view in claims.iter().copied() {
            let requests = request::read(view, classes, &mut expressions)?;
            read.push(Claim { view, requests });
        }
        let pools = Pools::of(slices.values(), &in_use);
        Ok(Self { claims: read, expressions, pools, in_use })
    }

    /// The devices on a node; `None` where there are not enough that fit.
    ///
    /// # Errors
    /// Why that cannot be told, in upstream's words.
    pub(crate) fn allocate(&self, node: &NodeView) -> Result<Option<Vec<Allocated>>, String> {
        let offer = self.pools.on(node);
        let Some(picks) = search::search(self, &offer)? else { return Ok(None) };
        let claims = self.claims.iter().enumerate();
        let allocated = claims.map(|(index, claim)| {
            let picks: Vec<_> = picks.iter().filter(|pick| pick.claim == index).collect();
            Allocated {
                claim: claim.view.head.key.clone(),
                uid: claim.view.head.uid.clone(),
                allocation: result::allocation(claim, &picks, node),
            }
        });
        Ok(Some(allocated.collect()))
    }
}
