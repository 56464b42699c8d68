//! Usage, scopes and refusals.

use expect_test::expect;
use jiff::Timestamp;

use super::*;

fn tree(json: &str) -> Tree {
    Tree::from_json(json.as_bytes()).unwrap()
}

fn of(plural: &'static str) -> GroupResource {
    let group = match plural {
        "jobs" => "batch",
        "resourceclaims" => "resource.k8s.io",
        _ => "",
    };
    GroupResource { group: group.into(), resource: plural.into() }
}

fn used(plural: &'static str, json: &str) -> String {
    usage(&of(plural), &tree(json), Timestamp::UNIX_EPOCH).to_string()
}

fn quota(spec: &str, hard: &str, used: &str) -> Tree {
    tree(&format!(
        r#"{{"metadata":{{"name":"q"}},"spec":{{{spec}}},"status":{{"hard":{{{hard}}},"used":{{{used}}}}}}}"#
    ))
}

/// The answer to the creation of an object.
fn created(quota: &Tree, plural: &'static str, json: &str) -> String {
    let (resource, new) = (of(plural), tree(json));
    let write =
        Write { resource: &resource, subresource: "", new: &new, old: None, now: Timestamp::UNIX_EPOCH };
    match check(&[quota], &write) {
        Ok(charges) => charges.iter().map(|charge| format!("used {}", charge.used)).collect(),
        Err(why) => why.to_string(),
    }
}

const POD: &str = r#"{"spec":{"containers":[{"name":"a","resources":{"requests":{"cpu":"1","memory":"1Gi","example.com/gpu":"2","hugepages-2Mi":"4Mi"},"limits":{"cpu":"2"}}}]}}"#;

#[test]
fn objects_use_what_they_ask_for_under_every_name() {
    expect!["count/pods=1,cpu=1,hugepages-2Mi=4Mi,limits.cpu=2,memory=1Gi,pods=1,requests.cpu=1,requests.example.com/gpu=2,requests.hugepages-2Mi=4Mi,requests.memory=1Gi"].assert_eq(&used("pods", POD));
    assert_eq!(used("pods", r#"{"status":{"phase":"Succeeded"}}"#), "count/pods=1");
    let gone = r#"{"metadata":{"deletionTimestamp":"1969-12-31T23:00:00Z","deletionGracePeriodSeconds":30},"spec":{}}"#;
    assert_eq!(used("pods", gone), "count/pods=1");
    expect!["count/services=1,services=1,services.loadbalancers=1,services.nodeports=2"]
        .assert_eq(&used("services", r#"{"spec":{"type":"LoadBalancer","ports":[{},{}]}}"#));
    let no_ports = r#"{"spec":{"type":"LoadBalancer","allocateLoadBalancerNodePorts":false,"ports":[{},{"nodePort":1}]}}"#;
    expect!["count/services=1,services=1,services.loadbalancers=1,services.nodeports=1"]
        .assert_eq(&used("services", no_ports));
    let claim = r#"{"spec":{"storageClassName":"gold","resources":{"requests":{"storage":"1.5"}}},"status":{"allocatedResources":{"storage":"3"}}}"#;
    expect!["count/persistentvolumeclaims=1,gold.storageclass.storage.k8s.io/persistentvolumeclaims=1,gold.storageclass.storage.k8s.io/requests.storage=3,persistentvolumeclaims=1,requests.storage=3"].assert_eq(&used("persistentvolumeclaims", claim));
    assert_eq!(used("secrets", "{}"), "count/secrets=1,secrets=1");
    assert_eq!(used("jobs", "{}"), "count/jobs.batch=1");
    let devices = r#"{"spec":{"devices":{"requests":[{"exactly":{"deviceClassName":"a","allocationMode":"ExactCount","count":2}},
        {"firstAvailable":[{"deviceClassName":"a","allocationMode":"All"},{"deviceClassName":"a","allocationMode":"ExactCount","count":1}]}]}}}"#;
    expect!["a.deviceclass.resource.k8s.io/devices=34,count/resourceclaims.resource.k8s.io=1"]
        .assert_eq(&used("resourceclaims", devices));
}

