//! What is asked for and answered.

use std::time::Duration;

use http_body_util::BodyExt;
use objects::Tree;

use super::fixture::{Fixture, Read, With, ask, nobody};
use super::sockets::Authority;
use crate::authz::Decision;
use crate::front::Front;

pub(super) const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

async fn fixture() -> (Fixture, Front) {
    let fixture = Fixture::new(&Authority::new("ca").pem());
    let front = fixture.front().await;
    (fixture, front)
}

fn config_map(name: &str) -> String {
    format!(r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}"}}}}"#)
}

async fn create(front: &Front, name: &str) -> Read {
    front.ask(ask("POST", CONFIG_MAPS).sending(config_map(name))).await
}

/// The next event of a watch.
pub(super) async fn event(body: &mut net::Body) -> Tree {
    let frame = tokio::time::timeout(Duration::from_secs(10), body.frame()).await.unwrap();
    Tree::from_json(&frame.unwrap().unwrap().into_data().unwrap()).unwrap()
}

#[tokio::test]
async fn an_object_is_created_read_listed_and_watched() {
    let (_fixture, front) = fixture().await;
    let created = create(&front, "one").await;
    assert_eq!((created.code().as_u16(), created.header("content-type")), (201, "application/json"));
    assert_eq!(created.header("cache-control"), "no-cache, private");
    assert!(!created.header("audit-id").is_empty());
    let got = front.ask(ask("GET", &format!("{CONFIG_MAPS}/one"))).await;
    assert_eq!(got.str(&["metadata", "uid"]), created.str(&["metadata", "uid"]));
    let list = front.ask(ask("GET", CONFIG_MAPS)).await;
    assert_eq!((list.str(&["kind"]).as_str(), list.tree().items_at(&["items"]).len()), ("ConfigMapList", 1));

    let revision = list.str(&["metadata", "resourceVersion"]);
    let watch = ask("GET", &format!("{CONFIG_MAPS}?watch=true&resourceVersion={revision}"));
    let mut watch = front.stream(nobody(), watch).await.into_body();
    create(&front, "two").await;
    let event = event(&mut watch).await;
    assert_eq!(event.str_at(&["type"]), Some("ADDED"));
    assert_eq!(event.str_at(&["object", "metadata", "name"]), Some("two"));
}

#[tokio::test]
async fn the_form_is_what_accept_names() {
    let (_fixture, front) = fixture().await;
    create(&front, "one").await;
    let table = front.ask(ask("GET", CONFIG_MAPS).with("accept", TABLE)).await;
    assert_eq!(table.str(&["kind"]), "Table");
    assert_eq!(table.tree().items_at(&["rows"]).len(), 1);
    let metadata = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    let list = front.ask(ask("GET", CONFIG_MAPS).with("accept", metadata)).await;
    assert_eq!(list.str(&["kind"]), "PartialObjectMetadataList");
    let old = ask("GET", CONFIG_MAPS).with("accept", "application/json;as=Table;g=meta.k8s.io;v=v1beta1");
    let old = front.ask(old).await.tree();
    let said = [&["kind"][..], &["apiVersion"], &["rows", "0", "object", "apiVersion"]];
    let said = said.map(|path| old.str_at(path).unwrap());
    assert_eq!(said, ["Table", "meta.k8s.io/v1beta1", "meta.k8s.io/v1beta1"]);
    let one = format!("{CONFIG_MAPS}/one");
    let yaml = front.ask(ask("GET", &one).with("accept", "application/yaml")).await;
    assert!(yaml.text.starts_with("apiVersion: v1\nkind: ConfigMap\n"), "{}", yaml.text);
    let pretty = front.ask(ask("GET", &format!("{one}?pretty=true"))).await;
    assert!(pretty.text.starts_with("{\n  \"kind\": \"ConfigMap\",\n"), "{}", pretty.text);
    let watch = ask("GET", &format!("{CONFIG_MAPS}?watch=1")).with("accept", "application/yaml");
    assert_eq!(front.ask(watch).await.code(), 406);
}

