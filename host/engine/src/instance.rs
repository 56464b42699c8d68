//! One instance of a component and the calls of its roles, each under a deadline.

#[macro_use]
mod call;
mod admission;
mod network;
mod scheduling;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use wasmtime::{Store, Trap};

use crate::bindings::draft::exports::mk8s::addon0_2_0_draft::scheduling as drafted;
use crate::bindings::exports::mk8s::addon::{
    authenticator, authorizer, config, dns, files, lifecycle, objects,
};
use crate::bindings::mk8s::addon::types;
use crate::component::{Component, Limits};
use crate::convert;
use crate::host::Host;
use crate::inspect::Role;
use crate::runtime::TICK;
use crate::services::Services;
use crate::values::{
    Argument, Attributes, Credentials, Decision, Edit, Event, Facts, File, Folder, Kind, Object,
    ObjectChange, Refusal, RuleSet, Setting, User,
};

/// Bytes of strings and lists that one call may bring from the guest.
const ANSWER: usize = 16 << 20;

/// Why a call gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("the addon trapped: {0}")]
    Trap(String),
    #[error("the addon did not answer within {0:?}")]
    Deadline(Duration),
    #[error("the addon used up its memory")]
    Memory,
    /// The guest understood and refused.
    #[error(transparent)]
    Guest(#[from] Refusal),
    #[error("the addon waited where nothing may wait")]
    Waited,
    #[error("the addon has no role {}", .0.name())]
    Absent(Role),
    #[error("the addon was built for another draft of the contract than this host speaks: build it anew")]
    OtherDraft,
    #[error("the addon failed in an earlier call")]
    Poisoned,
    #[error("open a folder that the addon was granted: {0}")]
    Folder(String),
}

impl CallError {
    /// The instance cannot be used any more.
    pub fn is_fault(&self) -> bool {
        !matches!(self, Self::Guest(_) | Self::Absent(_))
    }
}

/// An instance, with memory of its own.
pub struct Instance {
    component: Component,
    store: Store<Host>,
    instance: wasmtime::component::Instance,
    guests: Guests,
    limits: Limits,
    /// Of the call under way.
    deadline: Duration,
    poisoned: bool,
}

/// The functions that were looked up already.
#[derive(Default)]
struct Guests {
    authenticator: Option<authenticator::Guest>,
    authorizer: Option<authorizer::Guest>,
    dns: Option<dns::Guest>,
    scheduling: Option<drafted::Guest>,
}

impl Component {
    /// Makes an instance, on the calling thread.
    pub fn instantiate(&self, services: Arc<dyn Services>, limits: Limits) -> Result<Instance, CallError> {
        self.instantiate_with(services, limits, &[])
    }

    /// Makes an instance that has folders: for calls on threads that may be held up.
    pub fn instantiate_with(
        &self,
        services: Arc<dyn Services>,
        limits: Limits,
        folders: &[Folder],
    ) -> Result<Instance, CallError> {
        let parts = self.parts();
        let host = Host::new(services, limits, folders);
        let host = host.map_err(|why| CallError::Folder(why.root_cause().to_string()))?;
        let mut store = Store::new(parts.engine.wasmtime(), host);
        store.limiter(|host| &mut host.memory);
        store.set_hostcall_fuel(ANSWER);
        store.set_epoch_deadline(ticks(Limits::COLD.deadline));
        let made = parts.instance.instantiate_async(&mut store).now_or_never();
        let instance = made.ok_or(CallError::Waited)?;
        let instance = instance.map_err(|why| fault(&why, &store, Limits::COLD.deadline))?;
        Ok(Instance {
            component: self.clone(),
            store,
            instance,
            guests: Guests::default(),
            limits,
            deadline: limits.deadline,
            poisoned: false,
        })
    }
}

/// Deadlines are kept by whole ticks, the one under way not counted.
fn ticks(deadline: Duration) -> u64 {
    u64::try_from(deadline.as_millis().div_ceil(TICK.as_millis())).unwrap_or(u64::MAX).saturating_add(1)
}

fn fault(why: &wasmtime::Error, store: &Store<Host>, deadline: Duration) -> CallError {
    match why.downcast_ref::<Trap>() {
        _ if store.data().memory.exceeded => CallError::Memory,
        Some(Trap::Interrupt) => CallError::Deadline(deadline),
        Some(trap) => CallError::Trap(trap.to_string()),
        None => CallError::Trap(why.root_cause().to_string()),
    }
}

/// What a guest's function gives: a trap, or the contract's own result.
type Outcome<T> = wasmtime::Result<Result<T, types::Error>>;

/// Whether a call may wait for answers of the host, and who waits for the call.
#[allow(non_camel_case_types, reason = "named like the functions below")]
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// It may not, and a request waits for it.
    never,
    /// It may not, and nobody waits for it in a request.
    now,
    /// It may.
    later,
}

