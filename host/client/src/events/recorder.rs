//! [`Recorder`]: says what happened, and never waits.

use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use objects::{Tree, tree};
use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::correlate::{Correlator, Occurrence, Verdict};
use crate::client::Client;
use crate::error::ApiError;
use crate::options::Patch;

/// Events that wait to be written; more are dropped, as upstream drops them.
const WAITING: usize = 1000;

/// Where events of objects without a namespace are kept.
const DEFAULT_NAMESPACE: &str = "default";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventType {
    Normal,
    Warning,
}

/// Who says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// `kubelet`, `default-scheduler`
    pub component: String,
    /// The node, if it matters; else empty.
    pub host: String,
}

/// A handle.
#[derive(Clone)]
pub struct Recorder {
    occurrences: mpsc::Sender<Occurrence>,
}

/// Writes what its recorders say, one after another.
pub struct RecorderTask {
    client: Client,
    source: Source,
    occurrences: mpsc::Receiver<Occurrence>,
    correlator: Correlator,
}

/// A recorder and the task that writes for it.
pub fn recorder(client: Client, source: Source) -> (Recorder, RecorderTask) {
    let (sender, occurrences) = mpsc::channel(WAITING);
    let task = RecorderTask { client, source, occurrences, correlator: Correlator::default() };
    (Recorder { occurrences: sender }, task)
}

impl Recorder {
    /// Records one occurrence; when too many wait it is dropped.
    pub fn record(
        &self,
        object: ObjectReference,
        kind: EventType,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) {
        let (reason, message) = (reason.into(), message.into());
        let occurrence = Occurrence { object, kind, reason, message, at: supervise::clock::now() };
        if let Err(error) = self.occurrences.try_send(occurrence) {
            debug!(%error, "drop an event");
        }
    }
}

impl RecorderTask {
    /// Runs until every recorder is gone.
    pub async fn run(mut self) {
        while let Some(occurrence) = self.occurrences.recv().await {
            let verdict = self.correlator.judge(&occurrence);
            if let Err(error) = self.write(&occurrence, verdict).await {
                warn!(%error, reason = occurrence.reason, "write an event");
            }
        }
    }

    async fn write(&mut self, occurrence: &Occurrence, verdict: Verdict) -> Result<(), ApiError> {
        let namespace = occurrence.object.namespace.as_deref().filter(|namespace| !namespace.is_empty());
        let events = self.client.namespaced::<Event>(namespace.unwrap_or(DEFAULT_NAMESPACE));
        match verdict {
            Verdict::Drop => Ok(()),
            Verdict::Create { name, message } => {
                events.create(&self.event(occurrence, name, message, 1)).await.map(drop)
            }
            Verdict::Count { name, message, count } => {
                match events.patch(&name, &Patch::Merge(counted(occurrence, &message, count))).await {
                    Err(error) if error.is_not_found() => {
                        self.correlator.forget(&name);
                        events.create(&self.event(occurrence, name, message, count)).await.map(drop)
                    }
                    answer => answer.map(drop),
                }
            }
        }
    }

    fn event(&self, occurrence: &Occurrence, name: String, message: String, count: i32) -> Event {
        let namespace = occurrence.object.namespace.clone().filter(|namespace| !namespace.is_empty());
        let namespace = namespace.unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned());
        let host = Some(self.source.host.clone()).filter(|host| !host.is_empty());
        Event {
            metadata: ObjectMeta { name: Some(name), namespace: Some(namespace), ..ObjectMeta::default() },
            involved_object: occurrence.object.clone(),
            type_: Some(occurrence.kind.as_str().to_owned()),
            reason: Some(occurrence.reason.clone()),
            message: Some(message),
            source: Some(EventSource { component: Some(self.source.component.clone()), host: host.clone() }),
            reporting_component: Some(self.source.component.clone()),
            reporting_instance: host,
            first_timestamp: Some(Time(occurrence.at)),
            last_timestamp: Some(Time(occurrence.at)),
            count: Some(count),
            ..Event::default()
        }
    }
}

fn counted(occurrence: &Occurrence, message: &str, count: i32) -> Tree {
    tree!({
        "count": count,
        "message": message,
        "lastTimestamp": (objects::meta::rfc3339(occurrence.at)),
    })
}

impl EventType {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}
