//! What a controller is wired to: the resources that it reads, which all controllers share, its queues and workers, its
//! client and its events.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::num::NonZeroUsize;

use client::events::{Recorder, RecorderTask, Source, recorder};
use client::{Client, ListOptions};
use futures_util::future::{BoxFuture, join_all};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{Metadata, Resource};
use observe::Metrics;
use reconcile::{Change, Key, LoopMetrics, Loops, ObjectKey, Queue, Reconcile, Reflector, Store};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::manager::Clients;

/// A kind that controllers read: one of Kubernetes', or as much of one as they need.
pub(crate) trait Kind:
    Resource + Metadata<Ty = ObjectMeta> + DeserializeOwned + Send + Sync + 'static
{
}

impl<K> Kind for K where K: Resource + Metadata<Ty = ObjectMeta> + DeserializeOwned + Send + Sync + 'static {}

/// A loop to run until the signal that it is given.
type Loop = Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, ()> + Send>;
type Synced = BoxFuture<'static, ()>;

/// Everything that runs, as the controllers are wired one after another.
pub(crate) struct Board {
    config: Config,
    clients: Clients,
    bundle: watch::Receiver<String>,
    metrics: Metrics,
    queues: LoopMetrics,
    /// A reflector for each kind, read under the manager's identity.
    reflectors: HashMap<TypeId, Box<dyn Reflecting>>,
    loops: Vec<(&'static str, Loop)>,
    /// One for each reflector.
    synced: Vec<Synced>,
}

/// A reflector of some kind.
trait Reflecting: Send {
    fn as_any(&mut self) -> &mut dyn Any;
    fn into_loop(self: Box<Self>) -> (&'static str, Loop);
    fn synced(&self) -> Synced;
}

impl<K: Kind> Reflecting for Reflector<K> {
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }

    fn into_loop(self: Box<Self>) -> (&'static str, Loop) {
        (K::URL_PATH_SEGMENT, Box::new(|stop| Box::pin((*self).run(stop))))
    }

    fn synced(&self) -> Synced {
        let store = self.store();
        Box::pin(async move { store.synced().await })
    }
}

impl Board {
    pub(crate) fn new(
        config: Config,
        clients: Clients,
        bundle: watch::Receiver<String>,
        metrics: &Metrics,
    ) -> Self {
        let queues = LoopMetrics::new(metrics);
        Self {
            config,
            clients,
            bundle,
            metrics: metrics.clone(),
            queues,
            reflectors: HashMap::new(),
            loops: Vec::new(),
            synced: Vec::new(),
        }
    }

    /// Wires the next controller, whose service account has the name `identity`.
    pub(crate) fn wire(&mut self, identity: &'static str, wire: impl FnOnce(&mut Wiring<'_>)) {
        let client = (self.clients.controller)(identity);
        wire(&mut Wiring { board: self, identity, client, reads: Vec::new() });
    }

    /// Ends when everything that is read was read once.
    pub(crate) fn synced(&mut self) -> impl Future<Output = ()> + Send + use<> {
        let shared: Vec<_> = self.reflectors.values().map(|reflector| reflector.synced()).collect();
        let all = std::mem::take(&mut self.synced).into_iter().chain(shared).collect::<Vec<_>>();
        async move { drop(join_all(all).await) }
    }

    /// Starts every loop.
    pub(crate) fn start(self, loops: &mut Loops) {
        let reflectors = self.reflectors.into_values().map(Reflecting::into_loop);
        for (name, run) in self.loops.into_iter().chain(reflectors) {
            loops.spawn(name, run);
        }
    }
}

/// The board as one controller sees it.
pub(crate) struct Wiring<'a> {
    board: &'a mut Board,
    identity: &'static str,
    client: Client,
    /// What this controller reads: its workers wait for that.
    reads: Vec<Synced>,
}

