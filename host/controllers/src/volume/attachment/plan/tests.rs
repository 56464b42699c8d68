use std::fmt::Write as _;

use expect_test::{Expect, expect};
use objects::tree::from_tree;
use objects::{Tree, tree};

use super::*;

const ID: &str = "kubernetes.io/csi/example.com^vol-1";

fn own(node: &str) -> String {
    attachment_name("example.com", "vol-1", node)
}

fn wanted(mode: &str) -> Wanted {
    let volume = from_tree(&tree!({
        "metadata": { "name": "v" },
        "spec": { "accessModes": [mode], "csi": { "driver": "example.com", "volumeHandle": "vol-1" } }
    }));
    let pod = from_tree(&tree!({ "metadata": { "namespace": "web", "name": "a" } })).unwrap();
    Wanted { volume: Arc::new(volume.unwrap()), pods: vec![Arc::new(pod)] }
}

fn on(node: &str, status: Tree) -> Arc<VolumeAttachment> {
    let mut attachment = attachment(own(node), "example.com", node, "v");
    attachment.status = from_tree(&status).unwrap();
    Arc::new(attachment)
}

/// A ready node that reports and uses these volumes, changed.
fn node(attached: &[&str], in_use: &[&str], change: Tree) -> Arc<Node> {
    let attached: Vec<Tree> =
        attached.iter().map(|name| tree!({ "name": (*name), "devicePath": "" })).collect();
    let mut node = tree!({ "metadata": { "name": "n1" }, "status": {
        "volumesAttached": attached, "volumesInUse": (in_use.to_vec()),
        "conditions": [{ "type": "Ready", "status": "True" }]
    } });
    node.merge(&change);
    Arc::new(from_tree(&node).unwrap())
}

fn check(
    node: Option<Arc<Node>>,
    wanted: Vec<Wanted>,
    attachments: Vec<Arc<VolumeAttachment>>,
    waited: &[String],
    expected: &Expect,
) {
    let scene = Scene { name: "n1", node, wanted, attachments };
    let plan = plan(&scene, |name| waited.iter().any(|one| one == name));
    let mut text = String::new();
    for attachment in &plan.attach {
        let spec = &attachment.spec;
        let volume = spec.source.persistent_volume_name.as_deref().unwrap_or_default();
        writeln!(text, "attach {volume} to {} by {}", spec.node_name, spec.attacher).unwrap();
    }
    plan.detach.iter().for_each(|_| writeln!(text, "detach").unwrap());
    plan.stay.iter().for_each(|_| writeln!(text, "stay").unwrap());
    if let Some(attached) = plan.attached {
        let names: Vec<_> = attached.iter().map(|volume| volume.name.as_str()).collect();
        writeln!(text, "report {names:?}").unwrap();
    }
    plan.said
        .iter()
        .for_each(|said| writeln!(text, "{:?} {}: {}", said.kind, said.reason, said.message).unwrap());
    expected.assert_eq(&text);
}

#[test]
fn a_volume_is_attached_and_then_reported_to_the_kubelet_once() {
    let free = node(&[], &[], tree!({}));
    let once = || vec![wanted("ReadWriteOnce")];
    let attached = || on("n1", tree!({ "attached": true }));
    check(
        Some(free.clone()),
        once(),
        vec![],
        &[],
        &expect![[r"
            attach v to n1 by example.com
        "]],
    );
    check(Some(free.clone()), once(), vec![on("n1", tree!({ "attached": false }))], &[], &expect![""]);
    check(
        Some(free.clone()),
        once(),
        vec![attached()],
        &[],
        &expect![[r#"
            report ["kubernetes.io/csi/example.com^vol-1"]
            Normal SuccessfulAttachVolume: AttachVolume.Attach succeeded for volume "v" 
        "#]],
    );
    check(Some(node(&[ID], &[ID], tree!({}))), once(), vec![attached()], &[], &expect![""]);
    let refused = on("n1", tree!({ "attached": false, "attachError": { "message": "no room" } }));
    check(
        Some(free),
        once(),
        vec![refused],
        &[],
        &expect![[r#"
            Warning FailedAttachVolume: AttachVolume.Attach failed for volume "v" : no room
        "#]],
    );
}

#[test]
fn a_volume_that_one_node_alone_may_have_waits_for_the_other() {
    let other = || vec![on("n2", tree!({ "attached": true }))];
    let free = node(&[], &[], tree!({}));
    check(
        Some(free.clone()),
        vec![wanted("ReadWriteOnce")],
        other(),
        &[],
        &expect![[r#"
            Warning FailedAttachVolume: Multi-Attach error for volume "v" Volume is already exclusively attached to one node and can't be attached to another
        "#]],
    );
    check(
        Some(free),
        vec![wanted("ReadWriteMany")],
        other(),
        &[],
        &expect![[r"
            attach v to n1 by example.com
        "]],
    );
}

#[test]
fn a_volume_is_detached_when_the_node_is_done_with_it_or_lost() {
    let attached = || vec![on("n1", tree!({ "attached": true }))];
    let stays = expect![[r"
        stay
    "]];
    let goes = expect![[r"
        detach
        report []
    "]];
    check(Some(node(&[ID], &[ID], tree!({}))), vec![], attached(), &[own("n1")], &stays);
    check(Some(node(&[ID], &[], tree!({}))), vec![], attached(), &[], &goes);
    let away = || node(&[ID], &[ID], tree!({ "status": { "conditions": [] } }));
    check(Some(away()), vec![], attached(), &[], &stays);
    check(Some(away()), vec![], attached(), &[own("n1")], &goes);
    let taints = tree!({ "spec": { "taints": [{ "key": OUT_OF_SERVICE, "effect": "NoExecute" }] } });
    check(Some(node(&[ID], &[ID], taints)), vec![], attached(), &[], &goes);
    check(
        None,
        vec![],
        attached(),
        &[],
        &expect![[r"
            detach
        "]],
    );
    check(
        Some(node(&[], &[], tree!({}))),
        vec![],
        vec![on("n2", tree!({ "attached": true }))],
        &[],
        &expect![""],
    );
}
