//! Paths that are no resource.

use std::collections::BTreeSet;

use http::request::Parts as Head;
use http::{Method, Response, StatusCode};
use net::{Body, body};
use objects::request::RequestInfo;
use objects::status::Status;
use objects::{Tree, tree};

use super::reply::{self, JSON};
use super::{Issuer, Parts, health, negotiate, version};
use crate::tokens::documents;

/// What tells others how to verify tokens of service accounts (OpenID Connect Discovery).
const CONFIGURATION: &str = "/.well-known/openid-configuration";
const KEY_SET: &str = "/openid/v1/jwks";

#[rustfmt::skip]
const OTHERS: &[&str] =
    &[CONFIGURATION, "/api", "/api/v1", "/apis", "/apis/", "/metrics", "/openapi/v2", "/openapi/v3", "/openapi/v3/", KEY_SET, "/version"];

impl Parts {
    pub(super) async fn page(&self, info: &RequestInfo, head: &Head) -> Result<Response<Body>, Status> {
        let found = match info.path.as_str() {
            "/" => Some(negotiate::json(&head.headers).map(|()| document(&self.index()))?),
            "/version" | "/version/" => Some(document(&version::document())),
            CONFIGURATION => {
                let Issuer { name, keys, address } = &self.issuer;
                let uri = format!("https://{address}{KEY_SET}");
                Some(document(&documents::configuration(name, &uri, keys)))
            }
            KEY_SET => {
                let keys = documents::key_set(&self.issuer.keys).to_json();
                Some(reply::text(StatusCode::OK, "application/jwk-set+json", keys))
            }
            "/metrics" => {
                Some(reply::text(StatusCode::OK, observe::CONTENT_TYPE, self.requests.metrics().text()))
            }
            _ => match self.health(info).await {
                Some(response) => Some(response),
                None => self.description(head),
            },
        };
        match found {
            None => Ok(reply::no_such_page()),
            Some(_) if !matches!(head.method, Method::GET | Method::HEAD) => {
                Err(Status::method_not_allowed())
            }
            Some(response) => Ok(response),
        }
    }

    /// A document of discovery or OpenAPI.
    fn description(&self, head: &Head) -> Option<Response<Body>> {
        let response = self.documents.get(head.uri.path(), head.uri.query(), &head.headers)?;
        Some(response.map(body::full))
    }

    /// Every path that there is, but those of objects.
    fn index(&self) -> Tree {
        let mut paths: BTreeSet<String> = OTHERS.iter().map(|path| (*path).to_owned()).collect();
        paths.extend(health::addresses());
        paths.extend(self.documents.paths());
        tree!({ "paths": (paths.into_iter().collect::<Vec<_>>()) })
    }
}

fn document(tree: &Tree) -> Response<Body> {
    reply::text(StatusCode::OK, JSON, tree.to_json())
}
