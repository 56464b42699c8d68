//! Device classes, claims, templates of claims, and slices.

use expect_test::expect;
use jiff::Timestamp;

use super::{accepted, change_refused, of, prepared, refused, resource, status_refused, why_refused};
use crate::Tree;

fn claim(devices: &str) -> String {
    format!(r#"{{"spec":{{"devices":{{{devices}}}}}}}"#)
}

const ONE: &str = r#""requests":[{"name":"r","exactly":{"deviceClassName":"c"}}]"#;

#[test]
fn a_claim_is_for_one_device_if_it_does_not_say_more() {
    accepted(
        "ResourceClaim",
        &claim(ONE),
        expect![[r#"
            {"spec":{"devices":{"requests":[{"name":"r","exactly":{"deviceClassName":"c","allocationMode":"ExactCount","count":1}}]}},"metadata":{"name":"x","namespace":"d"},"status":{}}
        "#]],
    );
    accepted(
        "ResourceClaimTemplate",
        &format!(
            r#"{{"spec":{}}}"#,
            claim(
                r#""requests":[{"name":"r","firstAvailable":[{"name":"a","deviceClassName":"c","allocationMode":"All"},{"name":"b","deviceClassName":"c"}]}]"#
            )
        ),
        expect![[r#"
            {"spec":{"spec":{"devices":{"requests":[{"name":"r","firstAvailable":[{"name":"a","deviceClassName":"c","allocationMode":"All"},{"name":"b","deviceClassName":"c","allocationMode":"ExactCount","count":1}]}]}}},"metadata":{"name":"x","namespace":"d"}}
        "#]],
    );
}

#[test]
fn the_requests_of_a_claim_are_named_and_whole() {
    refused(
        "ResourceClaim",
        &claim(
            r#""requests":[{"name":"A"},{"name":"r","exactly":{"allocationMode":"All","count":1,"selectors":[{},{"cel":{}}],
                "tolerations":[{"key":"a b","operator":"Exists","value":"v"},{"operator":"x","effect":"y"}]},"firstAvailable":[]},
              {"name":"r","exactly":{"deviceClassName":"C","allocationMode":"x"}},{"name":"s","exactly":{"deviceClassName":"c","count":-1},"firstAvailable":[{"name":"t"}]}],
             "constraints":[{"requests":["r","r","q","r/x","a/b/c"]},{"matchAttribute":"a"},{"matchAttribute":"D/b-c"}],
             "config":[{},{"opaque":{"driver":"d","parameters":[]}}]"#,
        ),
        expect![[r#"
            spec.devices.requests[0].name: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required
            spec.devices.requests[1].exactly.deviceClassName: Required value
            spec.devices.requests[1].exactly.selectors[0].cel: Required value
            spec.devices.requests[1].exactly.selectors[1].cel.expression: Required value
            spec.devices.requests[1].exactly.count: Invalid value: 1: must not be specified when allocationMode is 'All'
            spec.devices.requests[1].exactly.tolerations[0].key: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            spec.devices.requests[1].exactly.tolerations[0].value: Invalid value: "v": must be empty for operator `Exists`
            spec.devices.requests[1].exactly.tolerations[1].operator: Unsupported value: "x": supported values: "Equal", "Exists"
            spec.devices.requests[1].exactly.tolerations[1].effect: Unsupported value: "y": supported values: "NoExecute", "NoSchedule", "None"
            spec.devices.requests[2].exactly.deviceClassName: Invalid value: "C": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.devices.requests[2].exactly.allocationMode: Unsupported value: "x": supported values: "All", "ExactCount"
            spec.devices.requests[3]: Invalid value: null: exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set
            spec.devices.requests[2]: Duplicate value: "r"
            spec.devices.constraints[0].requests[2]: Invalid value: "q": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'
            spec.devices.constraints[0].requests[3]: Invalid value: "r/x": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'
            spec.devices.constraints[0].requests[4]: Invalid value: "a/b/c": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'
            spec.devices.constraints[0].requests[1]: Duplicate value: "r"
            spec.devices.constraints[0]: Required value: exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set
            spec.devices.constraints[1].matchAttribute: Invalid value: "a": a fully qualified name must be a domain and a name separated by a slash
            spec.devices.constraints[2].matchAttribute: Invalid value: "b-c": a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')
            spec.devices.config[0].opaque: Required value
            spec.devices.config[1].opaque.parameters: Invalid value: "<value omitted>": must be a valid JSON object
        "#]],
    );
    let many = (0..33)
        .map(|n| format!(r#"{{"name":"r{n}","exactly":{{"deviceClassName":"c"}}}}"#))
        .collect::<Vec<_>>();
    refused(
        "ResourceClaim",
        &claim(&format!(r#""requests":[{}]"#, many.join(","))),
        expect![[r#"
        spec.devices.requests: Too many: 33: must have at most 32 items
    "#]],
    );
    change_refused(
        "ResourceClaim",
        &claim(ONE),
        &claim(&ONE.replace(r#""c""#, r#""d""#)),
        expect![[r#"
        spec: Invalid value: {"devices":{"requests":[{"name":"r","exactly":{"deviceClassName":"d","allocationMode":"ExactCount","count":1}}]}}: field is immutable
    "#]],
    );
}

#[test]
fn the_status_of_a_claim_names_devices_that_it_has() {
    status_refused(
        "ResourceClaim",
        &claim(ONE),
        &claim(ONE).replacen('{', r#"{"status":{"reservedFor":[{},{"resource":"pods","name":"p","uid":"u"},{"resource":"pods","name":"q","uid":"u"}],
            "devices":[{"driver":"d","pool":"p","device":"e","shareID":"x"}]},"#, 1),
        expect![[r#"
            status.reservedFor[0].resource: Required value
            status.reservedFor[0].name: Required value
            status.reservedFor[0].uid: Required value
            status.reservedFor[2]: Duplicate value: "u"
            status.devices[0].shareID: Invalid value: "x": uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters
            status.devices[0]: Invalid value: "d/p/e/x": must be an allocated device in the claim
            status.reservedFor: Forbidden: may not be specified when `allocated` is not set
        "#]],
    );
    status_refused(
        "ResourceClaim",
        &claim(ONE),
        &claim(ONE).replacen('{', r#"{"status":{"allocation":{"devices":{"results":[{"request":"x","driver":"","pool":"P","device":"D","bindingConditions":["a"]}],
            "config":[{"source":"x","opaque":{"driver":"d","parameters":{}}}]},"nodeSelector":{}}},"#, 1),
        expect![[r#"
            status.allocation.devices.results[0].request: Invalid value: "x": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'
            status.allocation.devices.results[0].driver: Required value
            status.allocation.devices.results[0].pool: Invalid value: "P": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            status.allocation.devices.results[0].device: Invalid value: "D": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            status.allocation.devices.results[0].bindingFailureConditions: Invalid value: null: bindingFailureConditions are required to use bindingConditions
            status.allocation.devices.config[0].source: Unsupported value: "x": supported values: "FromClaim", "FromClass"
            status.allocation.nodeSelector.nodeSelectorTerms: Required value: must have at least one node selector term
        "#]],
    );
    let held = |device: &str| {
        claim(ONE).replacen('{', &format!(r#"{{"status":{{"allocation":{{"devices":{{"results":[{{"request":"r","driver":"d","pool":"p","device":"{device}"}}]}}}}}},"#), 1)
    };
    status_refused("ResourceClaim", &held("a"), &held("a"), expect![[""]]);
    status_refused(
        "ResourceClaim",
        &held("a"),
        &held("b"),
        expect![[r#"
        status.allocation: Invalid value: {"devices":{"results":[{"request":"r","driver":"d","pool":"p","device":"b"}]}}: field is immutable
    "#]],
    );
}

#[test]
fn a_class_selects_devices_and_may_stand_for_a_resource() {
    accepted(
        "DeviceClass",
        r#"{"spec":{"selectors":[{"cel":{"expression":"device.driver == 'd'"}}],"extendedResourceName":"example.com/gpu"}}"#,
        expect![[r#"
            {"spec":{"selectors":[{"cel":{"expression":"device.driver == 'd'"}}],"extendedResourceName":"example.com/gpu"},"metadata":{"name":"x","generation":1}}
        "#]],
    );
    refused(
        "DeviceClass",
        r#"{"spec":{"extendedResourceName":"cpu","config":[{"opaque":{"driver":""}}]}}"#,
        expect![[r#"
        spec.config[0].opaque.driver: Required value
        spec.config[0].opaque.parameters: Required value
        spec.extendedResourceName: Invalid value: "cpu": must be a valid extended resource name
    "#]],
    );
}

fn slice(rest: &str) -> String {
    format!(r#"{{"spec":{{"driver":"d","pool":{{"name":"p","resourceSliceCount":1}}{rest}}}}}"#)
}

#[test]
fn a_slice_says_where_its_devices_are() {
    refused(
        "ResourceSlice",
        r#"{"spec":{"pool":{"generation":-1}}}"#,
        expect![[r#"
        spec.driver: Required value
        spec.pool.name: Required value
        spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero
        spec.pool.generation: Invalid value: -1: must be greater than or equal to zero
        spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required
    "#]],
    );
    refused(
        "ResourceSlice",
        &slice(r#","nodeName":"n","allNodes":true,"perDeviceNodeSelection":false"#),
        expect![[r#"
        spec.perDeviceNodeSelection: Invalid value: false: must be either unset or set to true
        spec: Invalid value: "{`nodeName`, `allNodes`}": exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required, but multiple fields are set
    "#]],
    );
    refused(
        "ResourceSlice",
        &slice(
            r#","nodeName":"n","devices":[{"name":"a","nodeName":"n"},{"name":"a"}],"sharedCounters":[{"name":"c"}]"#,
        ),
        expect![[r#"
            spec: Invalid value: "": only one of `sharedCounters` or `devices` is allowed
            spec.devices[0]: Invalid value: null: `nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec
            spec.devices[1]: Duplicate value: "a"
            spec.sharedCounters[0].counters: Required value
        "#]],
    );
    refused(
        "ResourceSlice",
        &slice(
            r#","perDeviceNodeSelection":true,"devices":[{"name":"a"},{"name":"b","nodeName":"","allNodes":true},{"name":"c","nodeName":"n","allNodes":true}]"#,
        ),
        expect![[r#"
            spec.devices[0]: Required value: exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec
            spec.devices[1].nodeName: Invalid value: "": must not be empty
            spec.devices[2]: Invalid value: "{`nodeName`, `allNodes`}": exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec
        "#]],
    );
    change_refused(
        "ResourceSlice",
        &slice(r#","nodeName":"n""#),
        &slice(r#","nodeName":"m""#).replace(r#""d""#, r#""e""#),
        expect![[r#"
        spec.driver: Invalid value: "e": field is immutable
        spec.nodeName: Invalid value: "m": field is immutable
    "#]],
    );
}

#[test]
fn a_device_has_attributes_capacities_and_taints() {
    refused(
        "ResourceSlice",
        &slice(
            r#","nodeName":"n","devices":[{"name":"a","attributes":{"v":{"version":"1.2"},"b-c":{"bool":true,"int":1},"/x":{},"D_/y":{"int":1}},
              "capacity":{"c":{"value":"1","requestPolicy":{}}},"taints":[{"key":"","effect":"x"}],
              "bindingConditions":["a","a"],"bindingFailureConditions":["a"]}]"#,
        ),
        expect![[r#"
            spec.devices[0].attributes[v].version: Invalid value: "1.2": must be a string compatible with semver.org spec 2.0.0
            spec.devices[0].attributes: Invalid value: "b-c": a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')
            spec.devices[0].attributes[b-c]: Invalid value: {"bool":true,"int":1}: exactly one value must be specified
            spec.devices[0].attributes: Invalid value: "": the domain must not be empty
            spec.devices[0].attributes[/x]: Invalid value: "": exactly one value must be specified
            spec.devices[0].attributes: Invalid value: "D_": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.devices[0].capacity[c].requestPolicy: Forbidden: allowMultipleAllocations must be true
            spec.devices[0].taints[0].key: Invalid value: "": name part must be non-empty
            spec.devices[0].taints[0].key: Invalid value: "": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            spec.devices[0].taints[0].effect: Unsupported value: "x": supported values: "NoExecute", "NoSchedule", "None"
            spec.devices[0].bindingConditions[1]: Duplicate value: "a"
            spec.devices[0].bindingFailureConditions[0]: Invalid value: "a": bindingFailureConditions must not overlap with bindingConditions
        "#]],
    );
    let policy = |policy: &&str| {
        why_refused(
            "ResourceSlice",
            &slice(&format!(
                r#","nodeName":"n","devices":[{{"name":"a","allowMultipleAllocations":true,"capacity":{{"c":{{"value":"10","requestPolicy":{policy}}}}}}}]"#
            )),
        )
    };
    let policies = [
        r#"{"validValues":["1"],"validRange":{"min":"1"}}"#,
        r#"{"validValues":["1"]}"#,
        r#"{"default":"3","validValues":["2","1","20","1"]}"#,
        r#"{"default":"1","validRange":{"min":"2","max":"1","step":"20"}}"#,
        r#"{"default":"2","validRange":{"min":"2","max":"8","step":"3"}}"#,
    ];
    expect![[r#"
        spec.devices[0].capacity[c].requestPolicy: Forbidden: exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time
        spec.devices[0].capacity[c].requestPolicy.default: Required value: required when validValues is defined
        spec.devices[0].capacity[c].requestPolicy.validValues[1]: Invalid value: "1": values must be sorted in ascending order
        spec.devices[0].capacity[c].requestPolicy.validValues[3]: Invalid value: "1": values must be sorted in ascending order
        spec.devices[0].capacity[c].requestPolicy.validValues[2]: Invalid value: "20": option is larger than capacity value: 10
        spec.devices[0].capacity[c].requestPolicy.validValues[3]: Duplicate value: "1"
        spec.devices[0].capacity[c].requestPolicy.validValues: Invalid value: "3": default value is not valid according to the requestPolicy
        spec.devices[0].capacity[c].requestPolicy.validRange.min: Invalid value: "1": default is less than min: 2
        spec.devices[0].capacity[c].requestPolicy.validRange.max: Invalid value: "2": min is larger than max: 1
        spec.devices[0].capacity[c].requestPolicy.validRange.step: Invalid value: "20": one step 22 is larger than capacity value: 10
        spec.devices[0].capacity[c].requestPolicy.validRange.step: Invalid value: "1": value is not a multiple of a given step (20) from (2)
        spec.devices[0].capacity[c].requestPolicy.validRange.step: Invalid value: "1": value is not a multiple of a given step (20) from (2)
    "#]].assert_eq(&policies.iter().map(policy).collect::<String>());
    for (version, right) in
        [("1.2.3", true), ("1.2.3-rc.1+b", true), ("1.02.3", false), ("1.2.3-01", false), ("1.2.3+", false)]
    {
        let why = why_refused(
            "ResourceSlice",
            &slice(&format!(
                r#","nodeName":"n","devices":[{{"name":"a","attributes":{{"v":{{"version":"{version}"}}}}}}]"#
            )),
        );
        assert_eq!(why.is_empty(), right, "{version} {why}");
    }
}

#[test]
fn a_taint_is_dated_and_gated_fields_are_not_kept() {
    let mut tree = prepared(
        "ResourceSlice",
        &slice(
            r#","nodeName":"n","devices":[{"name":"a","taints":[{"key":"k","effect":"NoSchedule"}],"nodeAllocatableResourceMappings":{"cpu":{}},"attributes":{"x":{"ints":[1]}}}]"#,
        ),
    );
    of(resource("ResourceSlice")).stamp(&mut tree, None, Timestamp::UNIX_EPOCH);
    expect![[r#"[{"name":"a","taints":[{"key":"k","effect":"NoSchedule","timeAdded":"1970-01-01T00:00:00Z"}],"attributes":{"x":{}}}]"#]].assert_eq(&tree.at(&["spec", "devices"]).map(Tree::to_json_string).unwrap());
}
