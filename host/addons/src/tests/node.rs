//! A node of fakes: an API and a store in memory, a configuration that can refuse.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use args::{AddonEdits, Args, Effective, Mistakes, Profile, Service};
use bytes::Bytes;
use engine::{
    CertificateRequest, Engine, Facts, Issued, Kind, KubeRequest, KubeResponse, Limits, Object, ObjectKey,
    Refusal,
};
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, StreamExt, unfold};
use supervise::{Scope, Task};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::author::Workshop;
use crate::ports::{
    Compiler, Configuration, Documents, Issuer, KubeAccess, ObjectSource, ObjectUpdate, PortError, Store,
};
use crate::signature::Trust;
use crate::{
    AddonsHandle, AdmissionRequest, AdmissionStep, Attributes, Builtin, Config, Credentials, Deps, User,
    WriteOperation, Written,
};

pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// A first-party component, which `make plugins` builds.
pub(crate) fn plugin(name: &str) -> Bytes {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../target/plugins/{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|why| panic!("{}: {why}: run `make plugins`", path.display())).into()
}

pub(super) fn builtin(name: &'static str, enabled_by_default: bool) -> Builtin {
    Builtin { name, component: Vec::leak(plugin(name).to_vec()), enabled_by_default }
}

/// A component of `tests/guests`.
pub(super) fn guest(name: &str) -> Bytes {
    support::guest(name).into()
}

/// The same component by another digest.
pub(super) fn stamped(component: &Bytes) -> Bytes {
    [component.as_ref(), b"\0\x06\x05stamp"].concat().into()
}

/// The same component, of whose metadata a part is another, no longer one. What is compiled of it is the same.
pub(super) fn rewritten(component: &Bytes, part: &str, by: &str) -> Bytes {
    let by = format!("{by:<width$}", width = part.len());
    let mut made = component.to_vec();
    // The compiler may have left a copy of it elsewhere.
    let places = component.windows(part.len()).enumerate().filter(|(_, window)| *window == part.as_bytes());
    places.for_each(|(place, _)| made[place..place + part.len()].copy_from_slice(by.as_bytes()));
    assert_ne!(made, component.as_ref(), "the metadata has no {part:?}");
    let made = Bytes::from(made);
    let compiled = compiled(component).unwrap();
    COMPILED.lock().unwrap().insert(made.clone(), compiled);
    made
}

/// A component that has nothing but metadata.
pub(crate) fn hollow(metadata: &str) -> Bytes {
    let mut section = b"\x0amk8s:addon".to_vec();
    section.extend_from_slice(metadata.as_bytes());
    let mut component = b"\0asm\x0d\0\x01\0\0".to_vec();
    let mut length = section.len();
    while length >= 0x80 {
        component.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    component.push(u8::try_from(length).unwrap());
    component.extend(section);
    component.into()
}

pub(crate) fn hollow_addon(name: &str, version: &str, more: &str) -> Bytes {
    hollow(&format!(r#"{{"contract":"0.1","name":"{name}","version":"{version}"{more}}}"#))
}

/// One with a folder of its own.
pub(crate) fn workshop() -> (TempDir, Workshop) {
    let folder = tempfile::tempdir().unwrap();
    let workshop = Workshop::new(folder.path().to_owned(), ENGINE.clone(), Arc::new(HereCompiler));
    (folder, workshop)
}

/// Compiles here, and each component once for all tests.
pub(crate) struct HereCompiler;

static COMPILED: LazyLock<Mutex<HashMap<Bytes, Vec<u8>>>> = LazyLock::new(Mutex::default);

impl Compiler for HereCompiler {
    fn compile(&self, component: Bytes) -> BoxFuture<'_, Result<Vec<u8>, PortError>> {
        Box::pin(async move { compiled(&component) })
    }
}

fn compiled(component: &Bytes) -> Result<Vec<u8>, PortError> {
    let mut all = COMPILED.lock().unwrap();
    if let Some(compiled) = all.get(component) {
        return Ok(compiled.clone());
    }
    let made = engine::compile(component).map_err(|why| PortError(why.to_string()))?;
    all.insert(component.clone(), made.clone());
    Ok(made)
}

#[derive(Default)]
pub(super) struct MemoryStore {
    pub(super) keys: Mutex<BTreeMap<String, Bytes>>,
    pub(super) refuses: AtomicBool,
    /// Answers nothing at all.
    pub(super) is_away: AtomicBool,
    /// Changes so far.
    changes: watch::Sender<u64>,
}

impl MemoryStore {
    fn ask<T: Send + 'static>(
        &self,
        answer: impl FnOnce(&mut BTreeMap<String, Bytes>) -> T + Send,
    ) -> BoxFuture<'_, Result<T, PortError>> {
        if self.is_away.load(Ordering::SeqCst) {
            return Box::pin(std::future::pending());
        }
        let answer = match self.refuses.load(Ordering::SeqCst) {
            true => Err(PortError("the store is full".to_owned())),
            false => Ok(answer(&mut self.keys.lock().unwrap())),
        };
        Box::pin(std::future::ready(answer))
    }
}

