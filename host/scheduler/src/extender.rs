//! Extenders: HTTP servers that a `KubeSchedulerConfiguration` names, asked as upstream asks them.

#[cfg(test)]
mod tests;

use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{Method, Request, StatusCode, header};
use net::{CertificatePem, HttpClient, TlsClient};
use objects::{Tree, tree};

use crate::advice::{Advise, Bind, Bound, Case, Judged, Refused, Sought};
use crate::plugin::BEST;

/// Answers are of many nodes at most.
const MOST_BYTES: usize = 64 << 20;
/// The highest rank that an extender gives.
const BEST_RANK: i64 = 10;

/// What a file says of one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ExtenderConfig {
    pub(crate) url: String,
    /// Empty where it is not asked for that.
    pub(crate) filter_verb: String,
    pub(crate) prioritize_verb: String,
    pub(crate) bind_verb: String,
    pub(crate) weight: i64,
    pub(crate) timeout: Duration,
    pub(crate) knows_nodes: bool,
    /// Pods that ask for none of them are not its business; where there are none, all are.
    pub(crate) resources: Vec<String>,
    pub(crate) is_ignorable: bool,
    pub(crate) tls: Option<ExtenderTls>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ExtenderTls {
    pub(crate) is_insecure: bool,
    /// PEM, empty where nothing is given.
    pub(crate) authorities: Vec<u8>,
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

pub(crate) struct Extender {
    config: ExtenderConfig,
    /// Or why there is none.
    client: Result<HttpClient, String>,
}

impl Extender {
    pub(crate) fn new(config: ExtenderConfig) -> Self {
        let client = match &config.tls {
            None => Ok(HttpClient::plain()),
            Some(tls) => tls.client().map_err(|error| error.to_string()).map(HttpClient::tls),
        };
        Self { config, client }
    }

    /// Whether a pod is its business.
    pub(crate) fn concerns(&self, pod: &Sought<'_>) -> bool {
        let managed = &self.config.resources;
        managed.is_empty() || managed.iter().any(|name| pod.requests(name))
    }

    async fn post(&self, verb: &str, body: &Tree) -> Result<Tree, String> {
        let url = format!("{}/{verb}", self.config.url.trim_end_matches('/'));
        let client = self.client.as_ref().map_err(Clone::clone)?;
        let request = Request::builder().method(Method::POST).uri(&url);
        let request = request
            .header(header::CONTENT_TYPE, "application/json")
            .body(net::body::full(body.to_json()))
            .map_err(|error| error.to_string())?;
        let answered = async {
            let answer = client.send(request).await.map_err(|error| error.to_string())?;
            if answer.status() != StatusCode::OK {
                let code = answer.status().as_u16();
                return Err(format!("failed {verb} with extender at URL {url}, code {code}"));
            }
            net::body::collect(answer.into_body(), MOST_BYTES).await.map_err(|error| error.to_string())
        };
        let bytes = tokio::time::timeout(self.config.timeout, answered).await;
        let bytes = bytes.map_err(|_| format!("post {url}: no answer in {:?}", self.config.timeout))??;
        Tree::from_json(&bytes).map_err(|error| format!("post {url}: {error}"))
    }

    /// The pod and the nodes, as it wants to see those.
    fn arguments(&self, case: &Case) -> Tree {
        let mut arguments = tree!({ "pod": (case.pod.clone()) });
        if self.config.knows_nodes {
            arguments.insert(
                "nodenames",
                case.nodes.iter().map(|name| Tree::from(name.as_str())).collect::<Vec<_>>(),
            );
        } else {
            let nodes: Vec<Tree> =
                case.nodes.iter().filter_map(|name| case.objects.get(name).cloned()).collect();
            arguments.insert("nodes", tree!({ "metadata": {}, "items": nodes }));
        }
        arguments
    }
}

impl ExtenderTls {
    fn client(&self) -> Result<TlsClient, net::TlsError> {
        let certificate = (!self.certificate.is_empty())
            .then(|| CertificatePem { chain: self.certificate.clone(), key: self.key.clone() });
        match self.is_insecure {
            true => TlsClient::unverified(certificate.as_ref()),
            false => TlsClient::new_or_system(&self.authorities, certificate.as_ref()),
        }
    }
}

/// What an answer says went wrong.
fn fault(answer: &Tree) -> Result<(), String> {
    match field(answer, "error").and_then(Tree::as_str) {
        None | Some("") => Ok(()),
        Some(why) => Err(why.to_owned()),
    }
}

/// A field, whichever of its letters are capitals: Go's decoder does not mind.
fn field<'a>(tree: &'a Tree, name: &str) -> Option<&'a Tree> {
    let found = tree.fields().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    found.filter(|value| !value.is_null())
}

