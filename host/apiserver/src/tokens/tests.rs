//! Which tokens hold and which do not.

use expect_test::expect;
use jiff::{SignedDuration, Timestamp};
use objects::resource::Verb;
use objects::{Tree, meta, tree};

use super::documents::{configuration, key_set};
use super::jws::KeyError;
use super::*;
use crate::rest::tests::fixture::Fixture;

const ISSUER: &str = "https://kubernetes.default.svc";
/// Made for this test by `openssl genpkey -algorithm RSA`, saved as PKCS #1.
const RSA: &str = include_str!("tests/rsa.pem");

pub(crate) fn signer() -> Signer {
    Signer::from_pem(rcgen::KeyPair::generate().unwrap().serialize_pem().as_bytes()).unwrap()
}

fn verifier(fixture: &Fixture, signer: &Signer) -> Verifier {
    let keys = vec![signer.public_key().clone()];
    Verifier::new(fixture.rest.clone(), keys, ISSUER.to_owned(), vec![ISSUER.to_owned()], uses::uses().0)
}

/// The account `app` with a pod `web` of it on the node `n1`; gives the claims of the pod's token.
async fn claims(fixture: &Fixture, now: Timestamp) -> Claims {
    let reference =
        |tree: &Tree| Reference { name: meta::name(tree).to_owned(), uid: meta::uid(tree).to_owned() };
    let account = fixture.create("serviceaccounts", tree!({ "metadata": { "name": "app" } })).await.unwrap();
    let pod = fixture.create("pods", pod("web", "app")).await.unwrap();
    Claims {
        issuer: ISSUER.to_owned(),
        audiences: vec![ISSUER.to_owned(), "vault".to_owned()],
        issued: now.as_second(),
        not_before: now.as_second(),
        expires: now.as_second() + 600,
        id: "j1".to_owned(),
        namespace: "default".to_owned(),
        account: reference(&account),
        pod: Some(reference(&pod)),
        secret: None,
        node: Some(Reference { name: "n1".to_owned(), uid: String::new() }),
    }
}

pub(crate) fn pod(name: &str, account: &str) -> Tree {
    tree!({
        "metadata": { "name": name },
        "spec": {
            "serviceAccountName": account, "nodeName": "n1", "terminationGracePeriodSeconds": 0,
            "containers": [{ "name": "a", "image": "i" }, { "name": "b", "image": "i" }]
        }
    })
}