impl Store for MemoryStore {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>, PortError>> {
        self.ask(|keys| keys.get(key).cloned())
    }

    fn put<'a>(&'a self, key: &'a str, value: Bytes) -> BoxFuture<'a, Result<(), PortError>> {
        let written = self.ask(|keys| drop(keys.insert(key.to_owned(), value)));
        self.changes.send_modify(|count| *count += 1);
        written
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), PortError>> {
        let written = self.ask(|keys| drop(keys.remove(key)));
        self.changes.send_modify(|count| *count += 1);
        written
    }

    fn changes(&self, _: &'static str) -> BoxStream<'static, ()> {
        let mut changes = self.changes.subscribe();
        changes.mark_changed();
        let is_away = self.is_away.load(Ordering::SeqCst);
        let told = unfold(changes, |mut changes| async move {
            changes.changed().await.ok()?;
            Some(((), changes))
        });
        if is_away { futures_util::stream::pending().boxed() } else { told.boxed() }
    }

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<(String, Bytes)>, PortError>> {
        self.ask(|keys| {
            let below = keys.iter().filter(|(key, _)| key.starts_with(prefix));
            below.map(|(key, value)| (key.clone(), value.clone())).collect()
        })
    }
}

/// Issues whatever it is asked for.
struct FakeIssuer;

impl Issuer for FakeIssuer {
    fn issue(&self, request: CertificateRequest) -> BoxFuture<'_, Result<Issued, PortError>> {
        let chain = format!("{} in {}", request.common_name, request.organizations.join(",")).into();
        let (key, authorities) = (Bytes::new(), Bytes::new());
        Box::pin(std::future::ready(Ok(Issued { chain, key, authorities, not_after: 1 })))
    }
}

/// Other servers, by the URLs of what they have.
#[derive(Default)]
pub(super) struct Servers(pub(super) Mutex<BTreeMap<&'static str, Bytes>>);

impl Documents for Servers {
    fn fetch<'a>(&'a self, url: &'a str, _: Option<&'a Path>) -> BoxFuture<'a, Result<Bytes, PortError>> {
        let found = self.0.lock().unwrap().get(url).cloned();
        Box::pin(std::future::ready(found.ok_or_else(|| PortError(format!("fetch {url}: nobody is there")))))
    }
}

type Objects = BTreeMap<(Kind, ObjectKey), Bytes>;

/// The Kubernetes API, without versions.
#[derive(Clone)]
pub(super) struct MemoryApi {
    objects: Arc<watch::Sender<Objects>>,
    /// Nothing is written any more.
    pub(super) is_read_only: Arc<AtomicBool>,
}

impl MemoryApi {
    pub(super) fn put(&self, resource: &str, namespace: &str, name: &str, json: &str) {
        let kind = Kind {
            group: "rbac.authorization.k8s.io".to_owned(),
            version: "v1".to_owned(),
            resource: resource.to_owned(),
        };
        let key = ObjectKey { namespace: namespace.to_owned(), name: name.to_owned() };
        self.put_object(kind, key, json);
    }

    pub(super) fn put_object(&self, kind: Kind, key: ObjectKey, json: &str) {
        self.objects.send_modify(|objects| drop(objects.insert((kind, key), Bytes::from(json.to_owned()))));
    }

    pub(super) fn count(&self, resource: &str) -> usize {
        self.objects.borrow().keys().filter(|(kind, _)| kind.resource == resource).count()
    }
}

impl KubeAccess for MemoryApi {
    fn call<'a>(&'a self, _: &'a str, request: KubeRequest) -> BoxFuture<'a, Result<KubeResponse, Refusal>> {
        let key = |namespace: String, name: String| ObjectKey { namespace, name };
        let answer = match request {
            KubeRequest::Get(target) => {
                let found =
                    self.objects.borrow().get(&(target.kind, key(target.namespace, target.name))).cloned();
                found.map(|json| vec![json]).ok_or_else(|| Refusal::NotFound("no such object".to_owned()))
            }
            KubeRequest::List(target) => {
                Ok(list(&self.objects.borrow(), &target.kind).map(|(_, json)| json.clone()).collect())
            }
            KubeRequest::Put(..) if self.is_read_only.load(Ordering::SeqCst) => {
                Err(Refusal::Unavailable("the API only reads".to_owned()))
            }
            KubeRequest::Put(target, json) => {
                let place = (target.kind, key(target.namespace, target.name));
                self.objects.send_modify(|objects| drop(objects.insert(place, json.clone())));
                Ok(vec![json])
            }
            KubeRequest::Delete(target) => {
                let place = (target.kind, key(target.namespace, target.name));
                self.objects.send_modify(|objects| drop(objects.remove(&place)));
                Ok(Vec::new())
            }
        };
        Box::pin(std::future::ready(answer))
    }
}

