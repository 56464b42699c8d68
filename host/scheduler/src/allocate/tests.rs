use expect_test::{Expect, expect};
use objects::tree;

use super::*;
use crate::view::{DeviceId, Taken, class_key};

const DRIVER: &str = "gpu.example.com";

/// Devices of a node, each with its attributes.
fn slice(node: &str, devices: &[(&str, Tree)]) -> Tree {
    let devices: Vec<Tree> = devices
        .iter()
        .map(|(name, attributes)| {
            let capacity = tree!({ "memory": { "value": "8Gi" } });
            tree!({ "name": (*name), "attributes": (attributes.clone()), "capacity": capacity })
        })
        .collect();
    tree!({
        "metadata": { "name": (format!("slice-{node}")) },
        "spec": {
            "driver": DRIVER, "nodeName": node,
            "pool": { "name": node, "generation": 1, "resourceSliceCount": 1 },
            "devices": devices
        }
    })
}

fn model(model: &str) -> Tree {
    tree!({ "model": { "string": model } })
}

/// `a` of the model `x`, `b` and `c` of the model `y`, all of the node `n`.
fn three() -> Tree {
    slice("n", &[("a", model("x")), ("b", model("y")), ("c", model("y"))])
}

fn exactly(name: &str, rest: Tree) -> Tree {
    let mut exactly = rest;
    exactly.insert("deviceClassName", "gpu");
    tree!({ "name": name, "exactly": exactly })
}

fn select(expression: &str) -> Tree {
    tree!([{ "cel": { "expression": expression } }])
}

fn claim(name: &str, requests: Vec<Tree>) -> Tree {
    tree!({
        "metadata": { "namespace": "default", "name": name, "uid": name },
        "spec": { "devices": { "requests": requests } }
    })
}

struct Given {
    classes: Table<DeviceClassView>,
    slices: Table<SliceView>,
    taken: Vec<Taken>,
}

impl Given {
    fn of(slices: &[Tree]) -> Self {
        let class = tree!({
            "metadata": { "name": "gpu" },
            "spec": {
                "selectors": (select("device.driver == 'gpu.example.com'")),
                "config": [{ "opaque": { "driver": DRIVER, "parameters": { "of": "class" } } }]
            }
        });
        let classes = [(class_key("gpu"), Arc::new(DeviceClassView::read(&class)))].into();
        let views = slices.iter().map(|slice| Arc::new(SliceView::read(slice)));
        let slices = views.map(|view| (view.head.key.clone(), view)).collect();
        Self { classes, slices, taken: Vec::new() }
    }

    fn taken(mut self, devices: &[&str]) -> Self {
        let id =
            |device: &&str| DeviceId { driver: DRIVER.into(), pool: "n".into(), device: (*device).into() };
        let whole = devices.iter().map(id).collect();
        self.taken.push(Taken { whole, ..Taken::default() });
        self
    }

    fn allocated(&self, claims: &[Tree]) -> Result<Option<Vec<Allocated>>, String> {
        let views: Vec<_> = claims.iter().map(|claim| Arc::new(DeviceClaimView::read(claim))).collect();
        let views: Vec<_> = views.iter().collect();
        let node = NodeView::read(&tree!({ "metadata": { "name": "n", "labels": { "rack": "1" } } }));
        Asked::new(&views, &self.classes, &self.slices, InUse::of(self.taken.iter()))?.allocate(&node)
    }

    /// Who gets what on the node `n`.
    fn check(&self, claims: &[Tree], expected: Expect) {
        let told = match self.allocated(claims) {
            Err(why) => why,
            Ok(None) => "nothing".to_owned(),
            Ok(Some(claims)) => claims.iter().map(told).collect::<Vec<_>>().join("\n"),
        };
        expected.assert_eq(&told);
    }
}

fn told(one: &Allocated) -> String {
    let results = one.allocation.items_at(&["devices", "results"]).iter();
    let part = |result: &Tree, field: &str| result.str_at(&[field]).unwrap().to_owned();
    let results: Vec<_> =
        results.map(|result| format!("{}={}", part(result, "request"), part(result, "device"))).collect();
    format!("{}: {}", one.claim.name, results.join(" "))
}

