//! What other servers answer for: webhooks, aggregated APIs, and the proxy of pods and services. One server on loopback
//! plays them all.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use datastore::{Compare, Op, Txn};
use expect_test::expect;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use net::{Body, Roots, TlsServer, body};
use objects::{Tree, tree};

use super::fixture::{Fixture, With, ask};
use super::sockets::{Authority, listener};
use crate::front::Front;

const NAME: &str = "backend.default.svc";
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Documents of a group version that the server tells of: their paths, as they are and as they are aggregated.
const DOCUMENTS: &[(&str, &str, &str)] = &[
    (
        "/apis/told.example.org/v1",
        r#"{"kind":"APIResourceList","groupVersion":"told.example.org/v1","resources":[{"name":"plains","kind":"Plain"}]}"#,
        "",
    ),
    (
        "/apis",
        "{}",
        r#"{"kind":"APIGroupDiscoveryList","items":[{"metadata":{"name":"told.example.org"},"versions":[{"version":"v1","resources":[{"resource":"things","verbs":["list"]}],"freshness":"Current"}]}]}"#,
    ),
    (
        "/openapi/v3",
        r#"{"paths":{"apis/told.example.org/v1":{"serverRelativeURL":"/openapi/v3/apis/told.example.org/v1?hash=7"}}}"#,
        "",
    ),
    (
        "/openapi/v2",
        r##"{"paths":{"/apis/told.example.org/v1/things":{"get":{"description":"list things","schema":{"$ref":"#/definitions/Thing"}}},"/apis/else":{}},"definitions":{"Thing":{"type":"object"},"Else":{}}}"##,
        "",
    ),
];

/// What the server says to an AdmissionReview.
type Say = fn(&Tree) -> Tree;

struct World {
    front: Front,
    authority: Authority,
    say: Arc<Mutex<Say>>,
    port: u16,
    fixture: Fixture,
}

async fn answer(request: Request<Incoming>, say: Arc<Mutex<Say>>) -> Response<Body> {
    let (head, sent) = request.into_parts();
    let bytes = body::collect(body::boxed(sent), 1 << 20).await.unwrap();
    if !head.uri.path().starts_with("/review") {
        let user = head.headers.get("x-remote-user").map_or("", |name| name.to_str().unwrap());
        let secret = head.headers.contains_key("authorization");
        if let Some(told) = DOCUMENTS.iter().find(|(path, ..)| *path == head.uri.path()) {
            let (_, plain, aggregated) = *told;
            let accept = head.headers.get("accept").map_or("", |value| value.to_str().unwrap());
            return Response::new(body::full(if accept.contains("v=v2;") { aggregated } else { plain }));
        }
        return Response::new(body::full(format!(
            "{} {} {user} {secret}",
            head.method,
            head.uri.path_and_query().unwrap()
        )));
    }
    let review = Tree::from_json(&bytes).unwrap();
    let request = review.get("request").unwrap();
    let said = *say.lock().unwrap();
    let mut response = said(request);
    response.insert("uid", request.str_at(&["uid"]).unwrap());
    let answer =
        tree!({ "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": response });
    Response::new(body::full(answer.to_json()))
}

impl World {
    async fn new() -> Self {
        let authority = Authority::new("ca");
        let fixture = Fixture::new(&authority.pem());
        let say: Arc<Mutex<Say>> = Arc::new(Mutex::new(|_| tree!({ "allowed": true })));
        let tls = TlsServer::new(authority.issue_for(&[NAME, "localhost"]), Roots::default()).unwrap();
        let (listener, stop, said) = (listener(), fixture.scope.token(), Arc::clone(&say));
        let port = listener.local_port().unwrap();
        fixture.scope.spawn("backend", async move {
            let service = move |request| {
                let said = Arc::clone(&said);
                async move { answer(request, said).await }
            };
            net::serve(&listener, Some(&tls), service, stop).await;
        });
        let front = fixture.front().await;
        let world = Self { front, authority, say, port, fixture };
        let service = tree!({ "metadata": { "name": "backend" }, "spec": { "ports": [{ "port": 443 }] } });
        world.made("/api/v1/namespaces/default/services", &service).await;
        world
    }

    async fn made(&self, path: &str, object: &Tree) -> Tree {
        let answer = self.front.ask(ask("POST", path).sending(object.to_json())).await;
        assert_eq!(answer.code(), StatusCode::CREATED, "{path}: {}", answer.text);
        answer.tree()
    }

