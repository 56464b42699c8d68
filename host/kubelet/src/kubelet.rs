//! The loop of the kubelet: which pods this node has, by the API server and by the runtime, and a worker for each.

mod runtime;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use client::Client;
use client::events::{Recorder, RecorderTask, Source, recorder};
use cri::{Event as RuntimeEvent, Runtime, Sandbox, Version};
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use supervise::Scope;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Deps};
use crate::handle::KubeletStatus;
use crate::machine::Machine;
use crate::node::{self, RuntimeState};
use crate::pod::facts::{PodFacts, PodUid};
use crate::pod::memory::Standing;
use crate::pod::observed::label;
use crate::source::{Change, follow};
use crate::worker::{Wish, Worker, report};

/// How often everything is looked at without a reason: events tell of every change before.
const RELIST: Duration = Duration::from_secs(60);
/// Events that wait for the loop; whoever sends more waits.
const WAITING: usize = 256;
/// How long running tasks get at the end; pods go on without them.
const PATIENCE: Duration = Duration::from_secs(5);

/// What every task of the kubelet may use.
pub(crate) struct Context {
    pub(crate) config: Config,
    pub(crate) machine: Arc<Machine>,
    pub(crate) client: Client,
    pub(crate) runtime: Runtime,
    pub(crate) runtime_missing: watch::Receiver<Option<String>>,
    pub(crate) runtime_state: watch::Sender<RuntimeState>,
    pub(crate) recorder: Recorder,
    /// `None` until they were listed.
    pub(crate) services: watch::Receiver<Option<Arc<[Arc<Service>]>>>,
    pub(crate) status: watch::Sender<KubeletStatus>,
}

/// The kubelet, built and not yet running.
pub struct KubeletTask {
    context: Arc<Context>,
    scope: Scope,
    services: watch::Sender<Option<Arc<[Arc<Service>]>>>,
    recorder: RecorderTask,
}

pub(crate) enum Event {
    Pods(Change<Pod>),
    Services(Change<Service>),
    RuntimeUp(Version),
    RuntimeDown(String),
    Runtime(RuntimeEvent),
    Ended(PodUid),
}

/// The state of the loop.
struct Core {
    context: Arc<Context>,
    scope: Scope,
    events: mpsc::Sender<Event>,
    workers: BTreeMap<PodUid, watch::Sender<Wish>>,
    services: BTreeMap<(String, String), Arc<Service>>,
    known_services: watch::Sender<Option<Arc<[Arc<Service>]>>>,
}

impl KubeletTask {
    pub(crate) fn new(
        config: Config,
        machine: Arc<Machine>,
        deps: Deps,
        status: watch::Sender<KubeletStatus>,
    ) -> Self {
        let source = Source { component: "kubelet".to_owned(), host: config.node_name.clone() };
        let (recorder, recorder_task) = recorder(deps.client.clone(), source);
        let (services, known) = watch::channel(None);
        let context = Arc::new(Context {
            config,
            machine,
            client: deps.client,
            runtime: deps.runtime,
            runtime_missing: deps.runtime_missing,
            runtime_state: watch::Sender::new(RuntimeState::Unknown),
            recorder,
            services: known,
            status,
        });
        Self { context, scope: deps.scope, services, recorder: recorder_task }
    }

    /// Runs until the stop signal. The pods are left as they are, for the next kubelet to adopt.
    pub async fn run(self, stop: CancellationToken) {
        let Self { context, scope, services, recorder } = self;
        let scope = scope.child("kubelet");
        let (sender, mut events) = mpsc::channel(WAITING);
        let pods = context.client.everywhere::<Pod>();
        let of_node = format!("spec.nodeName={}", context.config.node_name);
        let all = context.client.everywhere::<Service>();
        spawn(&scope, "events", recorder.run());
        spawn(&scope, "node", node::keep(context.clone()));
        spawn(&scope, "lease", node::renew(context.clone()));
        spawn(&scope, "runtime", runtime::attend(context.clone(), sender.clone()));
        spawn(&scope, "pods", follow(pods, of_node, sender.clone(), Event::Pods));
        spawn(&scope, "services", follow(all, String::new(), sender.clone(), Event::Services));
        let mut core = Core {
            context,
            scope: scope.clone(),
            events: sender,
            workers: BTreeMap::new(),
            services: BTreeMap::new(),
            known_services: services,
        };
        let mut relist = tokio::time::interval(RELIST);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(event) = events.recv() => core.take(event).await,
                _ = relist.tick() => core.relist().await,
            }
        }
        drop(core);
        for task in scope.close(PATIENCE).await {
            tracing::debug!(task, "ended with the kubelet");
        }
    }
}

