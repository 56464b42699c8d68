//! The roles: a trait for each, with the types that it speaks of, and how it is exported.

use crate::Keep;
use crate::bindings;
use crate::{Error, GroupVersionResource, User, admission, dns, overlay, scheduling};

pub use bindings::authenticator::exports::mk8s::addon::authenticator::{
    Certificate, Credentials, Identity, Password,
};
pub use bindings::authorizer::exports::mk8s::addon::authorizer::{
    Attributes, Decision, PathRule, ResourceRule, RuleSet,
};
pub use bindings::config::exports::mk8s::addon::config::{Argument, Edit, Facts, Input, Operation};
pub use bindings::files::exports::mk8s::addon::files::File;
pub use bindings::lifecycle::exports::mk8s::addon::lifecycle::Event;
pub use bindings::objects::exports::mk8s::addon::objects::{Change, Object};

/// Edits the configuration of the node.
pub trait Config {
    /// A pure function: it sees nothing of the addon's state, and nothing but the input decides.
    fn edits(input: &Input) -> Result<Vec<Edit>, Error>;
}

/// Is told what happens, and keeps what the addon owns as it should be.
pub trait Lifecycle {
    /// May be told the same again.
    fn notify(&mut self, event: Event) -> Result<(), Error>;

    /// Gives the seconds after which to be called again, or none.
    fn reconcile(&mut self) -> Result<Option<u32>, Error> {
        Ok(None)
    }
}

/// Gets the objects of the resources that the metadata wants.
pub trait Objects {
    /// Everything there is of a resource; replaces what was known of it.
    fn snapshot(&mut self, resource: GroupVersionResource, objects: Vec<Object>) -> Result<(), Error>;

    /// What changed of a resource, in order.
    fn changed(&mut self, resource: GroupVersionResource, changes: Vec<Change>) -> Result<(), Error>;
}

/// Gets the files that the metadata wants.
pub trait Files {
    /// All of them, each time one of them changed. An error keeps those of before in force.
    fn changed(&mut self, files: Vec<File>) -> Result<(), Error>;
}

/// Says who a user is, on every request: `kube` and `kv` are not there meanwhile.
pub trait Authenticator {
    /// The user, or none where the credentials are not known here.
    fn authenticate(&self, credentials: &Credentials) -> Result<Option<User>, Error>;
}

/// Says what a user may do, on every request: `kube` and `kv` are not there meanwhile.
pub trait Authorizer {
    fn authorize(&self, user: &User, attributes: &Attributes) -> Result<Decision, Error>;

    /// What the user may do in a namespace.
    fn rules(&self, user: &User, namespace: &str) -> Result<RuleSet, Error>;
}

/// Completes and judges what is written to the API. Each call is in a fresh instance, after what is pushed.
pub trait Admission {
    /// Completes an object; its own result it leaves as it is.
    fn mutate(&self, request: &admission::Request) -> Result<admission::Mutation, Error> {
        let _ = request;
        Ok(admission::Mutation::default())
    }

    /// Judges an object as it is to be written.
    fn validate(&self, request: &admission::Request) -> Result<admission::Review, Error> {
        let _ = request;
        Ok(admission::Review::default())
    }
}

/// Answers DNS, on every query: `kube` and `kv` are not there meanwhile.
pub trait Dns {
    /// A whole message in, as it came.
    fn answer(&self, query: &[u8], client: &dns::Client) -> Result<dns::Response, Error>;
}

/// Plans the network between nodes.
pub trait Overlay {
    /// Of the input and what was pushed, and nothing else.
    fn plan_for(&self, cluster: &overlay::Cluster) -> Result<overlay::Plan, Error>;
}

/// Has a say in where pods go, each time one is to be scheduled: `kube` and `kv` are not there meanwhile. What it knows of
/// nodes is pushed to it as objects.
pub trait Scheduling {
    /// The nodes among the candidates where the pod is not to go.
    fn filter(&self, candidates: &scheduling::Candidates) -> Result<Vec<scheduling::Refusal>, Error> {
        let _ = candidates;
        Ok(Vec::new())
    }

    /// How well nodes suit the pod, 0 to 100; 0 for those that are not named.
    fn score(&self, candidates: &scheduling::Candidates) -> Result<Vec<scheduling::Rating>, Error> {
        let _ = candidates;
        Ok(Vec::new())
    }
}

impl scheduling::Candidates {
    /// Without anything more.
    pub fn new(pod: impl Into<Vec<u8>>, nodes: &[&str]) -> Self {
        let nodes = nodes.iter().map(|node| (*node).to_owned()).collect();
        Self { pod: pod.into(), nodes, extra: Vec::new() }
    }
}

impl scheduling::Refusal {
    /// The pod is not to go there, whatever other pods are there.
    pub fn lasting(node: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { node: node.into(), reason: reason.into(), resolvable: false, extra: Vec::new() }
    }
}

impl scheduling::Rating {
    pub fn new(node: impl Into<String>, score: u32) -> Self {
        Self { node: node.into(), score, extra: Vec::new() }
    }
}

impl Default for RuleSet {
    /// Nothing may be done.
    fn default() -> Self {
        Self { resource_rules: Vec::new(), path_rules: Vec::new(), problems: Vec::new(), extra: Vec::new() }
    }
}

impl Default for admission::Review {
    /// The write goes on.
    fn default() -> Self {
        Self { denied: None, warnings: Vec::new(), extra: Vec::new() }
    }
}

