//! Entries in the version of a request, where a webhook has to convert them.

use std::sync::Arc;

use objects::status::Status;

use super::Rest;
use super::output::Render;
use crate::cache::Entry;
use crate::call::Call;
use crate::registry::Served;
use crate::storage::Converter;

impl Rest {
    /// The entries of a cache as a request sees them, with who renders them.
    pub(super) async fn present(
        &self,
        call: &Call,
        hub: &Arc<Served>,
        entries: Vec<Arc<Entry>>,
    ) -> Result<(Vec<Arc<Entry>>, Render), Status> {
        let foreign = entries.iter().any(|entry| entry.is_foreign());
        if entries.is_empty() || !(foreign || Converter::asks(hub, &call.resource)) {
            return Ok((entries, Render::new(call, hub)));
        }
        let trees = entries.iter().map(|entry| entry.complete(hub)).collect();
        let converted = self.storage().converter().all(trees, hub, &call.resource).await?;
        let entry = |(tree, old): (_, &Arc<Entry>)| Arc::new(Entry::new(&call.resource, tree, old.revision));
        Ok((converted.into_iter().zip(&entries).map(entry).collect(), Render::converted(call)))
    }
}
