//! The service account `default` of every namespace, made again when it is deleted.

use client::{ApiError, Client};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use reconcile::{Outcome, Reconcile, Store};

use crate::every_namespace::{created, is_active};

pub(crate) const NAME: &str = "default";

pub(crate) struct DefaultServiceAccount {
    pub(crate) client: Client,
    pub(crate) namespaces: Store<Namespace>,
    pub(crate) accounts: Store<ServiceAccount>,
}

impl Reconcile for DefaultServiceAccount {
    type Key = String;
    type Error = ApiError;

    async fn reconcile(&self, namespace: &String) -> Result<Outcome, ApiError> {
        if !is_active(&self.namespaces, namespace) || self.accounts.get(namespace, NAME).is_some() {
            return Ok(Outcome::Done);
        }
        let account = ServiceAccount {
            metadata: ObjectMeta {
                namespace: Some(namespace.clone()),
                name: Some(NAME.to_owned()),
                ..ObjectMeta::default()
            },
            ..ServiceAccount::default()
        };
        created(self.client.namespaced::<ServiceAccount>(namespace).create(&account).await)
    }
}
