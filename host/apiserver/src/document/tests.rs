//! Documents as answers: negotiation, conditions, hashes.

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use objects::Tree;

use super::Documents;
use crate::aggregation::Neighbours;
use crate::registry::Registry;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

fn documents() -> Documents {
    Documents::new(Registry::builtin(), Neighbours::default(), "192.0.2.1:16443")
}

fn get(documents: &Documents, address: &str, fields: &[(HeaderName, &str)]) -> Option<Response<Bytes>> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.insert(name, HeaderValue::from_str(value).unwrap());
    }
    let (path, query) = address.split_once('?').map_or((address, None), |(path, query)| (path, Some(query)));
    documents.get(path, query, &headers)
}

fn field(response: &Response<Bytes>, name: HeaderName) -> &str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[test]
fn only_paths_of_documents_are_answered() {
    let documents = documents();
    let found =
        ["/api", "/api/", "/api/v1", "/apis", "/apis/events.k8s.io/v1", "/openapi/v2", "/openapi/v3/api/v1"];
    for path in found {
        assert_eq!(get(&documents, path, &[]).unwrap().status(), StatusCode::OK, "{path}");
    }
    let others =
        ["/", "/api/v1/pods", "/api/v9", "/apis/none", "/apis//v1", "/openapi/v3/apis/none/v1", "/openapi"];
    for path in others {
        assert!(get(&documents, path, &[]).is_none(), "{path}");
    }
}

#[test]
fn clients_choose_between_plain_and_aggregated_discovery() {
    let documents = documents();
    let both = format!("{AGGREGATED},application/json");
    let response = get(&documents, "/apis", &[(header::ACCEPT, &both)]).unwrap();
    assert_eq!(field(&response, header::CONTENT_TYPE), AGGREGATED);
    assert_eq!(field(&response, header::VARY), "Accept");
    let response = get(&documents, "/api/v1", &[(header::ACCEPT, &both)]).unwrap();
    assert_eq!(field(&response, header::CONTENT_TYPE), "application/json");
    let response = get(&documents, "/apis", &[]).unwrap();
    assert_eq!(field(&response, header::CONTENT_TYPE), "application/json");
}

#[test]
fn what_cannot_be_produced_is_not_acceptable() {
    let yaml = [(header::ACCEPT, "application/yaml")];
    assert_eq!(get(&documents(), "/apis", &yaml).unwrap().status(), StatusCode::NOT_ACCEPTABLE);
    assert!(get(&documents(), "/apis/none/v1", &yaml).is_none());
}

#[test]
fn a_known_etag_is_answered_without_a_body() {
    let documents = documents();
    let etag = field(&get(&documents, "/apis", &[]).unwrap(), header::ETAG).to_owned();
    let again = get(&documents, "/apis", &[(header::IF_NONE_MATCH, &etag)]).unwrap();
    assert_eq!((again.status(), again.body().len()), (StatusCode::NOT_MODIFIED, 0));
    let other = [(header::IF_NONE_MATCH, etag.as_str()), (header::ACCEPT, AGGREGATED)];
    assert_eq!(get(&documents, "/apis", &other).unwrap().status(), StatusCode::OK);
}

#[test]
fn an_address_with_the_hash_of_the_content_is_immutable_and_another_leads_to_it() {
    let documents = documents();
    let index = Tree::from_json(get(&documents, "/openapi/v3", &[]).unwrap().body()).unwrap();
    let address = index.str_at(&["paths", "api/v1", "serverRelativeURL"]).unwrap();
    let response = get(&documents, address, &[]).unwrap();
    assert_eq!(field(&response, header::CACHE_CONTROL), "public, immutable");
    let plain = get(&documents, "/openapi/v3/api/v1", &[]).unwrap();
    assert_eq!(field(&plain, header::CACHE_CONTROL), "no-cache, private");
    let moved = get(&documents, "/openapi/v3/api/v1?hash=0", &[]).unwrap();
    assert_eq!((moved.status(), field(&moved, header::LOCATION)), (StatusCode::MOVED_PERMANENTLY, address));
}

#[test]
fn version_2_is_protobuf_for_those_who_ask_for_it() {
    const ASKED: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
    const ANSWERED: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
    let response = get(&documents(), "/openapi/v2", &[(header::ACCEPT, ASKED)]).unwrap();
    assert_eq!(field(&response, header::CONTENT_TYPE), ANSWERED);
    assert!(response.body().starts_with(b"\x0a\x032.0"));
}
