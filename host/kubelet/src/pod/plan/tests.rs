//! The next step follows from what is asked for and what is there.

use cri::SandboxState;
use expect_test::{Expect, expect};

use super::*;
use crate::pod::fixture::{at, exited, pod, running, sandbox};
use crate::pod::memory::{Failure, Memory};
use crate::pod::observed::Observed;

const ONE: &str = r#"{"containers":[{"name":"c","image":"i"}]}"#;

fn show(plan: &Plan) -> String {
    let actions = plan.actions.iter().map(|action| match action {
        Action::StartContainer { name, attempt } => format!("start {name}#{attempt}\n"),
        Action::StopContainer { id, grace, why, .. } => {
            format!("stop {} in {}s: {why}\n", id.0, grace.as_secs())
        }
        other => format!("{other:?}\n"),
    });
    let waits = plan.waits.iter().map(|(name, wait)| format!("{name}: {} {}\n", wait.reason, wait.message));
    let wake = plan.wake.map(|wake| format!("wake at {}s\n", wake.as_second() - at(0).as_second()));
    actions.chain(waits).chain(wake).collect()
}

fn check_with(memory: &Memory, spec: &str, lives: Vec<ContainerStatus>, expected: Expect) {
    let observed = Observed::new(vec![sandbox(SandboxState::Ready)], lives);
    let look = Look { pod: &pod(spec), standing: Standing::Wanted, observed: &observed, memory, now: at(3) };
    expected.assert_eq(&show(&plan(look)));
}

fn check(spec: &str, lives: Vec<ContainerStatus>, expected: Expect) {
    check_with(&Memory::default(), spec, lives, expected);
}

