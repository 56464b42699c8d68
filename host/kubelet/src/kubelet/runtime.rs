//! Attends to the container runtime: whether it is there, and what it tells.

use std::sync::Arc;
use std::time::Duration;

use cri::{Error, Version};
use supervise::Backoff;
use tokio::sync::mpsc;

use super::{Context, Event};

/// Delays between attempts to reach the runtime; at the start of a node it is there within the first few.
const FIRST_DELAY: Duration = Duration::from_millis(20);
const LAST_DELAY: Duration = Duration::from_secs(2);
/// How long a subscription takes to be in place: the runtime does not acknowledge it, and the listing that follows
/// must come after it.
const SUBSCRIPTION: Duration = Duration::from_millis(20);

/// Tells of the runtime until nobody listens.
pub(super) async fn attend(context: Arc<Context>, events: mpsc::Sender<Event>) {
    let mut backoff = Backoff::new(FIRST_DELAY, LAST_DELAY);
    loop {
        match greet(&context).await {
            Ok(version) => {
                backoff.reset();
                match listen(&context, version, &events).await {
                    // It may be back already.
                    Some(error) => tracing::debug!(%error, "the runtime tells no more"),
                    None => return,
                }
            }
            Err(error) => {
                let missing = context.runtime_missing.borrow().clone();
                let why = missing.unwrap_or_else(|| error.to_string());
                if events.send(Event::RuntimeDown(why)).await.is_err() {
                    return;
                }
            }
        }
        tokio::time::sleep(backoff.next_delay()).await;
    }
}

async fn greet(context: &Context) -> Result<Version, Error> {
    let version = context.runtime.version().await?;
    context.runtime.ensure_pause_image().await?;
    Ok(version)
}

/// Passes events on; gives the error that ends the stream, or nothing when nobody listens.
async fn listen(context: &Context, version: Version, events: &mpsc::Sender<Event>) -> Option<Error> {
    let mut stream = context.runtime.events();
    let first = tokio::time::timeout(SUBSCRIPTION, stream.next()).await;
    events.send(Event::RuntimeUp(version)).await.ok()?;
    let mut next = match first {
        Ok(next) => next,
        Err(_) => stream.next().await,
    };
    loop {
        match next {
            Ok(event) => events.send(Event::Runtime(event)).await.ok()?,
            Err(error) => return Some(error),
        }
        next = stream.next().await;
    }
}
