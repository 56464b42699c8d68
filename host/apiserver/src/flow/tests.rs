//! Requests through levels and schemas of the test's own.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use objects::tree;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn flow(total: u32, levels: &[Tree], schemas: &[Tree]) -> (FlowControl, Metrics) {
    let metrics = Metrics::new();
    let flow = FlowControl::new(total, &metrics);
    flow.configure(levels, schemas);
    (flow, metrics)
}

/// A level of queues: a request in each may wait.
fn level(name: &str, shares: i64) -> Tree {
    let queuing = tree!({ "queues": 8, "handSize": 1, "queueLengthLimit": 1 });
    tree!({
        "metadata": { "name": name, "uid": (format!("uid-of-{name}")) },
        "spec": {
            "type": "Limited",
            "limited": {
                "nominalConcurrencyShares": shares,
                "borrowingLimitPercent": 0,
                "limitResponse": { "type": "Queue", "queuing": queuing },
            },
        },
    })
}

/// Everything that a user does.
fn schema(name: &str, user: &str, level: &str) -> Tree {
    tree!({
        "metadata": { "name": name, "uid": (format!("uid-of-{name}")) },
        "spec": {
            "priorityLevelConfiguration": { "name": level },
            "distinguisherMethod": { "type": "ByUser" },
            "rules": [{
                "subjects": [{ "kind": "User", "user": { "name": user } }],
                "nonResourceRules": [{ "verbs": ["*"], "nonResourceURLs": ["*"] }],
            }],
        },
    })
}

fn user(name: &str, groups: &[&str]) -> UserInfo {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    UserInfo { name: name.to_owned(), groups, ..UserInfo::default() }
}

fn asked() -> Attributes {
    Attributes { verb: "get".to_owned(), target: Target::Path("/version".to_owned()) }
}

async fn enter(flow: &FlowControl, user: &UserInfo) -> Result<Permit, Refused> {
    flow.classify(user, &asked()).enter(user, &asked(), Work::One, MINUTE).await
}

fn marks(flow: &FlowControl, user: &UserInfo) -> BTreeMap<String, String> {
    let mut headers = HeaderMap::new();
    flow.classify(user, &asked()).mark(&mut headers);
    let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

#[test]
fn an_answer_names_the_schema_and_the_level_of_its_request() {
    let (flow, _) = flow(10, &[level("mine", 5)], &[schema("of-jane", "jane", "mine")]);
    let wanted = [
        ("x-kubernetes-pf-flowschema-uid", "uid-of-of-jane"),
        ("x-kubernetes-pf-prioritylevel-uid", "uid-of-mine"),
    ];
    let wanted = wanted.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    assert_eq!(marks(&flow, &user("jane", &[])), wanted);
}

#[tokio::test]
async fn masters_are_never_limited_and_everybody_else_is() {
    let (flow, _) = flow(2, &[], &[]);
    let root = user("root", &["system:masters"]);
    let jane = user("jane", &["system:authenticated"]);
    let mut held = Vec::new();
    for _ in 0..100 {
        held.push(enter(&flow, &root).await.ok().unwrap());
    }
    for _ in 0..2 {
        held.push(enter(&flow, &jane).await.ok().unwrap());
    }
    assert_eq!(enter(&flow, &jane).await.err(), Some(Refused { retry_after: 1 }));
    drop(held.pop());
    assert!(enter(&flow, &jane).await.is_ok());
    // Who is in no group at all is no exception.
    held.push(enter(&flow, &user("nobody", &[])).await.ok().unwrap());
    assert!(enter(&flow, &jane).await.is_err());
}

#[tokio::test]
async fn a_request_waits_for_a_seat_of_its_level_and_other_levels_do_not_wait() {
    let levels = [level("one", 5), level("two", 5), level("catch-all", 0)];
    let (flow, metrics) = flow(2, &levels, &[schema("a", "jane", "one"), schema("b", "joe", "two")]);
    let (jane, joe) = (user("jane", &[]), user("joe", &[]));
    let first = enter(&flow, &jane).await.ok().unwrap();
    let mut second = Box::pin(enter(&flow, &jane));
    assert!((&mut second).now_or_never().is_none());
    let inqueue = "current_inqueue_requests{priority_level=\"one\",flow_schema=\"a\"} 1";
    assert!(metrics.text().contains(inqueue), "{}", metrics.text());
    assert!(enter(&flow, &joe).await.is_ok());
    // There is room for one.
    assert!(enter(&flow, &jane).await.is_err());
    drop(first);
    drop(second.await.ok().unwrap());
    for line in [
        "dispatched_requests_total{priority_level=\"one\",flow_schema=\"a\"} 2",
        "rejected_requests_total{priority_level=\"one\",flow_schema=\"a\",reason=\"queue-full\"} 1",
        "current_inqueue_requests{priority_level=\"one\",flow_schema=\"a\"} 0",
        "current_executing_seats{priority_level=\"one\",flow_schema=\"a\"} 0",
        "nominal_limit_seats{priority_level=\"one\"} 1",
    ] {
        assert!(
            metrics.text().contains(&format!("apiserver_flowcontrol_{line}")),
            "{line}: {}",
            metrics.text()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_a_quarter_of_its_time() {
    let (flow, metrics) = flow(1, &[level("mine", 5)], &[schema("a", "jane", "mine")]);
    let jane = user("jane", &[]);
    let _first = enter(&flow, &jane).await.ok().unwrap();
    let begin = Instant::now();
    assert!(enter(&flow, &jane).await.is_err());
    assert_eq!(begin.elapsed().as_secs(), 15);
    assert!(metrics.text().contains("reason=\"time-out\"} 1"), "{}", metrics.text());
}

#[tokio::test]
async fn who_goes_away_while_waiting_leaves_the_place_to_others() {
    let (flow, _) = flow(1, &[level("mine", 5)], &[schema("a", "jane", "mine")]);
    let jane = user("jane", &[]);
    let first = enter(&flow, &jane).await.ok().unwrap();
    let mut gone = Box::pin(enter(&flow, &jane));
    assert!((&mut gone).now_or_never().is_none());
    drop(gone);
    let mut second = Box::pin(enter(&flow, &jane));
    assert!((&mut second).now_or_never().is_none());
    drop(first);
    assert!(second.await.is_ok());
}

#[tokio::test]
async fn a_level_keeps_its_requests_when_it_is_configured_anew() {
    let schemas = [schema("a", "jane", "mine")];
    let (flow, _) = flow(1, &[level("mine", 5)], &schemas);
    let jane = user("jane", &[]);
    let first = enter(&flow, &jane).await.ok().unwrap();
    let mut second = Box::pin(enter(&flow, &jane));
    assert!((&mut second).now_or_never().is_none());
    flow.configure(&[level("mine", 7)], &schemas);
    assert!((&mut second).now_or_never().is_none());
    flow.configure(&[], &[]);
    drop(first);
    assert!(second.await.is_ok());
}

#[test]
fn a_list_is_as_wide_as_it_is_long_up_to_a_limit() {
    for (work, widest, seats) in [
        (Work::One, 10, 1),
        (Work::Through(0), 10, 1),
        (Work::Through(100), 10, 1),
        (Work::Through(101), 10, 2),
        (Work::Through(5000), 10, 10),
        (Work::Through(5000), 3, 3),
        (Work::Through(usize::MAX), 3, 3),
    ] {
        assert_eq!(work.seats(widest), seats, "{work:?}");
    }
}