#[test]
fn a_request_gets_the_first_devices_that_are_selected_and_free() {
    let given = Given::of(&[three()]);
    given.check(&[claim("c", vec![exactly("r", tree!({}))])], expect!["c: r=a"]);
    let y = select("device.attributes['gpu.example.com'].model == 'y'");
    given.check(&[claim("c", vec![exactly("r", tree!({ "selectors": y }))])], expect!["c: r=b"]);
    given.check(&[claim("c", vec![exactly("r", tree!({ "count": 2 }))])], expect!["c: r=a r=b"]);
    given.check(&[claim("c", vec![exactly("r", tree!({ "count": 4 }))])], expect!["nothing"]);
    let given = given.taken(&["a", "b"]);
    given.check(&[claim("c", vec![exactly("r", tree!({}))])], expect!["c: r=c"]);
    let twice = [claim("c", vec![exactly("r", tree!({}))]), claim("d", vec![exactly("r", tree!({}))])];
    given.check(&twice, expect!["nothing"]);
}

#[test]
fn a_device_that_a_later_request_needs_is_left_to_it() {
    let given = Given::of(&[three()]);
    let x = select("device.attributes['gpu.example.com'].model == 'x'");
    let any = exactly("any", tree!({ "count": 2 }));
    let only = exactly("only", tree!({ "selectors": x }));
    given.check(&[claim("c", vec![any, only])], expect!["c: any=b any=c only=a"]);
}

#[test]
fn all_devices_are_taken_together_or_not_at_all() {
    let all = || vec![exactly("r", tree!({ "allocationMode": "All" }))];
    Given::of(&[three()]).check(&[claim("c", all())], expect!["c: r=a r=b r=c"]);
    Given::of(&[three()]).taken(&["b"]).check(&[claim("c", all())], expect!["nothing"]);
    Given::of(&[]).check(&[claim("c", all())], expect!["nothing"]);
    let mut partial = three();
    partial.set_at(&["spec", "pool", "resourceSliceCount"], 2);
    Given::of(&[partial]).check(
        &[claim("c", all())],
        expect![
            "claim default/c, request r: asks for all devices, but resource pool gpu.example.com/n is currently being updated"
        ],
    );
}

#[test]
fn of_several_kinds_the_first_that_there_is_is_taken() {
    let kind = |name: &str, count: i64| tree!({ "name": name, "deviceClassName": "gpu", "count": count });
    let request = tree!({ "name": "r", "firstAvailable": [(kind("many", 3)), (kind("one", 1))] });
    let given = Given::of(&[three()]);
    given.check(&[claim("c", vec![request.clone()])], expect!["c: r/many=a r/many=b r/many=c"]);
    given.taken(&["a"]).check(&[claim("c", vec![request])], expect!["c: r/one=b"]);
}

#[test]
fn devices_under_a_constraint_have_an_attribute_alike() {
    let given = Given::of(&[three()]);
    let mut pair = claim("c", vec![exactly("r", tree!({ "count": 2 }))]);
    let constraint = tree!([{ "requests": ["r"], "matchAttribute": "gpu.example.com/model" }]);
    pair.set_at(&["spec", "devices", "constraints"], constraint);
    given.check(std::slice::from_ref(&pair), expect!["c: r=b r=c"]);
    pair.set_at(&["spec", "devices", "constraints"], tree!([{ "matchAttribute": "gpu.example.com/serial" }]));
    given.check(&[pair], expect!["nothing"]);
}

#[test]
fn an_administrator_looks_at_devices_that_others_have() {
    let look = exactly("r", tree!({ "allocationMode": "All", "adminAccess": true }));
    let given = Given::of(&[three()]).taken(&["a", "b", "c"]);
    given.check(&[claim("c", vec![look])], expect!["c: r=a r=b r=c"]);
}

#[test]
fn a_device_with_a_taint_goes_to_who_tolerates_it() {
    let mut slice = slice("n", &[("a", tree!({}))]);
    let mut device = slice.items_at(&["spec", "devices"])[0].clone();
    device.insert("taints", tree!([{ "key": "hot", "effect": "NoSchedule" }]));
    slice.set_at(&["spec", "devices"], Tree::Array(vec![device]));
    let given = Given::of(&[slice]);
    given.check(&[claim("c", vec![exactly("r", tree!({}))])], expect!["nothing"]);
    let stands = tree!({ "tolerations": [{ "key": "hot", "operator": "Exists" }] });
    given.check(&[claim("c", vec![exactly("r", stands)])], expect!["c: r=a"]);
}

