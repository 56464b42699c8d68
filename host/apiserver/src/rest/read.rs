//! GET and LIST, from the caches; pages of an older revision from the store's history.

use std::sync::Arc;

use datastore::{KeyRange, KeyValue, Revision, StoreError};
use objects::status::Status;

use super::Rest;
use super::continuation::Continuation;
use super::output::ListMeta;
use super::query::{Freshness, ListOptions};
use super::select::Selection;
use crate::cache::{Cache, Entry, relative_key};
use crate::call::{Answer, Call};
use crate::storage;

impl Rest {
    pub(super) async fn get(&self, call: &Call) -> Result<Answer, Status> {
        let cache = self.cache(&call.resource)?;
        self.fresh(call.get_freshness()?).await?;
        let entry = cache
            .get(&call.namespace, &call.name)
            .ok_or_else(|| Status::not_found(&call.resource.group_resource(), &call.name))?;
        let (entries, render) = self.present(call, &cache.hub, vec![entry]).await?;
        let body = entries.first().map(|entry| render.entry(entry));
        body.map(Answer::ok).ok_or_else(|| Status::internal("the conversion lost the object"))
    }

    pub(super) async fn list(&self, call: &Call) -> Result<Answer, Status> {
        let cache = self.cache(&call.resource)?;
        let options = call.list_options()?;
        let selection = selection(call, &cache, &options);
        let page = self.page(&cache, &selection, &options).await?;
        let (entries, render) = self.present(call, &cache.hub, page.entries).await?;
        Ok(Answer::ok(render.list(&entries, &page.meta)))
    }

    /// Waits until the caches are as new as a read wants.
    pub(super) async fn fresh(&self, freshness: Freshness) -> Result<(), Status> {
        let caches = self.caches();
        match freshness {
            Freshness::Latest => self.caught_up().await,
            // Even a read of any state waits for the first one.
            Freshness::Any => caches.reached(Revision::INITIAL).await,
            Freshness::NotOlderThan(revision) | Freshness::Exact(revision) => caches.reaches(revision).await,
        }
    }

    async fn page(
        &self,
        cache: &Cache,
        selection: &Selection,
        options: &ListOptions,
    ) -> Result<Page, Status> {
        if !options.continued.is_empty() {
            let token = Continuation::decode(&options.continued)?;
            let revision = match token.revision {
                Some(revision) => {
                    self.caches().reaches(revision).await?;
                    revision
                }
                None => self.storage().revision().await?,
            };
            let page = self.history(cache, selection, &token.after, revision, options.limit).await;
            return page.map_err(|error| match storage::status(error) {
                status if status.code == 410 => {
                    Status::continue_too_old(&Continuation { revision: None, ..token }.encode())
                }
                status => status,
            });
        }
        self.fresh(options.freshness).await?;
        if let Freshness::Exact(revision) = options.freshness {
            let page = self.history(cache, selection, "", revision, options.limit).await;
            return page.map_err(storage::status);
        }
        let reached = self.caches().revision();
        // One more than wanted tells whether there is a next page.
        let most = options.limit.map_or(usize::MAX, |limit| limit.saturating_add(1));
        let snapshot = cache.first(most, &selection.namespace, |entry| selection.selects(entry));
        let mut page = Page::new(snapshot.entries, snapshot.revision.max(reached));
        page.cut(options.limit, selection, snapshot.beyond);
        Ok(page)
    }

    /// What a revision of the past had after a key.
    async fn history(
        &self,
        cache: &Cache,
        selection: &Selection,
        after: &str,
        revision: Revision,
        limit: Option<usize>,
    ) -> Result<Page, StoreError> {
        let prefix = cache.prefix();
        let mut range = match selection.namespace.as_str() {
            "" => KeyRange::prefix(prefix.to_owned()),
            namespace => KeyRange::prefix(format!("{prefix}{namespace}/")),
        };
        if !after.is_empty() {
            range = range.after(format!("{prefix}{after}").as_bytes());
        }
        // One more than wanted tells whether there is a next page; a selector may skip any number.
        let read = if selection.is_filtered() { None } else { limit.map(|limit| limit + 1) };
        let (kvs, beyond) = self.storage().range_at(range, revision, read).await?;
        let values = self.storage().values();
        let entry = |kv: &Arc<KeyValue>| Entry::read(&cache.hub, values, kv).ok();
        let selected = kvs.iter().filter_map(entry).filter(|entry| selection.selects(entry));
        let mut page = Page::new(selected.map(Arc::new).collect(), revision);
        page.cut(limit, selection, beyond);
        Ok(page)
    }
}

struct Page {
    entries: Vec<Arc<Entry>>,
    meta: ListMeta,
}

impl Page {
    fn new(entries: Vec<Arc<Entry>>, revision: Revision) -> Self {
        Self { entries, meta: ListMeta { revision, ..ListMeta::default() } }
    }

    /// Keeps the first `limit` entries and says how to go on; `beyond` are those that were not looked at.
    fn cut(&mut self, limit: Option<usize>, selection: &Selection, beyond: usize) {
        let Some(limit) = limit.filter(|limit| *limit < self.entries.len()) else { return };
        let remaining = self.entries.len() - limit + beyond;
        self.entries.truncate(limit);
        if let Some(last) = self.entries.last() {
            let after = relative_key(&last.namespace, &last.name);
            self.meta.continued = Continuation { revision: Some(self.meta.revision), after }.encode();
            // Upstream does not count what it would have to select first.
            self.meta.remaining = (!selection.is_filtered()).then_some(remaining);
        }
    }
}

fn selection(call: &Call, cache: &Cache, options: &ListOptions) -> Selection {
    Selection {
        resource: Arc::clone(&call.resource),
        hub: Arc::clone(&cache.hub),
        namespace: call.namespace.clone(),
        labels: options.labels.clone(),
        fields: options.fields.clone(),
    }
}