fn list<'a>(objects: &'a Objects, kind: &Kind) -> impl Iterator<Item = (&'a ObjectKey, &'a Bytes)> {
    objects.iter().filter(move |((of, _), _)| of == kind).map(|((_, key), json)| (key, json))
}

impl ObjectSource for MemoryApi {
    fn follow(&self, _: &str, kind: &Kind) -> BoxStream<'static, ObjectUpdate> {
        let mut changes = self.objects.subscribe();
        changes.mark_changed();
        let kind = kind.clone();
        let next = move |(mut changes, kind): (watch::Receiver<Objects>, Kind)| async move {
            changes.changed().await.ok()?;
            let objects = list(&changes.borrow_and_update(), &kind)
                .map(|(key, json)| Object { key: key.clone(), json: json.clone() })
                .collect();
            Some((ObjectUpdate::Snapshot(objects), (changes, kind)))
        };
        unfold((changes, kind), next).boxed()
    }
}

/// An API that nobody answers for.
pub(super) struct NoApi;

impl ObjectSource for NoApi {
    fn follow(&self, _: &str, _: &Kind) -> BoxStream<'static, ObjectUpdate> {
        futures_util::stream::pending().boxed()
    }
}

pub(super) struct FakeConfiguration {
    args: Args,
    effective: Mutex<Arc<Effective>>,
    pub(super) refuses: AtomicBool,
    api: MemoryApi,
    /// ClusterRoles that there were when the configuration was put in force, each time.
    pub(super) roles_at_apply: Mutex<Vec<usize>>,
}

impl FakeConfiguration {
    fn new(data_dir: &Path, api: MemoryApi) -> Self {
        let args = Args::read(&data_dir.to_string_lossy(), Profile::Default, &[]).unwrap();
        let effective = Mutex::new(Arc::new(args.fold(&crate::last_edits(data_dir).unwrap()).unwrap()));
        Self { args, effective, refuses: AtomicBool::new(false), api, roles_at_apply: Mutex::default() }
    }

    pub(super) fn mode(&self) -> String {
        self.effective().service(Service::KubeApiserver).text("authorization-mode").to_owned()
    }
}

impl Configuration for FakeConfiguration {
    fn fold(&self, edits: &[AddonEdits]) -> Result<Effective, Mistakes> {
        self.args.fold(edits)
    }

    fn apply(&self, effective: Arc<Effective>) -> BoxFuture<'_, Result<(), PortError>> {
        let refused = self.refuses.load(Ordering::SeqCst);
        if !refused {
            self.roles_at_apply.lock().unwrap().push(self.api.count("clusterroles"));
            *self.effective.lock().unwrap() = effective;
        }
        let told =
            if refused { Err(PortError("the API server did not get ready".to_owned())) } else { Ok(()) };
        Box::pin(std::future::ready(told))
    }

    fn effective(&self) -> Arc<Effective> {
        self.effective.lock().unwrap().clone()
    }

    fn facts(&self) -> Facts {
        Facts { node_name: "node".to_owned(), addresses: vec!["10.0.0.1".to_owned()] }
    }
}

/// What outlives a run of the host.
pub(super) struct Machine {
    folder: TempDir,
    pub(super) trust: Trust,
    pub(super) store: Arc<MemoryStore>,
    pub(super) api: MemoryApi,
    pub(super) servers: Arc<Servers>,
}

/// A run of the host.
pub(super) struct Run {
    pub(super) addons: AddonsHandle,
    pub(super) configuration: Arc<FakeConfiguration>,
    stop: CancellationToken,
    task: Task<()>,
}

pub(crate) static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new().unwrap());

