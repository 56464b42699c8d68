//! The contract as claims that hold of every addon, tried under the limits of a node and without a cluster:
//! `plugin test`.

mod inputs;
mod network;
mod pods;
mod pushes;
mod requests;
mod work;
mod writes;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use engine::{CallError, Instance, Limits, Role};
use futures_util::future::BoxFuture;

use crate::author::Subject;
use crate::author::stand_in::StandIn;

/// How often a claim is tried that fails for want of time.
const ATTEMPTS: usize = 3;

/// A claim, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub role: Option<Role>,
    pub claim: &'static str,
    /// Why it does not hold, and what to do.
    pub broken: Option<String>,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = self.role.map_or("addon", Role::name);
        match &self.broken {
            None => write!(f, "ok    {role} {}", self.claim),
            Some(why) => write!(f, "FAIL  {role} {}: {why}", self.claim),
        }
    }
}

/// Why a claim does not hold, and what to do.
struct Broken {
    why: String,
    /// Time ran out, which a busy machine may do to any addon.
    is_late: bool,
}

impl From<String> for Broken {
    fn from(why: String) -> Self {
        Self { why, is_late: false }
    }
}

fn broken(why: impl Into<String>) -> Result<(), Broken> {
    Err(why.into().into())
}

/// One claim of a role: it holds, or says what broke it.
struct Claim {
    role: Option<Role>,
    text: &'static str,
    holds: for<'a> fn(&'a Trial<'a>) -> BoxFuture<'a, Result<(), Broken>>,
}

/// All claims, in the order in which they are tried.
fn claims() -> impl Iterator<Item = &'static Claim> {
    [WHOLE, work::CLAIMS, pushes::CLAIMS, requests::CLAIMS, writes::CLAIMS, network::CLAIMS, pods::CLAIMS]
        .into_iter()
        .flatten()
}

const WHOLE: &[Claim] = &[Claim {
    role: None,
    text: "starts within the limits of a request",
    holds: |trial| Box::pin(async { trial.instance().map(drop) }),
}];

/// An addon on trial.
struct Trial<'a> {
    subject: &'a Subject,
    limits: Limits,
    /// Of the last instance.
    host: Mutex<Option<Arc<StandIn>>>,
}

/// Tries every claim that is of a role of the addon. `limits` are those of a request, [`Limits::HOT`] on a node.
pub async fn test(subject: &Subject, limits: Limits) -> Vec<Verdict> {
    let trial = Trial { subject, limits, host: Mutex::default() };
    let mut verdicts = Vec::new();
    for claim in claims().filter(|claim| claim.role.is_none_or(|role| subject.roles().any(|own| own == role)))
    {
        let mut outcome = (claim.holds)(&trial).await;
        for _ in 1..ATTEMPTS {
            if outcome.as_ref().is_err_and(|broken| broken.is_late) {
                outcome = (claim.holds)(&trial).await;
            }
        }
        let broken = outcome.err().map(|outcome| outcome.why + &trial.wrote());
        verdicts.push(Verdict { role: claim.role, claim: claim.text, broken });
    }
    verdicts
}

/// An instance and what it stands on.
struct Run {
    instance: Instance,
    host: Arc<StandIn>,
}

impl Trial<'_> {
    /// A new instance in a new world, called as requests call it.
    fn instance(&self) -> Result<Run, Broken> {
        self.instance_on(self.subject.stand_in(), self.limits)
    }

    /// A new instance in a new world, called as nobody waits for it.
    fn patient(&self) -> Result<Run, Broken> {
        self.instance_on(self.subject.stand_in(), Limits::COLD)
    }

    /// What the last instance logged, for whoever reads why a claim does not hold.
    fn wrote(&self) -> String {
        let host = self.host.lock().unwrap_or_else(PoisonError::into_inner).take();
        let lines = host.map(|host| host.told()).unwrap_or_default();
        lines.iter().map(|line| format!("\n        {line}")).collect()
    }

    fn instance_on(&self, host: Arc<StandIn>, limits: Limits) -> Result<Run, Broken> {
        *self.host.lock().unwrap_or_else(PoisonError::into_inner) = Some(host.clone());
        let instance = answered("nothing yet", self.subject.instance(&host, limits))?;
        let instance = instance.ok_or_else(|| "it refuses to start".to_owned())?;
        Ok(Run { instance, host })
    }
}

/// A refusal is an answer; a fault of the guest breaks the claim.
fn answered<T>(input: &str, outcome: Result<T, CallError>) -> Result<Option<T>, Broken> {
    match outcome {
        Ok(answer) => Ok(Some(answer)),
        Err(why) if !why.is_fault() => Ok(None),
        Err(why) => {
            let advice = match why {
                CallError::Deadline(_) => "do less in a call, or do it when objects and files are pushed",
                CallError::Memory => "keep less, and do not copy what is pushed more often than needed",
                _ => "refuse what cannot be used with an error, and do not panic",
            };
            let is_late = matches!(why, CallError::Deadline(_));
            Err(Broken { why: format!("{why}, asked about {input}: {advice}"), is_late })
        }
    }
}

#[cfg(test)]
mod tests;
