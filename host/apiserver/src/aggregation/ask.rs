//! Asking other servers what they answer for, as the aggregator itself.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use net::body;
use objects::Tree;
use objects::resource::GroupVersion;

use super::neighbour::{self, Told};
use super::{Aggregator, Remote};
use crate::authn::UserInfo;
use crate::openapi;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// A document that is larger is none.
const LIMIT: usize = 32 << 20;
/// A user that each server lets read discovery.
pub(super) const USER: &str = "system:kube-aggregator";
const MASTERS: &str = "system:masters";

const JSON: &str = "application/json";
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// Why a server did not tell.
pub(super) enum Failed {
    Status(StatusCode),
    Other(String),
}

/// Asks for the resources of a group version as every aggregated server has them.
pub(super) async fn resources(aggregator: &Aggregator, remote: &Remote) -> Result<Bytes, Failed> {
    get(aggregator, remote, &address(remote), JSON).await
}

/// What a server tells of a group version: its aggregated document, where it has one, goes before the plain list.
pub(super) async fn told(aggregator: &Aggregator, remote: &Remote, list: &Bytes) -> Result<Told, Failed> {
    let of = GroupVersion::new(remote.group.clone(), remote.version.clone());
    let document = document(aggregator, remote, "/apis", AGGREGATED).await?;
    let of_document = document.and_then(|document| neighbour::of_document(&document, &of));
    let of_list = || neighbour::of_list(&Tree::from_json(list).ok()?);
    let none = || Failed::Other("no list of resources".to_owned());
    let resources = of_document.or_else(of_list).ok_or_else(none)?;
    let index = self::document(aggregator, remote, "/openapi/v3", JSON).await?;
    let path = format!("apis/{of}");
    let openapi =
        index.and_then(|index| index.str_at(&["paths", &path, "serverRelativeURL"]).map(str::to_owned));
    // The address has the document's hash in it: the other version is the same as long as this one is.
    let known = aggregator.neighbours().all();
    let same = known.iter().find(|known| known.group == remote.group && known.version == remote.version);
    let same = same.filter(|known| openapi.is_some() && known.told.openapi == openapi);
    let openapi_2 = match same {
        Some(known) => known.told.openapi_2.clone(),
        None => {
            let document = self::document(aggregator, remote, "/openapi/v2", JSON).await?;
            document.and_then(|document| openapi::cut(&document, &of)).map(Arc::new)
        }
    };
    Ok(Told { resources, openapi, openapi_2 })
}

/// A document, `None` where the server says that it has none.
async fn document(
    aggregator: &Aggregator,
    remote: &Remote,
    address: &str,
    accept: &'static str,
) -> Result<Option<Tree>, Failed> {
    match get(aggregator, remote, address, accept).await {
        Ok(bytes) => Ok(Tree::from_json(&bytes).ok()),
        Err(Failed::Status(_)) => Ok(None),
        Err(failed) => Err(failed),
    }
}

pub(super) fn address(remote: &Remote) -> String {
    format!("/apis/{}/{}", remote.group, remote.version)
}

async fn get(
    aggregator: &Aggregator,
    remote: &Remote,
    address: &str,
    accept: &'static str,
) -> Result<Bytes, Failed> {
    let mut request = Request::new(body::empty());
    request.headers_mut().insert(header::ACCEPT, header::HeaderValue::from_static(accept));
    let user = UserInfo { name: USER.to_owned(), groups: vec![MASTERS.to_owned()], ..UserInfo::default() };
    let asked = async {
        let answer = aggregator.ask(remote, &user, address, request).await;
        let answer = answer.map_err(|status| Failed::Other(status.message))?;
        if answer.status() != StatusCode::OK {
            return Err(Failed::Status(answer.status()));
        }
        let read = body::collect(answer.into_body(), LIMIT).await;
        read.map_err(|why| Failed::Other(why.to_string()))
    };
    let late = |_| Failed::Other("context deadline exceeded".to_owned());
    tokio::time::timeout(PATIENCE, asked).await.map_err(late)?
}
