//! [`World`]: the control plane, and how a test speaks with it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use apiserver::authn::{Authenticate, Authentication, Credentials, UserInfo};
use apiserver::authz::{Attributes, Authorize, Decision, Rules};
use apiserver::{AdmissionPlugins, ApiServerHandle, ClientAuthorities, Dependencies, Limits, NODE_PORTS};
use client::{ApiResource, Client, DeleteOptions, ListOptions, Patch};
use futures_util::future::BoxFuture;
use k8s_openapi::Resource;
use net::{Binder, CertificatePem, Roots, Socket, SocketAddress, TlsClient, TlsServer, Transport};
use objects::{Tree, tree};
use rcgen::{CertificateParams, KeyPair};
use reconcile::endpoints::Ports;
use serde::Serialize;
use serde::de::DeserializeOwned;
use supervise::Scope;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::faults::{Faults, Faulty, Rates};
use crate::memory::Memory;
use crate::nodes::Nodes;

/// How long, in its own time, a world may take to get where a test waits for it.
const PATIENCE: Duration = Duration::from_secs(3600);
/// How often a test looks, in the world's time.
const LOOK: Duration = Duration::from_millis(100);

/// What a world is made of.
#[derive(Clone, Debug)]
pub struct Setup {
    pub nodes: usize,
    pub controllers: controllers::Config,
    pub scheduler: scheduler::Config,
    /// Between the API server and every component but the test.
    pub faults: Rates,
    /// Of the faults; printed at the start.
    pub seed: u64,
}

impl Default for Setup {
    /// Two nodes and no faults.
    fn default() -> Self {
        Self {
            nodes: 2,
            controllers: controllers::Config::default(),
            scheduler: scheduler::Config::default(),
            faults: Rates::default(),
            seed: 0,
        }
    }
}

/// Everything runs until it is dropped. To be made in a runtime whose time is paused.
pub struct World {
    api: ApiServerHandle,
    faults: Faults,
    pub nodes: Nodes,
    _scope: Scope,
}

struct Nobody;

impl Authenticate for Nobody {
    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn authenticate(&self, _: &Credentials) -> Authentication {
        Authentication::Unknown
    }
}

struct Everything;

impl Authorize for Everything {
    fn authorize(&self, _: &UserInfo, _: &Attributes) -> Decision {
        Decision::allow("")
    }

    fn rules(&self, _: &UserInfo, _: &str) -> Rules {
        Rules::default()
    }
}

fn certificate() -> CertificatePem {
    let key = KeyPair::generate().expect("a key is made of randomness alone");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("localhost is a name");
    let certificate = params.self_signed(&key).expect("the key was made for it");
    CertificatePem { chain: certificate.pem().into_bytes(), key: key.serialize_pem().into_bytes() }
}

fn api_config(certificate: &CertificatePem) -> apiserver::Config {
    apiserver::Config {
        service_cidrs: vec!["10.152.183.0/24".parse().expect("it is a network")],
        node_ports: NODE_PORTS,
        event_ttl: Duration::from_secs(3600),
        advertise_address: "192.0.2.1".parse().expect("it is an address"),
        secure_port: 16443,
        admission: AdmissionPlugins::default(),
        service_account_issuer: "https://kubernetes.default.svc".to_owned(),
        audiences: vec!["https://kubernetes.default.svc".to_owned()],
        service_account_keys: vec![certificate.key.clone()],
        limits: Limits::DEFAULT,
        audit: None,
    }
}

fn user(name: &str, groups: &[&str]) -> UserInfo {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    UserInfo { name: name.to_owned(), groups, ..UserInfo::default() }
}

impl World {
    /// Two nodes, everything by default.
    pub async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    pub async fn with(setup: Setup) -> Self {
        Self::advised(setup, None).await
    }

