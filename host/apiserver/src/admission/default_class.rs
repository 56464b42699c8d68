//! DefaultStorageClass and DefaultIngressClass: what names no class gets the one that is marked as the default.

use objects::status::Status;
use objects::{Tree, meta};

use super::Write;

const STORAGE: (&str, &str, &str) = ("storage.k8s.io", "v1", "storageclasses");
const STORAGE_DEFAULT: &[&str] =
    &["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];
/// Where claims named their class before there was a field.
const STORAGE_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

const INGRESS: (&str, &str, &str) = ("networking.k8s.io", "v1", "ingressclasses");
const INGRESS_DEFAULT: &[&str] = &["ingressclass.kubernetes.io/is-default-class"];
const INGRESS_CLASS: &str = "kubernetes.io/ingress.class";

pub(super) fn of_claim(write: &mut Write<'_>) -> Result<(), Status> {
    complete(write, STORAGE, STORAGE_DEFAULT, "storageClassName", STORAGE_CLASS);
    Ok(())
}

pub(super) fn of_ingress(write: &mut Write<'_>) -> Result<(), Status> {
    complete(write, INGRESS, INGRESS_DEFAULT, "ingressClassName", INGRESS_CLASS);
    Ok(())
}

fn complete(
    write: &mut Write<'_>,
    (group, version, plural): (&str, &str, &str),
    marks: &[&str],
    field: &str,
    annotation: &str,
) {
    let object = &write.object;
    if object.at(&["spec", field]).is_some() || meta::annotation(object, annotation).is_some() {
        return;
    }
    let classes = write.all(group, version, plural);
    if let Some(name) = default(&classes, marks) {
        write.object.set_at(&["spec", field], name);
    }
}

/// Of several defaults the newest; of those made at once, the first by name.
fn default<'a>(classes: &'a [Tree], marks: &[&str]) -> Option<&'a str> {
    let is_default = |class: &&Tree| marks.iter().any(|mark| meta::annotation(class, mark) == Some("true"));
    let age = |class: &Tree| class.str_at(&["metadata", "creationTimestamp"]).unwrap_or_default().to_owned();
    let defaults = classes.iter().filter(is_default);
    defaults.max_by(|a, b| age(a).cmp(&age(b)).then_with(|| meta::name(b).cmp(meta::name(a)))).map(meta::name)
}

#[cfg(test)]
mod tests {
    use objects::tree;

    use super::*;

    #[test]
    fn the_newest_default_is_taken_and_of_two_as_old_the_first() {
        let class = |name: &str, created: &str, default: &str| {
            let mark = INGRESS_DEFAULT[0];
            let mut class = tree!({ "metadata": { "name": name, "creationTimestamp": created } });
            class.set_at(&["metadata", "annotations", mark], default);
            class
        };
        let classes = [
            class("old", "2026-01-01T00:00:00Z", "true"),
            class("b", "2026-01-02T00:00:00Z", "true"),
            class("a", "2026-01-02T00:00:00Z", "true"),
            class("newest", "2026-01-03T00:00:00Z", "false"),
        ];
        assert_eq!(default(&classes, INGRESS_DEFAULT), Some("a"));
        assert_eq!(default(&classes[3..], INGRESS_DEFAULT), None);
    }
}
