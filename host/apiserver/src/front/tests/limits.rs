//! How much, how long and how many at once.

use std::io::Read as _;
use std::time::Duration;

use flate2::read::GzDecoder;
use http::StatusCode;
use http_body_util::BodyExt;
use objects::Tree;

use super::exchange::{CONFIG_MAPS, event};
use super::fixture::{Fixture, Read, With, ask, nobody};
use super::sockets::Authority;
use crate::front::{Front, Origin};
use crate::{AdmissionConfiguration, AdmissionPlugins};

async fn fixture() -> (Fixture, Front) {
    let fixture = Fixture::new(&Authority::new("ca").pem());
    let front = fixture.front().await;
    (fixture, front)
}

async fn create(front: &Front, name: &str, size: usize) {
    let data = "x".repeat(size);
    let body = format!(r#"{{"metadata":{{"name":"{name}"}},"data":{{"k":"{data}"}}}}"#);
    assert_eq!(front.ask(ask("POST", CONFIG_MAPS).sending(body)).await.code(), 201);
}

#[tokio::test]
async fn a_large_answer_is_in_gzip_for_who_takes_it_and_a_watch_never_is() {
    let (_fixture, front) = fixture().await;
    create(&front, "large", 200 << 10).await;
    let zipped = |address: &str| ask("GET", address).with("accept-encoding", "gzip");

    let response = front.stream(nobody(), zipped(CONFIG_MAPS)).await;
    assert_eq!(response.headers()["content-encoding"], "gzip");
    assert_eq!(response.headers()["vary"], "Accept-Encoding");
    let sent = response.into_body().collect().await.unwrap().to_bytes();
    let mut plain = Vec::new();
    GzDecoder::new(&*sent).read_to_end(&mut plain).unwrap();
    assert_eq!(Tree::from_json(&plain).unwrap().items_at(&["items"]).len(), 1);

    assert_eq!(front.ask(ask("GET", CONFIG_MAPS)).await.header("content-encoding"), "");
    assert_eq!(front.ask(zipped("/version")).await.header("content-encoding"), "");
    let watch = front.stream(nobody(), zipped(&format!("{CONFIG_MAPS}?watch=1"))).await;
    assert!(!watch.headers().contains_key("content-encoding"));
    assert_eq!(event(&mut watch.into_body()).await.str_at(&["type"]), Some("ADDED"));
}

#[tokio::test]
async fn a_time_that_cannot_be_read_is_refused_and_of_a_watch_none_is_read() {
    let (_fixture, front) = fixture().await;
    let refused = front.ask(ask("GET", "/version?timeout=soon")).await;
    let why = r#"invalid timeout specified in the request URL - time: invalid duration "soon""#;
    assert_eq!(refused.status(), (400, "BadRequest".to_owned(), why.to_owned()));
    let watch = ask("GET", &format!("{CONFIG_MAPS}?watch=1&timeout=soon"));
    assert_eq!(front.stream(nobody(), watch).await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_request_is_ended_when_its_time_is_over() {
    let fixture = Fixture::new(&Authority::new("ca").pem());
    let front = fixture.task.open(&fixture.scope, fixture.scope.token());
    for (query, seconds) in [("", 61), ("?timeout=5s", 6), ("?timeout=5h", 61)] {
        let (_sender, endless) = net::body::channel(1);
        let request = ask("POST", &format!("{CONFIG_MAPS}{query}")).map(|_| endless);
        let answering = front.clone().answer(request, Origin::Network(nobody()));
        let (response, ()) = tokio::join!(answering, tokio::time::advance(Duration::from_secs(seconds)));
        let answer = Read::of(response).await;
        let message = "Timeout: request did not complete within the allotted timeout".to_owned();
        assert_eq!(answer.status(), (504, "Timeout".to_owned(), message), "{query}");
    }
}

#[tokio::test]
async fn a_request_too_many_is_told_to_come_again() {
    let fixture = Fixture::with(|config| {
        config.limits.max_requests_inflight = 1;
        config.limits.max_mutating_requests_inflight = 0;
    });
    // Without the levels that every cluster has, nobody waits.
    let front = fixture.task.open(&fixture.scope, fixture.scope.token());
    let (_sender, endless) = net::body::channel(1);
    let writing = ask("POST", CONFIG_MAPS).map(|_| endless);
    let mut writing = front.clone().answer(writing, Origin::Network(nobody()));
    assert!(futures_util::poll!(&mut writing).is_pending());
    let refused = front.ask(ask("GET", CONFIG_MAPS)).await;
    assert_eq!((refused.code().as_u16(), refused.header("retry-after")), (429, "1"));
    assert_eq!(refused.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(refused.text, "Too many requests, please try again later.\n");
    assert!(refused.head.headers().contains_key("x-kubernetes-pf-flowschema-uid"));
    drop(writing);

    // A watch gives back its seat when it begins.
    let watch = ask("GET", &format!("{CONFIG_MAPS}?watch=1"));
    let _watch = front.stream(nobody(), watch).await;
    assert_eq!(front.ask(ask("GET", CONFIG_MAPS)).await.code(), 200);
}

#[tokio::test]
async fn events_are_taken_up_to_their_rate_where_the_plugin_is_on() {
    let configuration = "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n\
        - name: EventRateLimit\n  configuration:\n    apiVersion: eventratelimit.admission.k8s.io/v1alpha1\n    kind: Configuration\n\
        \x20   limits: [{type: Namespace, qps: 1, burst: 2}, {type: User, qps: 1, burst: 100}]\n";
    let configuration = AdmissionConfiguration::read(configuration.as_bytes(), |_| unreachable!()).unwrap();
    for (on, third) in [(vec!["EventRateLimit".to_owned()], 429), (Vec::new(), 201)] {
        let plugins = AdmissionPlugins { on, configuration: configuration.clone(), ..Default::default() };
        let fixture = Fixture::with(|config| config.admission = plugins);
        let front = fixture.front().await;
        let send = async |name: &str| {
            let event = format!(
                r#"{{"metadata":{{"name":"{name}"}},"involvedObject":{{"namespace":"default"}},"reason":"R"}}"#
            );
            front.ask(ask("POST", "/api/v1/namespaces/default/events").sending(event)).await
        };
        assert_eq!(
            (send("a").await.code(), send("b").await.code()),
            (StatusCode::CREATED, StatusCode::CREATED)
        );
        let answer = send("c").await;
        assert_eq!(answer.code(), third, "{}", answer.text);
        if third == 429 {
            let why = "limit reached on type Namespace for key default";
            assert_eq!(answer.status(), (429, "TooManyRequests".to_owned(), why.to_owned()));
        }
    }
}
