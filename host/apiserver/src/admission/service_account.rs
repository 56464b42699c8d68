//! ServiceAccount: every pod has an account of its namespace, and its token below a well-known path.

use std::time::Duration;

use objects::status::Status;
use objects::{Tree, meta, tree};

use super::Write;

const DEFAULT: &str = "default";
const MOUNT_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// A controller makes the default account of a new namespace; a pod waits for it that long.
const PATIENCE: Duration = Duration::from_secs(2);
/// An hour, and a margin that tells such tokens from others: upstream's number.
const TOKEN_SECONDS: i64 = 3607;
const MIRROR: &str = "kubernetes.io/config.mirror";

pub(super) async fn admit(write: &mut Write<'_>) -> Result<(), Status> {
    let (rest, call) = (write.rest, write.call);
    if meta::annotation(&write.object, MIRROR).is_some() {
        return Ok(());
    }
    let name = match write.object.str_at(&["spec", "serviceAccountName"]) {
        None | Some("") => DEFAULT.to_owned(),
        Some(name) => name.to_owned(),
    };
    let patience = if name == DEFAULT { PATIENCE } else { Duration::ZERO };
    let accounts = rest.registry().find("", "v1", "serviceaccounts").ok_or_else(Status::no_such_path)?;
    let Some(account) = rest.wait_for(&accounts, &call.namespace, &name, patience).await else {
        return Err(write.forbidden(format!(
            "error looking up service account {}/{name}: serviceaccount {name:?} not found",
            call.namespace
        )));
    };
    complete(&mut write.object, &name, &account, &crate::rest::volume_suffix());
    Ok(())
}

fn complete(pod: &mut Tree, name: &str, account: &Tree, suffix: &str) {
    pod.set_at(&["spec", "serviceAccountName"], name);
    pod.set_at(&["spec", "serviceAccount"], name);
    if pod.items_at(&["spec", "imagePullSecrets"]).is_empty()
        && let Some(secrets) = account.get("imagePullSecrets")
    {
        pod.set_at(&["spec", "imagePullSecrets"], secrets.clone());
    }
    let automount = ["spec", "automountServiceAccountToken"];
    let wanted = pod.bool_at(&automount).or_else(|| account.bool_at(&["automountServiceAccountToken"]));
    if wanted != Some(false) {
        mount(pod, suffix);
    }
}

/// Mounts a token, the cluster's CA and the namespace into every container that has nothing at the path.
fn mount(pod: &mut Tree, suffix: &str) {
    let volume = format!("kube-api-access-{suffix}");
    let mut mounted = false;
    for list in ["initContainers", "containers"] {
        for container in pod.at_mut(&["spec", list]).and_then(Tree::as_array_mut).into_iter().flatten() {
            let mounts = container.make(&["volumeMounts"]);
            if mounts.items().iter().any(|mount| mount.str_at(&["mountPath"]) == Some(MOUNT_PATH)) {
                continue;
            }
            push(mounts, tree!({ "name": (volume.as_str()), "readOnly": true, "mountPath": MOUNT_PATH }));
            mounted = true;
        }
    }
    if mounted {
        push(pod.make(&["spec", "volumes"]), access(&volume));
    }
}

fn access(name: &str) -> Tree {
    tree!({ "name": name, "projected": {
        "sources": [
            { "serviceAccountToken": { "expirationSeconds": TOKEN_SECONDS, "path": "token" } },
            { "configMap": { "name": "kube-root-ca.crt", "items": [{ "key": "ca.crt", "path": "ca.crt" }] } },
            { "downwardAPI": { "items": [
                { "path": "namespace", "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.namespace" } }
            ] } }
        ],
        "defaultMode": 420
    } })
}

fn push(list: &mut Tree, item: Tree) {
    match list.as_array_mut() {
        Some(items) => items.push(item),
        None => *list = Tree::Array(vec![item]),
    }
}
