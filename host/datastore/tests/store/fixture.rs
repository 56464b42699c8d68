//! A running datastore in a directory of its own.

use std::path::Path;

use datastore::{Config, Datastore, Embedded, Revision, TaskError, Txn};
use supervise::{Scope, Task};
use tempfile::TempDir;

pub(crate) struct Fixture {
    pub(crate) store: Datastore,
    pub(crate) embedded: Embedded,
    scope: Scope,
    task: Task<Result<(), TaskError>>,
    _temporary: Option<TempDir>,
}

impl Fixture {
    /// In a directory that goes with the fixture.
    pub(crate) fn temporary() -> Self {
        Self::configured(|config| config)
    }

    /// As `temporary`, configured.
    pub(crate) fn configured(configure: impl FnOnce(Config) -> Config) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut fixture = Self::with(configure(Config::new(directory.path().join("store"))));
        fixture._temporary = Some(directory);
        fixture
    }

    pub(crate) fn open(data: &Path) -> Self {
        Self::with(Config::new(data.join("store")))
    }

    pub(crate) fn with(config: Config) -> Self {
        let (embedded, task) = Embedded::open(config).expect("the store opens");
        let scope = Scope::root("test");
        let task = scope.spawn("datastore", task.run(scope.token()));
        Self { store: embedded.clone().into(), embedded, scope, task, _temporary: None }
    }

    pub(crate) async fn put(&self, key: &str, value: &str) -> Revision {
        let put = Txn::put(key.to_owned(), value.to_owned());
        self.store.txn(put).await.expect("the put is acknowledged").revision
    }

    pub(crate) async fn close(self) {
        self.scope.token().cancel();
        self.task.await.expect("the task does not panic").expect("the task ends well");
    }
}