#[test]
fn what_is_left_is_used_and_no_more() {
    let tight =
        quota("", r#""cpu":"2","pods":"5","secrets":"1""#, r#""cpu":"1500m","pods":"1","secrets":"0""#);
    expect!["exceeded quota: q, requested: cpu=1, used: cpu=1500m, limited: cpu=2"]
        .assert_eq(&created(&tight, "pods", POD));
    expect!["used cpu=1500m,pods=1,secrets=1"].assert_eq(&created(&tight, "secrets", "{}"));
    let wide = quota("", r#""cpu":"9","pods":"5""#, r#""cpu":"1500m","pods":"1""#);
    expect!["used cpu=2500m,pods=2"].assert_eq(&created(&wide, "pods", POD));
    assert_eq!(created(&wide, "secrets", "{}"), "");
    let gpu = quota("", r#""requests.example.com/gpu":"1""#, r#""requests.example.com/gpu":"0""#);
    expect!["exceeded quota: q, requested: requests.example.com/gpu=2, used: requests.example.com/gpu=0, limited: requests.example.com/gpu=1"].assert_eq(&created(&gpu, "pods", POD));
    let jobs = quota("", r#""count/jobs.batch":"1""#, r#""count/jobs.batch":"1""#);
    expect!["exceeded quota: q, requested: count/jobs.batch=1, used: count/jobs.batch=1, limited: count/jobs.batch=1"].assert_eq(&created(&jobs, "jobs", "{}"));
}

#[test]
fn containers_say_what_a_quota_bounds() {
    let bound =
        quota("", r#""limits.memory":"1","requests.cpu":"1""#, r#""limits.memory":"0","requests.cpu":"0""#);
    let pod = r#"{"spec":{"containers":[{"name":"b"},{"name":"a","resources":{"requests":{"cpu":"1"}}}],"initContainers":[{"name":"i"}]}}"#;
    expect!["failed quota: q: must specify limits.memory for: a,b,i; requests.cpu for: b,i"]
        .assert_eq(&created(&bound, "pods", pod));
    let whole = r#"{"spec":{"resources":{"requests":{"cpu":"500m"}},"containers":[{"name":"b"}]}}"#;
    expect!["used limits.memory=0,requests.cpu=500m"].assert_eq(&created(&bound, "pods", whole));
    let uncounted = quota("", r#""pods":"1""#, "");
    expect!["status unknown for quota: q, resources: pods"].assert_eq(&created(&uncounted, "pods", "{}"));
}

#[test]
fn a_quota_is_for_what_is_in_all_its_scopes() {
    let count =
        |spec: &str, json: &str| created(&quota(spec, r#""pods":"9""#, r#""pods":"0""#), "pods", json);
    let best_effort = r#"{"spec":{"containers":[{"name":"a"}]}}"#;
    assert_eq!(count(r#""scopes":["BestEffort"]"#, best_effort), "used pods=1");
    assert_eq!(count(r#""scopes":["BestEffort"]"#, POD), "");
    assert_eq!(count(r#""scopes":["NotBestEffort","NotTerminating"]"#, POD), "used pods=1");
    assert_eq!(count(r#""scopes":["Terminating"]"#, POD), "");
    let in_class = |operator: &str, values: &str| {
        format!(
            r#""scopeSelector":{{"matchExpressions":[{{"scopeName":"PriorityClass","operator":"{operator}","values":[{values}]}}]}}"#
        )
    };
    let high = r#"{"spec":{"priorityClassName":"high"}}"#;
    assert_eq!(count(&in_class("In", r#""high""#), high), "used pods=1");
    assert_eq!(count(&in_class("In", r#""low""#), high), "");
    assert_eq!(count(&in_class("NotIn", r#""low""#), high), "used pods=1");
    assert_eq!(count(&in_class("Exists", ""), high), "used pods=1");
    assert_eq!(count(&in_class("DoesNotExist", ""), high), "");
    let elsewhere = r#"{"spec":{"affinity":{"podAntiAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"podAffinityTerm":{"namespaces":["x"]}}]}}}}"#;
    assert_eq!(count(r#""scopes":["CrossNamespacePodAffinity"]"#, elsewhere), "used pods=1");
    assert_eq!(count(r#""scopes":["CrossNamespacePodAffinity"]"#, high), "");
}

#[test]
fn a_change_uses_what_it_adds() {
    let quota = quota(
        "",
        r#""requests.storage":"3Gi","persistentvolumeclaims":"1""#,
        r#""requests.storage":"1Gi","persistentvolumeclaims":"1""#,
    );
    let claim = |size: &str| {
        tree(&format!(
            r#"{{"metadata":{{"resourceVersion":"1"}},"spec":{{"resources":{{"requests":{{"storage":"{size}"}}}}}}}}"#
        ))
    };
    let resource = of("persistentvolumeclaims");
    let write = |old: &str, new: &str| {
        let (old, new) = (claim(old), claim(new));
        let write = Write {
            resource: &resource,
            subresource: "",
            new: &new,
            old: Some(&old),
            now: Timestamp::UNIX_EPOCH,
        };
        check(&[&quota], &write)
            .map(|charges| charges.into_iter().map(|charge| charge.used.to_string()).collect::<Vec<_>>())
    };
    assert_eq!(write("1Gi", "2Gi").unwrap(), ["persistentvolumeclaims=1,requests.storage=2Gi"]);
    assert_eq!(write("1Gi", "1Gi").unwrap(), Vec::<String>::new());
    expect!["exceeded quota: q, requested: requests.storage=3Gi, used: requests.storage=1Gi, limited: requests.storage=3Gi"].assert_eq(&write("1Gi", "4Gi").unwrap_err().to_string());
}

#[test]
fn only_some_writes_are_counted() {
    let (pods, events, secrets) = (of("pods"), of("events"), of("secrets"));
    let (none, late) = (Tree::object(), tree(r#"{"spec":{"activeDeadlineSeconds":1}}"#));
    let counted = |resource, subresource, new, old| {
        Write { resource, subresource, new, old, now: Timestamp::UNIX_EPOCH }.is_counted()
    };
    assert!(counted(&pods, "", &none, None) && counted(&pods, "resize", &none, Some(&none)));
    assert!(!counted(&pods, "", &none, Some(&none)) && counted(&pods, "", &late, Some(&none)));
    assert!(!counted(&events, "", &none, None) && !counted(&secrets, "", &none, Some(&none)));
}

#[test]
fn the_usage_of_a_namespace_is_counted_anew() {
    let quota = tree(r#"{"spec":{"hard":{"pods":"9","secrets":"9","requests.cpu":"9"},"scopes":[]}}"#);
    let (pods, secrets) = (of("pods"), of("secrets"));
    let (pod, over, secret) = (tree(POD), tree(r#"{"status":{"phase":"Failed"}}"#), Tree::object());
    let objects = [(&pods, &pod), (&pods, &over), (&secrets, &secret)];
    assert_eq!(count(&quota, objects, Timestamp::UNIX_EPOCH).to_string(), "pods=1,requests.cpu=1,secrets=1");
}
