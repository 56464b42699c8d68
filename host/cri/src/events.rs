//! What happens to containers, told by containerd's own event service: CRI of containerd 1.6 has no events, and
//! listing everything once a second would be the other way to learn of an exit.

use futures_util::future::BoxFuture;
use prost::Message as _;
use tonic::Streaming;

use crate::{ContainerId, Error, Runtime, wire::containerd as wire};

/// The topics asked for: one filter each, any of which may match.
const FILTERS: &[&str] = &[
    r#"topic=="/tasks/start",namespace=="k8s.io""#,
    r#"topic=="/tasks/exit",namespace=="k8s.io""#,
    r#"topic=="/tasks/oom",namespace=="k8s.io""#,
    r#"topic=="/tasks/delete",namespace=="k8s.io""#,
];

const METHOD: &str = "/containerd.services.events.v1.Events/Subscribe";

/// A hint that a container (or the pause process of a sandbox, under the sandbox's id) changed; the truth is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Started(ContainerId),
    Exited(ContainerId),
    OutOfMemory(ContainerId),
    /// The runtime has taken notice of the exit.
    Reaped(ContainerId),
}

/// A subscription; it ends when the runtime goes away.
pub struct Events {
    runtime: Runtime,
    stream: Stream,
}

/// containerd answers a subscription with the first event, so that there is nothing to wait for before.
enum Stream {
    Asked(BoxFuture<'static, Result<Streaming<wire::Envelope>, Error>>),
    Open(Box<Streaming<wire::Envelope>>),
}

impl Runtime {
    /// Subscribes; whether the runtime is there shows at [`Events::next`]. What happened before is not told.
    pub fn events(&self) -> Events {
        let channel = self.channel.clone();
        let filters = FILTERS.iter().map(ToString::to_string).collect();
        let asked = async move { channel.stream(METHOD, wire::SubscribeRequest { filters }).await };
        Events { runtime: self.clone(), stream: Stream::Asked(Box::pin(asked)) }
    }
}

impl Events {
    /// The next event. Cancel-safe.
    pub async fn next(&mut self) -> Result<Event, Error> {
        loop {
            let stream = match &mut self.stream {
                Stream::Open(stream) => stream,
                Stream::Asked(asked) => {
                    self.stream = Stream::Open(Box::new(asked.await?));
                    continue;
                }
            };
            let message = stream.message().await;
            let envelope = message.map_err(|status| self.runtime.channel.error(METHOD, status))?;
            let Some(envelope) = envelope else {
                return Err(Error::Unreachable {
                    socket: self.runtime.channel.socket().to_owned(),
                    reason: "the stream of events ended".to_owned(),
                });
            };
            if let Some(event) = decode(&envelope) {
                return Ok(event);
            }
        }
    }
}

fn decode(envelope: &wire::Envelope) -> Option<Event> {
    let bytes = envelope.event.as_ref()?.value.as_slice();
    match envelope.topic.as_str() {
        "/tasks/start" => {
            let start = wire::TaskStart::decode(bytes).ok()?;
            Some(Event::Started(ContainerId(start.container_id)))
        }
        "/tasks/oom" => {
            Some(Event::OutOfMemory(ContainerId(wire::TaskOom::decode(bytes).ok()?.container_id)))
        }
        "/tasks/exit" => {
            let exit = wire::TaskExit::decode(bytes).ok()?;
            // Processes run by exec exit too, under ids of their own.
            (exit.id.is_empty() || exit.id == exit.container_id)
                .then_some(Event::Exited(ContainerId(exit.container_id)))
        }
        "/tasks/delete" => {
            Some(Event::Reaped(ContainerId(wire::TaskStart::decode(bytes).ok()?.container_id)))
        }
        _ => None,
    }
}