#[tokio::test]
async fn a_token_is_of_its_account_for_the_audiences_that_both_sides_name() {
    let (fixture, signer, now) = (Fixture::new().await, signer(), Timestamp::now());
    let claims = claims(&fixture, now).await;
    let token = signer.sign(&claims.to_tree()).unwrap();
    let verifier = verifier(&fixture, &signer);
    let bearer = verifier.verify(&token, &[], now).unwrap().unwrap();
    assert_eq!(
        (bearer.user.uid.as_str(), bearer.audiences),
        (claims.account.uid.as_str(), vec![ISSUER.into()])
    );
    expect!["system:serviceaccount:default:app"].assert_eq(&bearer.user.name);
    expect![[r#"["system:serviceaccounts", "system:serviceaccounts:default"]"#]]
        .assert_eq(&format!("{:?}", bearer.user.groups));
    let extra: Vec<String> =
        bearer.user.extra.iter().map(|(key, values)| format!("{key}={}", values.join(","))).collect();
    let shown = extra.join(" ").replace(&claims.pod.unwrap().uid, "UID");
    expect!["authentication.kubernetes.io/credential-id=JTI=j1 authentication.kubernetes.io/node-name=n1 authentication.kubernetes.io/pod-name=web authentication.kubernetes.io/pod-uid=UID"].assert_eq(&shown);
    let audiences = ["other".to_owned(), "vault".to_owned()];
    assert_eq!(verifier.verify(&token, &audiences, now).unwrap().unwrap().audiences, ["vault"]);
}

#[tokio::test]
async fn a_token_ends_at_its_time_and_is_for_its_audiences_alone() {
    let (fixture, signer, now) = (Fixture::new().await, signer(), Timestamp::now());
    let token = signer.sign(&claims(&fixture, now).await.to_tree()).unwrap();
    let verifier = verifier(&fixture, &signer);
    let at = |seconds| now + SignedDuration::from_secs(seconds);
    assert!(verifier.verify(&token, &[], at(600)).is_ok());
    assert_eq!(verifier.verify(&token, &[], at(601)), Err(TokenError::Expired));
    assert_eq!(verifier.verify(&token, &[], at(-1)), Err(TokenError::Early));
    let why = verifier.verify(&token, &["other".to_owned()], now).unwrap_err().to_string();
    expect![[r#"token audiences ["https://kubernetes.default.svc", "vault"] is invalid for the target audiences ["other"]"#]].assert_eq(&why);
}

#[tokio::test]
async fn a_token_dies_with_its_pod_and_does_not_pass_to_the_next_of_that_name() {
    let (fixture, signer, now) = (Fixture::new().await, signer(), Timestamp::now());
    let token = signer.sign(&claims(&fixture, now).await.to_tree()).unwrap();
    let verifier = verifier(&fixture, &signer);
    let delete = |plural| {
        let mut call = fixture.call(Verb::Delete, plural, if plural == "pods" { "web" } else { "app" });
        call.query.push(("gracePeriodSeconds".to_owned(), "0".to_owned()));
        fixture.tree(call)
    };
    delete("pods").await.unwrap();
    let why = verifier.verify(&token, &[], now).unwrap_err().to_string();
    expect!["pod default/web has been deleted"].assert_eq(&why);
    fixture.create("pods", pod("web", "app")).await.unwrap();
    assert!(matches!(verifier.verify(&token, &[], now), Err(TokenError::Replaced { kind: "pod", .. })));
    delete("serviceaccounts").await.unwrap();
    let why = verifier.verify(&token, &[], now).unwrap_err().to_string();
    expect!["service account default/app has been deleted"].assert_eq(&why);
}

#[tokio::test]
async fn a_token_that_was_tampered_with_or_signed_by_another_key_is_refused() {
    let (fixture, signer, now) = (Fixture::new().await, signer(), Timestamp::now());
    let mut claims = claims(&fixture, now).await;
    let token = signer.sign(&claims.to_tree()).unwrap();
    let verifier = verifier(&fixture, &signer);
    let forged = self::signer().sign(&claims.to_tree()).unwrap();
    assert_eq!(verifier.verify(&forged, &[], now), Err(TokenError::Signature));
    claims.expires += 600;
    let longer = signer.sign(&claims.to_tree()).unwrap();
    let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (token, longer) = (parts(&token), parts(&longer));
    let tampered = [token[0].as_str(), &longer[1], &token[2]].join(".");
    assert_eq!(verifier.verify(&tampered, &[], now), Err(TokenError::Signature));
    let unsigned = ["eyJhbGciOiJub25lIn0", &token[1], ""].join(".");
    assert_eq!(verifier.verify(&unsigned, &[], now), Err(TokenError::Signature));
}

#[tokio::test]
async fn a_token_of_another_issuer_is_left_to_others() {
    let (fixture, signer, now) = (Fixture::new().await, signer(), Timestamp::now());
    let claims = Claims { issuer: "https://elsewhere".to_owned(), ..claims(&fixture, now).await };
    let token = signer.sign(&claims.to_tree()).unwrap();
    for token in [token.as_str(), "no token", "a.b.c", ""] {
        assert_eq!(verifier(&fixture, &signer).verify(token, &[], now), Ok(None), "{token}");
    }
}

#[tokio::test]
async fn an_rsa_key_signs_as_rs256_and_is_named_as_openssl_hashes_it() {
    let (fixture, now) = (Fixture::new().await, Timestamp::now());
    let signer = Signer::from_pem(RSA.as_bytes()).unwrap();
    let token = signer.sign(&claims(&fixture, now).await.to_tree()).unwrap();
    assert!(verifier(&fixture, &signer).verify(&token, &[], now).unwrap().is_some());
    let keys = key_set(&[signer.public_key().clone()]);
    let key = keys.at(&["keys", "0"]).unwrap();
    assert_eq!((key.str_at(&["alg"]), key.str_at(&["e"])), (Some("RS256"), Some("AQAB")));
    assert_eq!(key.str_at(&["kid"]), Some(include_str!("tests/rsa.kid").trim()));
}

#[test]
fn the_documents_name_the_issuer_and_its_keys() {
    let signer = signer();
    let keys = [signer.public_key().clone()];
    expect![[r#"{"issuer":"https://i","jwks_uri":"https://i/openid/v1/jwks","response_types_supported":["id_token"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["ES256"]}"#]]
        .assert_eq(&configuration("https://i", "https://i/openid/v1/jwks", &keys).to_json_string());
    let keys = key_set(&keys);
    let names: Vec<&str> = keys.at(&["keys", "0"]).unwrap().fields().map(|(name, _)| name).collect();
    assert_eq!(names, ["use", "kty", "crv", "kid", "alg", "x", "y"]);
}

#[test]
fn what_is_no_private_key_is_refused() {
    assert!(matches!(Signer::from_pem(b"no key"), Err(KeyError::Pem(_))));
    let ed25519 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap().serialize_pem();
    assert!(matches!(Signer::from_pem(ed25519.as_bytes()), Err(KeyError::Unusable(_))));
}

#[tokio::test]
async fn a_token_without_an_end_holds_while_its_secret_holds_it() {
    let (fixture, signer, now) = (Fixture::new().await, signer(), Timestamp::now());
    let account = fixture.create("serviceaccounts", tree!({ "metadata": { "name": "app" } })).await.unwrap();
    let claim = |name: &str| format!("kubernetes.io/serviceaccount/{name}");
    let mut claims =
        tree!({ "iss": "kubernetes/serviceaccount", "sub": "system:serviceaccount:default:app" });
    for (name, value) in [
        ("namespace", "default"),
        ("secret.name", "app-token"),
        ("service-account.name", "app"),
        ("service-account.uid", meta::uid(&account)),
    ] {
        claims.insert(claim(name).as_str(), value);
    }
    let token = signer.sign(&claims).unwrap();
    let verifier = verifier(&fixture, &signer);
    let verify = || verifier.verify(&token, &[], now).map(|bearer| bearer.unwrap().user.name);
    let gone = || TokenError::Deleted { kind: "secret", name: "default/app-token".to_owned() };
    assert_eq!(verify(), Err(gone()));
    let secret = |token: &str| {
        tree!({
            "metadata": { "name": "app-token", "annotations": {
                "kubernetes.io/service-account.name": "app",
                "kubernetes.io/service-account.uid": (meta::uid(&account))
            } },
            "type": "kubernetes.io/service-account-token", "stringData": { "token": token }
        })
    };
    fixture.create("secrets", secret("another")).await.unwrap();
    assert_eq!(verify(), Err(gone()));
    fixture.tree(fixture.call(Verb::Delete, "secrets", "app-token")).await.unwrap();
    fixture.create("secrets", secret(&token)).await.unwrap();
    assert_eq!(verify(), Ok("system:serviceaccount:default:app".to_owned()));
    fixture.tree(fixture.call(Verb::Delete, "serviceaccounts", "app")).await.unwrap();
    assert!(verify().is_err());
}

#[tokio::test]
async fn the_last_use_of_a_secrets_token_is_written_on_it_once_a_day_and_a_marked_one_is_refused() {
    let (fixture, signer, now) = (Fixture::new().await, signer(), Timestamp::now());
    let secret = fixture.create("secrets", tree!({ "metadata": { "name": "held" } })).await.unwrap();
    let reference = Reference { name: "held".to_owned(), uid: meta::uid(&secret).to_owned() };
    let claims = Claims { secret: Some(reference), pod: None, node: None, ..claims(&fixture, now).await };
    let token = signer.sign(&claims.to_tree()).unwrap();
    let (uses, used) = uses::uses();
    let keys = vec![signer.public_key().clone()];
    let verifier =
        Verifier::new(fixture.rest.clone(), keys, ISSUER.to_owned(), vec![ISSUER.to_owned()], uses);
    let written = || core(fixture.rest.view(), "secrets", "default", "held").unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let writing = supervise::Scope::root("test");
    writing.spawn("uses", uses::write(fixture.rest.clone(), used, stop));
    verifier.verify(&token, &[], now).unwrap().unwrap();
    const LAST_USED: [&str; 3] = ["metadata", "labels", "kubernetes.io/legacy-token-last-used"];
    while written().str_at(&LAST_USED).is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(written().str_at(&LAST_USED), Some(&*uses::day(now)));
    let mut marked = written();
    marked.set_at(&["metadata", "labels", "kubernetes.io/legacy-token-invalid-since"], "2025-01-01");
    fixture.tree(fixture.call(Verb::Update, "secrets", "held").body(&marked)).await.unwrap();
    let why = verifier.verify(&token, &[], now).unwrap_err().to_string();
    expect!["the token in secret default/held for service account default/app has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the 'kubernetes.io/legacy-token-invalid-since' label from the secret to temporarily allow use of this token"].assert_eq(&why);
}
