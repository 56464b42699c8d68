//! The Node says what upstream's says.

use std::path::PathBuf;

use expect_test::expect;

use super::*;
use crate::machine::Cgroups;

const USAGE: Usage = Usage {
    memory_available: 1 << 30,
    disk_available: 1 << 40,
    inodes_available: 1000,
    processes: 9,
    processes_limit: 1000,
};

fn machine() -> Machine {
    Machine {
        cpus: 2,
        memory_bytes: 4 << 30,
        swap_bytes: 0,
        disk_bytes: 10 << 30,
        kernel_version: "6.1".to_owned(),
        os_image: "Debian".to_owned(),
        machine_id: "m".to_owned(),
        system_uuid: String::new(),
        boot_id: "b".to_owned(),
        cgroups: Cgroups::V2,
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn made(runtime: &RuntimeState, usage: Usage, last: Option<&NodeStatus>, now: i64) -> NodeStatus {
    let config =
        Config::new("n".to_owned(), vec!["10.0.0.1".parse().unwrap()], PathBuf::new(), PathBuf::new());
    status(&config, &machine(), Some(usage), runtime, vec![], last, at(now))
}

fn up() -> RuntimeState {
    RuntimeState::Up(Version { name: "containerd".to_owned(), version: "1.6.20".to_owned() })
}

fn show(status: &NodeStatus) -> String {
    let line = |each: &NodeCondition| {
        format!(
            "{}={} {}: {}\n",
            each.type_,
            each.status,
            each.reason.as_deref().unwrap(),
            each.message.as_deref().unwrap()
        )
    };
    status.conditions.iter().flatten().map(line).collect()
}

#[test]
fn a_node_with_a_runtime_is_ready() {
    let status = made(&up(), USAGE, None, 0);
    expect![[r#"
        MemoryPressure=False KubeletHasSufficientMemory: kubelet has sufficient memory available
        DiskPressure=False KubeletHasNoDiskPressure: kubelet has no disk pressure
        PIDPressure=False KubeletHasSufficientPID: kubelet has sufficient PID available
        Ready=True KubeletReady: kubelet is posting ready status
    "#]]
    .assert_eq(&show(&status));
    assert_eq!(status.node_info.unwrap().container_runtime_version, "containerd://1.6.20");
    assert_eq!(status.capacity.unwrap()["memory"].0, "4Gi");
}

#[test]
fn a_node_without_a_runtime_and_with_little_left_says_so() {
    let usage = Usage { memory_available: 1, disk_available: (1 << 30) - 1, ..USAGE };
    let status = made(&RuntimeState::Down("install it".to_owned()), usage, None, 0);
    expect![[r#"
        MemoryPressure=True KubeletHasInsufficientMemory: kubelet has insufficient memory available
        DiskPressure=True KubeletHasDiskPressure: kubelet has disk pressure
        PIDPressure=False KubeletHasSufficientPID: kubelet has sufficient PID available
        Ready=False KubeletNotReady: container runtime is down: install it
    "#]]
    .assert_eq(&show(&status));
}

#[test]
fn only_a_change_is_said_again() {
    let first = with_heartbeat(made(&up(), USAGE, None, 0), at(1));
    let second = made(&up(), USAGE, Some(&first), 10);
    assert!(says_the_same(&first, &second), "{second:?}");
    assert!(!says_the_same(&first, &made(&RuntimeState::Unknown, USAGE, Some(&first), 10)));
}

#[test]
fn conditions_of_others_stay() {
    let foreign = NodeCondition {
        type_: "NetworkUnavailable".to_owned(),
        status: "True".to_owned(),
        ..Default::default()
    };
    let old = NodeStatus { conditions: Some(vec![foreign.clone()]), ..NodeStatus::default() };
    let mut status = made(&up(), USAGE, None, 0);
    adopt_foreign(&mut status, Some(&old));
    assert_eq!(status.conditions.unwrap().last(), Some(&foreign));
}
