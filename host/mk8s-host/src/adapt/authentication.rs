//! The API server asks the addons who a user is.

use addons::AddonsHandle;
use apiserver::authn::{Authenticate, Authentication, Credentials, UserInfo};
use futures_util::future::BoxFuture;
use net::TrustAnchor;

use crate::slot::Slot;

#[derive(Clone)]
pub(crate) struct AddonAuthenticator {
    addons: Slot<AddonsHandle>,
}

impl AddonAuthenticator {
    pub(crate) fn new(addons: Slot<AddonsHandle>) -> Self {
        Self { addons }
    }
}

impl Authenticate for AddonAuthenticator {
    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move { self.addons.wait().await.ready().await })
    }

    fn authenticate(&self, credentials: &Credentials) -> Authentication {
        let Some(addons) = self.addons.get() else {
            return Authentication::Failed("the addons are not running".to_owned());
        };
        let chain: Vec<&[u8]> = credentials
            .certificates
            .iter()
            .flat_map(|certificates| certificates.chain.iter().map(|certificate| certificate.as_ref()))
            .collect();
        let certificate = credentials
            .certificates
            .as_ref()
            .map(|certificates| addons::Certificate { chain: &chain, anchor: anchor(certificates.anchor) });
        let password = credentials.basic.as_ref().map(|(user, password)| addons::Password { user, password });
        let asked =
            addons::Credentials { certificate, bearer_token: credentials.bearer.as_deref(), password };
        match addons.authenticate(&asked) {
            Some(user) => Authentication::User(user_info(user)),
            None => Authentication::Unknown,
        }
    }
}

/// The names that the contract has for the CAs.
fn anchor(anchor: TrustAnchor) -> &'static str {
    match anchor {
        TrustAnchor::ClientCa => "client-ca",
        TrustAnchor::FrontProxyCa => "front-proxy-ca",
        TrustAnchor::EtcdCa => "etcd-ca",
    }
}

fn user_info(user: addons::User) -> UserInfo {
    let addons::User { name, uid, groups, extra } = user;
    UserInfo { name, uid, groups, extra }
}
