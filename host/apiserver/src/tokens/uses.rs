//! Tokens that secrets hold: the day of the last use is written on the secret, and one that was marked because nobody
//! used it holds no longer.

use jiff::{Timestamp, ToSpan};
use objects::resource::Verb;
use objects::{Tree, meta};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{TokenError, core};
use crate::call::{Call, Place};
use crate::rest::Rest;

const LAST_USED: &str = "kubernetes.io/legacy-token-last-used";
const INVALID_SINCE: &str = "kubernetes.io/legacy-token-invalid-since";
/// Uses that wait to be written. What finds no room is told by the next use.
const WAITING: usize = 64;

/// Takes down uses. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Uses(mpsc::Sender<Use>);

/// A secret whose token was used.
pub(crate) struct Use {
    namespace: String,
    name: String,
    day: String,
}

/// Where uses are taken down, and whence [`write`] takes them.
pub(crate) fn uses() -> (Uses, mpsc::Receiver<Use>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (Uses(sender), receiver)
}

/// The day of a time, as ConfigMaps and labels of such tokens have it.
pub(crate) fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

fn label<'a>(secret: &'a Tree, label: &str) -> Option<&'a str> {
    secret.str_at(&["metadata", "labels", label])
}

impl Uses {
    /// The token of this secret is shown by who is `account`.
    ///
    /// # Errors
    /// It is marked as one that nobody used.
    pub(super) fn admit(&self, secret: &Tree, account: &str, now: Timestamp) -> Result<(), TokenError> {
        let (namespace, name) = (meta::namespace(secret), meta::name(secret));
        if label(secret, INVALID_SINCE).is_some_and(|since| !since.is_empty()) {
            let secret = format!("{namespace}/{name}");
            return Err(TokenError::Unused { secret, account: format!("{namespace}/{account}") });
        }
        let today = day(now);
        // Another API server's clock may be ahead.
        let tomorrow = now.checked_add(24.hours()).map(day).unwrap_or_default();
        if label(secret, LAST_USED).is_none_or(|last| last != today && last != tomorrow) {
            let (namespace, name) = (namespace.to_owned(), name.to_owned());
            // With no room or nobody to write it, the next use is told.
            drop(self.0.try_send(Use { namespace, name, day: today }));
        }
        Ok(())
    }
}

/// Writes uses down until `stop`.
pub(crate) async fn write(rest: Rest, mut uses: mpsc::Receiver<Use>, stop: CancellationToken) {
    let write = async {
        while let Some(Use { namespace, name, day }) = uses.recv().await {
            let Some(row) = rest.registry().find("", "v1", "secrets") else { return };
            let Some(mut secret) = core(rest.view(), "secrets", &namespace, &name) else { continue };
            if label(&secret, LAST_USED) == Some(&*day) {
                continue;
            }
            secret.set_at(&["metadata", "labels", LAST_USED], day);
            let place = Place { namespace: &namespace, name: &name, subresource: "" };
            match rest.answer(Call::own(row, Verb::Update, place, &secret)).await {
                // Who changed it in between leaves it to the next use.
                Err(status) if status.code != 409 && status.code != 404 => {
                    warn!(namespace, name, %status, "cannot write when a token was used");
                }
                _ => {}
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = write => {}
    }
}
