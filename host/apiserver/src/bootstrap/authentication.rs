//! The ConfigMap from which aggregated servers read whom to believe: the CA of users' certificates, and that of the
//! front proxy, as which this server vouches for users to them.

use objects::resource::Verb;
use objects::status::Status;
use objects::tree;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::write;
use crate::config::ClientAuthorities;
use crate::front::FRONT_PROXY;
use crate::rest::Rest;

const NAMESPACE: &str = "kube-system";
const NAME: &str = "extension-apiserver-authentication";
const CONFIG_MAPS: (&str, &str) = ("", "configmaps");

/// Writes what is missing or of other CAs. Keys of others stay.
pub(super) async fn ensure(rest: &Rest, authorities: &ClientAuthorities) -> Result<(), Status> {
    let (group, plural) = CONFIG_MAPS;
    let row = rest.registry().find(group, "v1", plural).ok_or_else(Status::no_such_path)?;
    let held = rest.get_tree(&row, NAMESPACE, NAME);
    let empty = || tree!({ "metadata": { "name": NAME, "namespace": NAMESPACE } });
    let mut map = held.clone().unwrap_or_else(empty);
    for (key, value) in data(authorities) {
        map.set_at(&["data", key], value);
    }
    match held {
        None => write(rest, Verb::Create, CONFIG_MAPS, "", map).await,
        Some(held) if held.get("data") != map.get("data") => {
            write(rest, Verb::Update, CONFIG_MAPS, NAME, map).await
        }
        Some(_) => Ok(()),
    }
}

/// Keeps it in step with the CAs from their next change on.
pub(crate) async fn follow(
    rest: Rest,
    mut authorities: watch::Receiver<ClientAuthorities>,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            changed = authorities.changed() => if changed.is_err() { return },
        }
        let now = authorities.borrow_and_update().clone();
        if let Err(status) = ensure(&rest, &now).await {
            warn!(%status, "cannot tell aggregated servers of other CAs");
        }
    }
}

/// Lists are JSON in a text.
fn data(authorities: &ClientAuthorities) -> [(&'static str, String); 7] {
    let list = |name: &str| tree!([name]).to_json_string();
    [
        ("client-ca-file", authorities.users.clone()),
        ("requestheader-allowed-names", list(FRONT_PROXY)),
        ("requestheader-client-ca-file", authorities.front_proxy.clone()),
        ("requestheader-extra-headers-prefix", list("X-Remote-Extra-")),
        ("requestheader-group-headers", list("X-Remote-Group")),
        ("requestheader-uid-headers", list("X-Remote-Uid")),
        ("requestheader-username-headers", list("X-Remote-User")),
    ]
}