    /// A webhook for config maps, at the server's own address.
    async fn hook(&self, kind: &str, name: &str, more: &[(&str, Tree)]) {
        let mut hook = tree!({
            "name": (format!("{name}.example.org")), "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": {
                "url": (format!("https://localhost:{}/review", self.port)),
                "caBundle": (STANDARD.encode(self.authority.pem()))
            },
            "rules": [{
                "operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]
            }]
        });
        for (key, value) in more {
            hook.insert(*key, value.clone());
        }
        let configuration = tree!({ "metadata": { "name": name }, "webhooks": [hook] });
        let plural = format!("{kind}webhookconfigurations");
        self.made(&format!("/apis/admissionregistration.k8s.io/v1/{plural}"), &configuration).await;
    }

    /// The server as an endpoint of its service, put where no validation looks: none may be on loopback.
    async fn endpoint(&self) {
        let slice = tree!({
            "kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1",
            "metadata": {
                "name": "backend-1", "namespace": "default", "labels": { "kubernetes.io/service-name": "backend" }
            },
            "addressType": "IPv4", "endpoints": [{ "addresses": ["127.0.0.1"] }],
            "ports": [{ "name": "", "port": (self.port) }]
        });
        let store = &self.front.0.store;
        let key = "/registry/endpointslices/default/backend-1";
        let put = Op::put(key, slice.to_json());
        store.txn(Txn::guarded(Compare::absent(key), put)).await.unwrap();
        let path = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/backend-1";
        assert_eq!(self.front.ask(ask("GET", path)).await.code(), StatusCode::OK);
    }

    async fn config_map(&self, name: &str, query: &str) -> super::fixture::Read {
        let map = tree!({ "metadata": { "name": name }, "data": { "k": "v" } });
        let path = format!("/api/v1/namespaces/default/configmaps{query}");
        self.front.ask(ask("POST", &path).sending(map.to_json())).await
    }

    /// An APIService of `v1` of a group that the backend answers for.
    async fn aggregate(&self, group: &str) {
        let name = format!("v1.{group}");
        let api = tree!({
            "metadata": { "name": (name.as_str()) },
            "spec": {
                "group": group, "version": "v1", "groupPriorityMinimum": 1000, "versionPriority": 15,
                "service": { "namespace": "default", "name": "backend" },
                "caBundle": (STANDARD.encode(self.authority.pem()))
            }
        });
        self.made("/apis/apiregistration.k8s.io/v1/apiservices", &api).await;
        // Until somebody has looked, nothing is passed on.
        self.until(&name, "Passed").await;
    }

    /// Waits until the condition of an APIService has a reason.
    async fn until(&self, name: &str, reason: &str) {
        let path = format!("/apis/apiregistration.k8s.io/v1/apiservices/{name}");
        while self.front.ask(ask("GET", &path)).await.str(&["status", "conditions", "0", "reason"]) != reason
        {
            tokio::task::yield_now().await;
        }
    }

    fn says(&self, say: Say) {
        *self.say.lock().unwrap() = say;
    }
}

fn patch(operations: &str) -> Tree {
    tree!({ "allowed": true, "patchType": "JSONPatch", "patch": (STANDARD.encode(operations)) })
}

