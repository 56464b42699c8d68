//! What requests are told apart by in metrics. Names that anyone may invent are none of it: an address that nobody serves
//! has no names.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use http::{Method, Request, header};
use net::Body;
use objects::request::RequestInfo;
use objects::resource::{Resource, Text};
use observe::encoding::{EncodeLabel as _, EncodeLabelSet, LabelSetEncoder};

use super::super::Asked;
use super::super::health;

const APPLY: &str = "application/apply-patch+yaml";
const COMPONENT: &str = "apiserver";

#[derive(Clone, Debug)]
pub(super) struct Route {
    verb: &'static str,
    dry_run: &'static str,
    resource: Option<Arc<Resource>>,
    subresource: Text,
    scope: &'static str,
}

/// With the code of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Counted {
    pub(super) route: Route,
    pub(super) code: u16,
}

/// As it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Timed(pub(super) Route);

/// Whether it was a dry run or not.
#[derive(Clone, Debug)]
pub(super) struct Undifferentiated(pub(super) Route);

impl Route {
    pub(super) fn of(asked: &Asked, request: &Request<Body>) -> Self {
        let Asked { info, resource, .. } = asked;
        let named = info.resource.as_ref().map(|path| path.subresource.as_str()).unwrap_or_default();
        let known = resource.as_ref().and_then(|resource| resource.subresource(named));
        let resource = resource.as_ref().filter(|_| named.is_empty() || known.is_some());
        let resource = resource.map(|resource| Arc::clone(resource.row()));
        let subresource = match (&info.resource, known) {
            (None, _) => Text::Borrowed(health::root(&info.path).unwrap_or_default()),
            (Some(_), known) => known.map(|known| known.name.clone()).unwrap_or_default(),
        };
        let scope = scope(info);
        let verb = verb(info, request, scope);
        Self { verb, dry_run: dry_run(info), resource, subresource, scope }
    }

    /// Whether it is of those whose answers are measured.
    pub(super) fn reads(&self) -> bool {
        matches!(self.verb, "GET" | "LIST")
    }

    fn names(&self) -> [&str; 3] {
        self.resource
            .as_ref()
            .map_or([""; 3], |resource| [&resource.group, &resource.version, &resource.plural])
    }

    /// All of it but whether it is a dry run.
    fn rest(&self) -> (&str, [&str; 3], &str, &str) {
        (self.verb, self.names(), &self.subresource, self.scope)
    }

    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> std::fmt::Result {
        let [group, version, resource] = self.names();
        for label in [
            ("verb", self.verb),
            ("group", group),
            ("version", version),
            ("resource", resource),
            ("subresource", &self.subresource),
            ("scope", self.scope),
            ("component", COMPONENT),
        ] {
            label.encode(encoder.encode_label())?;
        }
        Ok(())
    }
}

impl PartialEq for Route {
    fn eq(&self, other: &Self) -> bool {
        self.dry_run == other.dry_run && self.rest() == other.rest()
    }
}

impl Eq for Route {}

impl Hash for Route {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.rest().hash(state);
    }
}

impl PartialEq for Undifferentiated {
    fn eq(&self, other: &Self) -> bool {
        self.0.rest() == other.0.rest()
    }
}

impl Eq for Undifferentiated {}

impl Hash for Undifferentiated {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl EncodeLabelSet for Counted {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> std::fmt::Result {
        self.route.encode(encoder)?;
        ("dry_run", self.route.dry_run).encode(encoder.encode_label())?;
        ("code", self.code).encode(encoder.encode_label())
    }
}

impl EncodeLabelSet for Timed {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> std::fmt::Result {
        self.0.encode(encoder)?;
        ("dry_run", self.0.dry_run).encode(encoder.encode_label())
    }
}

impl EncodeLabelSet for Undifferentiated {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> std::fmt::Result {
        self.0.encode(encoder)
    }
}

fn scope(info: &RequestInfo) -> &'static str {
    match &info.resource {
        None => "",
        Some(path) if !path.name.is_empty() || info.verb == "create" => "resource",
        Some(path) if !path.namespace.is_empty() => "namespace",
        Some(_) => "cluster",
    }
}

