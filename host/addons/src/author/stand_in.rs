//! What an addon asks of the host, answered without a cluster: a store and an API in memory, within the grants that its
//! metadata wants.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use engine::{
    Answer, Attributes, CertificateRequest, Decision, Issued, Kind, KubeRequest, KubeResponse, Level,
    Measure, ObjectKey, Refusal, Services, Target,
};
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, StreamExt};
use objects::Tree;
use objects::selector::{FieldSelector, LabelSelector};

use crate::grants;
use crate::ledger::{Ledger, Ledgers};
use crate::metadata::{Metadata, SettingValue, Wants};
use crate::ports::{Issuer, KubeAccess, PortError, Store};
use crate::services::{AddonServices, Backends, Identity};

/// Lines of log that are kept.
const LINES: usize = 10_000;
/// What stands for a certificate, a key and a CA.
const PEM: &[u8] = b"-----BEGIN STAND-IN-----\nAA==\n-----END STAND-IN-----\n";

/// The services of one addon, as on a node, over a world in memory.
pub(super) struct StandIn {
    services: AddonServices,
    pub(super) world: Arc<World>,
    log: Mutex<Vec<(Level, String)>>,
}

/// What there is, and what was asked beyond the grants.
pub(super) struct World {
    addon: String,
    grants: Wants,
    state: Mutex<State>,
    ledger: Arc<Ledger>,
    /// Nothing answers, as while a node starts.
    is_away: AtomicBool,
}

/// All that an addon can have written.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) kept: BTreeMap<String, Bytes>,
    pub(super) objects: BTreeMap<(Kind, ObjectKey), Bytes>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl StandIn {
    pub(super) fn new(metadata: &Metadata, settings: &BTreeMap<String, SettingValue>) -> Arc<Self> {
        let ledger = Ledgers::default().of(&metadata.name);
        let world = Arc::new(World {
            addon: metadata.name.clone(),
            grants: metadata.wants.clone(),
            state: Mutex::default(),
            ledger: ledger.clone(),
            is_away: AtomicBool::new(false),
        });
        let identity = Identity {
            addon: metadata.name.clone(),
            settings: metadata.settings(settings),
            grants: metadata.wants.clone(),
            // Their content is the node's.
            folders: Vec::new(),
        };
        let backends = Backends { store: world.clone(), kube: world.clone(), issuer: world.clone() };
        let services = AddonServices::new(identity, ledger, backends);
        Arc::new(Self { services, world, log: Mutex::default() })
    }

    /// The lines logged so far, taken.
    /// What it logged, as `level: line`.
    pub(super) fn told(&self) -> Vec<String> {
        self.log().into_iter().map(|(level, line)| format!("{}: {line}", named(level))).collect()
    }

    pub(super) fn log(&self) -> Vec<(Level, String)> {
        std::mem::take(&mut *lock(&self.log))
    }
}

fn named(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
    }
}

impl World {
    pub(super) fn state(&self) -> State {
        lock(&self.state).clone()
    }

    pub(super) fn put(&self, kind: Kind, key: ObjectKey, json: Bytes) {
        lock(&self.state).objects.insert((kind, key), json);
    }

    /// What was asked and is not among the grants.
    pub(super) fn denied(&self) -> Vec<String> {
        self.ledger.denials().into_iter().map(|(what, _)| what).collect()
    }

    pub(super) fn set_away(&self) {
        self.is_away.store(true, Ordering::Relaxed);
    }

    fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Relaxed)
    }

    fn store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut BTreeMap<String, Bytes>) -> T,
    ) -> BoxFuture<'static, Result<T, PortError>> {
        let answer = match self.is_away() {
            true => Err(PortError("the store is away, as this test has it".to_owned())),
            false => Ok(work(&mut lock(&self.state).kept)),
        };
        Box::pin(std::future::ready(answer))
    }

    /// Whether the API would let it through: who may create may not update.
    fn permits(&self, verb: &str, target: &Target) -> Result<(), Refusal> {
        let Target { kind, subresource, namespace, name, .. } = target;
        let asked = Attributes {
            verb,
            namespace,
            group: &kind.group,
            version: &kind.version,
            resource: &kind.resource,
            subresource,
            name,
            path: "",
        };
        match grants::decide(&self.addon, &self.grants, &asked) {
            Decision::Allow(_) => Ok(()),
            Decision::Deny(_) | Decision::NoOpinion(_) | Decision::Other(_) => {
                let what = format!("kube: {verb} {}", kind.resource);
                self.ledger.denied(&what);
                Err(Refusal::Denied(format!("{what}: not granted to the addon {}", self.addon)))
            }
        }
    }

    fn answer(&self, request: KubeRequest) -> Result<KubeResponse, Refusal> {
        if self.is_away() {
            return Err(Refusal::Unavailable("the API is away, as this test has it".to_owned()));
        }
        let mut state = lock(&self.state);
        let place = |target: Target| {
            let Target { kind, namespace, name, .. } = target;
            (kind, ObjectKey { namespace, name })
        };
        let missing = |name: &str| Refusal::NotFound(format!("there is no object{}", quoted(name)));
        match request {
            KubeRequest::Get(target) => {
                self.permits("get", &target)?;
                let name = target.name.clone();
                let found = state.objects.get(&place(target)).cloned();
                found.map(|object| vec![object]).ok_or_else(|| missing(&name))
            }
            KubeRequest::List(target) => {
                self.permits("list", &target)?;
                let selection = Selection::of(&target)?;
                let within =
                    |key: &ObjectKey| target.namespace.is_empty() || key.namespace == target.namespace;
                let all = state.objects.iter().filter(|((kind, key), object)| {
                    *kind == target.kind && within(key) && selection.holds(key, object)
                });
                Ok(all.map(|(_, object)| object.clone()).collect())
            }
            KubeRequest::Put(target, object) => {
                let place = place(target.clone());
                let verb = if state.objects.contains_key(&place) { "update" } else { "create" };
                self.permits(verb, &target)?;
                if verb == "create" && !target.subresource.is_empty() {
                    return Err(missing(&target.name));
                }
                state.objects.insert(place, object.clone());
                Ok(vec![object])
            }
            KubeRequest::Delete(target) => {
                self.permits("delete", &target)?;
                let name = target.name.clone();
                let gone = state.objects.remove(&place(target));
                gone.map(|_| Vec::new()).ok_or_else(|| missing(&name))
            }
        }
    }
}

