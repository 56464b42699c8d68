//! An event as a line of the log: audit.k8s.io/v1 in JSON, or words.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use objects::decode::{self, Notation};
use objects::meta::{self, rfc3339_micro};
use objects::{Object, Tree};

use super::AuditFormat;
use super::policy::{Level, Stage};
use crate::authn::UserInfo;
use crate::authz::{Attributes, Target};
use crate::call::Content;

/// What a request was, at one stage of it. What came and went is in it as bytes, and is read when the line is made.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) level: Level,
    pub(super) id: String,
    pub(super) stage: Stage,
    pub(super) uri: String,
    pub(super) user: Arc<UserInfo>,
    pub(super) impersonated: Option<Arc<UserInfo>>,
    pub(super) sources: Vec<IpAddr>,
    pub(super) agent: String,
    pub(super) attributes: Arc<Attributes>,
    pub(super) outcome: Option<Outcome>,
    pub(super) request: Option<Sent>,
    pub(super) response: Option<Bytes>,
    pub(super) received: Timestamp,
    pub(super) at: Timestamp,
    pub(super) annotations: Vec<(Cow<'static, str>, String)>,
    pub(super) omit_managed_fields: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) code: u16,
    pub(super) message: String,
}

#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) content: Content,
    pub(super) is_patch: bool,
}

impl Event {
    /// Bytes that it keeps, about.
    pub(super) fn size(&self) -> usize {
        const HEAD: usize = 1024;
        let sent = self.request.as_ref().map_or(0, |sent| sent.content.bytes.len());
        HEAD + sent + self.response.as_ref().map_or(0, Bytes::len)
    }

    /// With its line end.
    pub(super) fn line(&self, format: AuditFormat) -> Vec<u8> {
        let mut line = match format {
            AuditFormat::Json => self.tree().to_json().to_vec(),
            AuditFormat::Legacy => self.words().into_bytes(),
        };
        line.push(b'\n');
        line
    }

