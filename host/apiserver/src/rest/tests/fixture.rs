//! A running datastore with [`Rest`] on top, and short ways to call it.

use std::sync::Arc;
use std::time::Duration;

use datastore::{Config, Embedded};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use objects::resource::Verb;
use objects::status::Status;
use objects::{Tree, tree};
use supervise::Scope;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::admission::Admission;
use crate::admission::addon::Nobody;
use crate::admission::address::ServiceNetwork;
use crate::authn::UserInfo;
use crate::authz::{Attributes, Authorize, Decision, Rules};
use crate::call::{Answer, AnswerBody, Call, Content, Notes, Output};
use crate::rest::{Foundation, Rest};
use crate::storage::{Encryption, Expiry, Values};

const TTL: Duration = Duration::from_secs(60 * 60);

pub(crate) struct Fixture {
    pub(crate) rest: Rest,
    pub(crate) store: Embedded,
    pub(crate) encryption: watch::Sender<Option<Encryption>>,
    _scope: Scope,
    _directory: TempDir,
}

impl Fixture {
    /// With the namespace `default` and a network for services.
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (store, task) = Embedded::open(Config::new(directory.path().join("store"))).unwrap();
        let scope = Scope::root("test");
        scope.spawn("datastore", task.run(scope.token()));
        let (encryption, encrypting) = watch::channel(None);
        let foundation = Foundation {
            store: store.clone().into(),
            admission: Admission::new(network(), &crate::AdmissionPlugins::default(), Arc::new(Nobody)),
            expiry: Expiry::new(TTL),
            authorizer: Arc::new(Everything),
            values: Values::new(encrypting),
            deletions: 4,
        };
        let rest = Rest::open(foundation, &scope);
        let fixture = Self { rest, store, encryption, _scope: scope, _directory: directory };
        fixture.create("namespaces", tree!({ "metadata": { "name": "default" } })).await.unwrap();
        let row = fixture.rest.registry().find("networking.k8s.io", "v1", "servicecidrs").unwrap();
        let cidrs: Vec<String> = network().cidrs.iter().map(ToString::to_string).collect();
        let network = tree!({ "metadata": { "name": "kubernetes" }, "spec": { "cidrs": cidrs } });
        let call = Call::own(row, Verb::Create, crate::call::Place::default(), &network);
        fixture.rest.answer(call).await.unwrap();
        fixture
    }

    /// A call for a resource of core/v1 in the namespace `default`.
    pub(crate) fn call(&self, verb: Verb, plural: &str, name: &str) -> Call {
        let resource = self.rest.registry().find("", "v1", plural).unwrap();
        let namespace = if resource.is_namespaced() { "default" } else { "" };
        Call {
            namespace: namespace.to_owned(),
            resource,
            subresource: String::new(),
            name: name.to_owned(),
            verb,
            query: Vec::new(),
            body: Content::default(),
            output: Output::Objects,
            user: UserInfo::default(),
            user_agent: "test/1.0".to_owned(),
            notes: Notes::default(),
        }
    }

    pub(crate) async fn tree(&self, call: Call) -> Result<Tree, Status> {
        match self.rest.answer(call).await?.body {
            AnswerBody::Json(bytes) => Ok(Tree::from_json(&bytes).unwrap()),
            AnswerBody::Watch(_) => panic!("a watch"),
        }
    }

    pub(crate) async fn create(&self, plural: &str, tree: Tree) -> Result<Tree, Status> {
        self.tree(self.call(Verb::Create, plural, "").body(&tree)).await
    }

    pub(crate) async fn get(&self, plural: &str, name: &str) -> Result<Tree, Status> {
        self.tree(self.call(Verb::Get, plural, name)).await
    }

    /// A config map with one value.
    pub(crate) async fn config_map(&self, name: &str, value: &str) -> Tree {
        self.create("configmaps", config_map(name, value)).await.unwrap()
    }

    pub(crate) async fn watch(&self, plural: &str, query: &[(&str, &str)]) -> Events {
        let call = self.call(Verb::Watch, plural, "").query_of(query);
        let Answer { body: AnswerBody::Watch(lines), .. } = self.rest.answer(call).await.unwrap() else {
            panic!("no watch")
        };
        Events(lines)
    }
}

/// Allows everybody everything.
struct Everything;

impl Authorize for Everything {
    fn authorize(&self, _: &UserInfo, _: &Attributes) -> Decision {
        Decision::allow("")
    }

    fn rules(&self, _: &UserInfo, _: &str) -> Rules {
        Rules::default()
    }
}

pub(crate) fn network() -> ServiceNetwork {
    ServiceNetwork { cidrs: vec!["10.152.183.0/24".parse().unwrap()], node_ports: 30000..=32767 }
}

pub(crate) fn config_map(name: &str, value: &str) -> Tree {
    tree!({ "metadata": { "name": name }, "data": { "k": value } })
}

impl Call {
    pub(crate) fn body(mut self, tree: &Tree) -> Self {
        self.body = Content { media_type: "application/json".to_owned(), bytes: tree.to_json() };
        self
    }

    pub(crate) fn patch_of(mut self, media_type: &str, tree: &Tree) -> Self {
        self.body = Content { media_type: media_type.to_owned(), bytes: tree.to_json() };
        self
    }

    pub(crate) fn query_of(mut self, query: &[(&str, &str)]) -> Self {
        self.query.extend(query.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        self
    }

    pub(crate) fn subresource_of(mut self, name: &str) -> Self {
        self.subresource = name.to_owned();
        self
    }
}

pub(crate) struct Events(BoxStream<'static, bytes::Bytes>);

impl Events {
    pub(crate) async fn next(&mut self) -> Tree {
        let line = tokio::time::timeout(Duration::from_secs(10), self.0.next()).await.unwrap().unwrap();
        Tree::from_json(&line).unwrap()
    }

    /// Type and name of the next event.
    pub(crate) async fn brief(&mut self) -> String {
        let event = self.next().await;
        let name = event.str_at(&["object", "metadata", "name"]).unwrap_or_default();
        format!("{} {name}", event.str_at(&["type"]).unwrap())
    }

    pub(crate) async fn ends(&mut self) -> bool {
        tokio::time::timeout(Duration::from_secs(10), self.0.next()).await.unwrap().is_none()
    }
}