impl Wiring<'_> {
    /// Writes under the controller's own identity.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Writes under the manager's identity, which may do what no controller's may.
    pub(crate) fn manager(&self) -> Client {
        self.board.clients.manager.clone()
    }

    pub(crate) fn config(&self) -> &Config {
        &self.board.config
    }

    /// The CAs that verify the API server, PEM; empty while they are not known.
    pub(crate) fn bundle(&self) -> watch::Receiver<String> {
        self.board.bundle.clone()
    }

    /// Where it says what it counts.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.board.metrics
    }

    /// `name` is its label in the metrics.
    pub(crate) fn queue<K: Key>(&self, name: &'static str) -> Queue<K> {
        Queue::new(name, &self.board.queues)
    }

    /// Every object of a kind, shared with all other controllers that read it.
    pub(crate) fn store<K: Kind>(&mut self) -> Store<K> {
        let store = self.reflector::<K>().store();
        let reading = store.clone();
        self.reads.push(Box::pin(async move { reading.synced().await }));
        store
    }

    /// Calls a hook for every change of a kind, after the store has it. It must not wait.
    pub(crate) fn on_change<K: Kind>(&mut self, hook: impl Fn(&Change<'_, K>) + Send + Sync + 'static) {
        self.reflector::<K>().add_hook(hook);
    }

    /// Queues the key that `key` makes of an object whenever it changed; of both its states when they differ.
    pub(crate) fn feed<K: Kind, Q: Key>(
        &mut self,
        queue: &Queue<Q>,
        key: impl Fn(&K) -> Option<Q> + Send + Sync + 'static,
    ) -> Store<K> {
        let queue = queue.clone();
        self.on_change(move |change: &Change<'_, K>| {
            let states = [change.old, change.new].into_iter().flatten();
            states.filter_map(|object| key(object)).for_each(|key| queue.add(key));
        });
        self.store()
    }

    /// Queues every object of a kind by its own name whenever it changed.
    pub(crate) fn feed_own<K: Kind>(&mut self, queue: &Queue<ObjectKey>) -> Store<K> {
        self.feed(queue, |object: &K| Some(ObjectKey::of(object.metadata())))
    }

    /// Some objects of a kind, for this controller alone.
    pub(crate) fn feed_some<K: Kind, Q: Key>(
        &mut self,
        options: ListOptions,
        queue: &Queue<Q>,
        key: impl Fn(&K) -> Option<Q> + Send + Sync + 'static,
    ) -> Store<K> {
        let queue = queue.clone();
        self.store_some(options, move |change: &Change<'_, K>| {
            let states = [change.old, change.new].into_iter().flatten();
            states.filter_map(|object| key(object)).for_each(|key| queue.add(key));
        })
    }

    /// Some objects of a kind, for this controller alone; calls a hook for every change, which must not wait.
    pub(crate) fn store_some<K: Kind>(
        &mut self,
        options: ListOptions,
        hook: impl Fn(&Change<'_, K>) + Send + Sync + 'static,
    ) -> Store<K> {
        let reflector = Reflector::new(self.board.clients.manager.all::<K>(), options).on_change(hook);
        let store = reflector.store();
        for reads in [&mut self.reads, &mut self.board.synced] {
            let reading = store.clone();
            reads.push(Box::pin(async move { reading.synced().await }));
        }
        self.board.loops.push(Box::new(reflector).into_loop());
        store
    }

    /// Says what happens, as `component`.
    pub(crate) fn recorder(&mut self, component: &str) -> Recorder {
        let source = Source { component: component.to_owned(), host: String::new() };
        let (recorder, task): (_, RecorderTask) = recorder(self.client.clone(), source);
        self.spawn("events", |stop| async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = task.run() => {}
            }
        });
        recorder
    }

    /// A loop of another kind, which ends soon after the signal that it is given.
    pub(crate) fn spawn<F>(
        &mut self,
        name: &'static str,
        make: impl FnOnce(CancellationToken) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        self.board.loops.push((name, Box::new(|stop| Box::pin(make(stop)))));
    }

    /// Reconciles what the queue holds, as soon as everything is read that this controller reads.
    pub(crate) fn reconcile<R: Reconcile>(
        &mut self,
        reconciler: R,
        queue: Queue<R::Key>,
        workers: NonZeroUsize,
    ) {
        let synced = std::mem::take(&mut self.reads);
        let name = self.identity;
        self.spawn(name, move |stop| async move {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = join_all(synced) => {}
            }
            reconcile::run(reconciler, queue, workers, stop).await;
        });
    }

    fn reflector<K: Kind>(&mut self) -> &mut Reflector<K> {
        let Self { board, .. } = self;
        let make = || -> Box<dyn Reflecting> {
            Box::new(Reflector::<K>::new(board.clients.manager.all(), ListOptions::default()))
        };
        let reflector = board.reflectors.entry(TypeId::of::<K>()).or_insert_with(make);
        reflector.as_any().downcast_mut().expect("reflectors are kept under the type that they read")
    }
}
