//! The trail that a request leaves for the audit.

use http::{Request, Response, StatusCode};
use net::{Body, Peer};
use objects::status::Status;

use super::guarded::guarded;
use super::{Asked, Parts, reply};
use crate::audit::{Begin, Trail};
use crate::authn::UserInfo;
use crate::authz::Attributes;

impl Parts {
    /// Begins the trail of a request, if the policy wants one.
    pub(super) fn trace(
        &self,
        asked: &mut Asked,
        request: &Request<Body>,
        peer: Option<&Peer>,
        user: &UserInfo,
        attributes: &Attributes,
    ) {
        asked.trail = self.begin(asked, request, peer, user, attributes);
        if let Some(trail) = &mut asked.trail {
            trail.received();
        }
    }

    /// Tells of a request that is refused before anybody knows whose it is.
    pub(super) fn trace_failure(
        &self,
        asked: &Asked,
        request: &Request<Body>,
        peer: Option<&Peer>,
        status: &Status,
        message: String,
    ) {
        if self.audit.is_none() {
            return;
        }
        let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let attributes = asked.attributes();
        if let Some(trail) = self.begin(asked, request, peer, &UserInfo::default(), &attributes) {
            trail.failed(code, message);
        }
    }

    fn begin(
        &self,
        asked: &Asked,
        request: &Request<Body>,
        peer: Option<&Peer>,
        user: &UserInfo,
        attributes: &Attributes,
    ) -> Option<Trail> {
        self.audit.as_ref()?.begin(Begin {
            id: &asked.audit_id,
            received: asked.received,
            user,
            attributes,
            uri: request.uri(),
            headers: request.headers(),
            peer,
        })
    }
}

impl Asked {
    /// A Status as the answer.
    pub(super) fn refuse(&mut self, status: &Status) -> Response<Body> {
        if let Some(trail) = &mut self.trail {
            trail.refused(status);
        }
        reply::status(status, self.refusals)
    }

    /// Tells of the answer: of one that is whole that it is, of a stream that it begins, and later that it ends.
    pub(super) fn told(&mut self, response: Response<Body>) -> Response<Body> {
        let Some(mut trail) = self.trail.take() else { return response };
        trail.code(response.status());
        if !self.info.is_long_running() {
            return response;
        }
        trail.started();
        response.map(|body| guarded(body, trail))
    }
}
