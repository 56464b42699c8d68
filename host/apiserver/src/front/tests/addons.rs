//! Addons that judge writes: what they change, refuse and cannot do.

use expect_test::{Expect, expect};
use objects::{Tree, tree};

use super::fixture::{Fixture, Read, Say, With, ask};
use super::sockets::Authority;
use crate::admission::addon::{AdmissionStep, Denial, Judge, Judgement};
use crate::front::Front;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

struct World {
    front: Front,
    fixture: Fixture,
}

impl World {
    async fn new() -> Self {
        let fixture = Fixture::new(&Authority::new("ca").pem());
        Self { front: fixture.front().await, fixture }
    }

    fn addon(&self, name: &str, reinvoke: bool, say: Say) {
        let judge = Judge { name: name.to_owned(), reinvoke };
        self.fixture.judges.all.lock().unwrap().push((judge, say));
    }

    async fn write(&self, query: &str) -> Read {
        let map = tree!({ "metadata": { "name": "a" }, "data": { "k": "v" } });
        self.front.ask(ask("POST", &format!("{MAPS}{query}")).sending(map.to_json())).await
    }
}

fn patch(patch: &str) -> Result<Judgement, String> {
    Ok(Judgement { patch: Some(patch.as_bytes().to_vec()), ..Judgement::default() })
}

fn nothing() -> Result<Judgement, String> {
    Ok(Judgement::default())
}

fn check(answer: &Read, expected: &Expect) {
    let data = || answer.tree().get("data").map(Tree::to_json_string).unwrap_or_default();
    let told = if answer.code().is_success() { data() } else { format!("{:?}", answer.status()) };
    expected.assert_eq(&format!("{told} {}", answer.header("warning")));
}

#[tokio::test]
async fn addons_change_objects_in_turn_and_are_asked_again_when_a_later_one_did() {
    let world = World::new().await;
    let say: Say = |name, scope, request| {
        let text = String::from_utf8(request.object.clone().unwrap()).unwrap();
        let has = |key: &str| text.contains(&format!("\"{key}\""));
        match (scope.step, name) {
            (AdmissionStep::Validate, _) => nothing(),
            (_, "first") if !has("one") => patch(r#"[{"op":"add","path":"/data/one","value":"1"}]"#),
            (_, "first") if has("two") => patch(r#"[{"op":"add","path":"/data/three","value":"3"}]"#),
            (_, "second") if !has("two") => patch(r#"[{"op":"add","path":"/data/two","value":"2"}]"#),
            _ => nothing(),
        }
    };
    world.addon("first", true, say);
    world.addon("second", false, say);
    check(&world.write("").await, &expect![[r#"{"k":"v","one":"1","two":"2","three":"3"} "#]]);
}

#[tokio::test]
async fn an_addon_refuses_in_its_own_words() {
    let world = World::new().await;
    world.addon("strict", false, |_, scope, request| {
        let denial = |message: &str, code| {
            Some(Denial { message: message.to_owned(), code, reason: "Invalid".to_owned() })
        };
        Ok(Judgement {
            denied: match (scope.step, request.is_dry) {
                (AdmissionStep::Mutate, _) => None,
                (AdmissionStep::Validate, true) => denial("not even dry", 422),
                (AdmissionStep::Validate, false) => denial("", 7),
            },
            warnings: if request.is_dry { vec![format!("{:?}", scope.step)] } else { Vec::new() },
            ..Judgement::default()
        })
    });
    let told = world.write("?dryRun=All").await;
    check(
        &told,
        &expect![[
            r#"(422, "Invalid", "admission addon \"strict\" denied the request: not even dry") 299 - "Mutate""#
        ]],
    );
    check(
        &world.write("").await,
        &expect![[
            r#"(403, "Invalid", "admission addon \"strict\" denied the request without explanation") "#
        ]],
    );
}

#[tokio::test]
async fn an_addon_that_does_not_answer_or_answers_nonsense_stops_the_write() {
    let world = World::new().await;
    let check_one = async |say: Say, expected: Expect| {
        world.fixture.judges.all.lock().unwrap().clear();
        world.addon("broken", false, say);
        check(&world.write("").await, &expected);
    };
    check_one(
        |_, _, _| Err("it did not answer within 1s".to_owned()),
        expect![[
            r#"(500, "InternalError", "Internal error occurred: failed calling admission addon \"broken\": it did not answer within 1s") "#
        ]],
    )
    .await;
    check_one(
        |_, _, _| patch(r#"[{"op":"replace","path":"/metadata/name","value":"other"}]"#),
        expect![[
            r#"(500, "InternalError", "Internal error occurred: failed calling admission addon \"broken\": it makes another object of the one that is written") "#
        ]],
    )
    .await;
    for nonsense in
        [(|_, _, _| patch("{ no patch")) as Say, |_, _, _| patch(r#"[{"op":"remove","path":"/data/none"}]"#)]
    {
        world.fixture.judges.all.lock().unwrap().clear();
        world.addon("broken", false, nonsense);
        let (code, _, why) = world.write("").await.status();
        assert!(code == 500 && why.contains("failed calling admission addon"), "{code} {why}");
    }
    world.fixture.judges.all.lock().unwrap().clear();
    assert_eq!(world.write("").await.code(), 201);
}

#[tokio::test]
async fn a_deletion_is_judged_by_what_was() {
    let world = World::new().await;
    assert_eq!(world.write("").await.code(), 201);
    world.addon("keeper", false, |_, _, request| {
        let (object, old) = (request.object.is_some(), request.old_object.is_some());
        let message = format!("{object} {old} {} {}", request.kind, request.name);
        Ok(Judgement {
            denied: Some(Denial { message, code: 403, reason: String::new() }),
            ..Judgement::default()
        })
    });
    let deleted = world.front.ask(ask("DELETE", &format!("{MAPS}/a"))).await;
    check(
        &deleted,
        &expect![[r#"(403, "", "admission addon \"keeper\" denied the request: false true ConfigMap a") "#]],
    );
}
