//! The figures of addons: what a decision of the rbac addon costs, what an instance does, how soon a fault is over. Each
//! on one thread, through the engine that the host has.

mod components;

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use engine::{
    AdmissionRequest, Attributes, Component, Credentials, Decision, Instance, Kind, Limits, User,
    WriteOperation,
};

use crate::Figure;
use components::{FIRST_PARTY, Nothing, Policy, Shelf, bound};

const FEW: usize = 100;
const MANY: usize = 10_000;
const CALLS: usize = 200_000;
/// The engine holds no more than 256.
const INSTANCES: usize = 200;
const WRITES: usize = 2_000;

pub(crate) fn measure() -> Result<Vec<Figure>> {
    let shelf = Shelf::new()?;
    let rbac = shelf.load("rbac")?;
    let mut figures = decisions(&rbac)?;
    figures.push(first_answer(&shelf)?);
    figures.push(first_party(&shelf)?);
    figures.push(idle(&shelf.load("auth-token")?)?);
    let hostile = shelf.load_guest("hostile")?;
    figures.push(spinning(&hostile)?);
    figures.push(trap(&hostile, &rbac)?);
    figures.push(admission(&shelf.load_guest("able")?)?);
    Ok(figures)
}

fn figure(name: &'static str, value: String, goal: &'static str) -> Figure {
    Figure { name, value, goal }
}

fn micros(time: Duration) -> String {
    format!("{:.2} us", time.as_secs_f64() * 1e6)
}

fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// The rbac addon as it is when it knows a policy.
fn authorizer(rbac: &Component, policy: &Policy) -> Result<Instance> {
    let mut instance = rbac.instantiate(Arc::new(Nothing), Limits::HOT)?;
    policy.push(&mut instance)?;
    Ok(instance)
}

/// Asks what one of a policy's bindings allows.
fn ask(instance: &mut Instance, user: &User) -> Result<Decision> {
    let request = Attributes {
        verb: "get",
        namespace: "team",
        version: "v1",
        resource: "pods",
        name: "web",
        ..Attributes::default()
    };
    Ok(instance.authorize(user, &request)?)
}

fn decisions(rbac: &Component) -> Result<Vec<Figure>> {
    let timed = |roles, bindings| {
        let mut instance = authorizer(rbac, &Policy::new(roles, bindings))?;
        let user = bound(bindings - 2);
        ensure!(matches!(ask(&mut instance, &user)?, Decision::Allow(_)), "the binding does not allow");
        let mut times = Vec::with_capacity(CALLS);
        let began = Instant::now();
        for _ in 0..CALLS {
            let began = Instant::now();
            ask(&mut instance, &user)?;
            times.push(began.elapsed());
        }
        let all = began.elapsed();
        times.sort();
        Ok((times, all))
    };
    let (few, _) = timed(1, FEW)?;
    let (many, all) = timed(1, MANY)?;
    let (roles, _) = timed(MANY, MANY)?;
    let median = |times: &[Duration]| times[CALLS / 2].as_secs_f64();
    let beside = |times, fewer| format!("{:.2}", median(times) / median(fewer));
    #[expect(clippy::cast_precision_loss, reason = "a count of calls is far below 2^52")]
    let rate = CALLS as f64 / all.as_secs_f64();
    Ok(vec![
        figure("authorize, 10,000 bindings, median", micros(many[CALLS / 2]), "2 us"),
        figure("authorize, 10,000 bindings, p99", micros(many[CALLS / 100 * 99]), "10 us"),
        figure("authorize, 10,000 bindings beside 100", beside(&many, &few), "1"),
        figure("authorize, 10,000 roles beside one", beside(&roles, &many), "1"),
        figure("decisions a second and core", format!("{rate:.0}"), "300,000"),
    ])
}

/// A component that was compiled before, from the disk to its first decision.
fn first_answer(shelf: &Shelf) -> Result<Figure> {
    let policy = Policy::new(1, FEW);
    let began = Instant::now();
    ask(&mut authorizer(&shelf.load("rbac")?, &policy)?, &bound(0))?;
    Ok(figure("cached component to its first answer", millis(began.elapsed()), "100 ms"))
}

fn first_party(shelf: &Shelf) -> Result<Figure> {
    let began = Instant::now();
    for name in FIRST_PARTY {
        shelf.load(name)?.instantiate(Arc::new(Nothing), Limits::HOT)?;
    }
    Ok(figure("five first-party addons loaded", millis(began.elapsed()), "20 ms"))
}

/// What an instance that was called once keeps resident.
fn idle(component: &Component) -> Result<Figure> {
    let resident = || -> Result<u64> {
        let pages = fs::read_to_string("/proc/self/statm")?;
        let pages = pages.split(' ').nth(1).context("statm has a second field")?;
        Ok(pages.parse::<u64>()? * 4)
    };
    let instance = || -> Result<Instance> {
        let mut instance = component.instantiate(Arc::new(Nothing), Limits::HOT)?;
        instance.authenticate(&Credentials { bearer_token: Some("x"), ..Credentials::default() })?;
        Ok(instance)
    };
    let warm = instance()?;
    let before = resident()?;
    let instances = (0..INSTANCES).map(|_| instance()).collect::<Result<Vec<_>>>()?;
    let grown = (resident()? - before) / INSTANCES as u64;
    drop((warm, instances));
    Ok(figure("an idle instance", format!("{grown} KB"), "35 KB"))
}

fn spinning(hostile: &Component) -> Result<Figure> {
    let mut instance = hostile.instantiate(Arc::new(Nothing), Limits::HOT)?;
    let spins = Credentials { bearer_token: Some("loop"), ..Credentials::default() };
    let began = Instant::now();
    ensure!(instance.authenticate(&spins).is_err(), "an endless loop ended");
    let beyond = began.elapsed().saturating_sub(Limits::HOT.deadline);
    Ok(figure("a spinning guest, beyond its deadline", millis(beyond), "2 ticks of 10 ms"))
}

/// From a trap to an instance that knows all bindings and answers.
fn trap(hostile: &Component, rbac: &Component) -> Result<Figure> {
    let mut instance = hostile.instantiate(Arc::new(Nothing), Limits::HOT)?;
    let policy = Policy::new(1, MANY);
    let traps = Credentials { bearer_token: Some("trap"), ..Credentials::default() };
    let began = Instant::now();
    ensure!(instance.authenticate(&traps).is_err(), "a trap is no answer");
    drop(instance);
    ask(&mut authorizer(rbac, &policy)?, &bound(0))?;
    Ok(figure("trap to answering, 10,000 bindings", millis(began.elapsed()), "50 ms"))
}

/// Writes that are judged, each by a fresh instance.
fn admission(able: &Component) -> Result<Figure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let request = AdmissionRequest {
        operation: WriteOperation::Create,
        resource: Kind { group: String::new(), version: "v1".to_owned(), resource: "configmaps".to_owned() },
        subresource: String::new(),
        object_kind: "ConfigMap".to_owned(),
        namespace: "team".to_owned(),
        name: "a".to_owned(),
        user: User::default(),
        object: Some(r#"{"metadata":{"name":"a"}}"#.into()),
        old_object: None,
        options: "{}".into(),
        dry_run: false,
    };
    let mut times = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        let began = Instant::now();
        let mut instance = able.instantiate(Arc::new(Nothing), Limits::ADMISSION)?;
        runtime.block_on(instance.mutate(&request))?;
        drop(instance);
        times.push(began.elapsed());
    }
    times.sort();
    Ok(figure("admission by a fresh instance, p99", micros(times[WRITES / 100 * 99]), "1 ms"))
}
