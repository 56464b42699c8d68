//! Guests that do what no guest should, each contained.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use engine::{
    Attributes, CallError, Candidates, Cluster, Component, Credentials, Decision, DnsClient, Engine, Event,
    Facts, File, Import, InspectError, Instance, Kind, Limits, Object, ObjectKey, Refusal, Role, Setting,
    Strikes, Unavailable, User, Warm, compile, inspect,
};
use support::guest;

use crate::host::{Recorder, at_once, load, write};

static HOSTILE: LazyLock<Component> = LazyLock::new(|| load("hostile", &[]).unwrap());

fn instance() -> Instance {
    HOSTILE.instantiate(Arc::new(Recorder::default()), Limits::HOT).unwrap()
}

fn ask(instance: &mut Instance, token: &str) -> Result<Option<User>, CallError> {
    instance.authenticate(&Credentials { bearer_token: Some(token), ..Credentials::default() })
}

fn name(user: Option<User>) -> String {
    user.unwrap().name
}

#[test]
fn a_guest_answers_and_remembers_nothing_of_its_caller() {
    let mut instance = instance();
    assert_eq!(name(ask(&mut instance, "alice").unwrap()), "alice");
    assert_eq!(instance.authenticate(&Credentials::default()).unwrap(), None);
}

#[test]
fn an_endless_loop_is_cut_at_its_deadline_and_the_instance_is_done() {
    let mut instance = instance();
    assert!(matches!(ask(&mut instance, "loop"), Err(CallError::Deadline(_))));
    assert!(matches!(ask(&mut instance, "alice"), Err(CallError::Poisoned)));
}

#[test]
fn deadlines_are_kept_for_as_long_as_there_is_a_component() {
    let compiled = compile(&guest("hostile")).unwrap();
    let engine = Engine::new().unwrap();
    // SAFETY: compiled two lines above.
    let component = unsafe { engine.load(&compiled, &BTreeSet::new()) }.unwrap();
    drop(engine);
    let mut instance = component.instantiate(Arc::new(Recorder::default()), Limits::HOT).unwrap();
    assert!(matches!(ask(&mut instance, "loop"), Err(CallError::Deadline(_))));
}

#[test]
fn memory_beyond_the_limit_is_refused() {
    let limits = Limits { memory: 16 << 20, ..Limits::COLD };
    let mut instance = HOSTILE.instantiate(Arc::new(Recorder::default()), limits).unwrap();
    let why = ask(&mut instance, "memory").unwrap_err();
    assert!(matches!(why, CallError::Memory), "{why}");
}

#[test]
fn a_panic_and_a_deep_recursion_are_traps() {
    for token in ["trap", "stack"] {
        let limits = Limits::COLD;
        let mut instance = HOSTILE.instantiate(Arc::new(Recorder::default()), limits).unwrap();
        let why = ask(&mut instance, token).unwrap_err();
        assert!(matches!(why, CallError::Trap(_)), "{token}: {why}");
    }
}

#[test]
fn an_answer_beyond_the_limit_is_refused() {
    let mut instance = HOSTILE.instantiate(Arc::new(Recorder::default()), Limits::COLD).unwrap();
    let why = ask(&mut instance, "giant").unwrap_err();
    assert!(why.is_fault(), "{why}");
}

#[test]
fn a_flood_of_lines_is_cut_and_counted_and_holds_no_escapes() {
    let recorder = Arc::new(Recorder::default());
    let mut instance = HOSTILE.instantiate(recorder.clone(), Limits::COLD).unwrap();
    ask(&mut instance, "flood").unwrap();
    drop(instance);
    let lines = recorder.lines.lock().unwrap();
    assert!(lines.len() < 2000, "{} lines", lines.len());
    assert!(lines.iter().all(|line| !line.contains('\u{1b}')));
    assert!(lines.last().unwrap().contains("lines were dropped"), "{:?}", lines.last());
}

#[test]
fn a_refusal_is_no_fault() {
    let mut instance = instance();
    let why = ask(&mut instance, "refuse").unwrap_err();
    assert!(!why.is_fault(), "{why}");
    assert_eq!(name(ask(&mut instance, "alice").unwrap()), "alice");
}

