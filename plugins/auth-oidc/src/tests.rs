//! Tokens that openssl signed, under settings as an operator gives them.

use expect_test::{Expect, expect};
use serde_json::Value;

use super::*;

const FIXTURE: &str = include_str!("../tests/signed-by-openssl.json");
const ISSUER: &str = "https://issuer.example";
const BASE: &[(&str, &str)] = &[
    ("issuer-url", r#""https://issuer.example""#),
    ("client-id", r#""kube""#),
    ("username-claim", r#""sub""#),
    ("groups-claim", r#""groups""#),
    ("signing-algs", r#"["RS256","ES256"]"#),
];

fn fixture() -> Value {
    serde_json::from_str(FIXTURE).unwrap()
}

fn files(issuer: &str, keys: &Value) -> Vec<File> {
    let file = |name: &str, content: String| File {
        name: name.into(),
        path: String::new(),
        content: Some(content.into()),
        extra: Vec::new(),
    };
    vec![file(DISCOVERY, format!(r#"{{"issuer":{issuer:?}}}"#)), file(KEYS, keys.to_string())]
}

fn oidc(settings: &[(&str, &str)]) -> Oidc {
    let given: Vec<_> = BASE
        .iter()
        .filter(|(name, _)| !settings.iter().any(|(other, _)| other == name))
        .chain(settings)
        .copied()
        .collect();
    sdk::settings::give(&given);
    let mut oidc = Oidc::default();
    oidc.changed(files(ISSUER, &fixture()["keys"])).unwrap();
    oidc
}

fn told(oidc: &Oidc, token: &str, at: u64) -> String {
    sdk::clock::set(at * 1000);
    let credentials = Credentials {
        certificate: None,
        bearer_token: Some(token.into()),
        password: None,
        extra: Vec::new(),
    };
    match oidc.authenticate(&credentials) {
        Ok(None) => "nobody".to_owned(),
        Ok(Some(User { name, groups, extra, .. })) => format!("{name} {groups:?} {extra:?}"),
        Err(why) => why.text().to_owned(),
    }
}

const NOW: u64 = 1_500_000_000;

fn check(settings: &[(&str, &str)], token: &str, expected: &Expect) {
    let tokens = &fixture()["tokens"];
    expected.assert_eq(&told(&oidc(settings), tokens[token].as_str().unwrap(), NOW));
}

#[test]
fn a_token_that_a_key_of_the_issuer_signed_is_its_user() {
    let known = expect![[
        r#"https://issuer.example#7 ["dev", "ops"] [("authentication.kubernetes.io/credential-id", ["JTI=t1"])]"#
    ]];
    check(&[], "rs256", &known);
    check(&[], "es256", &known);
}

#[test]
fn each_algorithm_of_upstream_is_known_where_the_operator_allows_it() {
    for algorithm in ["RS256", "RS384", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"] {
        let allowed = format!("[{algorithm:?}]");
        let oidc = oidc(&[("signing-algs", allowed.as_str())]);
        for (name, token) in fixture()["tokens"].as_object().unwrap() {
            if name.len() > "rs256".len() {
                continue;
            }
            let told = told(&oidc, token.as_str().unwrap(), NOW);
            let is_known = name.eq_ignore_ascii_case(algorithm);
            assert_eq!(told.contains("#7"), is_known, "{name} where {algorithm} is allowed: {told}");
        }
    }
    // The salt is as long as the digest (RFC 7518, 3.5).
    check(
        &[("signing-algs", r#"["PS256"]"#)],
        "ps256_long_salt",
        &expect!["no key of the issuer signed the token"],
    );
}

#[test]
fn names_come_of_claims_and_prefixes() {
    let email = ("username-claim", r#""email""#);
    let jane = |groups: &str| {
        format!(r#"jane@example.org {groups} [("authentication.kubernetes.io/credential-id", ["JTI=t1"])]"#)
    };
    let tokens = &fixture()["tokens"];
    let user =
        |settings: &[(&str, &str)], token: &str| told(&oidc(settings), tokens[token].as_str().unwrap(), NOW);
    assert_eq!(user(&[email], "es256"), jane(r#"["dev", "ops"]"#));
    assert_eq!(user(&[email, ("groups-prefix", r#""o:""#)], "one_group"), jane(r#"["o:dev"]"#));
    assert_eq!(user(&[email, ("groups-claim", r#""""#)], "es256"), jane("[]"));
    assert!(user(&[("username-prefix", r#""-""#)], "es256").starts_with("7 "));
    assert!(user(&[("username-prefix", r#""x:""#)], "es256").starts_with("x:7 "));
}

#[test]
fn a_token_that_is_not_good_is_refused_with_the_reason() {
    check(&[], "other_issuer", &expect!["nobody"]);
    check(&[], "other_audience", &expect![[r#"the token is not good: it is not for "kube""#]]);
    check(&[], "no_end", &expect!["the token is not good: it does not say when it ends"]);
    check(&[], "wrong_key", &expect!["no key of the issuer signed the token"]);
    check(&[], "rs512", &expect![[r#"the token is signed by "RS512", not by RS256, ES256"#]]);
    check(
        &[("username-claim", r#""email""#)],
        "unverified_email",
        &expect!["the token is not good: its email is not verified"],
    );
    check(
        &[("required-claims", r#"["tenant=b"]"#)],
        "es256",
        &expect![[r#"the token is not good: its claim "tenant" is not "b""#]],
    );
    check(&[("client-id", r#""""#)], "es256", &expect![[r#"the token is not good: it is not for """#]]);
    check(
        &[("username-claim", r#""aud""#)],
        "es256",
        &expect![[r#"the token is not good: it has no text in the claim "aud""#]],
    );
}

#[test]
fn a_token_holds_from_its_beginning_to_its_end() {
    let (oidc, tokens) = (oidc(&[]), &fixture()["tokens"]);
    let at = |now| told(&oidc, tokens["es256"].as_str().unwrap(), now);
    assert_eq!(at(2_000_000_000), "the token is not good: it has ended");
    assert_eq!(at(1_000_000_000 - 301), "the token is not good: it has not begun");
    assert!(at(1_000_000_000 - 300).contains("#7"));
}

#[test]
fn one_changed_letter_makes_a_token_nobodys() {
    let (oidc, tokens) = (oidc(&[]), &fixture()["tokens"]);
    for token in ["rs256", "es256"] {
        let token = tokens[token].as_str().unwrap();
        for at in (0..token.len()).step_by(7).filter(|at| token.as_bytes()[*at] != b'.') {
            let mut changed = token.to_owned();
            let other = if &token[at..=at] == "A" { "B" } else { "A" };
            changed.replace_range(at..=at, other);
            let told = told(&oidc, &changed, NOW);
            assert!(!told.contains("#7"), "{at}: {told}");
        }
    }
    for strange in ["", ".", "..", "a.b.c", "abc"] {
        assert_eq!(told(&oidc, strange, NOW), "nobody");
    }
}

#[test]
fn without_the_documents_of_the_issuer_nobody_is_known() {
    let mut oidc = oidc(&[]);
    let why = oidc.changed(files("https://evil.example", &fixture()["keys"])).unwrap_err();
    assert_eq!(why.text(), "the issuer at https://issuer.example says that it is https://evil.example");
    let token = fixture()["tokens"]["es256"].as_str().unwrap().to_owned();
    assert!(told(&oidc, &token, NOW).contains("#7"), "what was known stays");
    oidc.changed(Vec::new()).unwrap();
    assert_eq!(told(&oidc, &token, NOW), "no key of the issuer signed the token");
}
