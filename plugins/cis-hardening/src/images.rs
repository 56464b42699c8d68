//! AlwaysPullImages: every container of a pod pulls its image.

use sdk::{Error, admission};
use serde_json::{Value, json};

/// The setting that turns it on.
pub(crate) const SETTING: &str = "always-pull-images";
const LISTS: &[&str] = &["initContainers", "containers", "ephemeralContainers"];
const POLICY: &str = "imagePullPolicy";
const ALWAYS: &str = "Always";

/// Each container by its path in the pod.
fn containers(pod: &Value) -> impl Iterator<Item = (String, &Value)> {
    LISTS.iter().flat_map(move |list| {
        let all = pod["spec"][*list].as_array().into_iter().flatten().enumerate();
        all.map(move |(place, container)| (format!("/spec/{list}/{place}"), container))
    })
}

fn lax(pod: &Value) -> impl Iterator<Item = (String, &Value)> {
    containers(pod).filter(|(_, container)| container[POLICY] != ALWAYS)
}

fn read(pod: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(pod).map_err(|why| Error::Invalid(format!("read the pod: {why}")))
}

pub(crate) fn mutate(pod: &[u8]) -> Result<admission::Mutation, Error> {
    let pod = read(pod)?;
    let patch: Vec<_> = lax(&pod)
        .map(|(path, _)| json!({ "op": "add", "path": format!("{path}/{POLICY}"), "value": ALWAYS }))
        .collect();
    Ok(match patch.is_empty() {
        true => admission::Mutation::default(),
        false => admission::Mutation::patch(Value::from(patch).to_string()),
    })
}

/// Somebody may have changed the pod after it was completed.
pub(crate) fn validate(pod: &[u8]) -> Result<admission::Review, Error> {
    let pod = read(pod)?;
    let names: Vec<_> =
        lax(&pod).map(|(_, container)| container["name"].as_str().unwrap_or_default()).collect();
    Ok(match names.is_empty() {
        true => admission::Review::default(),
        false => admission::Review::denied(format!(
            "{POLICY} has to be {ALWAYS} for the containers {}: the addon cis-hardening asks for it",
            names.join(", ")
        )),
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    const POD: &str = r#"{"spec":{"containers":[{"name":"a","imagePullPolicy":"Always"},{"name":"b"}],
        "initContainers":[{"name":"c","imagePullPolicy":"Never"}]}}"#;

    #[test]
    fn every_container_pulls_its_image() {
        let patch = mutate(POD.as_bytes()).unwrap().patch.unwrap();
        expect![[r#"[{"op":"add","path":"/spec/initContainers/0/imagePullPolicy","value":"Always"},{"op":"add","path":"/spec/containers/1/imagePullPolicy","value":"Always"}]"#]]
            .assert_eq(&String::from_utf8(patch).unwrap());
        let done = br#"{"spec":{"containers":[{"name":"a","imagePullPolicy":"Always"}]}}"#;
        assert!(mutate(done).unwrap().patch.is_none());
    }

    #[test]
    fn a_container_that_does_not_is_refused_by_name() {
        let denied = validate(POD.as_bytes()).unwrap().denied.unwrap();
        expect![
            "imagePullPolicy has to be Always for the containers c, b: the addon cis-hardening asks for it"
        ]
        .assert_eq(&denied.message);
        assert!(validate(b"{").is_err());
    }
}
