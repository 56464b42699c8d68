//! One question to one role, written down as JSON, and its answer as JSON: `plugin run`.

mod admission;
mod network;
mod pods;

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use engine::{
    Argument, Attributes, CallError, Certificate, Cluster, Credentials, Decision, DnsClient, Edit, Event,
    Facts, File, Instance, Kind, Limits, Object, ObjectKey, Operation, Password, Role, RuleSet, User,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::author::Subject;
use crate::author::stand_in::StandIn;
use crate::metadata::SettingValue;

use admission::RequestCase;
pub(super) use admission::patched;
pub(super) use network::packet;
use network::{ClusterCase, QueryCase};
use pods::SchedulingCase;

/// What the addon is to be told, and what it is asked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Case {
    settings: BTreeMap<String, SettingValue>,
    files: Vec<FileCase>,
    objects: Vec<ObjectsCase>,
    // Of the roles, one each.
    arguments: Vec<ArgumentCase>,
    facts: FactsCase,
    event: Option<String>,
    credentials: Option<CredentialsCase>,
    user: UserCase,
    attributes: Option<AttributesCase>,
    namespace: Option<String>,
    request: Option<RequestCase>,
    query: Option<QueryCase>,
    cluster: Option<ClusterCase>,
    scheduling: Option<SchedulingCase>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileCase {
    name: String,
    #[serde(default)]
    path: String,
    content: Option<String>,
}

/// The objects of a kind, as the API gives them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ObjectsCase {
    #[serde(default)]
    group: String,
    version: String,
    resource: String,
    items: Vec<Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ArgumentCase {
    service: String,
    flag: String,
    value: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct FactsCase {
    node_name: String,
    addresses: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct CredentialsCase {
    bearer_token: Option<String>,
    password: Option<PasswordCase>,
    certificate: Option<CertificateCase>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PasswordCase {
    user: String,
    password: String,
}

/// The chain is DER in base64.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CertificateCase {
    chain: Vec<String>,
    #[serde(default = "client_ca")]
    anchor: String,
}

fn client_ca() -> String {
    "client-ca".to_owned()
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct UserCase {
    name: String,
    uid: String,
    groups: Vec<String>,
    extra: BTreeMap<String, Vec<String>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AttributesCase {
    verb: String,
    namespace: String,
    group: String,
    version: String,
    resource: String,
    subresource: String,
    name: String,
    path: String,
}

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("read the case: {0}; `plugin new` writes one for each kind")]
    Case(serde_json::Error),
    #[error("the case says nothing of {field}, which the role {role} is asked about")]
    Missing { role: &'static str, field: &'static str },
    #[error("the case tells of an event {0:?}: write one of {events}", events = EVENTS.join(", "))]
    Event(String),
    #[error("the certificate {0} of the case is not base64")]
    Base64(usize),
    #[error(
        "the write of the case is none that the addon is shown: no rule of \"admission\" in its metadata covers it"
    )]
    NotShown,
    #[error("read the pod of the case: {0}")]
    Pod(String),
    #[error(
        "the addon is not asked of the pod of the case: \"scheduling\" in its metadata names other labels or resources"
    )]
    NotConcerned,
    #[error("apply the patch that the addon gives: {0}")]
    Patch(String),
    #[error("there are no records of type {0:?}: write A, AAAA, CNAME, MX, NS, PTR, SOA, SRV, TXT or ANY")]
    QueryType(String),
    #[error("{0:?} is no name of DNS: a label of it is longer than 63 bytes")]
    QueryName(String),
    #[error("the addon has no role {role}: it has {has}")]
    Role { role: &'static str, has: String },
    #[error("{doing}: {why}")]
    Call { doing: &'static str, why: CallError },
    #[error("{why}; before that it wrote:{}", log.iter().map(|line| format!("\n  {line}")).collect::<String>())]
    Logged { why: Box<RunError>, log: Vec<String> },
}

const EVENTS: &[&str] =
    &["enabled", "disabled", "unit-starting", "unit-ready", "unit-stopping", "node-joined", "certs-renewed"];

/// What came of a case.
#[derive(Clone, Debug)]
pub struct Answer {
    /// A refusal of the addon is an answer: `{"error": …}`.
    pub json: Value,
    /// The lines that the addon logged.
    pub log: Vec<String>,
}

/// Refuses a question to a role that the addon has not.
pub(super) fn has(subject: &Subject, role: Role) -> Result<(), RunError> {
    if subject.roles().any(|own| own == role) {
        return Ok(());
    }
    Err(RunError::Role { role: role.name(), has: subject.metadata.roles.join(", ") })
}

impl Case {
    pub fn read(text: &[u8]) -> Result<Self, RunError> {
        serde_json::from_slice(text).map_err(RunError::Case)
    }

    /// Pushes what the case has, and asks.
    pub async fn ask(&self, subject: &Subject, role: Role, limits: Limits) -> Result<Answer, RunError> {
        has(subject, role)?;
        let host = subject.stand_in_with(&self.settings);
        let json = self.answer(subject, &host, role, limits).await;
        let log = host.told();
        match json {
            Ok(json) => Ok(Answer { json, log }),
            Err(RunError::Call { why: CallError::Guest(refused), .. }) => {
                Ok(Answer { json: json!({"error": refused.to_string()}), log })
            }
            Err(why) if log.is_empty() => Err(why),
            Err(why) => Err(RunError::Logged { why: Box::new(why), log }),
        }
    }

    async fn answer(
        &self,
        subject: &Subject,
        host: &Arc<StandIn>,
        role: Role,
        limits: Limits,
    ) -> Result<Value, RunError> {
        let mut instance = self.fresh(subject, host, limits)?;
        let question = Question { case: self, host, instance: &mut instance };
        match role {
            Role::Config => question.edits().await,
            Role::Lifecycle => question.event().await,
            Role::Authenticator => question.authenticate(),
            Role::Authorizer => question.authorize(),
            Role::Admission => self.judge(subject, host).await,
            Role::Dns => question.answer(),
            Role::Overlay => question.plan().await,
            Role::Scheduling => self.schedule(subject, host),
            Role::Objects | Role::Files => Ok(json!({"told": true})),
        }
    }

    /// An instance of its own, to which everything was pushed.
    pub(super) fn fresh(
        &self,
        subject: &Subject,
        host: &Arc<StandIn>,
        limits: Limits,
    ) -> Result<Instance, RunError> {
        let of = |why| RunError::Call { doing: "start the addon", why };
        let mut instance = subject.instance(host, limits).map_err(of)?;
        self.push(subject, host, &mut instance)?;
        Ok(instance)
    }

    pub(super) fn push(
        &self,
        subject: &Subject,
        host: &StandIn,
        instance: &mut Instance,
    ) -> Result<(), RunError> {
        let call = |doing| move |why| RunError::Call { doing, why };
        for ObjectsCase { group, version, resource, items } in &self.objects {
            let kind = Kind { group: group.clone(), version: version.clone(), resource: resource.clone() };
            let objects: Vec<_> = items.iter().map(object).collect();
            for Object { key, json } in &objects {
                host.world.put(kind.clone(), key.clone(), json.clone());
            }
            if subject.roles().any(|role| role == Role::Objects) {
                instance.snapshot(&kind, &objects).map_err(call("push the objects of the case"))?;
            }
        }
        if subject.roles().any(|role| role == Role::Files) {
            let files: Vec<_> = self.files.iter().map(FileCase::file).collect();
            instance.files(&files).map_err(call("push the files of the case"))?;
        }
        Ok(())
    }

    pub(super) fn user(&self) -> User {
        let UserCase { name, uid, groups, extra } = self.user.clone();
        User { name, uid, groups, extra: extra.into_iter().collect() }
    }

    pub(super) fn attributes(&self) -> Option<Attributes<'_>> {
        let asked = self.attributes.as_ref()?;
        Some(Attributes {
            verb: &asked.verb,
            namespace: &asked.namespace,
            group: &asked.group,
            version: &asked.version,
            resource: &asked.resource,
            subresource: &asked.subresource,
            name: &asked.name,
            path: &asked.path,
        })
    }

    /// The packet, and who sent it.
    pub(super) fn query(&self) -> Result<(Vec<u8>, DnsClient<'_>), RunError> {
        let missing = RunError::Missing { role: Role::Dns.name(), field: "query" };
        let query = self.query.as_ref().ok_or(missing)?;
        Ok((query.packet()?, DnsClient { address: &query.client, transport: &query.transport }))
    }

    pub(super) fn cluster(&self, host: &StandIn) -> Result<Cluster, RunError> {
        let missing = RunError::Missing { role: Role::Overlay.name(), field: "cluster" };
        let cluster = self.cluster.as_ref().ok_or(missing)?;
        Ok(cluster.cluster(engine::Services::settings(host)))
    }

    /// Calls with the credentials of the case.
    pub(super) fn with_credentials<R>(
        &self,
        work: impl FnOnce(&Credentials<'_>) -> R,
    ) -> Result<R, RunError> {
        let missing = RunError::Missing { role: Role::Authenticator.name(), field: "credentials" };
        let asked = self.credentials.as_ref().ok_or(missing)?;
        let chain = asked.certificate.iter().flat_map(|certificate| &certificate.chain).enumerate();
        let chain = chain.map(|(index, text)| STANDARD.decode(text).map_err(|_| RunError::Base64(index)));
        let chain = chain.collect::<Result<Vec<_>, _>>()?;
        let chain: Vec<_> = chain.iter().map(Vec::as_slice).collect();
        let anchor = asked.certificate.as_ref().map(|certificate| certificate.anchor.as_str());
        let password = asked.password.as_ref();
        Ok(work(&Credentials {
            certificate: anchor.map(|anchor| Certificate { chain: &chain, anchor }),
            bearer_token: asked.bearer_token.as_deref(),
            password: password.map(|one| Password { user: &one.user, password: &one.password }),
        }))
    }
}

fn object(json: &Value) -> Object {
    let text = |field: &str| json["metadata"][field].as_str().unwrap_or_default().to_owned();
    let key = ObjectKey { namespace: text("namespace"), name: text("name") };
    Object { key, json: Bytes::from(json.to_string()) }
}

impl FileCase {
    fn file(&self) -> File {
        let content = self.content.clone().map(Bytes::from);
        File { name: self.name.clone(), path: self.path.clone(), content }
    }
}

/// An instance that is up to date, and what it is asked.
struct Question<'a> {
    case: &'a Case,
    host: &'a StandIn,
    instance: &'a mut Instance,
}

