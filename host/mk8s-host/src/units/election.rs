//! Who leads, where several machines run the same component: what `--leader-elect*` come to.

use std::hash::{BuildHasher, RandomState};

use anyhow::{Context, Result};
use args::{Effective, Service};
use reconcile::election::{Candidate, Times};
use scheduler::LeaderElection;

/// The lease that a component holds while it works; nothing where it works alone.
#[derive(Clone)]
pub(crate) struct Election {
    node: String,
    namespace: String,
    name: String,
    times: Times,
}

/// What the flags of a component come to.
pub(crate) fn election(effective: &Effective, service: Service, node: &str) -> Result<Option<Election>> {
    election_beside(&LeaderElection::default(), effective, service, node)
}

/// The same where a file has a say: it counts where a flag is not given.
pub(crate) fn election_beside(
    file: &LeaderElection,
    effective: &Effective,
    service: Service,
    node: &str,
) -> Result<Option<Election>> {
    let args = effective.service(service);
    let flag = |name: &str| format!("leader-elect{name}");
    let is_open = |name: &str| !args.is_given(&flag(name));
    if !file.elects.filter(|_| is_open("")).unwrap_or_else(|| args.bool("leader-elect")) {
        return Ok(None);
    }
    let time = |name: &str, said: Option<std::time::Duration>| {
        said.filter(|_| is_open(name)).unwrap_or_else(|| args.duration(&flag(name)))
    };
    let text = |name: &str, said: &Option<String>| {
        said.clone().filter(|_| is_open(name)).unwrap_or_else(|| args.text(&flag(name)).to_owned())
    };
    let times = Times {
        lease: time("-lease-duration", file.lease),
        renew: time("-renew-deadline", file.renew),
        retry: time("-retry-period", file.retry),
    };
    let checked = times.checked().map_err(anyhow::Error::msg);
    let times = checked.with_context(|| format!("{service} --leader-elect-*"))?;
    Ok(Some(Election {
        node: node.to_owned(),
        namespace: text("-resource-namespace", &file.namespace),
        name: text("-resource-name", &file.name),
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

#[cfg(test)]
mod tests {
    use args::{Args, Profile};

    use super::*;

    fn elected(args: &str, file: &LeaderElection) -> Option<(String, Times)> {
        let files = [(Service::KubeScheduler, args.to_owned())];
        let args = Args::read("/data", Profile::default(), &files).unwrap();
        let effective = args.fold(&[]).unwrap();
        let election = election_beside(file, &effective, Service::KubeScheduler, "box").unwrap();
        election.map(|election| (election.name, election.times))
    }

    #[test]
    fn a_file_has_a_say_where_no_flag_has() {
        let seconds = std::time::Duration::from_secs;
        let file = LeaderElection {
            elects: Some(true),
            lease: Some(seconds(30)),
            name: Some("mine".to_owned()),
            ..LeaderElection::default()
        };
        assert_eq!(elected("", &LeaderElection::default()), None);
        let times = Times { lease: seconds(30), ..Times::DEFAULT };
        assert_eq!(elected("", &file), Some(("mine".to_owned(), times)));
        let flags = "--leader-elect-lease-duration=20s\n--leader-elect-resource-name=theirs\n";
        let times = Times { lease: seconds(20), ..Times::DEFAULT };
        assert_eq!(elected(flags, &file), Some(("theirs".to_owned(), times)));
        assert_eq!(elected("--leader-elect=false\n", &file), None);
    }
}
