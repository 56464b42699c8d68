//! The claims hold of the first-party addons, and a hostile one breaks them.

use bytes::Bytes;
use engine::Limits;
use expect_test::expect;

use super::*;
use crate::tests::node::{plugin, workshop};

async fn subject(component: Bytes) -> Subject {
    let (_folder, workshop) = workshop();
    Subject::load(&workshop, component).await.unwrap()
}

/// The machine of a test may be busy.
async fn failures(component: Bytes) -> String {
    let verdicts = test(&subject(component).await, Limits::COLD).await;
    let broken = verdicts.iter().filter(|verdict| verdict.broken.is_some());
    broken.map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn first_party_addons_keep_the_contract() {
    for name in ["auth-basic", "auth-token", "auth-x509", "rbac"] {
        assert_eq!(failures(plugin(name)).await, "", "{name}");
    }
}

#[tokio::test]
async fn an_addon_that_breaks_the_contract_is_told_how_and_what_to_do() {
    let told = failures(support::guest("hostile").into()).await;
    expect![[r#"
        FAIL  authenticator knows nobody by credentials that were never given out: it takes a stranger for "was-never-given-out": compare credentials with what was granted, and give none otherwise
        FAIL  authenticator survives the worst credentials, each within the time of a request: it knows a user without a name by a token that is an empty text: give none
        FAIL  authorizer does not let everybody do everything: a user without name and groups may delete all secrets: have no opinion where no rule says otherwise
        FAIL  dns replies to what was asked, or says where to ask: what it gives for a query for "kubernetes.default.svc.cluster.local" is no reply to it: repeat the id, and set the bit QR
        FAIL  scheduling speaks of the nodes that it is asked about, with reasons and with scores of 0 to 100: it speaks of the node "nowhere", which it was not asked about: name candidates alone"#]]
    .assert_eq(&told);
}
