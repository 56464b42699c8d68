//! A real registry on loopback takes what is pushed and gives it back.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use bytes::Bytes;
use registry::{Digest, Login, Reference, RegistryError, Transport};
use support::Registry;

/// `user` by `password`, as `htpasswd -B` writes it.
const HTPASSWD: &str = "user:$2y$04$gyFEYwe1.Gn9i1mvQSCbF.3Jt2iE//kwwrYIZ65yOUB4qIVvE7QEC\n";

fn reference(registry: &Registry, rest: &str) -> Reference {
    format!("oci://{}/{rest}", registry.address).parse().unwrap()
}

fn transport() -> Transport {
    Transport::without_roots()
}

#[tokio::test]
async fn what_is_pushed_is_pulled_by_tag_and_by_digest() {
    let registry = Registry::start();
    let component = Bytes::from(vec![7; 3 << 20]);
    let tagged = reference(&registry, "acme/rules:1.0");
    let pinned = transport().push(&tagged, component.clone(), None).await.unwrap();
    // The same again is no news to the registry.
    assert_eq!(transport().push(&tagged, component.clone(), None).await.unwrap(), pinned);
    for asked in [&tagged, &pinned] {
        let pulled = transport().pull(asked, None).await.unwrap();
        assert_eq!((pulled.component, &pulled.pinned), (component.clone(), &pinned));
    }
}

#[tokio::test]
async fn a_tag_that_moves_leaves_the_digest_where_it_was() {
    let registry = Registry::start();
    let tagged = reference(&registry, "rules:latest");
    let first = transport().push(&tagged, Bytes::from_static(b"one"), None).await.unwrap();
    transport().push(&tagged, Bytes::from_static(b"two"), None).await.unwrap();
    assert_eq!(transport().pull(&tagged, None).await.unwrap().component, "two");
    assert_eq!(transport().pull(&first, None).await.unwrap().component, "one");
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let registry = Registry::start();
    for rest in ["rules:none", &format!("rules@{}", Digest::of(b"none"))] {
        let asked = reference(&registry, rest);
        let why = transport().pull(&asked, None).await.unwrap_err();
        assert!(matches!(why, RegistryError::NotFound(_)), "{why}");
        assert!(why.to_string().contains(&asked.to_string()), "{why}");
    }
}

#[tokio::test]
async fn a_registry_that_nobody_runs_is_named() {
    let why = transport().pull(&"oci://127.0.0.1:1/rules:1".parse().unwrap(), None).await.unwrap_err();
    assert_eq!(why.to_string(), "ask http://127.0.0.1:1/v2/rules/manifests/1");
}

#[tokio::test]
async fn a_login_is_shown_to_a_registry_that_wants_one() {
    let registry = Registry::start_for(HTPASSWD);
    let tagged = reference(&registry, "rules:1");
    let component = Bytes::from_static(b"component");
    for login in [None, Some(Login::new("user", "another"))] {
        let why = transport().push(&tagged, component.clone(), login.as_ref()).await.unwrap_err();
        assert!(matches!(why, RegistryError::Login { .. }), "{why}");
        assert!(!why.to_string().contains("another"), "{why}");
    }
    let login = Login::new("user", "password");
    transport().push(&tagged, component.clone(), Some(&login)).await.unwrap();
    assert_eq!(transport().pull(&tagged, Some(&login)).await.unwrap().component, component);
}

#[tokio::test]
async fn a_download_is_what_its_digest_says_or_nothing() {
    let registry = Registry::start();
    let component = Bytes::from_static(b"component");
    transport().push(&reference(&registry, "rules:1"), component.clone(), None).await.unwrap();
    let digest = Digest::of(&component);
    let address = format!("http://{}/v2/rules/blobs/{digest}", registry.address);
    assert_eq!(transport().download(&address, &digest).await.unwrap(), component);
    let why = transport().download(&address, &Digest::of(b"another")).await.unwrap_err();
    assert!(matches!(why, RegistryError::Digest { .. }), "{why}");
    let why = transport().download(&format!("{address}0"), &digest).await.unwrap_err().to_string();
    assert!(why.contains("404") || why.contains("400"), "{why}");
}
