//! [`Client`]: a transport and what every request has.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::BodyExt;
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope, Resource};
use objects::Tree;
use serde::de::DeserializeOwned;

use crate::api::Api;
use crate::error::ApiError;
use crate::resource::ApiResource;
use crate::transport::{Body, Transport, TransportError};

/// As long as the API server itself lets a request take that is no watch.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

const JSON: &str = "application/json";

/// A handle; clones share the transport.
#[derive(Clone)]
pub struct Client {
    transport: Arc<dyn Transport>,
    user_agent: Arc<str>,
}

impl Client {
    /// `user_agent` names the component (`kubelet/v1.36`); the text before the slash is its field manager.
    pub fn new(transport: impl Transport, user_agent: &str) -> Self {
        Self { transport: Arc::new(transport), user_agent: user_agent.into() }
    }

    /// A cluster-scoped kind.
    pub fn cluster<K: Resource<Scope = ClusterResourceScope>>(&self) -> Api<K> {
        Api::new(self.clone(), &ApiResource::of::<K>(), None)
    }

    /// A namespaced kind, in one namespace.
    pub fn namespaced<K: Resource<Scope = NamespaceResourceScope>>(&self, namespace: &str) -> Api<K> {
        Api::new(self.clone(), &ApiResource::of::<K>(), Some(namespace))
    }

    /// A namespaced kind, over all namespaces: to list and watch.
    pub fn everywhere<K: Resource<Scope = NamespaceResourceScope>>(&self) -> Api<K> {
        Api::new(self.clone(), &ApiResource::of::<K>(), None)
    }

    /// A kind of either scope, over everything there is: to list and watch.
    pub fn all<K: Resource>(&self) -> Api<K> {
        Api::new(self.clone(), &ApiResource::of::<K>(), None)
    }

    /// Any resource, its objects as trees.
    pub fn dynamic(&self, resource: &ApiResource, namespace: Option<&str>) -> Api<Tree> {
        Api::new(self.clone(), resource, namespace)
    }

    /// Sends a request as it is; its URI is path and query. An answer of any HTTP status is `Ok`.
    pub async fn raw(&self, mut request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        if let Ok(agent) = header::HeaderValue::from_str(&self.user_agent) {
            request.headers_mut().entry(header::USER_AGENT).or_insert(agent);
        }
        self.transport.send(request).await
    }

    /// What lies at a path that answers JSON (`/apis`, `/version`).
    pub async fn get_path<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        self.call(Method::GET, path, JSON, Bytes::new()).await
    }

    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Bytes,
    ) -> Result<T, ApiError> {
        let named = format!("{method} {path}");
        let bytes = tokio::time::timeout(REQUEST_TIMEOUT, async {
            let response = self.open(method, path, content_type, body).await?;
            collect(response.into_body()).await.map_err(ApiError::from)
        })
        .await
        .map_err(|_| TransportError::Timeout(REQUEST_TIMEOUT))??;
        serde_json::from_slice(&bytes).map_err(|source| ApiError::Decode { request: named, source })
    }

    /// Sends a request and gives its successful answer with the body still to come.
    pub(crate) async fn open(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Bytes,
    ) -> Result<Response<Body>, ApiError> {
        let mut request = Request::builder().method(method).uri(path).header(header::ACCEPT, JSON);
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let request = request.body(body).map_err(|source| ApiError::Request(path.to_owned(), source))?;
        let response = self.raw(request).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let code = response.status();
        Err(ApiError::from_answer(code, &collect(response.into_body()).await?))
    }
}

async fn collect(body: Body) -> Result<Bytes, TransportError> {
    Ok(body.collect().await.map_err(TransportError::Read)?.to_bytes())
}
