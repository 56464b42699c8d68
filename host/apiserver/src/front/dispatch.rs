//! From an authorized request for a resource to whoever answers it.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header};
use net::Body;
use net::body::{self, CollectError};
use objects::request::{RequestInfo, ResourcePath};
use objects::resource::{Resource, Verb};
use objects::status::Status;

use super::reply::Encoding;
use super::websocket::{Offer, Told};
use super::{Asked, Parts, negotiate, reply};
use crate::authn::UserInfo;
use crate::call::{AnswerBody, Call, Content, Notes, Output};
use crate::kubelet::Proxy;
use crate::proxy::ObjectProxy;
use crate::rest::random;
use crate::review;

/// As etcd's limit for a request with room for what the API server adds: upstream's default.
const BODY_LIMIT: usize = 3 << 20;

impl Parts {
    pub(super) async fn dispatch(
        &self,
        asked: &mut Asked,
        user: UserInfo,
        request: Request<Body>,
    ) -> Result<Response<Body>, Status> {
        let Asked { info, resource, trail, .. } = asked;
        let Some(path) = &info.resource else { return Ok(reply::no_such_page()) };
        let Some(resource) = resource.clone() else {
            return self.unknown(path);
        };
        let verb = offered(&resource, path, info, request.method())?;
        let (output, encoding) = match negotiate::form(request.headers(), &resource, verb) {
            Err(_) if info.is_connect() => (Output::Objects, Encoding::Json),
            form => form?,
        };
        let encoding = negotiate::for_reader(encoding, request.headers(), info);
        let (mut head, body) = request.into_parts();
        let told = match verb {
            Verb::Watch => Some(Told::Events),
            _ => (path.subresource == "log").then_some(Told::Log),
        };
        let offer = told.map(|told| Offer::of(&mut head, told)).transpose()?.flatten();
        let carried = |answer| match offer {
            Some(offer) => offer.carry(answer, &self.scope),
            None => answer,
        };
        let media_type = text(&head.headers, header::CONTENT_TYPE).to_owned();
        let mut call = Call {
            subresource: path.subresource.clone(),
            namespace: if resource.is_namespaced() { path.namespace.clone() } else { String::new() },
            name: if is_collection(verb) { String::new() } else { path.name.clone() },
            resource,
            verb,
            query: info.query.clone(),
            body: Content::default(),
            output,
            user_agent: text(&head.headers, header::USER_AGENT).to_owned(),
            user,
            notes: Notes::default(),
        };
        if info.is_connect() {
            self.rest.may_connect(&mut call).await?;
        }
        if ObjectProxy::serves(&call) {
            return self.proxy.answer(&call, Request::from_parts(head, body)).await;
        }
        if Proxy::serves(&call) {
            return self.kubelet.answer(&call, Request::from_parts(head, ())).await.map(carried);
        }
        if verb == Verb::Watch && info.query_value("timeoutSeconds").is_none_or(str::is_empty) {
            call.query.push(("timeoutSeconds".to_owned(), self.watch_seconds().to_string()));
        }
        call.body = Content { media_type, bytes: whole(body).await? };
        let writes = !matches!(verb, Verb::Get | Verb::List | Verb::Watch);
        if let Some(trail) = trail.as_mut().filter(|_| writes) {
            trail.sent(&call.body, verb == Verb::Patch);
        }
        let (notes, resource) = (call.notes.clone(), Arc::clone(&call.resource));
        let answer = match (review::answer(&self.review, &call), self.components(&call).await) {
            (Some(answer), _) | (None, Some(answer)) => answer,
            (None, None) => self.rest.answer(call).await,
        };
        if let Some(trail) = trail.as_mut() {
            notes.take().into_iter().for_each(|(key, value)| trail.annotate(key, value));
        }
        let mut answer = answer?;
        answer.warnings.extend(resource.deprecation().map(str::to_owned));
        if let (Some(trail), AnswerBody::Json(document)) = (trail, &answer.body) {
            trail.answered(document);
        }
        reply::answer(answer, encoding, self.stop.clone()).map(carried)
    }

    /// How long a watch lasts whose client does not say: a random time, so that not all of them come back at once.
    fn watch_seconds(&self) -> u64 {
        let least = self.limits.min_request_timeout.as_secs().max(1);
        least + random::below(least)
    }

    /// No such resource: of a group that is there, or no path at all.
    fn unknown(&self, path: &ResourcePath) -> Result<Response<Body>, Status> {
        let rows = self.rest.registry().rows();
        if rows.iter().any(|row| row.group == path.group && row.version == path.version) {
            Err(Status::no_such_path())
        } else {
            Ok(reply::no_such_page())
        }
    }
}

/// The verb, if the resource or its sub-resource is to be had at this address with it.
fn offered(
    resource: &Resource,
    path: &ResourcePath,
    info: &RequestInfo,
    method: &Method,
) -> Result<Verb, Status> {
    let verbs = if path.subresource.is_empty() {
        resource.verbs
    } else {
        let subresource = resource.subresource(&path.subresource).filter(|subresource| subresource.served);
        subresource.ok_or_else(Status::no_such_path)?.verbs
    };
    let verb = Verb::parse(&info.verb).filter(|verb| *method != Method::HEAD && verbs.contains(*verb));
    let verb = verb.ok_or_else(Status::method_not_allowed)?;
    // A Namespace is below itself alone: what was authorized in one namespace is not done to another.
    let is_itself = resource.plural == "namespaces" && path.namespace == path.name;
    if !resource.is_namespaced() && !path.namespace.is_empty() && !is_itself {
        return Err(Status::no_such_path());
    }
    if resource.is_namespaced() && path.namespace.is_empty() {
        return match verb {
            Verb::List | Verb::Watch => Ok(verb),
            _ if path.name.is_empty() => Err(Status::method_not_allowed()),
            _ => Err(Status::no_such_path()),
        };
    }
    // An object is made in its collection, and everything but that is done to one that has a name.
    let named = !path.name.is_empty();
    let fits = match verb {
        Verb::Create => named != path.subresource.is_empty(),
        Verb::Get | Verb::Update | Verb::Patch | Verb::Delete => named,
        Verb::List | Verb::Watch | Verb::DeleteCollection => true,
    };
    if fits { Ok(verb) } else { Err(Status::method_not_allowed()) }
}

/// Whether the name of an object in the address is but what a field selector says.
fn is_collection(verb: Verb) -> bool {
    matches!(verb, Verb::List | Verb::Watch | Verb::DeleteCollection)
}

/// The whole body, if it is not too large.
async fn whole(body: Body) -> Result<Bytes, Status> {
    body::collect(body, BODY_LIMIT).await.map_err(|why| match why {
        CollectError::TooLarge(limit) => Status::too_large(format_args!("limit is {limit}")),
        CollectError::Broken(why) => Status::bad_request(format!("read the request's body: {why}")),
    })
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