fn check_ending(
    deletion: &str,
    standing: Standing,
    state: SandboxState,
    lives: Vec<ContainerStatus>,
    expected: Expect,
) {
    let object = format!(r#"{{"metadata":{{"name":"p","uid":"u"{deletion}}},"spec":{ONE}}}"#);
    let (pod, observed) =
        (serde_json::from_str(&object).unwrap(), Observed::new(vec![sandbox(state)], lives));
    let look = Look { pod: &pod, standing, observed: &observed, memory: &Memory::default(), now: at(3) };
    expected.assert_eq(&show(&plan(look)));
}

#[test]
fn a_new_pod_gets_a_sandbox_first() {
    let (pod, memory, observed) = (pod(ONE), Memory::default(), Observed::default());
    let look =
        Look { pod: &pod, standing: Standing::Wanted, observed: &observed, memory: &memory, now: at(3) };
    expect![[r#"
        CreateSandbox { attempt: 0 }
    "#]]
    .assert_eq(&show(&plan(look)));
}

#[test]
fn a_dead_sandbox_is_taken_down_and_followed_by_another() {
    let observed = Observed::new(vec![sandbox(SandboxState::NotReady)], vec![exited("c", 0, 137)]);
    let (pod, memory) = (pod(ONE), Memory::default());
    let look =
        Look { pod: &pod, standing: Standing::Wanted, observed: &observed, memory: &memory, now: at(3) };
    expect![[r#"
        StopSandbox(SandboxId("s"))
        CreateSandbox { attempt: 1 }
    "#]]
    .assert_eq(&show(&plan(look)));
}

#[test]
fn containers_start_together_and_again_when_they_end() {
    check(
        r#"{"containers":[{"name":"a"},{"name":"b"},{"name":"c"}]}"#,
        vec![running("a", 0), exited("b", 1, 0)],
        expect![[r#"
            start b#2
            start c#0
        "#]],
    );
}

#[test]
fn init_containers_run_one_after_another_and_sidecars_stay() {
    let spec = r#"{"initContainers":[{"name":"a"},{"name":"s","restartPolicy":"Always"},{"name":"b"}],"containers":[{"name":"c"}]}"#;
    check(
        spec,
        vec![],
        expect![[r#"
        start a#0
    "#]],
    );
    check(spec, vec![running("a", 0)], expect![""]);
    check(
        spec,
        vec![exited("a", 0, 1)],
        expect![[r#"
        start a#1
    "#]],
    );
    check(
        spec,
        vec![exited("a", 0, 0)],
        expect![[r#"
        start s#0
    "#]],
    );
    check(
        spec,
        vec![exited("a", 0, 0), running("s", 0)],
        expect![[r#"
        start b#0
    "#]],
    );
    check(
        spec,
        vec![exited("a", 0, 0), running("s", 0), exited("b", 0, 0)],
        expect![[r#"
        start c#0
    "#]],
    );
    check(
        spec,
        vec![exited("s", 0, 0), running("c", 0)],
        expect![[r#"
        start s#1
    "#]],
    );
}

#[test]
fn an_ephemeral_container_starts_once_and_before_all_others() {
    let spec = r#"{"initContainers":[{"name":"i"}],"containers":[{"name":"c"}],"ephemeralContainers":[{"name":"e"}]}"#;
    check(
        spec,
        vec![],
        expect![[r#"
            start e#0
            start i#0
        "#]],
    );
    check(spec, vec![exited("e", 0, 1), exited("i", 0, 0), running("c", 0)], expect![[""]]);
}

#[test]
fn a_container_that_keeps_failing_waits_longer() {
    let mut memory = Memory::default();
    memory.restarts.next("c", at(2), at(2));
    check_with(
        &memory,
        ONE,
        vec![exited("c", 1, 1)],
        expect![[r#"
        c: CrashLoopBackOff back-off 10s restarting failed container=c pod=p_ns(u)
        wake at 12s
    "#]],
    );
    for _ in 0..3 {
        memory.restarts.next("c", at(2), at(2));
    }
    check_with(
        &memory,
        ONE,
        vec![exited("c", 1, 1)],
        expect![[r#"
        c: CrashLoopBackOff back-off 1m20s restarting failed container=c pod=p_ns(u)
        wake at 82s
    "#]],
    );
}

#[test]
fn what_could_not_be_made_waits_for_its_time() {
    let mut memory = Memory::default();
    let later = |from| Some((from, Wait { reason: "ImagePullBackOff", message: "later".to_owned() }));
    let mut told = |then| {
        let failure = Failure { reason: "ErrImagePull", message: "no".to_owned(), retry_at: at(9), then };
        memory.failures.insert("c".to_owned(), failure);
        memory.clone()
    };
    let first = expect![[r#"
        c: ErrImagePull no
        wake at 5s
    "#]];
    check_with(&told(later(at(5))), ONE, vec![], first);
    let second = expect![[r#"
        c: ImagePullBackOff later
        wake at 9s
    "#]];
    check_with(&told(later(at(3))), ONE, vec![], second);
}

#[test]
fn a_pod_that_has_run_to_its_end_winds_down() {
    let never = r#"{"restartPolicy":"Never","containers":[{"name":"a"},{"name":"b"}]}"#;
    check(never, vec![exited("a", 0, 1), running("b", 0)], expect![""]);
    check(
        never,
        vec![exited("a", 0, 1), exited("b", 0, 0)],
        expect![[r#"
        StopSandbox(SandboxId("s"))
    "#]],
    );
    let init = r#"{"restartPolicy":"Never","initContainers":[{"name":"a"}],"containers":[{"name":"b"}]}"#;
    check(
        init,
        vec![exited("a", 0, 1)],
        expect![[r#"
        StopSandbox(SandboxId("s"))
    "#]],
    );
    let on_failure = r#"{"restartPolicy":"OnFailure","containers":[{"name":"a"}]}"#;
    check(
        on_failure,
        vec![exited("a", 0, 1)],
        expect![[r#"
        start a#1
    "#]],
    );
}

#[test]
fn a_changed_image_ends_the_container() {
    let mut life = running("c", 0);
    life.annotations.insert(label::HASH.to_owned(), "another".to_owned());
    check(
        ONE,
        vec![life],
        expect![[r#"
        stop c0 in 30s: Container c definition changed, will be restarted
    "#]],
    );
}

#[test]
fn a_deleted_pod_ends_step_by_step() {
    let deleted = r#","deletionTimestamp":"2026-01-01T00:00:00Z","deletionGracePeriodSeconds":5"#;
    let ending = |state, lives, expected| check_ending(deleted, Standing::Wanted, state, lives, expected);
    ending(
        SandboxState::Ready,
        vec![running("c", 0)],
        expect![[r#"
        stop c0 in 5s: Stopping container c
    "#]],
    );
    ending(
        SandboxState::Ready,
        vec![exited("c", 0, 143)],
        expect![[r#"
        StopSandbox(SandboxId("s"))
    "#]],
    );
    ending(
        SandboxState::NotReady,
        vec![exited("c", 0, 143)],
        expect![[r#"
        Release
    "#]],
    );
}

#[test]
fn what_is_left_of_a_pod_without_an_object_is_removed() {
    check_ending(
        "",
        Standing::Gone,
        SandboxState::Ready,
        vec![running("c", 0)],
        expect![[r#"
        stop c0 in 30s: Stopping container c
    "#]],
    );
    check_ending(
        "",
        Standing::Gone,
        SandboxState::NotReady,
        vec![],
        expect![[r#"
        Remove
    "#]],
    );
}

#[test]
fn a_container_is_told_again_only_to_end_sooner() {
    let mut memory = Memory::default();
    let observed = Observed::new(vec![sandbox(SandboxState::Ready)], vec![running("c", 0)]);
    let object = r#"{"metadata":{"uid":"u","deletionTimestamp":"2026-01-01T00:00:00Z","deletionGracePeriodSeconds":5}}"#;
    let pod = serde_json::from_str(object).unwrap();
    let mut planned = |given| {
        memory.stopping.insert(ContainerId("c0".to_owned()), Duration::from_secs(given));
        let look =
            Look { pod: &pod, standing: Standing::Wanted, observed: &observed, memory: &memory, now: at(3) };
        plan(look).actions.len()
    };
    assert_eq!((planned(5), planned(30)), (0, 1));
}

#[test]
fn a_pod_ends_at_its_deadline() {
    let mut pod = pod(r#"{"activeDeadlineSeconds":5,"containers":[{"name":"c"}]}"#);
    pod.status = serde_json::from_str(r#"{"startTime":"1970-01-12T13:46:40Z"}"#).unwrap();
    let observed = Observed::new(vec![sandbox(SandboxState::Ready)], vec![running("c", 0)]);
    let planned = |now| {
        let memory = Memory::default();
        show(&plan(Look { pod: &pod, standing: Standing::Wanted, observed: &observed, memory: &memory, now }))
    };
    assert_eq!(planned(at(4)), "wake at 5s\n");
    assert_eq!(planned(at(5)), "stop c0 in 30s: Stopping container c\n");
}
