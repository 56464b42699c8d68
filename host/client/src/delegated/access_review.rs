//! Whether a user may, by SubjectAccessReview.

use std::sync::Arc;

use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};

use super::cache::Cache;
use super::{Access, CacheTtl, Decision, ResourceAccess, UserInfo};
use crate::client::Client;
use crate::error::ApiError;

/// Allowed before anybody is asked.
const MASTERS: &str = "system:masters";

/// A handle; clones share the cache.
#[derive(Clone)]
pub struct Authorizer {
    client: Client,
    ttl: CacheTtl,
    decided: Arc<Cache<(UserInfo, Access), Decision>>,
}

impl Authorizer {
    pub fn new(client: Client, ttl: CacheTtl) -> Self {
        Self { client, ttl, decided: Arc::new(Cache::new()) }
    }

    /// An error decides nothing and is never cached.
    pub async fn authorize(&self, user: &UserInfo, access: &Access) -> Result<Decision, ApiError> {
        if user.groups.iter().any(|group| group == MASTERS) {
            return Ok(Decision::Allowed);
        }
        let key = (user.clone(), access.clone());
        if let Some(decision) = self.decided.get(&key) {
            return Ok(decision);
        }
        let review = SubjectAccessReview { spec: question(user, access), ..SubjectAccessReview::default() };
        let answer = self.client.cluster::<SubjectAccessReview>().create(&review).await?;
        let status = answer.status.unwrap_or_default();
        let (decision, ttl) = if status.allowed && status.denied != Some(true) {
            (Decision::Allowed, self.ttl.allowed)
        } else {
            (Decision::Refused(status.reason.unwrap_or_default()), self.ttl.refused)
        };
        self.decided.put(key, decision.clone(), ttl);
        Ok(decision)
    }
}

fn question(user: &UserInfo, access: &Access) -> SubjectAccessReviewSpec {
    let mut spec = SubjectAccessReviewSpec {
        user: Some(user.name.clone()),
        uid: text(&user.uid),
        groups: Some(user.groups.clone()),
        extra: (!user.extra.is_empty()).then(|| user.extra.iter().cloned().collect()),
        ..SubjectAccessReviewSpec::default()
    };
    match access {
        Access::Path { verb, path } => {
            spec.non_resource_attributes = Some(NonResourceAttributes { path: text(path), verb: text(verb) });
        }
        Access::Resource(access) => spec.resource_attributes = Some(attributes(access)),
    }
    spec
}

fn attributes(access: &ResourceAccess) -> ResourceAttributes {
    ResourceAttributes {
        verb: text(&access.verb),
        group: text(&access.group),
        version: text(&access.version),
        resource: text(&access.resource),
        subresource: text(&access.subresource),
        namespace: text(&access.namespace),
        name: text(&access.name),
        ..ResourceAttributes::default()
    }
}

fn text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
