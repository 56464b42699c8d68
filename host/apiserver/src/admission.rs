//! The admission that is built in: one table of plugins, in upstream's order. A mutating step sees the object with its
//! defaults, a validating one as it is to be written. `addresses` is no plugin: it gives Services what they lack.

pub(crate) mod addon;
pub(crate) mod address;
mod certificates;
mod configuration;
mod connect;
mod default_class;
mod event_rate;
pub(crate) mod expression;
mod limits;
mod matching;
mod namespace;
mod node_restriction;
mod node_taint;
mod pod_security;
mod policy;
mod priority;
mod quota;
mod request;
mod round;
mod runtime_class;
mod scene;
mod service_account;
mod storage;
mod tolerations;
mod webhook;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use objects::resource::{GroupVersionKind, Resource, Verb};
use objects::status::Status;
use objects::{Tree, meta, tree};
use tracing::warn;

use crate::call::Call;
use crate::registry::Served;
use crate::rest::{Execution, Rest, WriteOptions};
use crate::storage::convert;
use crate::strategy::{self, ShapeError};
pub use configuration::{AdmissionConfiguration, AdmissionConfigurationError};
pub(crate) use policy::follow as follow_policies;

use addon::Admit;
use address::{Addresses, Reserved, ServiceNetwork};
use configuration::EVENT_RATE_LIMIT;
use event_rate::EventRates;
use policy::{Mutated, Policies};
use round::Round;
use webhook::Webhooks;

/// What is done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    Update,
    Delete,
    Connect,
}

/// One write, as admission sees it.
pub(crate) struct Write<'a> {
    pub(crate) rest: &'a Rest,
    pub(crate) call: &'a Call,
    pub(crate) operation: Operation,
    pub(crate) execution: Execution,
    /// The options of the request, as an object of their own kind.
    pub(crate) options: Tree,
    /// Null for a deletion.
    pub(crate) object: Tree,
    /// What is written over or deleted.
    pub(crate) old: Option<&'a Tree>,
    /// What the client is warned of.
    pub(crate) warnings: Vec<String>,
    pass: Pass,
    /// Of webhooks.
    round: Round,
    /// Of addons.
    added: Round,
    mutated: Mutated,
}

/// Which time it is that an object is completed: what webhooks, addons and policies changed is gone over once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    First,
    Second,
}