fn call(why: CallError) -> RunError {
    RunError::Call { doing: "ask the addon", why }
}

impl Question<'_> {
    async fn edits(self) -> Result<Value, RunError> {
        let arguments: Vec<_> = self
            .case
            .arguments
            .iter()
            .map(|one| Argument { service: &one.service, flag: &one.flag, value: &one.value })
            .collect();
        let FactsCase { node_name, addresses } = self.case.facts.clone();
        let settings = engine::Services::settings(self.host);
        let facts = Facts { node_name, addresses };
        let edits = self.instance.edits(&arguments, &settings, &facts).await.map_err(call)?;
        Ok(json!({"edits": edits.iter().map(edit).collect::<Vec<_>>()}))
    }

    async fn event(self) -> Result<Value, RunError> {
        let texts: [&str; 1];
        let name = self.case.event.as_deref().unwrap_or("enabled");
        let (kind, about) = name.split_once(' ').unwrap_or((name, ""));
        let event = match kind {
            "enabled" => Event::Enabled,
            "disabled" => Event::Disabled,
            "unit-starting" => Event::UnitStarting(about),
            "unit-ready" => Event::UnitReady(about),
            "unit-stopping" => Event::UnitStopping(about),
            "node-joined" => Event::NodeJoined(about),
            "certs-renewed" => {
                texts = [about];
                Event::CertsRenewed(&texts)
            }
            _ => return Err(RunError::Event(name.to_owned())),
        };
        self.instance.notify(event).await.map_err(call)?;
        let again = self.instance.reconcile().await.map_err(call)?;
        let state = self.host.world.state();
        let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        let read =
            |bytes: &Bytes| serde_json::from_slice(bytes).unwrap_or_else(|_| Value::String(text(bytes)));
        Ok(json!({
            "reconcileAfterSeconds": again.map(|again| again.as_secs()),
            "kept": state.kept.iter().map(|(key, value)| (key.clone(), text(value))).collect::<BTreeMap<_, _>>(),
            "objects": state.objects.values().map(read).collect::<Vec<_>>(),
        }))
    }

    fn authenticate(self) -> Result<Value, RunError> {
        let user = self.case.with_credentials(|credentials| self.instance.authenticate(credentials))?;
        let user = user.map_err(call)?;
        Ok(json!({"user": user.map(|user| {
            let extra: BTreeMap<_, _> = user.extra.into_iter().collect();
            json!({"name": user.name, "uid": user.uid, "groups": user.groups, "extra": extra})
        })}))
    }

    fn answer(self) -> Result<Value, RunError> {
        let (query, client) = self.case.query()?;
        Ok(network::answer(self.instance.answer(&query, client).map_err(call)?))
    }

    async fn plan(self) -> Result<Value, RunError> {
        let cluster = self.case.cluster(self.host)?;
        Ok(network::plan(self.instance.plan(&cluster).await.map_err(call)?))
    }

    fn authorize(self) -> Result<Value, RunError> {
        let user = self.case.user();
        if let Some(attributes) = self.case.attributes() {
            return Ok(decision(self.instance.authorize(&user, &attributes).map_err(call)?));
        }
        let missing =
            RunError::Missing { role: Role::Authorizer.name(), field: "attributes, or a namespace" };
        let namespace = self.case.namespace.as_ref().ok_or(missing)?;
        Ok(rules(self.instance.rules(&user, namespace).map_err(call)?))
    }
}

