//! Aggregated APIs: group versions that an APIService gives to another server. Requests for them are passed on with the
//! user's name, which that server believes because of the certificate that is shown to it.

mod ask;
mod availability;
mod neighbour;
mod remote;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri};
use net::{Body, CertificatePem, HttpClient, TlsClient};
use objects::status::Status;
use supervise::Scope;
use tokio::sync::watch;

use crate::authn::UserInfo;
use crate::relay;
use crate::rest::{Derived, Rest};

#[cfg(test)]
pub(crate) use neighbour::Told;
pub(crate) use neighbour::{Neighbour, Neighbours};
pub(crate) use remote::Remote;

/// Clients that are kept; the connections of all are given up beyond that.
const CLIENTS: usize = 64;

/// Passes requests on. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Aggregator(Arc<Parts>);

struct Parts {
    rest: Rest,
    services: Derived<Vec<Arc<Remote>>>,
    /// What is shown to aggregated servers.
    identity: watch::Receiver<CertificatePem>,
    clients: Mutex<HashMap<Key, HttpClient>>,
    neighbours: Neighbours,
    scope: Scope,
}

/// Whom a client believes (nobody is everybody), what it shows, and where it goes.
type Key = (Option<Vec<u8>>, Vec<u8>, SocketAddr);

impl Aggregator {
    pub(crate) fn new(rest: Rest, identity: watch::Receiver<CertificatePem>, scope: Scope) -> Self {
        let services = Derived::new(remote::ROW, remote::read_all);
        let parts = Parts {
            rest,
            services,
            identity,
            clients: Mutex::default(),
            neighbours: Neighbours::default(),
            scope: scope.clone(),
        };
        let aggregator = Self(Arc::new(parts));
        scope.spawn("aggregated APIs", availability::run(aggregator.clone(), scope.token()));
        aggregator
    }

    /// Every aggregated group version.
    pub(crate) fn remotes(&self) -> Arc<Vec<Arc<Remote>>> {
        self.0.services.get(&self.0.rest)
    }

    /// What the other servers tell of what they answer for.
    pub(crate) fn neighbours(&self) -> &Neighbours {
        &self.0.neighbours
    }

    /// Who answers for a path, if it is another server: one of objects, or that of their OpenAPI.
    pub(crate) fn serves(&self, path: &str) -> Option<Arc<Remote>> {
        let path = path.strip_prefix("/openapi/v3").unwrap_or(path);
        let mut parts = path.strip_prefix("/apis/")?.split('/');
        let (group, version) = (parts.next()?, parts.next()?);
        let remotes = self.remotes();
        remotes.iter().find(|remote| remote.group == group && remote.version == version).cloned()
    }

    /// The answer of another server.
    pub(crate) async fn answer(
        &self,
        remote: &Remote,
        user: &UserInfo,
        request: Request<Body>,
    ) -> Result<Response<Body>, Status> {
        if !remote.available {
            return Err(Status::unavailable("service unavailable"));
        }
        let address = request.uri().path_and_query().map_or("/", |text| text.as_str()).to_owned();
        self.ask(remote, user, &address, request).await
    }

    /// Asks another server for an address, whether it is known to be there or not.
    async fn ask(
        &self,
        remote: &Remote,
        user: &UserInfo,
        address: &str,
        request: Request<Body>,
    ) -> Result<Response<Body>, Status> {
        let at = remote.service.resolve(self.0.rest.view())?;
        let client = self.client(remote, at)?;
        let uri = format!("https://{}:{}{address}", remote.service.host(), remote.service.port);
        let uri = Uri::try_from(uri).map_err(|error| Status::bad_request(error.to_string()))?;
        let passed = relay::pass(&client, &self.0.scope, uri, request, vouched(user)).await;
        passed.map_err(|error| {
            Status::unavailable(format!("error trying to reach service: {}", relay::told(&error)))
        })
    }

    fn client(&self, remote: &Remote, at: SocketAddr) -> Result<HttpClient, Status> {
        let identity = self.0.identity.borrow().clone();
        let key = (remote.authorities.clone(), identity.chain.clone(), at);
        let mut clients = self.0.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let tls = match &remote.authorities {
            Some(authorities) => TlsClient::new_or_system(authorities, Some(&identity)),
            None => TlsClient::unverified(Some(&identity)),
        };
        let tls = tls.map_err(|error| Status::unavailable(relay::told(&error)))?;
        let client = HttpClient::tls_upgradable_at(tls, at);
        if clients.len() >= CLIENTS {
            clients.clear();
        }
        clients.insert(key, client.clone());
        Ok(client)
    }
}

/// The headers that name a user to a server that believes this one.
fn vouched(user: &UserInfo) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut add = |name: &str, value: &str| {
        // What no header can hold names nobody.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    };
    add("x-remote-user", &user.name);
    if !user.uid.is_empty() {
        add("x-remote-uid", &user.uid);
    }
    for group in &user.groups {
        add("x-remote-group", group);
    }
    for (key, values) in &user.extra {
        let key: String = form_urlencoded::byte_serialize(key.as_bytes()).collect();
        for value in values {
            add(&format!("x-remote-extra-{key}"), value);
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_server_is_told_who_asks() {
        let user = UserInfo {
            name: "jane".to_owned(),
            uid: "7".to_owned(),
            groups: vec!["a".to_owned(), "b".to_owned()],
            extra: vec![("example.org/scopes".to_owned(), vec!["x".to_owned()])],
        };
        let headers = vouched(&user);
        let shown: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        let expected = [
            "x-remote-user: jane",
            "x-remote-uid: 7",
            "x-remote-group: a",
            "x-remote-group: b",
            "x-remote-extra-example.org%2fscopes: x",
        ];
        assert_eq!(shown, expected);
    }
}