#[tokio::test]
async fn a_webhook_refuses_in_its_own_words_and_warns() {
    let world = World::new().await;
    world.hook("validating", "deny", &[]).await;
    world.says(|_| tree!({ "allowed": true, "warnings": ["mind the gap"] }));
    let made = world.config_map("a", "").await;
    assert_eq!((made.code(), made.header("warning")), (StatusCode::CREATED, "299 - \"mind the gap\""));
    world.says(|request| {
        let name = request.str_at(&["object", "metadata", "name"]).unwrap();
        tree!({ "allowed": false, "status": { "code": 418, "message": (format!("no {name}")) } })
    });
    let refused = world.config_map("b", "").await;
    expect![[r#"(418, "", "admission webhook \"deny.example.org\" denied the request: no b")"#]]
        .assert_eq(&format!("{:?}", refused.status()));
    world.says(|_| tree!({ "allowed": false }));
    let deleted = world.front.ask(ask("DELETE", "/api/v1/namespaces/default/configmaps/a")).await;
    expect![[
        r#"(403, "", "admission webhook \"deny.example.org\" denied the request without explanation")"#
    ]]
    .assert_eq(&format!("{:?}", deleted.status()));
}

#[tokio::test]
async fn what_a_webhook_warns_of_is_told_with_whatever_refusal_follows() {
    let world = World::new().await;
    world.hook("mutating", "warn", &[]).await;
    world.says(|_| tree!({ "allowed": true, "warnings": ["mind the gap"] }));
    assert_eq!(world.config_map("a", "").await.code(), StatusCode::CREATED);
    for (name, code) in [("A", StatusCode::UNPROCESSABLE_ENTITY), ("a", StatusCode::CONFLICT)] {
        let refused = world.config_map(name, "").await;
        assert_eq!((refused.code(), refused.header("warning")), (code, "299 - \"mind the gap\""));
    }
    // A label that is none is found after the webhook was heard, here too.
    let patch = tree!({ "metadata": { "labels": { "k": "!" } } });
    let patch = ask("PATCH", "/api/v1/namespaces/default/configmaps/a").sending(patch.to_json());
    let refused = world.front.ask(patch.with("content-type", "application/merge-patch+json")).await;
    assert_eq!(refused.code(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.header("warning"), "299 - \"mind the gap\"");
}

#[tokio::test]
async fn webhooks_change_objects_in_turn_and_are_asked_again_when_a_later_one_did() {
    let world = World::new().await;
    let again = [("reinvocationPolicy", Tree::from("IfNeeded"))];
    world.hook("mutating", "a", &again).await;
    world.hook("mutating", "b", &[]).await;
    // Each adds what is missing: the first sees the second's only when it is asked again.
    world.says(|request| {
        let has = |key: &str| request.at(&["object", "data", key]).is_some();
        match (has("one"), has("two"), has("three")) {
            (false, ..) => patch(r#"[{"op":"add","path":"/data/one","value":"1"}]"#),
            (_, false, _) => patch(r#"[{"op":"add","path":"/data/two","value":"2"}]"#),
            (_, _, false) => patch(r#"[{"op":"add","path":"/data/three","value":"3"}]"#),
            _ => tree!({ "allowed": true }),
        }
    });
    let made = world.config_map("a", "").await;
    expect![[r#"{"k":"v","one":"1","two":"2","three":"3"}"#]]
        .assert_eq(&made.tree().get("data").unwrap().to_json_string());
}

#[tokio::test]
async fn a_webhook_that_cannot_be_asked_stops_the_write_or_not_as_its_policy_says() {
    let world = World::new().await;
    world.says(|_| tree!({ "allowed": true, "patch": "!", "patchType": "JSONPatch" }));
    world.hook("mutating", "ignored", &[("failurePolicy", Tree::from("Ignore"))]).await;
    assert_eq!(world.config_map("a", "").await.code(), StatusCode::CREATED);
    world.hook("mutating", "needed", &[]).await;
    let (code, _, message) = world.config_map("b", "").await.status();
    assert_eq!(code, 500);
    assert!(message.contains(r#"failed calling webhook "needed.example.org": response.patch"#), "{message}");
    let none = [("rules", Tree::array())];
    world.hook("validating", "unasked", &none).await;
}

#[tokio::test]
async fn a_dry_run_does_not_reach_webhooks_with_side_effects() {
    let world = World::new().await;
    world.hook("validating", "clean", &[]).await;
    assert_eq!(world.config_map("a", "?dryRun=All").await.code(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_service_is_reached_by_its_endpoints_and_its_certificate_is_for_its_name() {
    let world = World::new().await;
    let service = tree!({
        "service": { "namespace": "default", "name": "backend", "path": "/review" },
        "caBundle": (STANDARD.encode(world.authority.pem()))
    });
    world.hook("validating", "service", &[("clientConfig", service)]).await;
    assert_eq!(world.config_map("a", "").await.code(), StatusCode::INTERNAL_SERVER_ERROR);
    world.endpoint().await;
    world.says(|_| tree!({ "allowed": false }));
    assert_eq!(world.config_map("a", "").await.code(), StatusCode::FORBIDDEN);

    world.aggregate("example.org").await;
    let passed = world.front.ask(ask("GET", "/apis/example.org/v1/things?limit=1")).await;
    assert_eq!(passed.text, "GET /apis/example.org/v1/things?limit=1 jane false");
}

#[tokio::test]
async fn pods_are_proxied_with_the_tail_of_the_path_and_without_credentials() {
    let world = World::new().await;
    let account = tree!({ "metadata": { "name": "default" } });
    world.made("/api/v1/namespaces/default/serviceaccounts", &account).await;
    let pod =
        tree!({ "metadata": { "name": "p" }, "spec": { "containers": [{ "name": "a", "image": "i" }] } });
    world.made("/api/v1/namespaces/default/pods", &pod).await;
    let status = tree!({ "status": { "podIP": "127.0.0.1", "podIPs": [{ "ip": "127.0.0.1" }] } });
    let patch = ask("PATCH", "/api/v1/namespaces/default/pods/p/status");
    let patch = patch.sending(status.to_json()).with("content-type", "application/merge-patch+json");
    assert_eq!(world.front.ask(patch).await.code(), StatusCode::OK);
    let base = format!("/api/v1/namespaces/default/pods/https:p:{}/proxy", world.port);
    let moved = world.front.ask(ask("GET", &base)).await;
    assert_eq!(
        (moved.code(), moved.header("location")),
        (StatusCode::MOVED_PERMANENTLY, format!("{base}/").as_str())
    );
    let put = ask("PUT", &format!("{base}/a%20b/?x=1")).sending(Bytes::from_static(b"body"));
    assert_eq!(world.front.ask(put).await.text, "PUT /a%20b/?x=1  false");
    let missing = world.front.ask(ask("GET", "/api/v1/namespaces/default/pods/q/proxy/")).await;
    assert_eq!(missing.code(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_an_aggregated_server_tells_is_part_of_the_documents() {
    let world = World::new().await;
    world.endpoint().await;
    world.aggregate("told.example.org").await;
    let document = world.front.ask(ask("GET", "/apis").with("accept", AGGREGATED)).await.tree();
    expect![[r#"{"metadata":{"name":"told.example.org"},"versions":[{"version":"v1","resources":[{"resource":"things","verbs":["list"]}],"freshness":"Current"}]}"#]]
        .assert_eq(&document.items_at(&["items"]).last().unwrap().to_json_string());
    let group = world.front.ask(ask("GET", "/apis/told.example.org")).await;
    assert_eq!(group.str(&["preferredVersion", "groupVersion"]), "told.example.org/v1");
    let list = world.front.ask(ask("GET", "/apis/told.example.org/v1")).await;
    assert_eq!(list.str(&["resources", "0", "name"]), "plains");
    let index = world.front.ask(ask("GET", "/openapi/v3")).await;
    let address = index.str(&["paths", "apis/told.example.org/v1", "serverRelativeURL"]);
    assert_eq!(
        world.front.ask(ask("GET", &address)).await.text,
        "GET /openapi/v3/apis/told.example.org/v1?hash=7 jane false"
    );
    let whole = world.front.ask(ask("GET", "/openapi/v2")).await.tree();
    let described = whole.at(&["paths"]).and_then(|paths| paths.get("/apis/told.example.org/v1/things"));
    assert_eq!(described.unwrap().str_at(&["get", "description"]), Some("list things"));
    let definitions = whole.get("definitions").unwrap();
    assert_eq!(definitions.get("Thing"), Some(&tree!({ "type": "object" })));
    assert_eq!(definitions.get("Else"), None);
    let paths = world.front.ask(ask("GET", "/")).await.tree();
    let paths: Vec<&str> = paths.items_at(&["paths"]).iter().filter_map(Tree::as_str).collect();
    assert!(paths.contains(&"/apis/told.example.org/v1"), "{paths:?}");
}

#[tokio::test]
async fn what_a_server_told_before_it_went_is_stale() {
    let world = World::new().await;
    world.endpoint().await;
    world.aggregate("told.example.org").await;
    let slice = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/backend-1";
    assert_eq!(world.front.ask(ask("DELETE", slice)).await.code(), StatusCode::OK);
    world.until("v1.told.example.org", "MissingEndpoints").await;
    let document = world.front.ask(ask("GET", "/apis").with("accept", AGGREGATED)).await.tree();
    expect![[r#"{"metadata":{"name":"told.example.org"},"versions":[{"version":"v1","resources":[{"resource":"things","verbs":["list"]}],"freshness":"Stale"}]}"#]]
        .assert_eq(&document.items_at(&["items"]).last().unwrap().to_json_string());
    let passed = world.front.ask(ask("GET", "/apis/told.example.org/v1/things")).await;
    assert_eq!(passed.code(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn aggregated_servers_are_told_whom_to_believe_and_when_that_changes() {
    let world = World::new().await;
    let path = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";
    let map = world.front.ask(ask("GET", path)).await.tree();
    expect![[r#"{"client-ca-file":"users","requestheader-allowed-names":"[\"front-proxy-client\"]","requestheader-client-ca-file":"proxies","requestheader-extra-headers-prefix":"[\"X-Remote-Extra-\"]","requestheader-group-headers":"[\"X-Remote-Group\"]","requestheader-uid-headers":"[\"X-Remote-Uid\"]","requestheader-username-headers":"[\"X-Remote-User\"]"}"#]]
        .assert_eq(&map.get("data").unwrap().to_json_string());
    world.fixture.authorities.send_modify(|authorities| authorities.users = "others".to_owned());
    while world.front.ask(ask("GET", path)).await.str(&["data", "client-ca-file"]) != "others" {
        tokio::task::yield_now().await;
    }
}