    /// Fields in upstream's order.
    fn tree(&self) -> Tree {
        let request = self.request.as_ref().and_then(Sent::tree);
        let response = self.response.as_ref().and_then(|bytes| Tree::from_json(bytes).ok());
        let mut event = Object::with_capacity(18);
        event.insert("kind", "Event");
        event.insert("apiVersion", "audit.k8s.io/v1");
        event.insert("level", self.level.as_str());
        event.insert("auditID", self.id.as_str());
        event.insert("stage", self.stage.as_str());
        event.insert("requestURI", self.uri.as_str());
        event.insert("verb", self.attributes.verb.as_str());
        event.insert("user", user(&self.user));
        if let Some(impersonated) = &self.impersonated {
            event.insert("impersonatedUser", user(impersonated));
        }
        if !self.sources.is_empty() {
            let sources: Vec<String> = self.sources.iter().map(ToString::to_string).collect();
            event.insert("sourceIPs", sources);
        }
        insert(&mut event, "userAgent", &self.agent);
        if let Some(reference) = self.reference(request.as_ref()) {
            event.insert("objectRef", reference);
        }
        if let Some(status) = self.status(response.as_ref()) {
            event.insert("responseStatus", status);
        }
        let mut object = |name: &'static str, least: Level, tree: Option<Tree>| {
            if let Some(mut tree) = tree.filter(|_| self.level >= least) {
                if self.omit_managed_fields {
                    forget_managers(&mut tree);
                }
                event.insert(name, tree);
            }
        };
        object("requestObject", Level::Request, request);
        object("responseObject", Level::RequestResponse, response);
        event.insert("requestReceivedTimestamp", rfc3339_micro(self.received));
        event.insert("stageTimestamp", rfc3339_micro(self.at));
        if !self.annotations.is_empty() {
            let mut annotations = Object::with_capacity(self.annotations.len());
            for (key, value) in &self.annotations {
                annotations.insert(&**key, value.as_str());
            }
            annotations.sort_keys();
            event.insert("annotations", Tree::Object(annotations));
        }
        Tree::Object(event)
    }

    /// What the address names; of a new object its own metadata say the rest.
    fn reference(&self, request: Option<&Tree>) -> Option<Tree> {
        let Target::Resource { group, version, resource, subresource, namespace, name } =
            &self.attributes.target
        else {
            return None;
        };
        let is_patch = self.request.as_ref().is_some_and(|sent| sent.is_patch);
        let object = request.filter(|_| !is_patch);
        let own = |of: fn(&Tree) -> &str| object.map(of).unwrap_or_default();
        let or = |address: &'_ str, own: &str| {
            if address.is_empty() { own.to_owned() } else { address.to_owned() }
        };
        let mut reference = Object::with_capacity(8);
        insert(&mut reference, "resource", resource);
        insert(&mut reference, "namespace", &or(namespace, own(meta::namespace)));
        insert(&mut reference, "name", &or(name, own(meta::name)));
        insert(&mut reference, "uid", own(meta::uid));
        insert(&mut reference, "apiGroup", group);
        insert(&mut reference, "apiVersion", version);
        insert(&mut reference, "resourceVersion", own(meta::resource_version));
        insert(&mut reference, "subresource", subresource);
        Some(Tree::Object(reference))
    }

    /// The answer's own Status, or what is known without one.
    fn status(&self, response: Option<&Tree>) -> Option<Tree> {
        let outcome = self.outcome.as_ref();
        let own = response.filter(|tree| tree.str_at(&["kind"]) == Some("Status"));
        let mut status = Object::with_capacity(6);
        status.insert("metadata", Tree::object());
        match own {
            Some(own) => {
                let fields =
                    own.fields().filter(|(key, _)| !matches!(*key, "kind" | "apiVersion" | "metadata"));
                for (key, value) in fields {
                    status.insert(key, value.clone());
                }
            }
            None => insert(&mut status, "message", &outcome?.message),
        }
        if let Some(outcome) = outcome {
            status.insert("code", outcome.code);
        }
        Some(Tree::Object(status))
    }

    fn words(&self) -> String {
        let quoted =
            |list: &[String]| list.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(",");
        let (name, groups) = match &*self.user {
            user if user.name.is_empty() => ("<none>", "<none>".to_owned()),
            user if user.groups.is_empty() => (user.name.as_str(), "<none>".to_owned()),
            user => (user.name.as_str(), quoted(&user.groups)),
        };
        let (as_user, as_groups) = match &self.impersonated {
            None => ("<self>", "<lookup>".to_owned()),
            Some(user) => (user.name.as_str(), quoted(&user.groups)),
        };
        let namespace = match &self.attributes.target {
            Target::Resource { namespace, .. } if !namespace.is_empty() => namespace.as_str(),
            _ => "<none>",
        };
        let ip = self.sources.first().map_or_else(|| "<unknown>".to_owned(), ToString::to_string);
        let response =
            self.outcome.as_ref().map_or_else(|| "<deferred>".to_owned(), |outcome| outcome.code.to_string());
        let Self { received, id, stage, agent, uri, .. } = self;
        let (stage, verb) = (stage.as_str(), &self.attributes.verb);
        format!(
            "{received} AUDIT: id={id:?} stage={stage:?} ip={ip:?} method={verb:?} user={name:?} groups={groups:?} \
             as={as_user:?} asgroups={as_groups:?} user-agent={agent:?} namespace={namespace:?} uri={uri:?} \
             response={response:?}"
        )
    }
}

impl Sent {
    /// What cannot be read is not told.
    fn tree(&self) -> Option<Tree> {
        let media_type = &self.content.media_type;
        let notation = match media_type.split(';').next().unwrap_or_default().trim() {
            "application/vnd.kubernetes.protobuf" => Notation::Protobuf,
            // Every JSON is YAML, and patches are either.
            _ => Notation::Yaml,
        };
        decode::value(&self.content.bytes, notation).ok().map(|(tree, _)| tree)
    }
}

fn user(user: &UserInfo) -> Tree {
    let mut tree = Object::with_capacity(4);
    insert(&mut tree, "username", &user.name);
    insert(&mut tree, "uid", &user.uid);
    if !user.groups.is_empty() {
        tree.insert("groups", user.groups.clone());
    }
    if !user.extra.is_empty() {
        let mut extra = Object::with_capacity(user.extra.len());
        for (key, values) in &user.extra {
            extra.insert(key.as_str(), values.clone());
        }
        tree.insert("extra", Tree::Object(extra));
    }
    Tree::Object(tree)
}

/// What is empty is left out.
fn insert(object: &mut Object, name: &'static str, text: &str) {
    if !text.is_empty() {
        object.insert(name, text);
    }
}

/// Of an object, of the items of a list and of the objects of a table's rows.
fn forget_managers(tree: &mut Tree) {
    let of = |tree: &mut Tree| {
        tree.remove_at(&["metadata", "managedFields"]);
    };
    of(tree);
    if let Some(items) = tree.at_mut(&["items"]).and_then(Tree::as_array_mut) {
        items.iter_mut().for_each(of);
    }
    if let Some(rows) = tree.at_mut(&["rows"]).and_then(Tree::as_array_mut) {
        rows.iter_mut().filter_map(|row| row.get_mut("object")).for_each(of);
    }
}