/// What of a list is asked for.
struct Selection {
    labels: LabelSelector,
    fields: FieldSelector,
}

impl Selection {
    fn of(target: &Target) -> Result<Self, Refusal> {
        let invalid = |why: &dyn std::error::Error| Refusal::Invalid(why.to_string());
        Ok(Self {
            labels: LabelSelector::parse(&target.label_selector).map_err(|why| invalid(&why))?,
            fields: FieldSelector::parse(&target.field_selector).map_err(|why| invalid(&why))?,
        })
    }

    /// Of fields the stand-in knows those that every kind has.
    fn holds(&self, key: &ObjectKey, object: &[u8]) -> bool {
        let field = |field: &str| match field {
            "metadata.name" => Cow::Borrowed(key.name.as_str()),
            "metadata.namespace" => Cow::Borrowed(key.namespace.as_str()),
            _ => Cow::Borrowed(""),
        };
        self.fields.matches(field)
            && Tree::from_json(object).is_ok_and(|object| self.labels.matches_object(&object))
    }
}

fn quoted(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" called {name:?}") }
}

impl Store for World {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>, PortError>> {
        self.store(|kept| kept.get(key).cloned())
    }

    fn put<'a>(&'a self, key: &'a str, value: Bytes) -> BoxFuture<'a, Result<(), PortError>> {
        self.store(|kept| drop(kept.insert(key.to_owned(), value)))
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), PortError>> {
        self.store(|kept| drop(kept.remove(key)))
    }

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<(String, Bytes)>, PortError>> {
        self.store(|kept| {
            let below = kept.iter().filter(|(key, _)| key.starts_with(prefix));
            below.map(|(key, value)| (key.clone(), value.clone())).collect()
        })
    }

    fn changes(&self, _: &'static str) -> BoxStream<'static, ()> {
        futures_util::stream::pending().boxed()
    }
}

impl KubeAccess for World {
    fn call<'a>(&'a self, _: &'a str, request: KubeRequest) -> BoxFuture<'a, Result<KubeResponse, Refusal>> {
        Box::pin(std::future::ready(self.answer(request)))
    }
}

impl Issuer for World {
    fn issue(&self, request: CertificateRequest) -> BoxFuture<'_, Result<Issued, PortError>> {
        let pem = Bytes::from_static(PEM);
        let issued = Issued {
            chain: pem.clone(),
            key: pem.clone(),
            authorities: pem,
            not_after: request.life.as_secs(),
        };
        Box::pin(std::future::ready(Ok(issued)))
    }
}

impl Services for StandIn {
    fn log(&self, level: Level, message: &str) {
        let mut log = lock(&self.log);
        if log.len() < LINES {
            log.push((level, message.to_owned()));
        }
    }

    fn settings(&self) -> Vec<engine::Setting> {
        self.services.settings()
    }

    fn kv_get(&self, key: String) -> Answer<'_, Option<Bytes>> {
        self.services.kv_get(key)
    }

    fn kv_put(&self, key: String, value: Bytes) -> Answer<'_, ()> {
        self.services.kv_put(key, value)
    }

    fn kv_delete(&self, key: String) -> Answer<'_, ()> {
        self.services.kv_delete(key)
    }

    fn kv_list(&self, prefix: String) -> Answer<'_, Vec<String>> {
        self.services.kv_list(prefix)
    }

    fn kube(&self, request: KubeRequest) -> Answer<'_, KubeResponse> {
        self.services.kube(request)
    }

    fn issue(&self, request: CertificateRequest) -> Answer<'_, Issued> {
        self.services.issue(request)
    }

    fn measure(&self, measure: Measure) {
        self.services.measure(measure);
    }

    fn now(&self) -> u64 {
        self.services.now()
    }

    fn monotonic(&self) -> u64 {
        self.services.monotonic()
    }
}
