//! What stops a datastore from opening, each with one error that says what to do.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use datastore::{Config, Embedded, LockError, OpenError};

use crate::fixture::Fixture;

fn refusal(config: Config) -> OpenError {
    Embedded::open(config).map(drop).expect_err("the store does not open")
}

#[tokio::test]
async fn a_directory_in_use_names_the_process() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = Fixture::open(directory.path());
    let error = refusal(Config::new(directory.path().join("store")));
    assert!(
        matches!(&error, OpenError::Lock(LockError::InUse { owner, .. }) if *owner == std::process::id().to_string())
    );
    assert!(error.to_string().ends_with("stop it first, or choose another data directory"), "{error}");
    fixture.close().await;
    Fixture::open(directory.path()).close().await;
}

#[test]
fn a_directory_that_may_not_be_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("store");
    fs::create_dir(&store).unwrap();
    fs::set_permissions(&store, fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(store.join("probe"), "").is_ok() {
        // The superuser may write anywhere; what a read-only file system answers is tested with the file's own errors.
        return;
    }
    let error = refusal(Config::new(&store)).to_string();
    assert!(
        error.contains(&store.display().to_string()) && error.contains("must belong to the user"),
        "{error}"
    );
}

#[test]
fn a_missing_parent_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("missing").join("store");
    let error = refusal(Config::new(&store)).to_string();
    assert!(error.contains(&store.display().to_string()), "{error}");
}

#[test]
fn a_file_that_is_no_store_is_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("store.redb");
    fs::write(&file, "not a store").unwrap();
    let error = refusal(Config::new(directory.path())).to_string();
    assert!(error.contains(&file.display().to_string()), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "not a store");
}

#[test]
fn a_store_of_before_the_first_release_is_not_taken_for_an_empty_one() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("store.redb"), "").unwrap();
    let error = refusal(Config::new(directory.path())).to_string();
    assert!(
        error.contains("store.redb") && error.ends_with("move it away to begin with an empty store"),
        "{error}"
    );
}
