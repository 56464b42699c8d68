//! [`Api`]: the verbs of one resource.

use std::marker::PhantomData;

use bytes::Bytes;
use http::Method;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use objects::{Tree, meta};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::client::Client;
use crate::error::ApiError;
use crate::options::{DeleteOptions, ListOptions, Patch, WatchOptions};
use crate::resource::{ApiResource, push_encoded};
use crate::unread::Unread;
use crate::watch::Watch;

const JSON: &str = "application/json";

/// A list or a chunk of one.
#[derive(Clone, Debug, Deserialize)]
#[serde(bound(deserialize = "K: Deserialize<'de>"))]
pub struct List<K> {
    #[serde(default)]
    pub metadata: ListMeta,
    #[serde(default = "Vec::new", deserialize_with = "null_is_empty")]
    pub items: Vec<K>,
}

impl<K> List<K> {
    pub fn resource_version(&self) -> &str {
        self.metadata.resource_version.as_deref().unwrap_or_default()
    }

    /// Asks for the chunk after this one; empty after the last.
    pub fn continue_token(&self) -> &str {
        self.metadata.continue_.as_deref().unwrap_or_default()
    }
}

fn null_is_empty<'de, K: Deserialize<'de>, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<K>, D::Error> {
    Ok(Option::<Vec<K>>::deserialize(from)?.unwrap_or_default())
}

/// What a delete left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// The object is gone.
    Gone,
    /// The object has a deletionTimestamp and goes later.
    Pending,
}

/// The verbs of one resource, in one namespace or cluster-wide.
pub struct Api<K> {
    client: Client,
    collection: String,
    kind: PhantomData<fn() -> K>,
}

impl<K> Clone for Api<K> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), collection: self.collection.clone(), kind: PhantomData }
    }
}

impl<K> Api<K> {
    pub(crate) fn new(client: Client, resource: &ApiResource, namespace: Option<&str>) -> Self {
        Self { client, collection: resource.collection(namespace), kind: PhantomData }
    }

    /// The same resource, its objects decoded as something else: a view of the fields that someone needs.
    pub fn viewed<V>(self) -> Api<V> {
        Api { client: self.client, collection: self.collection, kind: PhantomData }
    }

    /// `/api/v1/namespaces/default/pods`
    pub fn path(&self) -> &str {
        &self.collection
    }

    fn object(&self, name: &str, subresource: &str) -> String {
        let mut path = format!("{}/", self.collection);
        push_encoded(&mut path, name);
        if !subresource.is_empty() {
            path.push('/');
            path.push_str(subresource);
        }
        path
    }
}

impl<K: DeserializeOwned> Api<K> {
    /// One list, or one chunk if `options.limit` is set.
    pub async fn list(&self, options: &ListOptions) -> Result<List<K>, ApiError> {
        self.client.get_path(&format!("{}{}", self.collection, options.query().as_str())).await
    }

    /// The whole list, fetched in chunks of `options.limit`.
    pub async fn list_all(&self, options: &ListOptions) -> Result<List<K>, ApiError> {
        let mut options = options.clone();
        let mut list = self.list(&options).await?;
        while !list.continue_token().is_empty() {
            options.continue_token = list.continue_token().to_owned();
            options.resource_version.clear();
            let chunk = self.list(&options).await?;
            list.metadata = chunk.metadata;
            list.items.extend(chunk.items);
        }
        Ok(list)
    }

    /// As [`list_all`](Self::list_all), without the objects that cannot be read, and with those.
    pub async fn list_readable(&self, options: &ListOptions) -> Result<(List<K>, Vec<Unread>), ApiError> {
        let wrong = match self.list_all(options).await {
            Ok(list) => return Ok((list, Vec::new())),
            Err(wrong @ ApiError::Decode { .. }) => wrong,
            Err(error) => return Err(error),
        };
        let List { metadata, items } =
            self.clone().viewed::<Box<RawValue>>().list_all(options).await.map_err(|_| wrong)?;
        let (mut read, mut unread) = (Vec::with_capacity(items.len()), Vec::new());
        for item in &items {
            let request = || format!("GET {}", self.collection);
            match Unread::or(item).map_err(|source| ApiError::Decode { request: request(), source })? {
                Ok(object) => read.push(object),
                Err(object) => unread.push(object),
            }
        }
        Ok((List { metadata, items: read }, unread))
    }