/// What a plugin does: it completes the object, or refuses it.
#[derive(Clone, Copy)]
enum Step {
    Now(fn(&mut Write<'_>) -> Result<(), Status>),
    /// It reads the store, or waits.
    Later(for<'s> fn(&'s mut Write<'_>) -> BoxFuture<'s, Result<(), Status>>),
}

/// What a plugin looks at.
#[derive(Clone, Copy)]
enum Scope {
    All,
    /// `(group, plural)`, without their sub-resources.
    Resources(&'static [(&'static str, &'static str)]),
    WithSubresources(&'static [(&'static str, &'static str)]),
    /// `(group, plural, subresource)`.
    Subresource(&'static str, &'static str, &'static str),
}

struct Plugin {
    name: &'static str,
    usual: Usual,
    scope: Scope,
    operations: &'static [Operation],
    mutate: Option<Step>,
    validate: Option<Step>,
}

/// What a plugin is where no flag names it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Usual {
    On,
    Off,
}

const NOTHING: Plugin =
    Plugin { name: "", usual: Usual::On, scope: Scope::All, operations: &[], mutate: None, validate: None };

const CORE: &str = "";
const PODS: Scope = Scope::Resources(&[(CORE, "pods")]);
const LIMITED: Scope = Scope::WithSubresources(&[(CORE, "pods"), (CORE, "persistentvolumeclaims")]);
const NODES: Scope = Scope::Resources(&[(CORE, "nodes")]);
const CLAIMS: Scope = Scope::Resources(&[(CORE, "persistentvolumeclaims")]);
const PROTECTED: Scope = Scope::Resources(&[
    (CORE, "persistentvolumes"),
    (CORE, "persistentvolumeclaims"),
    ("storage.k8s.io", "volumeattributesclasses"),
]);
const CLASSES: Scope = Scope::Resources(&[("scheduling.k8s.io", "priorityclasses")]);
const EVENTS: Scope = Scope::Resources(&[(CORE, "events"), ("events.k8s.io", "events")]);
const INGRESSES: Scope = Scope::Resources(&[("networking.k8s.io", "ingresses")]);
const REQUESTS: (&str, &str) = ("certificates.k8s.io", "certificatesigningrequests");

use Operation::{Connect, Create, Delete, Update};
use Step::{Later, Now};

#[rustfmt::skip]
const PLUGINS: &[Plugin] = &[
    Plugin { name: "NamespaceLifecycle", operations: &[Create, Update, Delete], mutate: Some(Later(|write| Box::pin(namespace::admit(write)))), ..NOTHING },
    Plugin { name: "LimitRanger", scope: LIMITED, operations: &[Create, Update], mutate: Some(Now(limits::complete)), validate: Some(Now(limits::check)), ..NOTHING },
    Plugin { name: "ServiceAccount", scope: PODS, operations: &[Create], mutate: Some(Later(|write| Box::pin(service_account::admit(write)))), ..NOTHING },
    Plugin { name: "NodeRestriction", operations: &[Create, Update, Delete], validate: Some(Now(node_restriction::check)), ..NOTHING },
    Plugin { name: "TaintNodesByCondition", scope: NODES, operations: &[Create], mutate: Some(Now(node_taint::complete)), ..NOTHING },
    Plugin { name: "PodSecurity", operations: &[Create, Update], validate: Some(Now(pod_security::check)), ..NOTHING },
    Plugin { name: "Priority", scope: PODS, operations: &[Create, Update], mutate: Some(Now(priority::complete)), ..NOTHING },
    Plugin { name: "Priority", scope: CLASSES, operations: &[Create, Update], validate: Some(Now(priority::one_default)), ..NOTHING },
    Plugin { name: "DefaultTolerationSeconds", scope: PODS, operations: &[Create, Update], mutate: Some(Now(tolerations::complete)), ..NOTHING },
    Plugin { name: "DefaultStorageClass", scope: CLAIMS, operations: &[Create], mutate: Some(Now(default_class::of_claim)), ..NOTHING },
    Plugin { name: "StorageObjectInUseProtection", scope: PROTECTED, operations: &[Create], mutate: Some(Now(storage::protect)), ..NOTHING },
    Plugin { name: "PersistentVolumeClaimResize", scope: CLAIMS, operations: &[Update], validate: Some(Now(storage::resize)), ..NOTHING },
    Plugin { name: "RuntimeClass", scope: PODS, operations: &[Create], mutate: Some(Now(runtime_class::complete)), validate: Some(Now(runtime_class::check)), ..NOTHING },
    Plugin { name: "CertificateApproval", scope: Scope::Subresource(REQUESTS.0, REQUESTS.1, "approval"), operations: &[Update], validate: Some(Now(certificates::approval)), ..NOTHING },
    Plugin { name: "CertificateSigning", scope: Scope::Subresource(REQUESTS.0, REQUESTS.1, "status"), operations: &[Update], validate: Some(Now(certificates::signing)), ..NOTHING },
    Plugin { name: "CertificateSubjectRestriction", scope: Scope::Resources(&[REQUESTS]), operations: &[Create], validate: Some(Now(certificates::subject)), ..NOTHING },
    Plugin { name: "DefaultIngressClass", scope: INGRESSES, operations: &[Create], mutate: Some(Now(default_class::of_ingress)), ..NOTHING },
    Plugin { name: "MutatingAdmissionPolicy", operations: &[Create, Update, Connect], mutate: Some(Later(|write| Box::pin(policy::mutate(write)))), ..NOTHING },
    Plugin { name: "MutatingAdmissionWebhook", operations: &[Create, Update, Delete, Connect], mutate: Some(Later(|write| Box::pin(webhook::mutate(write)))), ..NOTHING },
    Plugin { name: "MutatingAdmissionAddon", operations: &[Create, Update, Delete, Connect], mutate: Some(Later(|write| Box::pin(addon::mutate(write)))), ..NOTHING },
    Plugin { name: "ValidatingAdmissionPolicy", operations: &[Create, Update, Delete, Connect], validate: Some(Later(|write| Box::pin(policy::validate(write)))), ..NOTHING },
    Plugin { name: "ValidatingAdmissionWebhook", operations: &[Create, Update, Delete, Connect], validate: Some(Later(|write| Box::pin(webhook::validate(write)))), ..NOTHING },
    Plugin { name: "ValidatingAdmissionAddon", operations: &[Create, Update, Delete, Connect], validate: Some(Later(|write| Box::pin(addon::validate(write)))), ..NOTHING },
    Plugin { name: EVENT_RATE_LIMIT, usual: Usual::Off, scope: EVENTS, operations: &[Create, Update], validate: Some(Now(event_rate::admit)), ..NOTHING },
    Plugin { name: "ResourceQuota", operations: &[Create, Update], validate: Some(Later(|write| Box::pin(quota::charge(write)))), ..NOTHING },
];

/// The names of the plugins that there are, each once.
pub(crate) fn plugins() -> impl Iterator<Item = &'static str> {
    let first = |at: usize, name: &str| PLUGINS[..at].iter().all(|plugin| plugin.name != name);
    PLUGINS
        .iter()
        .enumerate()
        .filter(move |(at, plugin)| first(*at, plugin.name))
        .map(|(_, plugin)| plugin.name)
}

#[derive(Clone)]
pub(crate) struct Admission {
    addresses: Arc<Addresses>,
    webhooks: Arc<Webhooks>,
    policies: Arc<Policies>,
    addons: Arc<dyn Admit>,
    event_rates: Arc<EventRates>,
    plugins: Arc<Plugins>,
}

/// Which plugins are on beside or in spite of what is usual, by name, and what they are told.
#[derive(Clone, Debug, Default)]
pub struct Plugins {
    pub on: Vec<String>,
    pub off: Vec<String>,
    pub configuration: AdmissionConfiguration,
}

impl Plugins {
    fn has(&self, plugin: &Plugin) -> bool {
        let named = |names: &[String]| names.iter().any(|name| name == plugin.name);
        (plugin.usual == Usual::On || named(&self.on)) && !named(&self.off)
    }
}

impl Admission {
    pub(crate) fn new(network: ServiceNetwork, plugins: &Plugins, addons: Arc<dyn Admit>) -> Self {
        for name in plugins.on.iter().filter(|name| self::plugins().all(|known| known != *name)) {
            warn!(name, "there is no admission plugin of this name to turn on");
        }
        Self {
            addresses: Arc::new(Addresses::new(network)),
            webhooks: Arc::new(Webhooks::new()),
            policies: Arc::new(Policies::new()),
            addons,
            event_rates: Arc::new(EventRates::new(&plugins.configuration.event_limits)),
            plugins: Arc::new(plugins.clone()),
        }
    }

    /// Completes an object, or refuses it. What webhooks, addons and policies changed is gone over once more.
    pub(crate) async fn mutate(&self, write: &mut Write<'_>) -> Result<(), Status> {
        self.take(write, |plugin| plugin.mutate).await?;
        if write.round.changed || write.added.changed || write.mutated.changed {
            write.pass = Pass::Second;
            self.take(write, |plugin| plugin.mutate).await?;
        }
        Ok(())
    }

    /// Refuses an object that is about to be written, or deleted.
    pub(crate) async fn validate(&self, write: &mut Write<'_>) -> Result<(), Status> {
        self.take(write, |plugin| plugin.validate).await
    }

    /// Takes a step of each plugin. What the client was to be warned of until then it is warned of with a refusal too.
    async fn take(
        &self,
        write: &mut Write<'_>,
        step: impl Fn(&Plugin) -> Option<Step>,
    ) -> Result<(), Status> {
        for step in self.steps(write.call, write.operation, step) {
            if let Err(status) = step.take(write).await {
                return Err(status.warned(std::mem::take(&mut write.warnings)));
            }
        }
        Ok(())
    }

    /// What the plugins that are on do in a write.
    fn steps<'a>(
        &'a self,
        call: &'a Call,
        operation: Operation,
        step: impl Fn(&Plugin) -> Option<Step> + 'a,
    ) -> impl Iterator<Item = Step> + 'a {
        let meant = move |plugin: &&Plugin| {
            plugin.operations.contains(&operation) && plugin.scope.covers(call) && self.plugins.has(plugin)
        };
        PLUGINS.iter().filter(meant).filter_map(step)
    }

    fn webhooks(&self) -> &Webhooks {
        &self.webhooks
    }

    fn addons(&self) -> &dyn Admit {
        self.addons.as_ref()
    }

    fn policies(&self) -> &Policies {
        &self.policies
    }

    /// Gives a Service the addresses and ports that it lacks; they are held until what is returned is dropped.
    pub(crate) fn addresses(
        &self,
        rest: &Rest,
        call: &Call,
        tree: &mut Tree,
        old: Option<&Tree>,
    ) -> Result<Reserved, Status> {
        if !address::are_given_to(&call.resource) {
            return Ok(Reserved::default());
        }
        if let Some(old) = old {
            address::keep(tree, old);
        }
        self.addresses.assign(rest, &call.resource, tree, old)
    }
}

impl Step {
    async fn take(self, write: &mut Write<'_>) -> Result<(), Status> {
        match self {
            Self::Now(step) => step(write),
            Self::Later(step) => step(write).await,
        }
    }
}

impl Scope {
    fn covers(self, call: &Call) -> bool {
        let (resource, subresource) = (&call.resource, call.subresource.as_str());
        match self {
            Self::All => true,
            Self::Resources(rows) => {
                subresource.is_empty() && rows.iter().any(|(group, plural)| is(resource, group, plural))
            }
            Self::WithSubresources(rows) => rows.iter().any(|(group, plural)| is(resource, group, plural)),
            Self::Subresource(group, plural, name) => subresource == name && is(resource, group, plural),
        }
    }
}

impl<'a> Write<'a> {
    /// `options` are those of the request; what is deleted has no `object` but an `old` one.
    pub(crate) fn new(
        rest: &'a Rest,
        call: &'a Call,
        object: Tree,
        old: Option<&'a Tree>,
        options: WriteOptions,
    ) -> Self {
        let operation = match (&object, old) {
            (Tree::Null, _) => Operation::Delete,
            (_, Some(_)) => Operation::Update,
            (_, None) => Operation::Create,
        };
        let execution = options.execution;
        let options = options_tree(call, operation);
        Self {
            rest,
            call,
            operation,
            execution,
            options,
            object,
            old,
            warnings: Vec::new(),
            pass: Pass::First,
            round: Round::default(),
            added: Round::default(),
            mutated: Mutated::default(),
        }
    }

