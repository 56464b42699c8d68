//! The service account `default` of every namespace, made again when it is deleted.

use client::{ApiError, Client, ListOptions};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use reconcile::{Outcome, Reconcile, Store};

use crate::every_namespace::{KEEPERS, created, is_active};
use crate::wiring::Wiring;

const NAME: &str = "default";

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("serviceaccount");
    let namespaces = wiring.feed(&queue, |namespace: &Namespace| namespace.metadata.name.clone());
    let named = ListOptions::fields(format!("metadata.name={NAME}"));
    let accounts =
        wiring.feed_some(named, &queue, |account: &ServiceAccount| account.metadata.namespace.clone());
    let client = wiring.client();
    wiring.reconcile(DefaultServiceAccount { client, namespaces, accounts }, queue, KEEPERS);
}

struct DefaultServiceAccount {
    client: Client,
    namespaces: Store<Namespace>,
    accounts: Store<ServiceAccount>,
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