    pub async fn get(&self, name: &str) -> Result<K, ApiError> {
        self.client.get_path(&self.object(name, "")).await
    }

    /// A subresource of an object (`status`, `scale`).
    pub async fn get_subresource(&self, name: &str, subresource: &str) -> Result<K, ApiError> {
        self.client.get_path(&self.object(name, subresource)).await
    }

    /// `None` if there is no such object.
    pub async fn find(&self, name: &str) -> Result<Option<K>, ApiError> {
        match self.get(name).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub async fn watch(&self, options: &WatchOptions) -> Result<Watch<K>, ApiError> {
        let path = format!("{}{}", self.collection, options.query().as_str());
        let response = self.client.open(Method::GET, &path, JSON, Bytes::new()).await?;
        Ok(Watch::new(path, response.into_body()))
    }

    pub async fn patch(&self, name: &str, patch: &Patch) -> Result<K, ApiError> {
        self.send_patch(self.object(name, ""), patch).await
    }

    pub async fn patch_status(&self, name: &str, patch: &Patch) -> Result<K, ApiError> {
        self.send_patch(self.object(name, "status"), patch).await
    }

    /// Deletes one object. Which of the two answers it is follows from what the server sends back: what is still to go has
    /// a finalizer, or time left.
    pub async fn delete(&self, name: &str, options: &DeleteOptions) -> Result<Deleted, ApiError> {
        let path = self.object(name, "");
        let body = encode(&Method::DELETE, &path, options)?;
        let answer: Tree = self.client.call(Method::DELETE, &path, JSON, body).await?;
        let waits = meta::finalizers(&answer).next().is_some()
            || answer.i64_at(&["metadata", "deletionGracePeriodSeconds"]).unwrap_or(0) > 0;
        let pending = meta::is_deleting(&answer) && waits;
        Ok(if pending { Deleted::Pending } else { Deleted::Gone })
    }

    /// Deletes every object that the selectors match.
    pub async fn delete_collection(
        &self,
        options: &DeleteOptions,
        list: &ListOptions,
    ) -> Result<(), ApiError> {
        let path = format!("{}{}", self.collection, list.query().as_str());
        let body = encode(&Method::DELETE, &path, options)?;
        let _answer: Tree = self.client.call(Method::DELETE, &path, JSON, body).await?;
        Ok(())
    }

    /// Posts to a subresource whose answer is of another kind than its body (`binding`, `token`, `eviction`).
    pub async fn create_subresource<B: Serialize, A: DeserializeOwned>(
        &self,
        name: &str,
        subresource: &str,
        body: &B,
    ) -> Result<A, ApiError> {
        self.write(Method::POST, self.object(name, subresource), body).await
    }

    async fn write<B: Serialize, A: DeserializeOwned>(
        &self,
        method: Method,
        path: String,
        body: &B,
    ) -> Result<A, ApiError> {
        let body = encode(&method, &path, body)?;
        self.client.call(method, &path, JSON, body).await
    }

    async fn send_patch(&self, path: String, patch: &Patch) -> Result<K, ApiError> {
        let body = encode(&Method::PATCH, &path, patch.body())?;
        self.client.call(Method::PATCH, &path, patch.content_type(), body).await
    }
}

impl<K: Serialize + DeserializeOwned> Api<K> {
    pub async fn create(&self, object: &K) -> Result<K, ApiError> {
        self.write(Method::POST, self.collection.clone(), object).await
    }

    pub async fn update(&self, name: &str, object: &K) -> Result<K, ApiError> {
        self.write(Method::PUT, self.object(name, ""), object).await
    }

    pub async fn update_status(&self, name: &str, object: &K) -> Result<K, ApiError> {
        self.write(Method::PUT, self.object(name, "status"), object).await
    }

    /// Puts to a subresource (`finalize`, `scale`).
    pub async fn update_subresource(&self, name: &str, subresource: &str, body: &K) -> Result<K, ApiError> {
        self.write(Method::PUT, self.object(name, subresource), body).await
    }
}

fn encode<B: Serialize>(method: &Method, path: &str, body: &B) -> Result<Bytes, ApiError> {
    serde_json::to_vec(body)
        .map(Bytes::from)
        .map_err(|source| ApiError::Encode { request: format!("{method} {path}"), source })
}
