//! Statuses look as upstream's do.

use cri::SandboxState;
use expect_test::{Expect, expect};

use super::*;
use crate::pod::fixture::{at, exited, pod, running, sandbox};
use crate::pod::memory::Memory;
use crate::pod::observed::Observed;

const ONE: &str = r#"{"containers":[{"name":"c","image":"i:1"}]}"#;

fn show(status: &PodStatus) -> String {
    let mut text =
        format!("{} {}\n", status.phase.as_deref().unwrap(), status.pod_ip.as_deref().unwrap_or("-"));
    for condition in status.conditions.iter().flatten() {
        let why = condition
            .reason
            .iter()
            .chain(&condition.message)
            .map(|text| format!(" {text}"))
            .collect::<String>();
        text.push_str(&format!("  {}={}{why}\n", condition.type_, condition.status));
    }
    let lists =
        [&status.init_container_statuses, &status.container_statuses, &status.ephemeral_container_statuses];
    for status in lists.into_iter().flatten().flatten() {
        let state = |state: &api::ContainerState| match state {
            api::ContainerState { waiting: Some(waiting), .. } => {
                format!(
                    "waiting {} {}",
                    waiting.reason.as_deref().unwrap(),
                    waiting.message.as_deref().unwrap_or_default()
                )
            }
            api::ContainerState { terminated: Some(end), .. } => {
                format!(
                    "{} {} {}",
                    end.reason.as_deref().unwrap(),
                    end.exit_code,
                    end.message.as_deref().unwrap_or_default()
                )
            }
            api::ContainerState { running: Some(_), .. } => "running".to_owned(),
            _ => "-".to_owned(),
        };
        let (now, last) = (state(status.state.as_ref().unwrap()), state(status.last_state.as_ref().unwrap()));
        text.push_str(&format!(
            "{} #{} ready={}: {now} (last {last})\n",
            status.name, status.restart_count, status.ready
        ));
    }
    text
}

fn of(pod: &Pod, observed: &Observed, waits: &BTreeMap<String, Wait>, last: &PodStatus) -> PodStatus {
    let address = ["10.0.0.1".parse().unwrap()];
    let pod_ips: &[IpAddr] = if observed.ready_sandbox().is_some() { &address } else { &[] };
    let ground = Ground { waits, host_ips: &address, pod_ips, last };
    let look = Look { pod, standing: Standing::Wanted, observed, memory: &Memory::default(), now: at(3) };
    status(look, &ground)
}

fn check(spec: &str, state: SandboxState, lives: Vec<cri::ContainerStatus>, expected: Expect) {
    let observed = Observed::new(vec![sandbox(state)], lives);
    expected.assert_eq(&show(&of(&pod(spec), &observed, &BTreeMap::new(), &PodStatus::default())));
}