    /// Where others have a say in where pods go.
    pub async fn advised(setup: Setup, counsel: Option<Arc<dyn scheduler::Counsel>>) -> Self {
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        // Another test of the process may have done so.
        drop(tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init());
        let scope = Scope::root("simulation");
        let faults = Faults::new(setup.faults, setup.seed);
        let api = serve(&scope);
        api.ready().await;
        let component = {
            let (api, faults) = (api.clone(), faults.clone());
            move |identity: UserInfo, agent: &str| {
                Client::new(Faulty { inner: api.transport(identity), faults: faults.clone() }, agent)
            }
        };
        let manager = component(user("system:kube-controller-manager", &[]), "kube-controller-manager");
        let controller = {
            let component = component.clone();
            move |name: &'static str| {
                let name = format!("system:serviceaccount:kube-system:{name}");
                component(user(&name, &["system:serviceaccounts"]), "kube-controller-manager")
            }
        };
        let clients = controllers::Clients { manager, controller: Arc::new(controller) };
        let root_ca = watch::channel("PEM".to_owned()).1;
        let deps = controllers::Deps { clients, root_ca, ports: Ports::default(), candidate: None };
        let controllers = setup.controllers.build(deps);
        let stop = scope.token();
        scope.spawn("controllers", async move {
            controllers.run(stop).await.expect("controllers run until the world is dropped");
        });
        let client = component(user("system:kube-scheduler", &[]), "kube-scheduler");
        let deps = scheduler::Deps { client, ports: Ports::default(), candidate: None, counsel };
        let scheduler = setup.scheduler.build(deps);
        let stop = scope.token();
        scope.spawn("scheduler", async move {
            scheduler.run(stop).await.expect("the scheduler runs until the world is dropped");
        });
        let kubelet = component(user("system:node", &["system:nodes", "system:masters"]), "kubelet");
        let nodes = Nodes::start(&scope, kubelet);
        let world = Self { api, faults, nodes, _scope: scope };
        for number in 0..setup.nodes {
            world.nodes.add(&format!("node-{number}"), tree!({})).await;
        }
        world
    }

    /// Speaks for an administrator, without faults.
    pub fn client(&self) -> Client {
        self.client_of("kubectl")
    }

    /// As [`client`](Self::client), as the field manager of a name.
    pub fn client_of(&self, agent: &str) -> Client {
        Client::new(self.api.transport(user("admin", &["system:masters"])), agent)
    }

    /// Speaks for a component that a test runs itself, with faults of its own.
    pub fn component(&self, name: &str, faults: &Faults) -> Client {
        let inner = self.api.transport(user(name, &["system:masters"]));
        Client::new(Faulty { inner, faults: faults.clone() }, name.trim_start_matches("system:"))
    }

    /// While the API server is gone, no component gets an answer.
    pub fn set_api_gone(&self, gone: bool) {
        self.faults.set_gone(gone);
    }

    /// Creates an object of any kind in `default`.
    pub async fn create<K: Resource + Serialize + DeserializeOwned>(&self, object: Tree) -> K {
        self.create_in("default", object).await
    }

    pub async fn create_in<K: Resource + Serialize + DeserializeOwned>(&self, ns: &str, object: Tree) -> K {
        let api = self.client().dynamic(&ApiResource::of::<K>(), Some(ns));
        let made = api.create(&of_kind::<K>(object)).await.unwrap_or_else(|error| panic!("create: {error}"));
        objects::tree::from_tree(&made).expect("the API server answers with the kind that it was given")
    }

    pub async fn create_cluster<K: Resource + Serialize + DeserializeOwned>(&self, object: Tree) -> K {
        let api = self.client().dynamic(&ApiResource::of::<K>(), None);
        let made = api.create(&of_kind::<K>(object)).await.unwrap_or_else(|error| panic!("create: {error}"));
        objects::tree::from_tree(&made).expect("the API server answers with the kind that it was given")
    }

    /// Changes an object in `default` by a merge patch.
    pub async fn patch<K: Resource + Serialize + DeserializeOwned>(&self, name: &str, patch: Tree) -> K {
        let api = self.client().dynamic(&ApiResource::of::<K>(), Some("default"));
        let patched = api.patch(name, &Patch::Merge(patch)).await;
        let patched = patched.unwrap_or_else(|error| panic!("patch {name}: {error}"));
        objects::tree::from_tree(&patched).expect("the API server answers with the kind that it was given")
    }

    /// An object in `default`.
    pub async fn find<K: Resource>(&self, name: &str) -> Option<Tree> {
        let api = self.client().dynamic(&ApiResource::of::<K>(), Some("default"));
        api.find(name).await.unwrap_or_else(|error| panic!("get {name}: {error}"))
    }

    pub async fn delete<K: Resource>(&self, name: &str, options: &DeleteOptions) {
        let api = self.client().dynamic(&ApiResource::of::<K>(), Some("default"));
        api.delete(name, options).await.unwrap_or_else(|error| panic!("delete {name}: {error}"));
    }

    /// Objects of `default` with these labels.
    pub async fn list<K: Resource>(&self, labels: &str) -> Vec<Tree> {
        let api = self.client().dynamic(&ApiResource::of::<K>(), Some("default"));
        let list = api.list(&ListOptions::labels(labels)).await;
        list.unwrap_or_else(|error| panic!("list: {error}")).items
    }

    /// Waits until `look` finds something; what it is. `claim` says what is waited for.
    pub async fn until<T, F: Future<Output = Option<T>>>(
        &self,
        claim: &str,
        mut look: impl FnMut() -> F,
    ) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "waited for an hour: {claim}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until an object of `default` is as `look` wants it; gives it.
    pub async fn until_object<K: Resource>(
        &self,
        name: &str,
        claim: &str,
        look: impl Fn(&Tree) -> bool,
    ) -> Tree {
        self.until(claim, || async { self.find::<K>(name).await.filter(&look) }).await
    }

    /// Waits until a number of objects of `default` with these labels are as `look` wants them; gives those.
    pub async fn until_count<K: Resource>(
        &self,
        labels: &str,
        count: usize,
        claim: &str,
        look: impl Fn(&Tree) -> bool,
    ) -> Vec<Tree> {
        self.until(claim, || async {
            let found: Vec<Tree> = self.list::<K>(labels).await.into_iter().filter(&look).collect();
            (found.len() == count).then_some(found)
        })
        .await
    }

    /// Lets a time pass, in the world's own time.
    pub async fn rest(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// The object with what its kind is called.
pub(crate) fn of_kind<K: Resource>(mut object: Tree) -> Tree {
    let fields = object.object_mut();
    fields.insert("apiVersion", K::API_VERSION);
    fields.insert("kind", K::KIND);
    object
}

/// An API server over a store in memory.
fn serve(scope: &Scope) -> ApiServerHandle {
    let certificate = certificate();
    let dependencies = Dependencies {
        datastore: datastore::Datastore::Remote(Arc::new(Memory::new())),
        authenticate: Arc::new(Nobody),
        authorize: Arc::new(Everything),
        admit: Arc::new(apiserver::Nobody),
        more_metrics: Arc::new(String::new),
        node_mode: Arc::new(|| false),
        anonymous: Arc::new(|| false),
        kubelet: TlsClient::new(&certificate.chain, None).expect("it is a certificate"),
        encryption: watch::channel(None).1,
        anybody: TlsClient::unverified(None).expect("nothing is verified"),
        front_proxy: watch::channel(certificate.clone()).1,
        authorities: watch::channel(ClientAuthorities::default()).1,
        scope: scope.clone(),
    };
    let built = api_config(&certificate).build(dependencies);
    let (handle, task) = built.expect("the configuration is that of a node");
    let address =
        SocketAddress::Ip { address: IpAddr::V4(Ipv4Addr::LOCALHOST), port: 0, transport: Transport::Tcp };
    let (name, binder) = ("apiserver", Binder::Host);
    let socket = Socket { name, service: name, address, binder, access: "nobody" };
    let roots = Roots::new(&[]).expect("no roots are needed");
    let tls = TlsServer::new(certificate, roots).expect("it is a certificate with its key");
    let stop = scope.token();
    scope.spawn("apiserver", async move {
        let bound = net::bind_all(vec![socket]).expect("any port of loopback will do");
        let listener = bound.listener(name).expect("it was just bound");
        task.run(&listener, &tls, stop).await.expect("a store in memory takes what every cluster has");
    });
    handle
}
