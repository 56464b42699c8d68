//! ComponentStatus: whether the parts of the control plane are well, which each is asked when somebody wants to know.

use std::time::Duration;

use futures_util::future::join_all;
use http::Request;
use net::body;
use objects::resource::Verb;
use objects::status::Status;
use objects::{Tree, tree};

use super::Parts;
use crate::call::{Answer, Call};
use crate::rest::Render;

/// The parts that answer on ports of their own, with where they say how they are.
const SERVERS: &[(&str, &str)] = &[
    ("scheduler", "https://127.0.0.1:10259/healthz"),
    ("controller-manager", "https://127.0.0.1:10257/healthz"),
];
const STORE: &str = "etcd-0";
/// By then a part that is well has answered.
const PATIENCE: Duration = Duration::from_secs(20);
/// What of an answer is read.
const ANSWER: usize = 10 << 10;

impl Parts {
    /// `None` where the call is for something else.
    pub(super) async fn components(&self, call: &Call) -> Option<Result<Answer, Status>> {
        let is_here = call.resource.group.is_empty() && call.resource.plural == "componentstatuses";
        let names = || SERVERS.iter().map(|(name, _)| *name).chain([STORE]);
        match call.verb {
            _ if !is_here => None,
            Verb::List => {
                let statuses = join_all(names().map(|name| self.component(name))).await;
                Some(Ok(Render::unstored_list(call, statuses)))
            }
            _ => match names().find(|name| *name == call.name) {
                Some(name) => Some(Ok(Render::unstored(call, self.component(name).await))),
                None => Some(Err(Status::not_found(&call.resource.group_resource(), &call.name))),
            },
        }
    }

    async fn component(&self, name: &str) -> Tree {
        let asked = match SERVERS.iter().find(|(each, _)| *each == name) {
            Some((_, address)) => self.ask_component(address).await,
            None if self.is_stored().await => Ok("ok".to_owned()),
            None => Err("the datastore does not answer".to_owned()),
        };
        let (status, message) = match asked {
            Ok(message) => ("True", message),
            Err(message) => ("False", message),
        };
        tree!({
            "metadata": { "name": name },
            "conditions": [{ "type": "Healthy", "status": status, "message": message }]
        })
    }

    async fn ask_component(&self, address: &str) -> Result<String, String> {
        let failed = |why: String| format!("Get {address:?}: {why}");
        let request = Request::get(address).body(body::empty()).map_err(|why| failed(why.to_string()))?;
        let asked = async {
            let answer = self.proxy.anybody().send(request).await;
            let answer = answer.map_err(|why| failed(crate::relay::told(&why)))?;
            let code = answer.status();
            let said =
                body::collect(answer.into_body(), ANSWER).await.map_err(|why| failed(why.to_string()))?;
            let said = String::from_utf8_lossy(&said).into_owned();
            if code.is_success() { Ok(said) } else { Err(said) }
        };
        let answered = tokio::time::timeout(PATIENCE, asked).await;
        answered.unwrap_or_else(|_| Err(failed("context deadline exceeded".to_owned())))
    }
}