/// The method, told apart where one method does several things.
fn verb(info: &RequestInfo, request: &Request<Body>, scope: &str) -> &'static str {
    let applies = || {
        let media_type = request.headers().get(header::CONTENT_TYPE);
        media_type.is_some_and(|media_type| media_type.as_bytes() == APPLY.as_bytes())
    };
    match *request.method() {
        _ if info.is_connect() => "CONNECT",
        _ if info.verb == "watch" => "WATCH",
        Method::GET | Method::HEAD if matches!(scope, "namespace" | "cluster") => "LIST",
        Method::GET | Method::HEAD => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH if applies() => "APPLY",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

fn dry_run(info: &RequestInfo) -> &'static str {
    let mut values = info.query.iter().filter(|(key, _)| key == "dryRun").map(|(_, value)| value.as_str());
    match values.next() {
        None => "",
        Some("All") if values.all(|value| value == "All") => "All",
        Some(_) => "invalid",
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use net::body;

    use super::*;
    use crate::front::reply::Encoding;

    /// Verb, group/version/resource/subresource, scope, dry run.
    fn route(method: &str, address: &str, media_type: &str) -> String {
        let request = Request::builder().method(method).uri(address).header(header::CONTENT_TYPE, media_type);
        let request = request.body(body::empty()).unwrap();
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let info = RequestInfo::read(method, path, query);
        let find = |path: &objects::request::ResourcePath| {
            crate::registry::Registry::builtin().find(&path.group, &path.version, &path.resource)
        };
        let resource = info.resource.as_ref().and_then(find);
        let asked = Asked {
            info,
            resource,
            audit_id: String::new(),
            received: Timestamp::UNIX_EPOCH,
            trail: None,
            refusals: Encoding::Json,
        };
        let route = Route::of(&asked, &request);
        let [group, version, resource] = route.names();
        let Route { verb, scope, dry_run, subresource, .. } = &route;
        format!("{verb} {group}/{version}/{resource}/{subresource} {scope} {dry_run}")
    }

    #[test]
    fn requests_are_told_apart_as_upstream_tells_them() {
        const APPLIED: &str = "application/apply-patch+yaml";
        for (method, address, media_type, wanted) in [
            ("GET", "/api/v1/namespaces/n/pods/p", "", "GET /v1/pods/ resource "),
            ("HEAD", "/api/v1/namespaces/n/pods", "", "LIST /v1/pods/ namespace "),
            ("GET", "/apis/apps/v1/deployments", "", "LIST apps/v1/deployments/ cluster "),
            ("GET", "/api/v1/pods?watch=1", "", "WATCH /v1/pods/ cluster "),
            ("POST", "/api/v1/namespaces/n/pods?dryRun=All", "", "POST /v1/pods/ resource All"),
            (
                "PUT",
                "/api/v1/namespaces/n/pods/p/status?dryRun=x",
                "",
                "PUT /v1/pods/status resource invalid",
            ),
            ("PATCH", "/api/v1/namespaces/n/pods/p", APPLIED, "APPLY /v1/pods/ resource "),
            ("PATCH", "/api/v1/namespaces/n/pods/p", "application/json", "PATCH /v1/pods/ resource "),
            ("DELETE", "/api/v1/namespaces/n/pods", "", "DELETE /v1/pods/ namespace "),
            ("GET", "/api/v1/namespaces/n/pods/p/log", "", "CONNECT /v1/pods/log resource "),
            ("GET", "/api/v1/inventions/x", "", "GET /// resource "),
            ("GET", "/api/v1/namespaces/n/pods/p/invention", "", "GET /// resource "),
            ("GET", "/readyz/etcd", "", "GET ////readyz  "),
            ("GET", "/version", "", "GET ///  "),
            ("BREW", "/version", "", "other ///  "),
        ] {
            assert_eq!(route(method, address, media_type), wanted, "{method} {address}");
        }
    }
}