#[test]
fn there_is_no_environment_no_folder_and_no_socket() {
    let mut instance = HOSTILE.instantiate(Arc::new(Recorder::default()), Limits::COLD).unwrap();
    assert_eq!(name(ask(&mut instance, "environment").unwrap()), "0 variables, 0 arguments, no folder");
    assert_eq!(name(ask(&mut instance, "socket").unwrap()), "no socket");
}

/// Asks a role of a fresh instance to do something.
fn ask_role(role: Role, what: &str, limits: Limits) -> Result<(), CallError> {
    let mut instance = HOSTILE.instantiate(Arc::new(Recorder::default()), limits).unwrap();
    let user = User { name: what.to_owned(), ..User::default() };
    let setting = Setting { name: "do".to_owned(), value: format!("{what:?}") };
    let kind = Kind { group: String::new(), version: "v1".to_owned(), resource: "pods".to_owned() };
    let key = ObjectKey { namespace: String::new(), name: what.to_owned() };
    match role {
        Role::Config => at_once(instance.edits(&[], &[setting], &Facts::default())).map(drop),
        Role::Lifecycle => at_once(instance.notify(Event::UnitReady(what))),
        Role::Objects => instance.snapshot(&kind, &[Object { key, json: Bytes::new() }]),
        Role::Files => instance.files(&[File { name: what.to_owned(), path: String::new(), content: None }]),
        Role::Authenticator => ask(&mut instance, what).map(drop),
        Role::Authorizer => instance.authorize(&user, &Attributes::default()).map(drop),
        Role::Admission => at_once(instance.mutate(&write(what))).map(drop),
        Role::Dns => instance.answer(what.as_bytes(), DnsClient { address: "", transport: "udp" }).map(drop),
        Role::Overlay => {
            let cluster = Cluster {
                this_node: what.to_owned(),
                nodes: Vec::new(),
                cluster_cidrs: Vec::new(),
                settings: Vec::new(),
            };
            at_once(instance.plan(&cluster)).map(drop)
        }
        Role::Scheduling => {
            let candidates = Candidates { pod: Bytes::from_static(b"{}"), nodes: vec![what.to_owned()] };
            let refused = instance.filter(&candidates).map(drop);
            let mut other = HOSTILE.instantiate(Arc::new(Recorder::default()), limits).unwrap();
            let rated = other.score(&candidates).map(drop);
            assert_eq!(refused.is_ok(), rated.is_ok(), "both calls are under the same limits");
            refused
        }
    }
}

#[test]
fn an_endless_loop_is_cut_in_every_role() {
    // What is pushed and what nobody waits for in a request has seconds, which need not be waited for here.
    let patient = [Role::Config, Role::Objects, Role::Files, Role::Overlay];
    for role in Role::ALL.iter().filter(|role| !patient.contains(role)) {
        let why = ask_role(*role, "loop", Limits::HOT).unwrap_err();
        assert!(matches!(why, CallError::Deadline(_)), "{}: {why}", role.name());
    }
    let why = ask_role(Role::Overlay, "loop", Limits::HOT).unwrap_err();
    assert!(matches!(why, CallError::Deadline(_)), "{why}");
}

#[test]
fn a_trap_a_deep_recursion_and_too_much_memory_end_the_call_in_every_role() {
    let limits = Limits { memory: 16 << 20, ..Limits::COLD };
    for role in Role::ALL {
        for what in ["trap", "stack", "memory"] {
            let why = ask_role(*role, what, limits).unwrap_err();
            assert!(why.is_fault(), "{} {what}: {why}", role.name());
            assert_eq!(matches!(why, CallError::Memory), what == "memory", "{} {what}: {why}", role.name());
        }
    }
}

#[test]
fn a_case_that_the_host_does_not_know_is_told_as_that() {
    let mut instance = HOSTILE.instantiate(Arc::new(Recorder::default()), Limits::COLD).unwrap();
    let user = User { name: "unheard".to_owned(), ..User::default() };
    let decision = instance.authorize(&user, &Attributes::default()).unwrap();
    assert_eq!(decision, Decision::Other("unheard".to_owned()));
}