impl Machine {
    /// Another machine of the same cluster.
    pub(super) fn beside(other: &Self) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            trust: other.trust,
            store: other.store.clone(),
            api: other.api.clone(),
            ..Self::new()
        }
    }

    pub(super) fn new() -> Self {
        let objects = Arc::new(watch::Sender::new(BTreeMap::new()));
        let api = MemoryApi { objects, is_read_only: Arc::default() };
        Self {
            folder: tempfile::tempdir().unwrap(),
            trust: Trust::Anybody,
            store: Arc::default(),
            api,
            servers: Arc::default(),
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Neither this machine nor the cluster has the component any more.
    pub(super) fn lose(&self, digest: &str) {
        std::fs::remove_file(self.path(&format!("var/lib/addons/{digest}.wasm"))).unwrap();
        self.store.keys.lock().unwrap().retain(|key, _| !key.contains(digest));
    }

    pub(super) fn data_dir(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the addons, and does not wait.
    pub(super) fn start(&self, builtins: &[Builtin]) -> Run {
        self.start_with(builtins, Arc::new(self.api.clone()))
    }

    pub(super) fn start_with(&self, builtins: &[Builtin], objects: Arc<dyn ObjectSource>) -> Run {
        let scope = Scope::root("addons");
        let configuration = Arc::new(FakeConfiguration::new(self.data_dir(), self.api.clone()));
        let deps = Deps {
            engine: ENGINE.clone(),
            compiler: Arc::new(HereCompiler),
            store: self.store.clone(),
            kube: Arc::new(self.api.clone()),
            issuer: Arc::new(FakeIssuer),
            objects,
            documents: self.servers.clone(),
            configuration: configuration.clone(),
            scope: scope.clone(),
        };
        let config = Config {
            data_dir: self.folder.path().to_owned(),
            builtins: builtins.to_vec(),
            // The machine of a test may be busy.
            request_limits: Limits::COLD,
            trust: self.trust,
        };
        let (addons, task) = config.build(deps).unwrap();
        let stop = CancellationToken::new();
        let task = scope.spawn("addons", {
            let (stop, scope) = (stop.clone(), scope.clone());
            async move {
                task.run(stop).await;
                drop(scope);
            }
        });
        Run { addons, configuration, stop, task }
    }

    pub(super) async fn start_ready(&self, builtins: &[Builtin]) -> Run {
        let run = self.start(builtins);
        tokio::time::timeout(PATIENCE, run.addons.ready()).await.unwrap();
        run
    }
}

impl Run {
    pub(super) async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }

    pub(super) fn user_of_token(&self, token: &str) -> Option<User> {
        self.addons.authenticate(&Credentials { bearer_token: Some(token), ..Credentials::default() })
    }

    /// `allow`, `no opinion` or why nobody decided, for a verb and a resource.
    pub(super) fn asked(&self, user: &str, verb: &str, group: &str, resource: &str) -> String {
        let user = User { name: user.to_owned(), ..User::default() };
        let attributes = Attributes {
            verb,
            group,
            version: "v1",
            resource,
            namespace: "default",
            ..Attributes::default()
        };
        match self.addons.authorize(&user, &attributes) {
            Ok(crate::Decision::Allow(_)) => "allow".to_owned(),
            Ok(crate::Decision::Deny(_)) => "deny".to_owned(),
            Ok(crate::Decision::NoOpinion(_)) => "no opinion".to_owned(),
            Ok(crate::Decision::Other(name)) => name,
            Err(why) => why.to_string(),
        }
    }
}

impl Run {
    /// What came of the words that the guest `able` is told, or `hostile`.
    pub(super) async fn told(&self, addon: &str, words: &str) -> String {
        let object = format!(r#"{{"metadata":{{"annotations":{{"do":"{words}"}}}}}}"#);
        match self.addons.validate(addon, write(words, object.into())).await {
            Ok(review) => review.denied.map_or("nothing".to_owned(), |denial| denial.message),
            Err(why) => why.to_string(),
        }
    }

    pub(super) fn shown(&self, resource: &str, user: &str) -> Vec<String> {
        let written = Written { operation: WriteOperation::Create, group: "", resource, subresource: "" };
        let shown = self.addons.shown(AdmissionStep::Validate, written, user);
        shown.into_iter().map(|shown| shown.addon).collect()
    }
}

/// The creation of a ConfigMap.
pub(super) fn write(name: &str, object: Bytes) -> AdmissionRequest {
    AdmissionRequest {
        operation: WriteOperation::Create,
        resource: Kind { group: String::new(), version: "v1".to_owned(), resource: "configmaps".to_owned() },
        subresource: String::new(),
        object_kind: "ConfigMap".to_owned(),
        namespace: "default".to_owned(),
        name: name.to_owned(),
        user: User::default(),
        object: Some(object),
        old_object: None,
        options: Bytes::from_static(b"{}"),
        dry_run: false,
    }
}

/// Returns when the claim holds.
pub(super) async fn holds(mut claim: impl FnMut() -> bool) {
    let mut looks = tokio::time::interval(Duration::from_millis(5));
    let until = async {
        while !claim() {
            looks.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, until).await.expect("the claim holds in time");
}
