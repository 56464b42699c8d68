//! Who leads, where several machines run the same component: what `--leader-elect*` come to.

use std::hash::{BuildHasher, RandomState};

use anyhow::{Context, Result};
use args::{Effective, Service};
use reconcile::election::{Candidate, Times};

/// The lease that a component holds while it works; nothing where it works alone.
#[derive(Clone)]
pub(crate) struct Election {
    node: String,
    namespace: String,
    name: String,
    times: Times,
}

pub(crate) fn election(effective: &Effective, service: Service, node: &str) -> Result<Option<Election>> {
    let args = effective.service(service);
    if !args.bool("leader-elect") {
        return Ok(None);
    }
    let times = Times {
        lease: args.duration("leader-elect-lease-duration"),
        renew: args.duration("leader-elect-renew-deadline"),
        retry: args.duration("leader-elect-retry-period"),
    };
    let checked = times.checked().map_err(anyhow::Error::msg);
    let times = checked.with_context(|| format!("{service} --leader-elect-*"))?;
    Ok(Some(Election {
        node: node.to_owned(),
        namespace: args.text("leader-elect-resource-namespace").to_owned(),
        name: args.text("leader-elect-resource-name").to_owned(),
        times,
    }))
}

impl Election {
    /// A component that starts anew is another candidate.
    pub(crate) fn candidate(&self) -> Candidate {
        let Self { node, namespace, name, times } = self.clone();
        let identity = format!("{node}_{:016x}", RandomState::new().hash_one(&node));
        Candidate { identity, namespace, name, times }
    }
}