    fn is_dry(&self) -> bool {
        self.execution == Execution::Dry
    }

    /// The kind of the object: of a sub-resource with a kind of its own, that one.
    fn kind(&self, resource: &Resource) -> GroupVersionKind {
        match resource.subresource(&self.call.subresource) {
            Some(row) => GroupVersionKind::new(row.group.clone(), row.version.clone(), row.kind.clone()),
            None => resource.gvk(),
        }
    }

    /// The namespace of the object; a Namespace is in itself.
    fn namespace(&self) -> Option<&str> {
        if is(&self.call.resource, CORE, "namespaces") {
            return Some(self.name());
        }
        self.call.resource.is_namespaced().then_some(&self.call.namespace)
    }

    /// Puts what a webhook or a policy made of the object in its place, in the version of a resource; whether that is
    /// another.
    fn replace(&mut self, resource: &Served, made: Tree, by: &str) -> Result<bool, Status> {
        let own = &self.call.resource;
        let mut tree = convert(made, resource, own);
        let strategy = strategy::of(own);
        // A sub-resource with a kind of its own is no object of the resource.
        if own.subresource(&self.call.subresource).is_none_or(|row| row.kind == own.kind) {
            strategy.shape(&mut tree).map_err(|error| match error {
                ShapeError::BuiltIn(error) => {
                    Status::internal(format!("{by} made what is no {}: {error}", own.kind))
                }
                ShapeError::Custom(status) => status,
            })?;
            strategy.apply_defaults(&mut tree)?;
        }
        let changed = tree != self.object;
        self.object = tree;
        Ok(changed)
    }