#[tokio::test]
async fn what_is_not_there_is_told_apart() {
    const NO_RESOURCE: &str = "the server could not find the requested resource";
    const NO_METHOD: &str = "the server does not allow this method on the requested resource";
    let (_fixture, front) = fixture().await;
    for (method, address, code, text) in [
        ("GET", "/nothing", 404, "404 page not found\n"),
        ("GET", "/apis/nothing.example.com/v1/things", 404, "404 page not found\n"),
        ("GET", "/api/v1/nothings", 404, NO_RESOURCE),
        ("GET", "/api/v1/namespaces/default/pods/p/nothing", 404, NO_RESOURCE),
        ("GET", "/api/v1/namespaces/default/nodes", 404, NO_RESOURCE),
        ("DELETE", "/api/v1/namespaces/default/namespaces/kube-public", 404, NO_RESOURCE),
        ("GET", "/api/v1/namespaces/default/pods/p", 404, r#"pods "p" not found"#),
        ("POST", "/api/v1/pods", 405, NO_METHOD),
        ("PUT", "/api/v1/namespaces/default/pods", 405, NO_METHOD),
        ("HEAD", "/api/v1/namespaces/default/pods", 405, ""),
        ("OPTIONS", "/api/v1/namespaces/default/pods", 405, NO_METHOD),
        ("POST", "/version", 405, NO_METHOD),
    ] {
        let answer = front.ask(ask(method, address)).await;
        let told = if answer.text.starts_with('{') { answer.str(&["message"]) } else { answer.text.clone() };
        assert_eq!((answer.code().as_u16(), told.as_str()), (code, text), "{method} {address}");
    }
}

#[tokio::test]
async fn bodies_have_a_limit_and_a_known_type() {
    let (_fixture, front) = fixture().await;
    let large = front.ask(ask("POST", CONFIG_MAPS).sending(vec![b' '; (3 << 20) + 1])).await;
    let message = "Request entity too large: limit is 3145728".to_owned();
    assert_eq!(large.status(), (413, "RequestEntityTooLarge".to_owned(), message));
    let unknown = ask("POST", CONFIG_MAPS).sending(config_map("one")).with("content-type", "text/csv");
    assert_eq!(front.ask(unknown).await.code(), 415);
}

#[tokio::test]
async fn a_panic_ends_its_request_alone() {
    let (fixture, front) = fixture().await;
    fixture.rule(
        |_, attributes| if attributes.verb == "list" { panic!("on purpose") } else { Decision::allow("") },
    );
    let answer = front.ask(ask("GET", CONFIG_MAPS)).await;
    assert_eq!((answer.status().0, answer.status().1.as_str()), (500, "InternalError"));
    assert!(!answer.text.contains("on purpose"), "{}", answer.text);
    assert_eq!(front.ask(ask("GET", "/version")).await.code(), 200);
}

#[tokio::test]
async fn health_names_its_checks() {
    const HOOKS: [&str; 2] =
        ["poststarthook/bootstrap-controller", "poststarthook/priority-and-fairness-config-consumer"];
    let fixture = Fixture::new(&Authority::new("ca").pem());
    let front = fixture.task.open(&fixture.scope, fixture.scope.token());
    let [bootstrap, flow] = HOOKS;
    let query = format!("exclude={bootstrap}&exclude={flow}&exclude=informer-sync&verbose");
    let early = front.ask(ask("GET", &format!("/readyz?{query}"))).await;
    assert_eq!(early.code(), 200, "{}", early.text);
    assert!(early.text.contains(&format!("[+]{bootstrap} excluded: ok\n")), "{}", early.text);
    let early = front.ask(ask("GET", "/livez")).await;
    assert_eq!(early.code(), 500);
    assert!(early.text.ends_with(&format!("[-]{bootstrap} failed: reason withheld\nlivez check failed\n")));
    let alone = front.ask(ask("GET", &format!("/livez/{bootstrap}"))).await;
    assert_eq!((alone.code().as_u16(), alone.header("x-content-type-options")), (500, "nosniff"));
    assert_eq!(alone.text, format!("internal server error: {bootstrap} failed\n"));

    fixture.task.bootstrap(&front).await.unwrap();
    while front.ask(ask("GET", "/readyz")).await.text != "ok" {
        tokio::task::yield_now().await;
    }
    assert_eq!(front.ask(ask("GET", "/readyz/etcd")).await.text, "ok");
    let verbose = front.ask(ask("GET", "/readyz?verbose=1&exclude=x&exclude=a&exclude=x")).await.text;
    let wanted = "[+]ping ok\n[+]etcd ok\n[+]etcd-readiness ok\n[+]informer-sync ok\n\
                  [+]poststarthook/priority-and-fairness-config-consumer ok\n\
                  [+]poststarthook/bootstrap-controller ok\n[+]shutdown ok\n\
                  warn: some health checks cannot be excluded: no matches for \"a\",\"x\"\n\
                  readyz check passed\n";
    assert_eq!(verbose, wanted);
    assert_eq!(front.ask(ask("GET", "/readyz/nothing")).await.code(), 404);
}

#[tokio::test]
async fn pages_tell_of_the_server() {
    let (_fixture, front) = fixture().await;
    create(&front, "one").await;
    let watch = front.stream(nobody(), ask("GET", &format!("{CONFIG_MAPS}?watch=1"))).await;
    front.ask(ask("GET", CONFIG_MAPS)).await;
    let names = |verb: &str, scope: &str| {
        format!(
            "verb=\"{verb}\",group=\"\",version=\"v1\",resource=\"configmaps\",subresource=\"\",\
             scope=\"{scope}\",component=\"apiserver\""
        )
    };
    let metrics = front.ask(ask("GET", "/metrics")).await.text;
    let (posted, listed) = (names("POST", "resource"), names("LIST", "namespace"));
    let watched = names("WATCH", "namespace");
    for line in [
        format!("request_total{{{posted},dry_run=\"\",code=\"201\"}} 1"),
        format!("request_duration_seconds_count{{{listed},dry_run=\"\"}} 1"),
        format!("response_sizes_count{{{listed}}} 1"),
        format!("longrunning_requests{{{watched}}} 1"),
        "current_inflight_requests{request_kind=\"readOnly\"} 1".to_owned(),
        "current_inflight_requests{request_kind=\"mutating\"} 0".to_owned(),
    ] {
        assert!(metrics.contains(&format!("\napiserver_{line}\n")), "{line}: {metrics}");
    }
    drop(watch);
    let metrics = front.ask(ask("GET", "/metrics")).await.text;
    assert!(metrics.contains(&format!("longrunning_requests{{{watched}}} 0\n")), "{metrics}");
    assert_eq!(front.ask(ask("GET", "/version")).await.str(&["gitVersion"]), "v1.36.0");
    assert_eq!(front.ask(ask("GET", "/api")).await.str(&["kind"]), "APIVersions");
    let index = front.ask(ask("GET", "/")).await.text;
    for path in ["/apis/coordination.k8s.io/v1", "/healthz/ping", "/openid/v1/jwks"] {
        assert!(index.contains(&format!("\"{path}\"")), "{index}");
    }
    let keys = front.ask(ask("GET", "/openid/v1/jwks")).await;
    assert_eq!(keys.tree().items_at(&["keys"]).len(), 1);
}