#[test]
fn expressions_see_versions_quantities_and_what_is_not_there() {
    let attributes =
        tree!({ "version": { "version": "1.10.0" }, "cores": { "int": 4 }, "on": { "bool": true } });
    let given = Given::of(&[slice("n", &[("a", attributes)])]);
    let check = |expression: &str, expected: Expect| {
        let request = exactly("r", tree!({ "selectors": (select(expression)) }));
        given.check(&[claim("c", vec![request])], expected);
    };
    check("device.attributes['gpu.example.com'].version.isGreaterThan(semver('1.9.0'))", expect!["c: r=a"]);
    check("device.capacity['gpu.example.com'].memory.compareTo(quantity('4Gi')) > 0", expect!["c: r=a"]);
    check(
        "device.attributes['gpu.example.com'].cores > 4 || device.attributes['gpu.example.com'].on",
        expect!["c: r=a"],
    );
    check("has(device.attributes['other.example.com'].model)", expect!["nothing"]);
    check(
        "device.attributes['other.example.com'].model == 'x'",
        expect!["claim default/c: selector #0: CEL runtime error: no such key: model"],
    );
}

#[test]
fn what_a_claim_asks_of_a_class_that_is_not_there_no_node_has() {
    let request = tree!({ "name": "r", "exactly": { "deviceClassName": "tpu" } });
    Given::of(&[]).check(&[claim("c", vec![request])], expect!["request r: device class tpu does not exist"]);
}

#[test]
fn only_the_last_generation_of_a_pool_counts() {
    let mut next = slice("n", &[("z", tree!({}))]);
    next.set_at(&["metadata", "name"], "next");
    next.set_at(&["spec", "pool", "generation"], 2);
    let one = claim("c", vec![exactly("r", tree!({}))]);
    Given::of(&[three(), next]).check(&[one], expect!["c: r=z"]);
}

#[test]
fn an_allocation_says_where_it_can_be_used_and_what_its_driver_is_told() {
    let mut one = claim("c", vec![exactly("r", tree!({}))]);
    let config =
        tree!([{ "requests": ["r"], "opaque": { "driver": DRIVER, "parameters": { "of": "claim" } } }]);
    one.set_at(&["spec", "devices", "config"], config);
    let show = |given: &Given, expected: Expect| {
        let allocated = given.allocated(std::slice::from_ref(&one)).unwrap().unwrap();
        expected.assert_eq(&allocated[0].allocation.to_json_string());
    };
    show(
        &Given::of(&[three()]),
        expect![[
            r#"{"devices":{"results":[{"request":"r","driver":"gpu.example.com","pool":"n","device":"a"}],"config":[{"opaque":{"driver":"gpu.example.com","parameters":{"of":"class"}},"source":"FromClass","requests":["r"]},{"requests":["r"],"opaque":{"driver":"gpu.example.com","parameters":{"of":"claim"}},"source":"FromClaim"}]},"nodeSelector":{"nodeSelectorTerms":[{"matchFields":[{"key":"metadata.name","operator":"In","values":["n"]}]}]}}"#
        ]],
    );
    let mut shared = three();
    shared.set_at(&["spec", "nodeName"], Tree::Null);
    let rack = tree!({ "key": "rack", "operator": "In", "values": ["1"] });
    shared
        .set_at(&["spec", "nodeSelector"], tree!({ "nodeSelectorTerms": [{ "matchExpressions": [rack] }] }));
    let allocated = Given::of(&[shared]).allocated(std::slice::from_ref(&one)).unwrap().unwrap();
    let selector = allocated[0].allocation.get("nodeSelector").unwrap().to_json_string();
    expect![[
        r#"{"nodeSelectorTerms":[{"matchExpressions":[{"key":"rack","operator":"In","values":["1"]}]}]}"#
    ]]
    .assert_eq(&selector);
}

#[test]
fn a_search_without_end_is_given_up() {
    let names: Vec<String> = (0..40).map(|number| format!("d{number:02}")).collect();
    let devices: Vec<_> = names.iter().map(|name| (name.as_str(), model(name))).collect();
    let given = Given::of(&[slice("n", &devices)]);
    let many = exactly("many", tree!({ "count": 20 }));
    let mut asking = claim("c", vec![many, exactly("alike", tree!({ "count": 2 }))]);
    let alike = tree!([{ "requests": ["alike"], "matchAttribute": "gpu.example.com/model" }]);
    asking.set_at(&["spec", "devices", "constraints"], alike);
    given.check(&[asking], expect!["timed out trying to allocate devices"]);
}

