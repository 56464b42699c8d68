use expect_test::expect;
use objects::resource::by_kind;

use super::*;

const PLACE: &str = "/registry/secrets/default/a";

fn configuration(providers: &str) -> Encryption {
    let text = format!(
        "kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\nresources:\n- resources: [secrets, '*.apps']\n  providers: {providers}\n"
    );
    Encryption::parse(text.as_bytes()).unwrap()
}

fn secrets() -> &'static Resource {
    by_kind("", "v1", "Secret").unwrap()
}

/// Base64 of a key of so many bytes.
fn key(length: usize) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, vec![7_u8; length])
}

fn keyed(kind: &str, name: &str, length: usize) -> String {
    format!("{{{kind}: {{keys: [{{name: {name}, secret: {}}}]}}}}", key(length))
}

#[test]
fn what_a_provider_wrote_it_reads_and_nobody_reads_it_changed() {
    for (kind, length) in [
        ("aescbc", 16),
        ("aescbc", 24),
        ("aescbc", 32),
        ("aesgcm", 16),
        ("aesgcm", 24),
        ("aesgcm", 32),
        ("secretbox", 32),
    ] {
        let encryption = configuration(&format!("[{}, {{identity: {{}}}}]", keyed(kind, "k1", length)));
        let sealed = encryption.seal(secrets(), PLACE, b"{}".to_vec());
        assert!(sealed.starts_with(format!("k8s:enc:{kind}:v1:k1:").as_bytes()), "{kind}");
        let opened = encryption.open(secrets(), PLACE.as_bytes(), &sealed).unwrap();
        assert_eq!(opened, (Some(b"{}".to_vec()), Age::Current), "{kind}");
        let mut forged = sealed.clone();
        let last = forged.len() - 1;
        forged[last] ^= 1;
        // AES-CBC has no seal: a changed value is at most noticed by its padding.
        if kind != "aescbc" {
            assert!(encryption.open(secrets(), PLACE.as_bytes(), &forged).is_err(), "{kind}");
        }
        assert!(encryption.open(secrets(), PLACE.as_bytes(), &sealed[..22]).is_err(), "{kind}");
    }
}

#[test]
fn a_value_of_gcm_cannot_be_moved_to_another_key() {
    let encryption = configuration(&format!("[{}]", keyed("aesgcm", "k1", 32)));
    let sealed = encryption.seal(secrets(), PLACE, b"{}".to_vec());
    assert!(encryption.open(secrets(), b"/registry/secrets/default/b", &sealed).is_err());
}

#[test]
fn older_keys_and_plain_values_are_read_and_known_to_be_stale() {
    let old = configuration(&format!("[{}]", keyed("secretbox", "k1", 32)));
    let sealed = old.seal(secrets(), PLACE, b"{}".to_vec());
    let new = configuration(&format!(
        "[{}, {}, {{identity: {{}}}}]",
        keyed("aesgcm", "k2", 32),
        keyed("secretbox", "k1", 32)
    ));
    let opened = new.open(secrets(), PLACE.as_bytes(), &sealed).unwrap();
    assert_eq!(opened, (Some(b"{}".to_vec()), Age::Stale));
    assert_eq!(new.open(secrets(), PLACE.as_bytes(), b"{}").unwrap(), (None, Age::Stale));
    let none = configuration(&format!("[{}]", keyed("aesgcm", "k2", 32)));
    expect!["no provider of the encryption configuration reads this value"]
        .assert_eq(&none.open(secrets(), PLACE.as_bytes(), &sealed).unwrap_err().to_string());
}

#[test]
fn a_rule_is_for_its_resources_alone() {
    let encryption = configuration(&format!("[{}]", keyed("secretbox", "k1", 32)));
    let maps = by_kind("", "v1", "ConfigMap").unwrap();
    let deployments = by_kind("apps", "v1", "Deployment").unwrap();
    assert_eq!(encryption.seal(maps, "/registry/configmaps/d/a", b"{}".to_vec()), b"{}");
    assert!(encryption.seal(deployments, "/registry/deployments/d/a", b"{}".to_vec()).starts_with(ENVELOPE));
}

#[test]
fn every_mistake_of_a_configuration_is_told() {
    let text = format!(
        "{{kind: EncryptionConfiguration, apiVersion: apiserver.config.k8s.io/v1, resources: [{{}}, {{resources: [secrets], providers: [{{}}, {}, {{kms: {{}}}}, {{secretbox: {{keys: [{{name: a, secret: '!'}}, {{}}]}}}}]}}]}}",
        keyed("aescbc", "a", 5)
    );
    let error = Encryption::parse(text.as_bytes()).unwrap_err();
    expect![[r#"
        resources[0].resources: Required value
        resources[0].providers: Required value
        resources[1].providers[0]: provider does not contain any of the expected providers: AESGCM, AESCBC, Secretbox, Identity
        resources[1].providers[1].aescbc.keys[0].secret: secret is not of the expected length, got 5, expected one of [16, 24, 32]
        resources[1].providers[2].kms: no such provider here: there are aescbc, aesgcm, secretbox, identity
        resources[1].providers[3].secretbox.keys[0].secret: secrets must be base64 encoded
        resources[1].providers[3].secretbox.keys[1].name: Required value
        resources[1].providers: Required value"#]]
    .assert_eq(&error.0.join("\n"));
    assert!(Encryption::parse(b"kind: Pod").is_err());
}

#[test]
fn a_rotation_reads_what_was_and_ends_with_one_key() {
    let (secret, old) = (secrets(), Encryption::fresh());
    let sealed = Encryption::parse(&old).unwrap().seal(secret, PLACE, b"{}".to_vec());
    let rotation = KeyRotation::of(&old).unwrap();
    let [both, last] =
        [&rotation.with_old_keys, &rotation.without].map(|text| Encryption::parse(text).unwrap());
    let (opened, age) = both.open(secret, PLACE.as_bytes(), &sealed).unwrap();
    assert_eq!((opened, age), (Some(b"{}".to_vec()), Age::Stale));
    let renewed = both.seal(secret, PLACE, b"{}".to_vec());
    assert_eq!(last.open(secret, PLACE.as_bytes(), &renewed).unwrap().1, Age::Current);
    assert!(last.open(secret, PLACE.as_bytes(), &sealed).is_err());
}