#[test]
fn an_import_that_was_not_granted_is_named() {
    let why = load("greedy", &[]).err().unwrap().to_string();
    assert!(why.contains("mk8s:addon/kube@0.1.0"), "{why}");
}

#[test]
fn an_import_that_waits_is_unavailable_in_a_request() {
    let greedy = load("greedy", &[Import::Kube]).unwrap();
    let mut instance = greedy.instantiate(Arc::new(Recorder::default()), Limits::HOT).unwrap();
    let why = ask(&mut instance, "x").unwrap_err();
    assert!(matches!(why, CallError::Guest(Refusal::Unavailable(_))), "{why}");
}

#[test]
fn a_component_tells_what_it_is_without_being_run() {
    let inspection = inspect(&guest("greedy")).unwrap();
    assert_eq!(inspection.roles, BTreeSet::from([Role::Authenticator]));
    assert!(inspection.imports.contains(&Import::Kube));
    assert!(String::from_utf8(inspection.metadata).unwrap().contains("\"name\": \"greedy\""));
}

#[test]
fn what_is_no_component_is_told_as_what_it_is() {
    let component = guest("hostile");
    let of = |bytes: &[u8]| inspect(bytes).unwrap_err();
    assert!(matches!(of(b""), InspectError::NotWasm(_)));
    assert!(matches!(of(b"#!/bin/sh\necho no component\n"), InspectError::NotWasm(_)));
    assert!(matches!(of(b"\0asm\x01\0\0\0"), InspectError::CoreModule));
    assert!(matches!(of(&component[..component.len() / 2]), InspectError::Malformed(_)));
    let other: Vec<u8> = replaced(&component, b"0.1.0", b"0.7.0");
    assert!(matches!(of(&other), InspectError::OtherContract { .. }));
    let draft = of(&replaced(&component, b"0.2.0-draft", b"0.3.0-draft"));
    assert!(
        draft.to_string().contains("it was built for mk8s:addon/scheduling@0.3.0-draft, which this host"),
        "{draft}"
    );
    let released = of(&replaced(&component, b"scheduling@0.2.0-draft", b"scheduling@0.1.0-draft"));
    assert!(matches!(released, InspectError::OtherContract { .. }), "an interface is of one version");
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    while let Some(at) = bytes.windows(from.len()).position(|window| window == from) {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    bytes
}

#[test]
fn a_warm_instance_is_made_anew_after_a_fault_and_given_up_after_three() {
    let made = Arc::new(AtomicU32::new(0));
    let counted = made.clone();
    let warm = Warm::new(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        HOSTILE.instantiate(Arc::new(Recorder::default()), Limits::HOT)
    });
    assert_eq!(name(warm.call(|instance| ask(instance, "alice")).unwrap()), "alice");
    let mut first = true;
    let survived = warm.call(|instance| {
        let token = if std::mem::take(&mut first) { "trap" } else { "bob" };
        ask(instance, token)
    });
    assert_eq!(name(survived.unwrap()), "bob");
    assert_eq!(made.load(Ordering::Relaxed), 2);
    assert!(matches!(warm.call(|instance| ask(instance, "trap")), Err(Unavailable::Fault(_))));
    let last = warm.call(|instance| ask(instance, "trap"));
    assert!(matches!(last, Err(Unavailable::Fault(_))), "the one too many is told as what it was");
    assert!(matches!(warm.call(|instance| ask(instance, "alice")), Err(Unavailable::Quarantined)));
    assert!(!warm.pardon_after(Duration::from_secs(3600)));
    assert!(warm.strikes().quarantined, "an hour is not over");
    assert!(warm.pardon_after(Duration::ZERO));
    assert_eq!(name(warm.call(|instance| ask(instance, "alice")).unwrap()), "alice");
    assert_eq!(warm.strikes(), Strikes { total: 4, in_a_row: 0, quarantined: false });
    assert!(!warm.pardon_after(Duration::ZERO), "nothing was given up");
}
