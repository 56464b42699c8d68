use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use datastore::{KeyRange, RangeRequest};
use objects::resource::Verb;
use objects::tree;

use super::fixture::Fixture;
use crate::storage::Encryption;

fn keys(names: &[&str]) -> Option<Encryption> {
    let secret = |name: &str| STANDARD.encode(name.repeat(32));
    let keys: Vec<String> =
        names.iter().map(|name| format!("{{name: {name}, secret: {}}}", secret(name))).collect();
    let text = format!(
        "{{kind: EncryptionConfiguration, apiVersion: apiserver.config.k8s.io/v1, resources: [{{resources: [secrets], providers: [{{secretbox: {{keys: [{}]}}}}, {{identity: {{}}}}]}}]}}",
        keys.join(", ")
    );
    Some(Encryption::parse(text.as_bytes()).unwrap())
}

/// The beginning of what is stored of the secret `s`.
fn stored(fixture: &Fixture) -> String {
    let range = RangeRequest::new(KeyRange::key("/registry/secrets/default/s"));
    let found = fixture.store.range(&range).unwrap();
    String::from_utf8_lossy(&found.kvs[0].value[..28]).into_owned()
}

#[tokio::test]
async fn secrets_are_encrypted_by_the_key_in_force_and_others_when_they_are_written_anew() {
    let fixture = Fixture::new().await;
    let secret = tree!({ "metadata": { "name": "s" }, "stringData": { "password": "open" } });
    let created = fixture.create("secrets", secret).await.unwrap();
    assert!(stored(&fixture).starts_with(r#"{"kind":"Secret""#));
    fixture.encryption.send_replace(keys(&["a"]));
    assert_eq!(fixture.rest.encrypt_anew().await.unwrap(), 1);
    assert!(stored(&fixture).starts_with("k8s:enc:secretbox:v1:a:"));
    fixture.encryption.send_replace(keys(&["b", "a"]));
    assert_eq!(fixture.rest.encrypt_anew().await.unwrap(), 1);
    assert_eq!(fixture.rest.encrypt_anew().await.unwrap(), 0);
    assert!(stored(&fixture).starts_with("k8s:enc:secretbox:v1:b:"));
    let read = fixture.get("secrets", "s").await.unwrap();
    assert_eq!(read.get("data"), created.get("data"));
    fixture.config_map("plain", "1").await;
    let range = RangeRequest::new(KeyRange::key("/registry/configmaps/default/plain"));
    assert!(fixture.store.range(&range).unwrap().kvs[0].value.starts_with(b"{"));
    fixture.tree(fixture.call(Verb::Delete, "secrets", "s")).await.unwrap();
}