fn edit(edit: &Edit) -> Value {
    let (operation, value) = match &edit.operation {
        Operation::Set(value) => ("set", Some(value)),
        Operation::Unset => ("unset", None),
        Operation::Append(value) => ("append", Some(value)),
        Operation::Other(name) => ("other", Some(name)),
    };
    let mut json = json!({"service": edit.service, "flag": edit.flag, "operation": operation});
    if let Some(value) = value {
        json["value"] = Value::String(value.clone());
    }
    json
}

fn decision(decision: Decision) -> Value {
    let (decision, reason) = match decision {
        Decision::Allow(reason) => ("allow", reason),
        Decision::Deny(reason) => ("deny", reason),
        Decision::NoOpinion(reason) => ("no-opinion", reason),
        Decision::Other(name) => ("other", name),
    };
    json!({"decision": decision, "reason": reason})
}

fn rules(rules: RuleSet) -> Value {
    let resource = |rule: engine::ResourceRule| json!({"verbs": rule.verbs, "groups": rule.groups, "resources": rule.resources, "names": rule.names});
    let path = |rule: engine::PathRule| json!({"verbs": rule.verbs, "paths": rule.paths});
    json!({
        "resourceRules": rules.resource_rules.into_iter().map(resource).collect::<Vec<_>>(),
        "pathRules": rules.path_rules.into_iter().map(path).collect::<Vec<_>>(),
        "problems": rules.problems,
    })
}