impl admission::Review {
    /// Refuses the write: 403, with this message.
    pub fn denied(message: impl Into<String>) -> Self {
        let denial = admission::Denial {
            message: message.into(),
            code: 403,
            reason: "Forbidden".to_owned(),
            extra: Vec::new(),
        };
        Self { denied: Some(denial), ..Self::default() }
    }
}

impl Default for admission::Mutation {
    /// The object stays as it is.
    fn default() -> Self {
        Self { review: admission::Review::default(), patch: None, extra: Vec::new() }
    }
}

impl admission::Mutation {
    /// Changes the object by a JSON patch, as JSON.
    pub fn patch(patch: impl Into<Vec<u8>>) -> Self {
        Self { patch: Some(patch.into()), ..Self::default() }
    }
}

impl Error {
    /// What an error says, whichever it is.
    pub fn text(&self) -> &str {
        match self {
            Self::Invalid(text)
            | Self::Denied(text)
            | Self::NotFound(text)
            | Self::Conflict(text)
            | Self::Unavailable(text)
            | Self::Other(text) => text,
        }
    }
}

impl Input {
    /// The value in force of a service's flag.
    pub fn argument(&self, service: &str, flag: &str) -> Option<&str> {
        let found =
            self.arguments.iter().find(|argument| argument.service == service && argument.flag == flag);
        found.map(|argument| argument.value.as_str())
    }

    /// The edit that gives a flag a value, where it has none.
    pub fn default_value(&self, service: &str, flag: &str, value: &str) -> Option<Edit> {
        let unset = self.argument(service, flag).is_none_or(str::is_empty);
        unset.then(|| Edit::set(service, flag, value))
    }
}

impl Edit {
    pub fn set(service: &str, flag: &str, value: &str) -> Self {
        Self::of(service, flag, Operation::Set(value.into()))
    }

    pub fn of(service: &str, flag: &str, operation: Operation) -> Self {
        Self { service: service.into(), flag: flag.into(), operation, extra: Vec::new() }
    }
}

impl<K: Keep<Addon: Config>> bindings::config::exports::mk8s::addon::config::Guest for K {
    fn edits(input: Input) -> Result<Vec<Edit>, Error> {
        K::Addon::edits(&input)
    }
}

impl<K: Keep<Addon: Lifecycle>> bindings::lifecycle::exports::mk8s::addon::lifecycle::Guest for K {
    fn notify(event: Event) -> Result<(), Error> {
        K::with(|addon| addon.notify(event))
    }

    fn reconcile() -> Result<Option<u32>, Error> {
        K::with(Lifecycle::reconcile)
    }
}

impl<K: Keep<Addon: Objects>> bindings::objects::exports::mk8s::addon::objects::Guest for K {
    fn snapshot(resource: GroupVersionResource, objects: Vec<Object>) -> Result<(), Error> {
        K::with(|addon| addon.snapshot(resource, objects))
    }

    fn changed(resource: GroupVersionResource, changes: Vec<Change>) -> Result<(), Error> {
        K::with(|addon| addon.changed(resource, changes))
    }
}

impl<K: Keep<Addon: Files>> bindings::files::exports::mk8s::addon::files::Guest for K {
    fn changed(files: Vec<File>) -> Result<(), Error> {
        K::with(|addon| addon.changed(files))
    }
}

impl<K: Keep<Addon: Authenticator>> bindings::authenticator::exports::mk8s::addon::authenticator::Guest
    for K
{
    fn authenticate(credentials: Credentials) -> Result<Option<Identity>, Error> {
        let user = K::with(|addon| addon.authenticate(&credentials))?;
        Ok(user.map(|user| Identity { user, extra: Vec::new() }))
    }
}

impl<K: Keep<Addon: Authorizer>> bindings::authorizer::exports::mk8s::addon::authorizer::Guest for K {
    fn authorize(user: User, attributes: Attributes) -> Result<Decision, Error> {
        K::with(|addon| addon.authorize(&user, &attributes))
    }

    fn rules(user: User, namespace: String) -> Result<RuleSet, Error> {
        K::with(|addon| addon.rules(&user, &namespace))
    }
}

impl<K: Keep<Addon: Admission>> bindings::admission::exports::mk8s::addon::admission::Guest for K {
    fn mutate(request: admission::Request) -> Result<admission::Mutation, Error> {
        K::with(|addon| addon.mutate(&request))
    }

    fn validate(request: admission::Request) -> Result<admission::Review, Error> {
        K::with(|addon| addon.validate(&request))
    }
}

impl<K: Keep<Addon: Dns>> bindings::dns::exports::mk8s::addon::dns::Guest for K {
    fn answer(query: Vec<u8>, client: dns::Client) -> Result<dns::Response, Error> {
        K::with(|addon| addon.answer(&query, &client))
    }
}

impl<K: Keep<Addon: Overlay>> bindings::overlay::exports::mk8s::addon::overlay::Guest for K {
    fn plan_for(cluster: overlay::Cluster) -> Result<overlay::Plan, Error> {
        K::with(|addon| addon.plan_for(&cluster))
    }
}

impl<K: Keep<Addon: Scheduling>> bindings::scheduling::exports::mk8s::addon0_2_0_draft::scheduling::Guest
    for K
{
    fn filter(candidates: scheduling::Candidates) -> Result<Vec<scheduling::Refusal>, Error> {
        K::with(|addon| addon.filter(&candidates))
    }

    fn score(candidates: scheduling::Candidates) -> Result<Vec<scheduling::Rating>, Error> {
        K::with(|addon| addon.score(&candidates))
    }
}
