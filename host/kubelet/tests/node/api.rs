//! An API server's store and verbs, small: enough of them to run a kubelet against, without admission or defaults.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use client::{Body, BoxFuture, Transport, TransportError};
use http::{Method, Request, Response, StatusCode};
use objects::{Tree, meta, tree};
use tokio::sync::watch;

/// Objects by collection (`/api/v1/pods`), namespace and name.
type Key = (String, String, String);

#[derive(Clone)]
pub(crate) struct FakeApi {
    state: Arc<Mutex<State>>,
    revision: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<Key, Tree>,
    /// What happened, in order: its revision is its place.
    log: Vec<(&'static str, Key, Tree)>,
}

struct Target {
    key: Key,
    subresource: String,
}

fn target(path: &str) -> Target {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (group, rest) = parts.split_at(if parts[0] == "api" { 2 } else { 3 });
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
        rest => ("", rest),
    };
    let part = |at: usize| rest.get(at).copied().unwrap_or_default().to_owned();
    let collection = format!("/{}/{}", group.join("/"), part(0));
    Target { key: (collection, namespace.to_owned(), part(1)), subresource: part(2) }
}

impl State {
    fn commit(&mut self, event: &'static str, key: Key, mut object: Tree) -> Tree {
        meta::set_resource_version(&mut object, &(self.log.len() + 1).to_string());
        match event {
            "DELETED" => drop(self.objects.remove(&key)),
            _ => drop(self.objects.insert(key.clone(), object.clone())),
        }
        self.log.push((event, key, object.clone()));
        object
    }

    fn create(&mut self, mut key: Key, mut object: Tree) -> Result<Tree, StatusCode> {
        key.2 = meta::name(&object).to_owned();
        if self.objects.contains_key(&key) {
            return Err(StatusCode::CONFLICT);
        }
        if meta::uid(&object).is_empty() {
            meta::set_uid(&mut object, &format!("uid-{}", self.log.len()));
        }
        Ok(self.commit("ADDED", key, object))
    }

    fn delete(&mut self, key: Key, options: &Tree) -> Result<Tree, StatusCode> {
        let mut object = self.objects.get(&key).cloned().ok_or(StatusCode::NOT_FOUND)?;
        let said = options.i64_at(&["gracePeriodSeconds"]);
        let grace = said.or_else(|| object.i64_at(&["spec", "terminationGracePeriodSeconds"])).unwrap_or(30);
        if grace == 0 {
            self.commit("DELETED", key, object);
            return Ok(tree!({ "kind": "Status", "status": "Success" }));
        }
        meta::set_deletion(&mut object, Some(jiff::Timestamp::now()), Some(grace));
        Ok(self.commit("MODIFIED", key, object))
    }
}

impl FakeApi {
    pub(crate) fn new() -> Self {
        Self { state: Arc::default(), revision: watch::Sender::new(0) }
    }

    fn answer(&self, request: &Request<Bytes>) -> Result<Tree, StatusCode> {
        let Target { key, subresource } = target(request.uri().path());
        let body = Tree::from_json(request.body()).unwrap_or_else(|_| tree!({}));
        let mut state = self.state.lock().unwrap();
        let answer = match *request.method() {
            Method::POST if subresource.is_empty() => state.create(key, body),
            Method::GET if key.2.is_empty() => {
                let matching = |(at, _): &(&Key, &Tree)| at.0 == key.0 && (key.1.is_empty() || at.1 == key.1);
                let items: Vec<Tree> =
                    state.objects.iter().filter(matching).map(|(_, object)| object.clone()).collect();
                let version = state.log.len().to_string();
                Ok(tree!({ "metadata": { "resourceVersion": (version) }, "items": (items) }))
            }
            Method::GET => state.objects.get(&key).cloned().ok_or(StatusCode::NOT_FOUND),
            Method::PUT => Ok(state.commit("MODIFIED", key, body)),
            Method::PATCH => match state.objects.get(&key).cloned() {
                Some(mut object) => {
                    object.merge(&body);
                    Ok(state.commit("MODIFIED", key, object))
                }
                None => Err(StatusCode::NOT_FOUND),
            },
            Method::DELETE => state.delete(key, &body),
            _ => Err(StatusCode::METHOD_NOT_ALLOWED),
        };
        let revision = state.log.len() as u64;
        drop(state);
        self.revision.send_replace(revision);
        answer
    }

    fn watch(&self, request: &Request<Bytes>) -> Body {
        let (sender, body) = net::body::channel(16);
        let query = request.uri().query().unwrap_or_default().to_owned();
        let from = query.split('&').find_map(|pair| pair.strip_prefix("resourceVersion="));
        let mut next: usize = from.map_or(0, |version| version.parse().unwrap());
        let (collection, _, _) = target(request.uri().path()).key;
        let (api, mut revision) = (self.clone(), self.revision.subscribe());
        tokio::spawn(async move {
            loop {
                let news: Vec<_> = api.state.lock().unwrap().log[next..].to_vec();
                next += news.len();
                for (event, key, object) in news {
                    let line = tree!({ "type": (event), "object": (object) }).to_json_string() + "\n";
                    if key.0 == collection && sender.send(Ok(line.into())).await.is_err() {
                        return;
                    }
                }
                tokio::select! {
                    _ = revision.changed() => {}
                    () = sender.closed() => return,
                }
            }
        });
        body
    }

    /// Waits for an object that is as is asked for, or for its end.
    pub(crate) async fn until(&self, path: &str, holds: impl Fn(Option<&Tree>) -> bool) {
        let key = target(path).key;
        let mut revision = self.revision.subscribe();
        let reached = revision.wait_for(|_| holds(self.state.lock().unwrap().objects.get(&key)));
        if tokio::time::timeout(super::LIMIT, reached).await.is_err() {
            let state = self.state.lock().unwrap();
            let events = state.objects.iter().filter(|(key, _)| key.0.ends_with("/events"));
            let events: Vec<_> =
                events.map(|(_, event)| event.str_at(&["message"]).unwrap_or_default()).collect();
            let object = state.objects.get(&key).map(Tree::to_json_pretty);
            panic!("{path}: {}\n{}", object.unwrap_or_else(|| "none".to_owned()), events.join("\n"));
        }
    }

    pub(crate) fn get(&self, path: &str) -> Tree {
        self.state.lock().unwrap().objects[&target(path).key].clone()
    }

    pub(crate) async fn until_reason(&self, reason: &str) {
        let mut revision = self.revision.subscribe();
        let told = revision.wait_for(|_| self.reasons().contains(reason));
        drop(tokio::time::timeout(super::LIMIT, told).await.unwrap().unwrap());
    }

    /// The reasons of all events, each once.
    pub(crate) fn reasons(&self) -> std::collections::BTreeSet<String> {
        let state = self.state.lock().unwrap();
        let events = state.objects.iter().filter(|(key, _)| key.0.ends_with("/events"));
        events.filter_map(|(_, event)| event.str_at(&["reason"]).map(str::to_owned)).collect()
    }
}

impl Transport for FakeApi {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<Result<Response<Body>, TransportError>> {
        let watch = request.uri().query().is_some_and(|query| query.contains("watch=true"));
        let response = if watch {
            Response::new(self.watch(&request))
        } else {
            match self.answer(&request) {
                Ok(object) => Response::new(net::body::full(object.to_json())),
                Err(code) => {
                    let mut response = Response::new(net::body::full(Bytes::new()));
                    *response.status_mut() = code;
                    response
                }
            }
        };
        Box::pin(async move { Ok::<_, Infallible>(response).map_err(|never| match never {}) })
    }
}
