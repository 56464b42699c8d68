//! Who a bearer token stands for, by TokenReview.

use std::sync::Arc;

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus};
use sha2::{Digest, Sha256};

use super::cache::Cache;
use super::{CacheTtl, UserInfo};
use crate::client::Client;
use crate::error::ApiError;

/// A handle; clones share the cache. Tokens are kept as their digests alone.
#[derive(Clone)]
pub struct Authenticator {
    client: Client,
    ttl: CacheTtl,
    known: Arc<Cache<[u8; 32], Option<UserInfo>>>,
}

impl Authenticator {
    pub fn new(client: Client, ttl: CacheTtl) -> Self {
        Self { client, ttl, known: Arc::new(Cache::new()) }
    }

    /// `None`: nobody's token. An error is never cached.
    pub async fn authenticate(&self, token: &str) -> Result<Option<UserInfo>, ApiError> {
        let digest = Sha256::digest(token.as_bytes()).into();
        if let Some(user) = self.known.get(&digest) {
            return Ok(user);
        }
        let review = TokenReview {
            spec: TokenReviewSpec { token: token.to_owned(), audiences: None },
            ..TokenReview::default()
        };
        let answer = self.client.cluster::<TokenReview>().create(&review).await?;
        let user = answer.status.and_then(user_of);
        self.known.put(digest, user.clone(), self.ttl.user);
        Ok(user)
    }
}

fn user_of(status: TokenReviewStatus) -> Option<UserInfo> {
    let user = status.user.filter(|_| status.authenticated == Some(true))?;
    Some(UserInfo {
        name: user.username.unwrap_or_default(),
        uid: user.uid.unwrap_or_default(),
        groups: user.groups.unwrap_or_default(),
        extra: user.extra.unwrap_or_default().into_iter().collect(),
    })
}