/// Polls once: what is not answered then, waited.
async fn now<T>(call: impl Future<Output = Outcome<T>>) -> Option<Outcome<T>> {
    call.now_or_never()
}

async fn later<T>(call: impl Future<Output = Outcome<T>>) -> Option<Outcome<T>> {
    Some(call.await)
}

/// The value of a future of calls that are polled once, and so never wait.
fn at_once<T>(call: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
    call.now_or_never().unwrap_or(Err(CallError::Waited))
}

impl Instance {
    /// The edits that the addon makes to the configuration.
    pub async fn edits(
        &mut self,
        arguments: &[Argument<'_>],
        settings: &[Setting],
        facts: &Facts,
    ) -> Result<Vec<Edit>, CallError> {
        let arguments: Vec<_> = arguments
            .iter()
            .map(|one| config::Argument { service: one.service, flag: one.flag, value: one.value })
            .collect();
        let settings: Vec<_> =
            settings.iter().map(|one| types::SettingParam { name: &one.name, value: &one.value }).collect();
        let addresses: Vec<_> = facts.addresses.iter().map(String::as_str).collect();
        let facts = config::Facts { node_name: &facts.node_name, addresses: &addresses, extra: &[] };
        let input = config::Input { arguments: &arguments, settings: &settings, facts, extra: &[] };
        let edits = call!(self, config, Config, now, |guest, store| guest.call_edits(store, input))?;
        Ok(edits.into_iter().map(convert::edit).collect())
    }

    /// Tells the addon what happened.
    pub async fn notify(&mut self, event: Event<'_>) -> Result<(), CallError> {
        let event = match event {
            Event::Enabled => lifecycle::Event::Enabled,
            Event::Disabled => lifecycle::Event::Disabled,
            Event::UnitStarting(unit) => lifecycle::Event::UnitStarting(unit),
            Event::UnitReady(unit) => lifecycle::Event::UnitReady(unit),
            Event::UnitStopping(unit) => lifecycle::Event::UnitStopping(unit),
            Event::NodeJoined(node) => lifecycle::Event::NodeJoined(node),
            Event::CertsRenewed(files) => lifecycle::Event::CertsRenewed(files),
        };
        call!(self, lifecycle, Lifecycle, later, |guest, store| guest.call_notify(store, event))
    }

    /// Lets the addon bring what it keeps in order; gives the time after which it wants to be called again.
    pub async fn reconcile(&mut self) -> Result<Option<Duration>, CallError> {
        let again = call!(self, lifecycle, Lifecycle, later, |guest, store| guest.call_reconcile(store))?;
        Ok(again.map(|seconds| Duration::from_secs(seconds.into())))
    }

    /// Pushes everything there is of a kind.
    pub fn snapshot(&mut self, kind: &Kind, objects: &[Object]) -> Result<(), CallError> {
        let all: Vec<_> = objects.iter().map(object).collect();
        let kind = convert::kind(kind);
        at_once(async {
            call!(self, objects, Objects, now, |guest, store| guest.call_snapshot(store, kind, &all))
        })
    }

    /// Pushes what changed of a kind, in order.
    pub fn changed(&mut self, kind: &Kind, changes: &[ObjectChange]) -> Result<(), CallError> {
        let all: Vec<_> = changes
            .iter()
            .map(|change| match change {
                ObjectChange::Put(put) => objects::Change::Put(object(put)),
                ObjectChange::Delete(gone) => objects::Change::Delete(key(gone)),
            })
            .collect();
        let kind = convert::kind(kind);
        at_once(async {
            call!(self, objects, Objects, now, |guest, store| guest.call_changed(store, kind, &all))
        })
    }

    /// Pushes the granted files, all of them.
    pub fn files(&mut self, files: &[File]) -> Result<(), CallError> {
        let all: Vec<_> = files
            .iter()
            .map(|file| files::File {
                name: &file.name,
                path: &file.path,
                content: file.content.as_deref(),
                extra: &[],
            })
            .collect();
        at_once(async { call!(self, files, Files, now, |guest, store| guest.call_changed(store, &all)) })
    }

    /// The user of the credentials, if the addon knows one.
    pub fn authenticate(&mut self, credentials: &Credentials<'_>) -> Result<Option<User>, CallError> {
        let asked = authenticator::Credentials {
            certificate: credentials.certificate.map(|certificate| authenticator::Certificate {
                chain: certificate.chain,
                anchor: certificate.anchor,
            }),
            bearer_token: credentials.bearer_token,
            password: credentials
                .password
                .map(|password| authenticator::Password { user: password.user, password: password.password }),
            extra: &[],
        };
        self.begin(Wait::never)?;
        let guest = match &self.guests.authenticator {
            Some(guest) => guest,
            None => {
                let component = self.component.parts();
                let indices =
                    component.roles.authenticator.as_ref().ok_or(CallError::Absent(Role::Authenticator))?;
                let guest = indices.load(&mut self.store, &self.instance);
                let guest = guest.map_err(|why| CallError::Trap(why.root_cause().to_string()))?;
                self.guests.authenticator.insert(guest)
            }
        };
        let outcome = guest.call_authenticate(&mut self.store, asked).now_or_never();
        Ok(self.end(outcome)?.map(|identity| convert::user(identity.user)))
    }

    /// What the addon decides of a request.
    pub fn authorize(&mut self, user: &User, attributes: &Attributes<'_>) -> Result<Decision, CallError> {
        let Attributes { verb, namespace, group, version, resource, subresource, name, path } = *attributes;
        let asked = authorizer::Attributes {
            verb,
            namespace,
            group,
            version,
            resource,
            subresource,
            name,
            path,
            extra: &[],
        };
        self.load_authorizer()?;
        let borrowed = Borrowed::of(user);
        let extra = borrowed.extra();
        let guest = self.guests.authorizer.as_ref().ok_or(CallError::Absent(Role::Authorizer))?;
        let outcome =
            guest.call_authorize(&mut self.store, borrowed.param(user, &extra), asked).now_or_never();
        self.end(outcome).map(convert::decision)
    }

    /// What a user may do in a namespace.
    pub fn rules(&mut self, user: &User, namespace: &str) -> Result<RuleSet, CallError> {
        self.load_authorizer()?;
        let borrowed = Borrowed::of(user);
        let extra = borrowed.extra();
        let guest = self.guests.authorizer.as_ref().ok_or(CallError::Absent(Role::Authorizer))?;
        let outcome =
            guest.call_rules(&mut self.store, borrowed.param(user, &extra), namespace).now_or_never();
        self.end(outcome).map(convert::rules)
    }

    fn load_authorizer(&mut self) -> Result<(), CallError> {
        self.begin(Wait::never)?;
        if self.guests.authorizer.is_none() {
            let component = self.component.parts();
            let indices = component.roles.authorizer.as_ref().ok_or(CallError::Absent(Role::Authorizer))?;
            let guest = indices.load(&mut self.store, &self.instance);
            let guest = guest.map_err(|why| CallError::Trap(why.root_cause().to_string()))?;
            self.guests.authorizer = Some(guest);
        }
        Ok(())
    }

    /// Bytes of the largest memory that the instance came to have.
    pub fn memory(&self) -> usize {
        self.store.data().memory.largest
    }

    /// Sets the deadline of a call; that of a push is the long one, whatever the instance has.
    fn begin(&mut self, wait: Wait) -> Result<(), CallError> {
        if self.poisoned {
            return Err(CallError::Poisoned);
        }
        self.deadline = match wait {
            Wait::never | Wait::later => self.limits.deadline,
            Wait::now => self.limits.deadline.max(Limits::COLD.deadline),
        };
        self.store.data_mut().may_wait = wait == Wait::later;
        self.store.set_hostcall_fuel(ANSWER);
        self.store.set_epoch_deadline(ticks(self.deadline));
        Ok(())
    }

    fn end<T>(&mut self, outcome: Option<Outcome<T>>) -> Result<T, CallError> {
        let failed = match outcome {
            Some(Ok(Ok(value))) => return Ok(value),
            Some(Ok(Err(refused))) => return Err(CallError::Guest(refused.into())),
            Some(Err(why)) => fault(&why, &self.store, self.deadline),
            None => CallError::Waited,
        };
        self.poisoned = true;
        Err(failed)
    }
}

fn key(key: &crate::values::ObjectKey) -> types::ObjectKey<'_> {
    types::ObjectKey { namespace: &key.namespace, name: &key.name }
}

fn object(object: &Object) -> objects::Object<'_> {
    objects::Object { key: key(&object.key), json: &object.json }
}

/// A user's texts, borrowed in the shapes that a call wants.
struct Borrowed<'a> {
    groups: Vec<&'a str>,
    values: Vec<(&'a str, Vec<&'a str>)>,
}

impl<'a> Borrowed<'a> {
    fn of(user: &'a User) -> Self {
        let texts = |list: &'a [String]| list.iter().map(String::as_str).collect();
        Self {
            groups: texts(&user.groups),
            values: user.extra.iter().map(|(key, values)| (key.as_str(), texts(values))).collect(),
        }
    }

    fn extra(&self) -> Vec<(&str, &[&str])> {
        self.values.iter().map(|(key, values)| (*key, values.as_slice())).collect()
    }

    fn param<'b>(&'b self, user: &'b User, extra: &'b [(&'b str, &'b [&'b str])]) -> types::UserParam<'b> {
        types::UserParam { name: &user.name, uid: &user.uid, groups: &self.groups, extra }
    }
}