    /// 403, about the object of the request.
    fn forbidden(&self, why: impl Into<String>) -> Status {
        let name = if self.call.name.is_empty() { meta::name(&self.object) } else { &self.call.name };
        Status::forbidden(&self.call.resource.group_resource(), name, why.into())
    }

    /// Every object of a built-in resource, as the cache has them; none where it is not served.
    fn all(&self, group: &str, version: &str, plural: &str) -> Vec<Tree> {
        let row = self.rest.registry().find(group, version, plural);
        row.map_or_else(Vec::new, |row| self.rest.list_trees(&row))
    }

    /// The objects of a built-in resource in the namespace of the request.
    fn of_namespace(&self, group: &str, version: &str, plural: &str) -> Vec<Tree> {
        if self.call.namespace.is_empty() {
            return Vec::new();
        }
        let row = self.rest.registry().find(group, version, plural);
        row.map_or_else(Vec::new, |row| self.rest.view().list(&row, &self.call.namespace, |_| true))
    }

    /// One object of a built-in resource of cluster scope, as the cache has it.
    fn one(&self, group: &str, version: &str, plural: &str, name: &str) -> Option<Tree> {
        self.rest.get_tree(&*self.rest.registry().find(group, version, plural)?, "", name)
    }
}

impl Operation {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }
}

/// The options of a request's query, as an object.
fn options_tree(call: &Call, operation: Operation) -> Tree {
    let kind = match (operation, call.verb) {
        (Operation::Create, Verb::Create) => "CreateOptions",
        (Operation::Delete, _) => "DeleteOptions",
        (_, Verb::Patch) => "PatchOptions",
        _ => "UpdateOptions",
    };
    let mut tree = tree!({ "kind": kind, "apiVersion": "meta.k8s.io/v1" });
    if call.query("dryRun").is_some() {
        tree.insert("dryRun", vec!["All"]);
    }
    for name in ["fieldManager", "fieldValidation"] {
        if let Some(value) = call.query(name) {
            tree.insert(name, value);
        }
    }
    tree
}

fn is(resource: &Resource, group: &str, plural: &str) -> bool {
    resource.plural == plural && resource.group == group
}
