//! Something made of all objects of a resource, kept until one of them changes.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use objects::Tree;

use super::Rest;

pub(crate) struct Derived<T> {
    /// Group, version and plural of a built-in resource.
    of: (&'static str, &'static str, &'static str),
    make: fn(Vec<Tree>) -> T,
    held: ArcSwapOption<(u64, Arc<T>)>,
}

impl<T> Derived<T> {
    pub(crate) const fn new(
        of: (&'static str, &'static str, &'static str),
        make: fn(Vec<Tree>) -> T,
    ) -> Self {
        Self { of, make, held: ArcSwapOption::const_empty() }
    }

    /// What is made of the objects that the cache has.
    pub(crate) fn get(&self, rest: &Rest) -> Arc<T> {
        let (group, version, plural) = self.of;
        let row = rest.registry().find(group, version, plural);
        // Taken before the objects: what changes after it is seen the next time.
        let changes = row.as_ref().map_or(0, |row| rest.view().changes_seen(row));
        if let Some(held) = &*self.held.load()
            && held.0 == changes
        {
            return Arc::clone(&held.1);
        }
        let objects = row.map_or_else(Vec::new, |row| rest.list_trees(&row));
        let made = Arc::new((self.make)(objects));
        self.held.store(Some(Arc::new((changes, Arc::clone(&made)))));
        made
    }
}
