//! A request waits its turn, or is told to come again (priority and fairness).

use std::time::Duration;

use http::{Request, Response, StatusCode, header};
use net::Body;
use objects::request::{RequestInfo, is_true};
use objects::status::Status;

use super::reply::{self, PLAIN};
use super::{Asked, Parts};
use crate::authn::UserInfo;
use crate::authz::Attributes;
use crate::flow::{Refused, Work};

const TOO_MANY: &str = "Too many requests, please try again later.\n";

impl Parts {
    /// Answers the request when its flow lets it through. A stream has no end to wait for: it is not counted, but a watch
    /// until it begins.
    pub(super) async fn throttle(
        &self,
        asked: &mut Asked,
        attributes: &Attributes,
        user: UserInfo,
        allotted: Duration,
        request: Request<Body>,
    ) -> Result<Response<Body>, Status> {
        if asked.info.is_connect() {
            return self.serve(asked, attributes, user, request).await;
        }
        let flow = self.flow.classify(&user, attributes);
        let mut response = match flow.enter(&user, attributes, self.work(asked), allotted).await {
            Ok(permit) => {
                let served = self.serve(asked, attributes, user, request).await;
                drop(permit);
                served.unwrap_or_else(|status| asked.refuse(&status))
            }
            Err(refused) => too_many(refused),
        };
        flow.mark(response.headers_mut());
        Ok(response)
    }

    fn work(&self, Asked { info, resource, .. }: &Asked) -> Work {
        match resource {
            Some(resource) if lists(info) => Work::Through(self.rest.count(resource)),
            _ => Work::One,
        }
    }
}

/// Whether it goes through all objects of a resource.
fn lists(info: &RequestInfo) -> bool {
    let is_single = info.resource.as_ref().is_none_or(|path| !path.name.is_empty());
    let version = info.query_value("resourceVersion").unwrap_or_default();
    let begins_with_all =
        || info.query_value("sendInitialEvents").is_some_and(is_true) || matches!(version, "" | "0");
    !is_single && (info.verb == "list" || info.verb == "watch" && begins_with_all())
}

fn too_many(Refused { retry_after }: Refused) -> Response<Body> {
    let mut response = reply::text(StatusCode::TOO_MANY_REQUESTS, PLAIN, TOO_MANY);
    response.headers_mut().insert(header::RETRY_AFTER, retry_after.into());
    response
}