/// Parts of a device of 8Gi, each with what it draws of it.
fn parts(parts: &[(&str, &str)]) -> [Tree; 2] {
    let mut devices = slice("n", &parts.iter().map(|(name, _)| (*name, tree!({}))).collect::<Vec<_>>());
    devices.set_at(&["spec", "pool", "resourceSliceCount"], 2);
    let drawing = devices.items_at(&["spec", "devices"]).iter().zip(parts).map(|(device, (_, amount))| {
        let mut device = device.clone();
        let draws = tree!([{ "counterSet": "whole", "counters": { "memory": { "value": (*amount) } } }]);
        device.insert("consumesCounters", draws);
        device
    });
    let drawing: Vec<Tree> = drawing.collect();
    devices.set_at(&["spec", "devices"], drawing);
    let mut counters = slice("n", &[]);
    counters.set_at(&["metadata", "name"], "counters");
    counters.set_at(&["spec", "pool", "resourceSliceCount"], 2);
    let sets = tree!([{ "name": "whole", "counters": { "memory": { "value": "8Gi" } } }]);
    counters.set_at(&["spec", "sharedCounters"], sets);
    [devices, counters]
}

#[test]
fn parts_of_a_device_are_given_as_long_as_there_is_enough_of_it() {
    let given = Given::of(&parts(&[("half", "4Gi"), ("most", "6Gi"), ("other", "4Gi")]));
    let one = || claim("c", vec![exactly("r", tree!({}))]);
    given.check(&[one()], expect!["c: r=half"]);
    given.check(&[claim("c", vec![exactly("r", tree!({ "count": 2 }))])], expect!["c: r=half r=other"]);
    given.check(&[claim("c", vec![exactly("r", tree!({ "count": 3 }))])], expect!["nothing"]);
    Given::of(&parts(&[("half", "4Gi"), ("most", "6Gi")]))
        .taken(&["half"])
        .check(&[one()], expect!["nothing"]);
    Given::of(&parts(&[("most", "6Gi"), ("rest", "2Gi")]))
        .taken(&["most"])
        .check(&[one()], expect!["c: r=rest"]);
    let [devices, _] = parts(&[("half", "4Gi")]);
    Given::of(&[devices]).check(&[one()], expect!["nothing"]);
}

/// A device of 8Gi that several may have shares of.
fn shared(names: &[&str]) -> Tree {
    let mut slice = slice("n", &names.iter().map(|name| (*name, model(name))).collect::<Vec<_>>());
    let shared = slice.items_at(&["spec", "devices"]).iter().map(|device| {
        let mut device = device.clone();
        device.insert("allowMultipleAllocations", true);
        device
    });
    let shared: Vec<Tree> = shared.collect();
    slice.set_at(&["spec", "devices"], shared);
    slice
}

fn of_memory(amount: &str) -> Tree {
    tree!({ "capacity": { "requests": { "memory": amount } } })
}

#[test]
fn a_device_is_shared_until_its_capacity_is_used_up() {
    let given = Given::of(&[shared(&["a"])]);
    let ask = |name: &str, amount: &str| claim(name, vec![exactly("r", of_memory(amount))]);
    given.check(
        &[ask("c", "5Gi"), ask("d", "3Gi")],
        expect![[r#"
        c: r=a
        d: r=a"#]],
    );
    given.check(&[ask("c", "5Gi"), ask("d", "4Gi")], expect!["nothing"]);
    given.check(&[ask("c", "9Gi")], expect!["nothing"]);
    let first = given.allocated(&[ask("c", "5Gi")]).unwrap().unwrap();
    let result = &first[0].allocation.items_at(&["devices", "results"])[0];
    assert_eq!(result.str_at(&["consumedCapacity", "memory"]), Some("5Gi"));
    assert_eq!(result.str_at(&["shareID"]).map(str::len), Some(36));
    let mut later = Given::of(&[shared(&["a"])]);
    later.taken.push(Taken::of(&first[0].allocation));
    later.check(&[ask("d", "3Gi")], expect!["d: r=a"]);
    later.check(&[ask("d", "4Gi")], expect!["nothing"]);
}

#[test]
fn a_device_that_is_not_shared_has_as_much_as_is_asked_for() {
    let given = Given::of(&[three()]);
    given.check(&[claim("c", vec![exactly("r", of_memory("8Gi"))])], expect!["c: r=a"]);
    given.check(&[claim("c", vec![exactly("r", of_memory("9Gi"))])], expect!["nothing"]);
}

#[test]
fn shares_that_are_to_be_of_different_devices_are() {
    let given = Given::of(&[shared(&["a", "b"])]);
    let mut two = of_memory("1Gi");
    two.insert("count", 2);
    let mut asking = claim("c", vec![exactly("r", two)]);
    given.check(std::slice::from_ref(&asking), expect!["c: r=a r=a"]);
    let different = tree!([{ "distinctAttribute": "gpu.example.com/model" }]);
    asking.set_at(&["spec", "devices", "constraints"], different);
    given.check(&[asking], expect!["c: r=a r=b"]);
}
