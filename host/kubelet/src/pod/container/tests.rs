//! Configurations follow from the pod alone.

use expect_test::expect;

use super::*;
use crate::pod::fixture;

fn image(uid: Option<i64>, username: &str) -> Image {
    let id = "sha256:1".to_owned();
    Image { id, repo_tags: vec![], repo_digests: vec![], size: 0, uid, username: username.to_owned() }
}

fn make(spec: &str, image: &Image) -> Result<ContainerConfig, ConfigError> {
    let pod = fixture::pod(spec);
    let envs = vec![("A".to_owned(), "x".to_owned())];
    let container = &pod.containers()[0];
    super::container(Making {
        pod: &pod,
        container,
        attempt: 2,
        image,
        envs,
        mounts: vec![],
        node_memory: 1000,
        target: Some(ContainerId("t".to_owned())),
    })
}

#[test]
fn arguments_know_the_environment_and_a_later_kubelet_knows_its_own() {
    let made = make(
        r#"{"containers":[{"name":"c","image":"i","command":["sh","$(A)"],"args":["$(B)"]}]}"#,
        &image(None, ""),
    )
    .unwrap();
    assert_eq!((made.command, made.args), (vec!["sh".to_owned(), "x".to_owned()], vec!["$(B)".to_owned()]));
    assert_eq!(made.log_path, "c/2.log");
    let text: String =
        made.labels.iter().chain(&made.annotations).map(|(key, value)| format!("{key}={value}\n")).collect();
    expect![[r#"
        io.kubernetes.container.name=c
        io.kubernetes.pod.name=p
        io.kubernetes.pod.namespace=ns
        io.kubernetes.pod.uid=u
        io.kubernetes.container.hash=1d62bac4
        io.kubernetes.container.restartCount=2
        io.kubernetes.container.terminationMessagePath=/dev/termination-log
        io.kubernetes.container.terminationMessagePolicy=File
        io.kubernetes.pod.terminationGracePeriod=30
    "#]]
    .assert_eq(&text);
}

#[test]
fn the_container_overrides_the_pod_and_privileged_sees_everything() {
    let spec = r#"{"securityContext":{"runAsUser":5,"runAsGroup":6,"fsGroup":7},"containers":[{"name":"c",
        "securityContext":{"runAsUser":8,"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]}}}]}"#;
    let security = make(spec, &image(None, "")).unwrap().security;
    assert_eq!(security.pid_of, Some(ContainerId("t".to_owned())));
    assert_eq!((security.run_as_user, security.run_as_group), (Some(8), Some(6)));
    assert_eq!(security.supplemental_groups, [7]);
    assert!(security.no_new_privs && !security.masked_paths.is_empty());
    let spec = r#"{"containers":[{"name":"c","securityContext":{"privileged":true}}]}"#;
    let security = make(spec, &image(None, "")).unwrap().security;
    assert!(security.privileged && security.masked_paths.is_empty());
}

#[test]
fn a_container_that_must_not_be_root_is_not() {
    let spec = r#"{"containers":[{"name":"c","securityContext":{"runAsNonRoot":true}}]}"#;
    assert!(make(spec, &image(Some(7), "")).is_ok());
    let root = make(spec, &image(None, "")).unwrap_err().to_string();
    assert_eq!(
        root,
        "container has runAsNonRoot and image will run as root (pod: \"p_ns(u)\", container: c)"
    );
    assert!(matches!(make(spec, &image(None, "app")), Err(ConfigError::NamedUser { .. })));
}

#[test]
fn a_sub_path_stays_in_its_volume() {
    let path = |sub: &str| {
        let mount = VolumeMount { sub_path: Some(sub.to_owned()), ..VolumeMount::default() };
        sub_path(&mount, |_| None)
    };
    assert_eq!(path("a/b").unwrap(), "a/b");
    assert_eq!([path("../b"), path("/b")].map(|path| path.is_err()), [true; 2]);
}

#[test]
fn the_cluster_resolves_first_unless_the_pod_says_otherwise() {
    let servers = ["10.152.183.10".parse().unwrap()];
    let of = |spec: &str| dns(&fixture::pod(spec), &servers, "cluster.local");
    let cluster = of(r#"{"containers":[]}"#);
    assert_eq!(cluster.searches, ["ns.svc.cluster.local", "svc.cluster.local", "cluster.local"]);
    assert_eq!(of(r#"{"containers":[],"dnsPolicy":"Default"}"#), Dns::default());
    assert_eq!(of(r#"{"containers":[],"hostNetwork":true}"#), Dns::default());
    let own = of(
        r#"{"containers":[],"dnsPolicy":"None","dnsConfig":{"nameservers":["1.1.1.1"],"options":[{"name":"ndots","value":"2"}]}}"#,
    );
    assert_eq!((own.servers, own.options), (vec!["1.1.1.1".to_owned()], vec!["ndots:2".to_owned()]));
}