impl Core {
    async fn take(&mut self, event: Event) {
        match event {
            Event::Pods(Change::All(pods)) => {
                let listed: BTreeSet<PodUid> = pods.iter().map(|pod| pod.uid()).collect();
                let gone = |(uid, _): &(&PodUid, _)| !listed.contains(uid);
                self.workers.iter().filter(gone).for_each(|(_, worker)| forsake(worker));
                for pod in pods {
                    self.want(pod);
                }
                self.context.status.send_modify(|status| status.pods_known = true);
                self.relist().await;
            }
            Event::Pods(Change::Applied(pod)) => self.want(pod),
            Event::Pods(Change::Deleted(pod)) => {
                if let Some(worker) = self.workers.get(&pod.uid()) {
                    worker.send_modify(|wish| wish.pod = pod);
                    forsake(worker);
                }
            }
            Event::Services(change) => self.note_services(change),
            Event::RuntimeUp(version) => {
                self.context.runtime_state.send_replace(RuntimeState::Up(version));
                self.context.status.send_modify(|status| status.runtime_error = None);
                self.relist().await;
            }
            Event::RuntimeDown(why) => {
                self.context.status.send_if_modified(|status| {
                    status.runtime_error.replace(why.clone()).as_ref() != Some(&why)
                });
                self.context.runtime_state.send_if_modified(|state| {
                    let down = RuntimeState::Down(why);
                    *state != down && {
                        *state = down;
                        true
                    }
                });
            }
            Event::Runtime(event) => self.note(event),
            Event::Ended(uid) => {
                self.workers.remove(&uid);
                self.context.status.send_modify(|status| drop(status.pods.remove(&uid)));
            }
        }
    }

    /// Gives a pod of the API server to its worker.
    fn want(&mut self, pod: Arc<Pod>) {
        let uid = pod.uid();
        match self.workers.get(&uid) {
            Some(worker) => worker.send_modify(|wish| {
                wish.pod = pod;
                wish.standing = Standing::Wanted;
            }),
            None => self.hire(uid, Wish::new(pod, Standing::Wanted)),
        }
    }

    fn hire(&mut self, uid: PodUid, wish: Wish) {
        let (sender, wishes) = watch::channel(wish);
        let (worker, reports) = Worker::new(self.context.clone(), wishes);
        let (events, ended) = (self.events.clone(), uid.clone());
        spawn(
            &self.scope,
            format!("status of {}", uid.0),
            report::write(self.context.client.clone(), reports),
        );
        spawn(&self.scope, format!("pod {}", uid.0), async move {
            worker.run().await;
            if events.send(Event::Ended(ended)).await.is_err() {
                tracing::debug!("a pod ended after the kubelet");
            }
        });
        self.workers.insert(uid, sender);
    }

    /// An exit or a shortage of memory: the pod of the container is looked at.
    fn note(&self, event: RuntimeEvent) {
        let id = match event {
            RuntimeEvent::Exited(id) | RuntimeEvent::Reaped(id) | RuntimeEvent::OutOfMemory(id) => id,
            // Nothing starts but by a worker, which looks by itself.
            RuntimeEvent::Started(_) => return,
        };
        let owner = {
            let status = self.context.status.borrow();
            status.pods.iter().find(|(_, view)| view.has(&id)).map(|(uid, view)| (uid.clone(), view.clone()))
        };
        let Some((uid, view)) = owner else { return };
        if let Some(worker) = self.workers.get(&uid) {
            worker.send_modify(|wish| {
                wish.exited.retain(|known| view.has(known));
                wish.exited.insert(id);
            });
        }
    }

    /// Wakes every worker, and hires one for each pod that only the runtime knows.
    async fn relist(&mut self) {
        self.workers.values().for_each(|worker| worker.send_modify(|_| {}));
        let up = matches!(*self.context.runtime_state.borrow(), RuntimeState::Up(_));
        if !up || !self.context.status.borrow().pods_known {
            return;
        }
        let sandboxes = match self.context.runtime.sandboxes(BTreeMap::new()).await {
            Ok(sandboxes) => sandboxes,
            Err(error) => return tracing::debug!(%error, "list the sandboxes of the runtime"),
        };
        for sandbox in sandboxes {
            // What somebody else runs in the same runtime is not this kubelet's.
            let Some(uid) = sandbox.labels.get(label::POD_UID).cloned().map(PodUid) else { continue };
            if !self.workers.contains_key(&uid) {
                let wish = Wish::new(Arc::new(left_behind(&uid, &sandbox)), Standing::Gone);
                self.hire(uid, wish);
            }
        }
    }

    fn note_services(&mut self, change: Change<Service>) {
        let key = |service: &Service| {
            let ObjectMeta { namespace, name, .. } = &service.metadata;
            (namespace.clone().unwrap_or_default(), name.clone().unwrap_or_default())
        };
        match change {
            Change::All(all) => {
                self.services = all.into_iter().map(|service| (key(&service), service)).collect()
            }
            Change::Applied(service) => drop(self.services.insert(key(&service), service)),
            Change::Deleted(service) => drop(self.services.remove(&key(&service))),
        }
        self.known_services.send_replace(Some(self.services.values().cloned().collect()));
    }
}

/// Spawns a task that ends at the scope's stop signal.
fn spawn(
    scope: &Scope,
    name: impl Into<Cow<'static, str>>,
    future: impl Future<Output = ()> + Send + 'static,
) {
    let token = scope.token();
    scope.spawn(name, async move {
        // Cut short, there is nothing to report.
        token.run_until_cancelled(future).await.unwrap_or_default();
    });
}

fn forsake(worker: &watch::Sender<Wish>) {
    worker.send_modify(|wish| wish.standing = Standing::Gone);
}

/// What is known of a pod that ended while nobody looked.
fn left_behind(uid: &PodUid, sandbox: &Sandbox) -> Pod {
    Pod {
        metadata: ObjectMeta {
            name: Some(sandbox.metadata.name.clone()),
            namespace: Some(sandbox.metadata.namespace.clone()),
            uid: Some(uid.0.clone()),
            ..ObjectMeta::default()
        },
        ..Pod::default()
    }
}
