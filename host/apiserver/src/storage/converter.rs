//! Objects from one version to another, also where only a webhook knows how.

use std::sync::Arc;
use std::time::Duration;

use objects::status::Status;
use objects::{Tree, meta};
use structural::{Conversion, Webhook as Converting};

use super::convert;
use crate::registry::Served;
use crate::strategy;
use crate::view::View;
use crate::webhook::{Servers, Webhook};

/// How long a conversion may take, as upstream.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Converter {
    view: View,
    servers: Arc<Servers>,
}

impl Converter {
    pub(crate) fn new(view: View) -> Self {
        Self { view, servers: Arc::default() }
    }

    /// Whether a webhook has to be asked for a version of objects, which are written in the hub's unless they say
    /// otherwise.
    pub(crate) fn asks(hub: &Served, to: &Served) -> bool {
        matches!(to.conversion(), Some(Conversion::Webhook(_))) && hub.version != to.version
    }

    /// An object of the version `from`, or of the one that it says itself.
    pub(crate) async fn one(&self, tree: Tree, from: &Served, to: &Served) -> Result<Tree, Status> {
        match to.conversion() {
            Some(Conversion::Webhook(webhook)) => {
                let mut all = self.by_webhook(webhook, vec![tree], to).await?;
                all.pop().ok_or_else(|| Status::internal("the conversion lost the object"))
            }
            _ => Ok(convert(tree, from, to)),
        }
    }

    /// Objects that each say their version.
    pub(crate) async fn all(
        &self,
        trees: Vec<Tree>,
        from: &Served,
        to: &Served,
    ) -> Result<Vec<Tree>, Status> {
        match to.conversion() {
            Some(Conversion::Webhook(webhook)) => self.by_webhook(webhook, trees, to).await,
            _ => Ok(trees.into_iter().map(|tree| convert(tree, from, to)).collect()),
        }
    }

    async fn by_webhook(
        &self,
        converting: &Converting,
        mut trees: Vec<Tree>,
        to: &Served,
    ) -> Result<Vec<Tree>, Status> {
        let uid = crate::rest::uid();
        let target = to.group_version();
        let review = converting.review(&mut trees, &target, &uid).map_err(Status::internal)?;
        if let Some(review) = review {
            let kind = trees.first().and_then(meta::gvk).unwrap_or_default();
            let webhook = Webhook::read(&converting.client_config);
            let asked = self.servers.ask(&self.view, &webhook, TIMEOUT, &review.request).await;
            let answer = asked
                .map_err(|why| Status::internal(format!("conversion webhook for {kind} failed: {why}")))?;
            review.apply(&answer, &mut trees).map_err(Status::internal)?;
            trees.iter_mut().for_each(|tree| strategy::of(to).refresh(tree));
        }
        Ok(trees)
    }
}