fn judged(answer: &Tree, asked: &[String]) -> Result<Judged, String> {
    fault(answer)?;
    let mut judged = Judged::default();
    if let Some(names) = field(answer, "nodenames") {
        for name in names.items().iter().filter_map(Tree::as_str) {
            if asked.iter().all(|node| node != name) {
                return Err(format!(
                    "extender claims a filtered node {name:?} which is not found in the input node list"
                ));
            }
            judged.kept.push(name.to_owned());
        }
    } else if let Some(nodes) = field(answer, "nodes") {
        let names = field(nodes, "items").map_or(&[][..], Tree::items).iter().map(objects::meta::name);
        judged.kept = names.map(str::to_owned).collect();
    }
    for (map, is_resolvable) in [("failedNodes", true), ("failedAndUnresolvableNodes", false)] {
        let failed = field(answer, map).into_iter().flat_map(Tree::fields);
        judged.refused.extend(failed.map(|(node, reason)| Refused {
            node: node.to_owned(),
            reason: reason.as_str().unwrap_or_default().to_owned(),
            is_resolvable,
        }));
    }
    Ok(judged)
}

impl Advise for Extender {
    fn name(&self) -> String {
        self.config.url.clone()
    }

    fn is_ignorable(&self) -> bool {
        self.config.is_ignorable
    }

    fn wants_nodes(&self) -> bool {
        let is_asked = !self.config.filter_verb.is_empty() || !self.config.prioritize_verb.is_empty();
        is_asked && !self.config.knows_nodes
    }

    fn filter<'a>(&'a self, case: &'a Case) -> BoxFuture<'a, Result<Judged, String>> {
        Box::pin(async move {
            if self.config.filter_verb.is_empty() {
                return Ok(Judged { kept: case.nodes.clone(), refused: Vec::new() });
            }
            judged(&self.post(&self.config.filter_verb, &self.arguments(case)).await?, &case.nodes)
        })
    }

    fn rank<'a>(&'a self, case: &'a Case) -> BoxFuture<'a, Result<Vec<(String, i64)>, String>> {
        Box::pin(async move {
            if self.config.prioritize_verb.is_empty() {
                return Ok(Vec::new());
            }
            let answer = self.post(&self.config.prioritize_verb, &self.arguments(case)).await?;
            let rank = |one: &Tree| {
                let host = field(one, "host")?.as_str()?.to_owned();
                let score = field(one, "score")?.as_i64()?;
                Some((host, score * self.config.weight * (BEST / BEST_RANK)))
            };
            Ok(answer.items().iter().filter_map(rank).collect())
        })
    }

    fn binder(&self) -> Option<&dyn Bind> {
        (!self.config.bind_verb.is_empty()).then_some(self as &dyn Bind)
    }
}

impl Bind for Extender {
    fn bind<'a>(&'a self, pod: &'a Bound, node: &'a str) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let arguments = tree!({
                "podName": (pod.name.as_str()), "podNamespace": (pod.namespace.as_str()),
                "podUID": (pod.uid.as_str()), "node": node
            });
            fault(&self.post(&self.config.bind_verb, &arguments).await?)
        })
    }
}