#[test]
fn an_ephemeral_container_is_told_of_and_has_no_say() {
    check(
        r#"{"containers":[{"name":"c"}],"ephemeralContainers":[{"name":"e"},{"name":"f"}]}"#,
        SandboxState::Ready,
        vec![running("c", 0), running("e", 0)],
        expect![[r#"
            Running 10.0.0.1
              PodReadyToStartContainers=True
              Initialized=True
              Ready=True
              ContainersReady=True
              PodScheduled=True
            c #0 ready=true: running (last -)
            e #0 ready=false: running (last -)
            f #0 ready=false: waiting ContainerCreating  (last -)
        "#]],
    );
}

#[test]
fn a_container_tells_what_it_mounts() {
    let spec = r#"{"containers":[{"name":"c","volumeMounts":[{"name":"v","mountPath":"/v"},
        {"name":"w","mountPath":"/w","readOnly":true}]}]}"#;
    let status = of(&pod(spec), &Observed::default(), &BTreeMap::new(), &PodStatus::default());
    let told = serde_json::to_string(&status.container_statuses.unwrap()[0].volume_mounts).unwrap();
    expect![[r#"[{"mountPath":"/v","name":"v"},{"mountPath":"/w","name":"w","readOnly":true,"recursiveReadOnly":"Disabled"}]"#]]
        .assert_eq(&told);
}

#[test]
fn a_new_pod_is_pending() {
    let status = of(&pod(ONE), &Observed::default(), &BTreeMap::new(), &PodStatus::default());
    expect![[r#"
        Pending -
          PodReadyToStartContainers=False
          Initialized=True
          Ready=False ContainersNotReady containers with unready status: [c]
          ContainersReady=False ContainersNotReady containers with unready status: [c]
          PodScheduled=True
        c #0 ready=false: waiting ContainerCreating  (last -)
    "#]]
    .assert_eq(&show(&status));
}

#[test]
fn a_running_container_makes_the_pod_ready() {
    check(
        ONE,
        SandboxState::Ready,
        vec![running("c", 0)],
        expect![[r#"
        Running 10.0.0.1
          PodReadyToStartContainers=True
          Initialized=True
          Ready=True
          ContainersReady=True
          PodScheduled=True
        c #0 ready=true: running (last -)
    "#]],
    );
}

#[test]
fn a_readiness_probe_that_has_no_result_keeps_the_pod_unready() {
    let spec = r#"{"containers":[{"name":"c","image":"i:1","readinessProbe":{}}]}"#;
    check(
        spec,
        SandboxState::Ready,
        vec![running("c", 0)],
        expect![[r#"
        Running 10.0.0.1
          PodReadyToStartContainers=True
          Initialized=True
          Ready=False ContainersNotReady containers with unready status: [c]
          ContainersReady=False ContainersNotReady containers with unready status: [c]
          PodScheduled=True
        c #0 ready=false: running (last -)
    "#]],
    );
}

#[test]
fn a_crash_loop_says_when_and_why() {
    let wait = Wait { reason: "CrashLoopBackOff", message: "back-off 10s".to_owned() };
    let observed = Observed::new(vec![sandbox(SandboxState::Ready)], vec![exited("c", 1, 3)]);
    let waits = BTreeMap::from([("c".to_owned(), wait)]);
    expect![[r#"
        Running 10.0.0.1
          PodReadyToStartContainers=True
          Initialized=True
          Ready=False ContainersNotReady containers with unready status: [c]
          ContainersReady=False ContainersNotReady containers with unready status: [c]
          PodScheduled=True
        c #1 ready=false: waiting CrashLoopBackOff back-off 10s (last Error 3 )
    "#]]
    .assert_eq(&show(&of(&pod(ONE), &observed, &waits, &PodStatus::default())));
}

#[test]
fn a_pod_that_ran_once_succeeds_or_fails() {
    let spec = r#"{"restartPolicy":"Never","containers":[{"name":"c","image":"i:1"}]}"#;
    check(
        spec,
        SandboxState::NotReady,
        vec![exited("c", 0, 0)],
        expect![[r#"
        Succeeded -
          PodReadyToStartContainers=False
          Initialized=True PodCompleted
          Ready=False PodCompleted
          ContainersReady=False PodCompleted
          PodScheduled=True
        c #0 ready=false: Completed 0  (last -)
    "#]],
    );
    let mut killed = exited("c", 0, 137);
    killed.reason = "OOMKilled".to_owned();
    let observed = Observed::new(vec![sandbox(SandboxState::NotReady)], vec![killed.clone()]);
    let observed = observed.with_messages(BTreeMap::from([(killed.id, "last words".to_owned())]));
    expect![[r#"
        Failed -
          PodReadyToStartContainers=False
          Initialized=True
          Ready=False PodFailed
          ContainersReady=False PodFailed
          PodScheduled=True
        c #0 ready=false: OOMKilled 137 last words (last -)
    "#]]
    .assert_eq(&show(&of(&pod(spec), &observed, &BTreeMap::new(), &PodStatus::default())));
}

#[test]
fn init_containers_come_first() {
    let spec = r#"{"initContainers":[{"name":"a"},{"name":"s","restartPolicy":"Always"}],"containers":[{"name":"c","image":"i:1"}]}"#;
    check(
        spec,
        SandboxState::Ready,
        vec![running("a", 0)],
        expect![[r#"
        Pending 10.0.0.1
          PodReadyToStartContainers=True
          Initialized=False ContainersNotInitialized containers with incomplete status: [a s]
          Ready=False ContainersNotReady containers with unready status: [s c]
          ContainersReady=False ContainersNotReady containers with unready status: [s c]
          PodScheduled=True
        a #0 ready=false: running (last -)
        s #0 ready=false: waiting PodInitializing  (last -)
        c #0 ready=false: waiting PodInitializing  (last -)
    "#]],
    );
    check(
        spec,
        SandboxState::Ready,
        vec![exited("a", 0, 0), running("s", 0), running("c", 0)],
        expect![[r#"
            Running 10.0.0.1
              PodReadyToStartContainers=True
              Initialized=True
              Ready=True
              ContainersReady=True
              PodScheduled=True
            a #0 ready=true: Completed 0  (last -)
            s #0 ready=true: running (last -)
            c #0 ready=true: running (last -)
        "#]],
    );
}

#[test]
fn times_of_what_has_not_changed_stay() {
    let observed = Observed::new(vec![sandbox(SandboxState::Ready)], vec![running("c", 0)]);
    let first = of(&pod(ONE), &observed, &BTreeMap::new(), &PodStatus::default());
    let mut later = first.clone();
    for condition in later.conditions.iter_mut().flatten() {
        condition.last_transition_time = Some(Time(at(-9)));
    }
    later.start_time = Some(Time(at(-9)));
    let again = of(&pod(ONE), &observed, &BTreeMap::new(), &later);
    assert_eq!(again, later);
}

#[test]
fn what_was_over_stays_as_it_was_reported() {
    let mut over = pod(ONE);
    over.status = Some(PodStatus {
        phase: Some("Failed".to_owned()),
        reason: Some("Evicted".to_owned()),
        ..PodStatus::default()
    });
    let status = of(&over, &Observed::default(), &BTreeMap::new(), &PodStatus::default());
    assert_eq!(Some(status), over.status);
}
