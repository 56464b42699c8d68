use objects::tree::from_tree;
use objects::{Tree, tree};

use super::*;

fn of_node() -> Request {
    Request {
        common_name: "system:node:a".to_owned(),
        organizations: vec!["system:nodes".to_owned()],
        ..Request::default()
    }
}

fn usages(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn csr(change: Tree) -> CertificateSigningRequest {
    let mut csr = tree!({
        "metadata": { "name": "a", "creationTimestamp": "2026-01-01T00:00:00Z" },
        "spec": {
            "request": "", "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
            "username": "system:node:a", "usages": ["client auth", "digital signature"]
        }
    });
    csr.merge(&change);
    from_tree(&csr).unwrap()
}

#[test]
fn a_kubelet_gets_a_certificate_of_its_own_by_either_permission() {
    let names = |csr: &CertificateSigningRequest, request: &Request| {
        permissions(csr, request).iter().map(|permission| permission.subresource).collect::<Vec<_>>()
    };
    assert_eq!(names(&csr(tree!({})), &of_node()), ["selfnodeclient", "nodeclient"]);
    let other = csr(tree!({ "spec": { "username": "system:bootstrap:abcdef" } }));
    assert_eq!(names(&other, &of_node()), ["nodeclient"]);
    let user = csr(tree!({ "spec": { "signerName": "kubernetes.io/kube-apiserver-client" } }));
    assert_eq!(names(&user, &of_node()), [""; 0]);
    let named = Request { dns_names: vec!["a".to_owned()], ..of_node() };
    assert_eq!(names(&csr(tree!({})), &named), [""; 0]);
}

#[test]
fn a_signer_says_what_it_does_not_sign() {
    let refused = |signer: &str, request: &Request, names: &[&str]| {
        let signer = format!("kubernetes.io/{signer}");
        validate(&signer, request, &usages(names)).unwrap().err().unwrap_or_default()
    };
    let client = ["client auth", "digital signature"];
    let kubelet = "kube-apiserver-client-kubelet";
    assert_eq!(refused(kubelet, &of_node(), &client), "");
    assert_eq!(refused(kubelet, &Request::default(), &client), "subject organization is not system:nodes");
    let user = Request { common_name: "joe".to_owned(), ..of_node() };
    assert_eq!(refused(kubelet, &user, &client), "subject common name does not begin with system:node:");
    let unmatched = "usages did not match [client auth digital signature key encipherment]";
    assert_eq!(refused(kubelet, &of_node(), &["client auth"]), unmatched);
    let serving = ["server auth", "digital signature", "key encipherment"];
    assert_eq!(refused("kubelet-serving", &of_node(), &serving), "DNS or IP subjectAltName is required");
    let named = Request { dns_names: vec!["a".to_owned()], ..of_node() };
    assert_eq!(refused("kubelet-serving", &named, &serving), "");
    let wrong = "invalid usage for client certificate: server auth";
    assert_eq!(refused("kube-apiserver-client", &Request::default(), &["server auth"]), wrong);
    let missing = "missing required usage for client certificate: client auth";
    assert_eq!(refused("kube-apiserver-client", &Request::default(), &[]), missing);
    assert_eq!(refused("legacy-unknown", &Request::default(), &[]), "");
    assert_eq!(validate("example.com/mine", &of_node(), &[]), None);
}

#[test]
fn requests_end_a_day_after_they_were_made_or_an_hour_after_they_were_decided_on() {
    let end_of = |status: Tree| end(&csr(tree!({ "status": status }))).map(|end| end.to_string());
    assert_eq!(end_of(tree!({})).unwrap(), "2026-01-02T00:00:00Z");
    let decided =
        |kind: &str| tree!([{ "type": kind, "status": "True", "lastUpdateTime": "2026-01-01T05:00:00Z" }]);
    assert_eq!(end_of(tree!({ "conditions": (decided("Denied")) })).unwrap(), "2026-01-01T06:00:00Z");
    assert_eq!(end_of(tree!({ "conditions": (decided("Approved")) })), None);
    let issued = tree!({ "conditions": (decided("Approved")), "certificate": "YQ==" });
    assert_eq!(end_of(issued).unwrap(), "2026-01-01T06:00:00Z");
}
