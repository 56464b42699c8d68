//! Claims of devices.

use expect_test::{Expect, expect};
use objects::{Tree, tree};

use super::Plugin;
use crate::fixture::{Cluster, node, pod, with};

fn check(claim: Option<Tree>, pod: &Tree, expected: Expect) {
    let nodes = [node("a", &[("rack", "1")]), node("b", &[])];
    let class = tree!({ "kind": "DeviceClass", "metadata": { "name": "gpu" }, "spec": {} });
    let cluster = Cluster::of(nodes.into_iter().chain([class]).chain(claim));
    expected.assert_eq(&cluster.verdicts(Plugin::DynamicResources, pod));
}

fn claim() -> Tree {
    tree!({ "kind": "ResourceClaim", "metadata": { "namespace": "default", "name": "gpu" } })
}

fn allocated(users: usize) -> Tree {
    let selector = tree!({ "nodeSelectorTerms": [
        { "matchExpressions": [{ "key": "rack", "operator": "In", "values": ["1"] }] }
    ] });
    let claim = with(claim(), &["status", "allocation", "nodeSelector"], selector);
    let user = |number: usize| tree!({ "resource": "pods", "uid": (number.to_string()) });
    with(claim, &["status", "reservedFor"], (0..users).map(user).collect::<Vec<_>>())
}

fn using() -> Tree {
    pod("p", "web", tree!({ "resourceClaims": [{ "name": "gpu", "resourceClaimName": "gpu" }] }))
}

fn of_template() -> Tree {
    pod("p", "web", tree!({ "resourceClaims": [{ "name": "gpu", "resourceClaimTemplateName": "t" }] }))
}

#[test]
fn a_pod_goes_where_the_devices_of_its_claims_can_be_used() {
    check(
        Some(allocated(0)),
        &using(),
        expect![[r#"
            a
            b! resourceclaim not available on the node"#]],
    );
    let asked = tree!([{ "name": "r", "exactly": { "deviceClassName": "gpu" } }]);
    check(
        Some(with(claim(), &["spec", "devices", "requests"], asked)),
        &using(),
        expect![[r#"
            a! cannot allocate all claims
            b! cannot allocate all claims"#]],
    );
}

#[test]
fn a_claim_that_cannot_be_used_keeps_its_pod_off_every_node() {
    check(None, &using(), expect![[r#"every node! resourceclaim "gpu" not found"#]]);
    check(None, &of_template(), expect![[r#"every node! pod "default/p": ResourceClaim not created yet"#]]);
    let going = with(allocated(0), &["metadata", "deletionTimestamp"], "2026-01-01T00:00:00Z");
    check(Some(going), &using(), expect![[r#"every node! resourceclaim "gpu" is being deleted"#]]);
    check(Some(allocated(256)), &using(), expect!["every node! resourceclaim in use"]);
    let made = tree!([{ "name": "gpu", "resourceClaimName": "gpu" }]);
    check(
        Some(allocated(0)),
        &with(of_template(), &["status", "resourceClaimStatuses"], made),
        expect!["every node! ResourceClaim default/gpu was not created for pod default/p (pod is not owner)"],
    );
}

#[test]
fn a_template_of_which_nothing_is_made_keeps_nobody_off() {
    let nothing = with(of_template(), &["status", "resourceClaimStatuses"], tree!([{ "name": "gpu" }]));
    check(
        None,
        &nothing,
        expect![[r#"
            a
            b"#]],
    );
}
