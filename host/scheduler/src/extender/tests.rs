use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use http::Response;
use hyper::body::Incoming;
use net::{Binder, Body, Socket, SocketAddress, Transport, bind_all, body, serve};
use supervise::Scope;

use super::*;
use crate::view::PodView;

/// An extender at a port of loopback that answers by the last part of the path.
struct Server {
    config: ExtenderConfig,
    asked: Arc<Mutex<Vec<(String, Tree)>>>,
    _scope: Scope,
}

async fn answer(request: Request<Incoming>, asked: Arc<Mutex<Vec<(String, Tree)>>>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let bytes = body::collect(body::boxed(request.into_body()), MOST_BYTES).await.unwrap();
    asked.lock().unwrap().push((path.clone(), Tree::from_json(&bytes).unwrap()));
    let answer = match path.as_str() {
        "/x/filter" => {
            r#"{"nodenames":["b"],"failedNodes":{"a":"no licence"},"failedAndUnresolvableNodes":{"c":"never"}}"#
        }
        "/x/rank" => r#"[{"host":"b","score":7}]"#,
        "/x/bind" => r#"{"error":"the pod is bound already"}"#,
        _ => {
            let mut refused = Response::new(body::empty());
            *refused.status_mut() = StatusCode::NOT_FOUND;
            return refused;
        }
    };
    Response::new(body::full(answer))
}

fn start() -> Server {
    let address =
        SocketAddress::Ip { address: Ipv4Addr::LOCALHOST.into(), port: 0, transport: Transport::Tcp };
    let row = Socket { name: "extender", service: "test", address, binder: Binder::Host, access: "local" };
    let listener = bind_all(vec![row]).unwrap().listener("extender").unwrap();
    let (port, scope) = (listener.local_port().unwrap(), Scope::root("test"));
    let asked = Arc::<Mutex<Vec<(String, Tree)>>>::default();
    let (stop, told) = (scope.token(), asked.clone());
    scope.spawn("extender", async move {
        serve(&listener, None, move |request| answer(request, told.clone()), stop).await;
    });
    let config = ExtenderConfig {
        url: format!("http://127.0.0.1:{port}/x/"),
        filter_verb: "filter".to_owned(),
        prioritize_verb: "rank".to_owned(),
        bind_verb: "bind".to_owned(),
        weight: 3,
        timeout: Duration::from_secs(60),
        knows_nodes: true,
        ..ExtenderConfig::default()
    };
    Server { config, asked, _scope: scope }
}

fn case() -> Case {
    let nodes = ["a", "b", "c"].map(str::to_owned);
    let object = |name: &String| (name.clone(), tree!({ "metadata": { "name": (name.as_str()) } }));
    Case {
        pod: tree!({ "metadata": { "name": "p" } }),
        objects: nodes.iter().map(object).collect(),
        nodes: nodes.to_vec(),
    }
}

#[tokio::test]
async fn an_extender_filters_and_ranks_the_nodes_that_it_is_told_of() {
    let server = start();
    let extender = Extender::new(server.config.clone());
    let judged = extender.filter(&case()).await.unwrap();
    assert_eq!(judged.kept, ["b"]);
    let refused: Vec<_> = judged
        .refused
        .iter()
        .map(|one| (one.node.as_str(), one.reason.as_str(), one.is_resolvable))
        .collect();
    assert_eq!(refused, [("a", "no licence", true), ("c", "never", false)]);
    // Seven of ten, three times, of a hundred.
    assert_eq!(extender.rank(&case()).await.unwrap(), [("b".to_owned(), 210)]);
    let asked = server.asked.lock().unwrap().clone();
    assert_eq!(asked[0].0, "/x/filter");
    assert_eq!(asked[0].1.to_json_string(), r#"{"pod":{"metadata":{"name":"p"}},"nodenames":["a","b","c"]}"#);
}

#[tokio::test]
async fn one_that_does_not_know_the_nodes_is_shown_them() {
    let server = start();
    let extender = Extender::new(ExtenderConfig { knows_nodes: false, ..server.config.clone() });
    assert!(extender.wants_nodes());
    extender.rank(&case()).await.unwrap();
    let asked = server.asked.lock().unwrap().clone();
    assert_eq!(asked[0].1.items_at(&["nodes", "items"]).len(), 3);
    assert_eq!(asked[0].1.get("nodenames"), None);
}

#[tokio::test]
async fn what_an_extender_says_went_wrong_is_told_and_so_is_a_server_that_does_not_answer_so() {
    let server = start();
    let extender = Extender::new(server.config.clone());
    let pod = Bound { namespace: "default".to_owned(), name: "p".to_owned(), uid: "u".to_owned() };
    assert_eq!(extender.bind(&pod, "b").await, Err("the pod is bound already".to_owned()));
    let lost = Extender::new(ExtenderConfig { filter_verb: "lost".to_owned(), ..server.config.clone() });
    let why = lost.filter(&case()).await.unwrap_err();
    let url = &server.config.url;
    assert_eq!(why, format!("failed lost with extender at URL {url}lost, code 404"));
}

#[test]
fn only_pods_that_ask_for_its_resources_are_its_business() {
    let config =
        ExtenderConfig { resources: vec!["example.com/gpu".to_owned()], ..ExtenderConfig::default() };
    let extender = Extender::new(config);
    let requesting = |requests: Tree| {
        PodView::read(&tree!({ "spec": { "containers": [{ "resources": { "requests": requests } }] } }))
    };
    let (gpu, plain) =
        (requesting(tree!({ "cpu": "1", "example.com/gpu": "1" })), requesting(tree!({ "cpu": "1" })));
    assert!(extender.concerns(&Sought(&gpu)) && !extender.concerns(&Sought(&plain)));
    assert!(Extender::new(ExtenderConfig::default()).concerns(&Sought(&plain)));
}

#[test]
fn a_node_that_nobody_asked_of_is_a_mistake() {
    let answer = tree!({ "NodeNames": ["z"] });
    let why = judged(&answer, &["a".to_owned()]).unwrap_err();
    assert_eq!(why, r#"extender claims a filtered node "z" which is not found in the input node list"#);
}
