//! The trail of one request: what is known of it so far, told at each stage that the policy wants.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Uri};
use jiff::Timestamp;
use net::{Peer, PeerAddress};
use objects::status::Status;

use super::AuditMetrics;
use super::event::{Event, Outcome, Sent};
use super::log::Log;
use super::policy::{Level, Stage, Stages, Verdict};
use crate::authn::UserInfo;
use crate::authz::Attributes;
use crate::call::Content;

/// The longest name of a client that is told whole, and how a longer one ends: upstream's.
const AGENT: usize = 1024;
const TRUNCATED: &str = "...TRUNCATED";

/// What is known of a request when its trail begins.
pub(crate) struct Begin<'a> {
    pub(crate) id: &'a str,
    pub(crate) received: Timestamp,
    pub(crate) user: &'a UserInfo,
    pub(crate) attributes: &'a Attributes,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    /// `None` for a component of this process.
    pub(crate) peer: Option<&'a Peer>,
}

/// Tells of its request at the latest when it is dropped.
pub(crate) struct Trail {
    event: Event,
    level: Level,
    omit: Stages,
    log: Log,
    metrics: AuditMetrics,
    is_complete: bool,
}

impl Trail {
    pub(super) fn new(begin: Begin<'_>, verdict: Verdict, log: Log, metrics: AuditMetrics) -> Self {
        let Begin { id, received, user, attributes, uri, headers, peer } = begin;
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let event = Event {
            level: verdict.level,
            id: id.to_owned(),
            stage: Stage::RequestReceived,
            uri: uri.path_and_query().map_or_else(String::new, ToString::to_string),
            user: Arc::new(user.clone()),
            impersonated: None,
            sources: sources(header("x-forwarded-for"), header("x-real-ip"), peer),
            agent: truncated(header("user-agent").unwrap_or_default()),
            attributes: Arc::new(attributes.clone()),
            outcome: None,
            request: None,
            response: None,
            received,
            at: received,
            annotations: Vec::new(),
            omit_managed_fields: verdict.omit_managed_fields,
        };
        Self { event, level: verdict.level, omit: verdict.omit, log, metrics, is_complete: false }
    }

    pub(crate) fn received(&mut self) {
        self.tell(Stage::RequestReceived);
    }

    pub(crate) fn impersonated(&mut self, user: &UserInfo) {
        self.event.impersonated = Some(Arc::new(user.clone()));
    }

    pub(crate) fn annotate(&mut self, key: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        self.event.annotations.push((key.into(), value.into()));
    }

    /// An object that was sent, which tells more of what the request is for; or a patch, which does not.
    pub(crate) fn sent(&mut self, content: &Content, is_patch: bool) {
        if content.bytes.is_empty() || is_patch && self.level < Level::Request {
            return;
        }
        self.event.request = Some(Sent { content: content.clone(), is_patch });
    }

    /// The document of an answer.
    pub(crate) fn answered(&mut self, document: &Bytes) {
        const STATUS: &[u8] = br#"{"kind":"Status""#;
        if self.level >= Level::RequestResponse || document.starts_with(STATUS) {
            self.event.response = Some(document.clone());
        }
    }

    pub(crate) fn refused(&mut self, status: &Status) {
        self.answered(&status.to_tree().to_json());
    }

    /// Why nobody was asked. That is all that is told of such a request.
    pub(crate) fn failed(mut self, code: StatusCode, message: String) {
        self.event.outcome = Some(Outcome { code: code.as_u16(), message });
        self.tell(Stage::ResponseStarted);
        self.is_complete = true;
    }

    pub(crate) fn code(&mut self, code: StatusCode) {
        self.event.outcome = Some(Outcome { code: code.as_u16(), message: String::new() });
    }

    /// The answer of a stream begins.
    pub(crate) fn started(&mut self) {
        self.tell(Stage::ResponseStarted);
    }

    pub(crate) fn panicked(&mut self, why: &str) {
        let status = Status::internal(why);
        self.code(StatusCode::INTERNAL_SERVER_ERROR);
        let message = format!("APIServer panic'd: {why}");
        self.refused(&Status { message, details: None, ..status });
        self.tell(Stage::Panic);
        self.is_complete = true;
    }

    fn tell(&mut self, stage: Stage) {
        if self.omit.contains(stage) {
            return;
        }
        self.event.stage = stage;
        if stage != Stage::RequestReceived {
            self.event.at = supervise::clock::now();
        }
        self.metrics.events.inc();
        if !self.log.take(self.event.clone()) {
            self.metrics.lost();
        }
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        if self.is_complete {
            return;
        }
        if self.event.outcome.is_none() {
            let message = "Connection closed early".to_owned();
            self.event.outcome = Some(Outcome { code: 200, message });
        }
        self.tell(Stage::ResponseComplete);
    }
}

/// The addresses that a request came through, the nearest one last: as its headers have them, and as it is.
fn sources(forwarded: Option<&str>, real: Option<&str>, peer: Option<&Peer>) -> Vec<IpAddr> {
    let parse = |text: &str| text.trim().parse::<IpAddr>().ok();
    let mut sources: Vec<IpAddr> =
        forwarded.into_iter().flat_map(|text| text.split(',')).filter_map(parse).collect();
    if let Some(real) = real.and_then(parse)
        && !sources.contains(&real)
    {
        sources.push(real);
    }
    let remote = peer.and_then(|peer| match peer.address {
        PeerAddress::Tcp(address) => Some(address.ip().to_canonical()),
        PeerAddress::Unix => None,
    });
    if remote.is_some() && sources.last() != remote.as_ref() {
        sources.extend(remote);
    }
    sources
}

fn truncated(agent: &str) -> String {
    if agent.len() <= AGENT {
        return agent.to_owned();
    }
    let end = agent.floor_char_boundary(AGENT);
    format!("{}{TRUNCATED}", &agent[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_told_once_and_the_peer_last() {
        let peer = Peer { address: PeerAddress::Tcp("192.0.2.3:99".parse().unwrap()), certificates: None };
        for (forwarded, real, wanted) in [
            (None, None, vec!["192.0.2.3"]),
            (Some("192.0.2.1, ::1, x"), None, vec!["192.0.2.1", "::1", "192.0.2.3"]),
            (Some("192.0.2.1"), Some("192.0.2.1"), vec!["192.0.2.1", "192.0.2.3"]),
            (None, Some("192.0.2.3"), vec!["192.0.2.3"]),
        ] {
            let sources: Vec<String> =
                sources(forwarded, real, Some(&peer)).iter().map(ToString::to_string).collect();
            assert_eq!(sources, wanted);
        }
        assert!(sources(None, None, None).is_empty());
    }

    #[test]
    fn a_long_name_of_a_client_is_cut() {
        assert_eq!(truncated("kubectl"), "kubectl");
        let cut = truncated(&"é".repeat(600));
        assert_eq!((cut.len(), cut.ends_with(TRUNCATED)), (AGENT + TRUNCATED.len(), true));
    }
}
