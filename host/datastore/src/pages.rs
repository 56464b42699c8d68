//! Reading a large range piece by piece, all of it as of one revision.

use mvcc::{KeyRange, RangeRequest, RangeResult, Revision};

use crate::{Datastore, StoreError};

/// From [`Datastore::pages`].
#[derive(Debug)]
pub struct Pages {
    store: Datastore,
    rest: Option<KeyRange>,
    page: usize,
    revision: Option<Revision>,
}

impl Pages {
    pub(crate) fn new(store: Datastore, range: KeyRange, page: usize) -> Self {
        Self { store, rest: Some(range), page: page.max(1), revision: None }
    }

    /// The revision that all pages show; known after the first.
    #[must_use]
    pub fn revision(&self) -> Option<Revision> {
        self.revision
    }

    /// The next page, `None` after the last. The first page of an empty range is an empty page.
    ///
    /// # Errors
    /// [`mvcc::RangeError::Compacted`] when reading took longer than history is kept.
    pub async fn next(&mut self) -> Result<Option<RangeResult>, StoreError> {
        let Some(range) = self.rest.take() else { return Ok(None) };
        let mut request = RangeRequest::new(range.clone()).limit(self.page);
        request.revision = self.revision;
        let page = self.store.range(request).await?;
        self.revision.get_or_insert(page.revision);
        if page.more {
            self.rest = page.kvs.last().map(|kv| range.after(&kv.key));
        }
        Ok(Some(page))
    }
}
