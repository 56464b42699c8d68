//! Definitions that are refused, in upstream's words.

use expect_test::{Expect, expect};
use objects::validate::FieldError;
use objects::{Tree, tree};

use super::{
    default_definition, definition_warnings, prepare_definition_update, validate_definition,
    validate_definition_status, validate_definition_update,
};

/// CronTab, with defaults filled in.
pub(crate) fn cron_tab() -> Tree {
    let mut crd = Tree::from_json(
        br#"{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
            "metadata":{"name":"crontabs.stable.example.com","resourceVersion":"1"},
            "spec":{"group":"stable.example.com","scope":"Namespaced",
                "names":{"plural":"crontabs","singular":"crontab","kind":"CronTab","shortNames":["ct"],"categories":["all"]},
                "versions":[{"name":"v1","served":true,"storage":true,
                    "schema":{"openAPIV3Schema":{"type":"object","properties":{
                        "spec":{"type":"object","properties":{
                            "cronSpec":{"type":"string"},"image":{"type":"string","default":"busybox"},"replicas":{"type":"integer"}}},
                        "status":{"type":"object","properties":{"replicas":{"type":"integer"},"labelSelector":{"type":"string"}}}}}},
                    "subresources":{"status":{},"scale":{"specReplicasPath":".spec.replicas","statusReplicasPath":".status.replicas","labelSelectorPath":".status.labelSelector"}},
                    "selectableFields":[{"jsonPath":".spec.image"}],
                    "additionalPrinterColumns":[{"name":"Spec","type":"string","jsonPath":".spec.cronSpec"},
                        {"name":"Replicas","type":"integer","jsonPath":".spec.replicas","priority":1}]}]}}"#,
    )
    .unwrap();
    default_definition(&mut crd);
    crd
}

fn told(errors: &[FieldError]) -> String {
    errors.iter().map(|error| format!("{error}\n")).collect()
}

fn check(change: impl FnOnce(&mut Tree), expected: Expect) {
    let mut crd = cron_tab();
    change(&mut crd);
    expected.assert_eq(&told(&validate_definition(&crd)));
}

fn version<'a>(crd: &'a mut Tree, index: &str) -> &'a mut Tree {
    crd.at_mut(&["spec", "versions", index]).unwrap()
}

/// A second version that differs from the first.
fn add_version(crd: &mut Tree) {
    let mut second = version(crd, "0").clone();
    second.set_at(&["name"], "v2");
    second.set_at(&["storage"], false);
    second.set_at(&["schema", "openAPIV3Schema", "description"], "the second");
    crd.at_mut(&["spec", "versions"]).unwrap().as_array_mut().unwrap().push(second);
}

#[test]
fn the_documented_definition_is_accepted_and_filled_in() {
    check(|_| {}, expect![""]);
    let crd = cron_tab();
    assert_eq!(crd.str_at(&["spec", "names", "listKind"]), Some("CronTabList"));
    assert_eq!(crd.str_at(&["spec", "conversion", "strategy"]), Some("None"));
    assert_eq!(crd.items_at(&["status", "storedVersions"]), [Tree::from("v1")]);
}

#[test]
fn names_group_and_scope_are_checked() {
    check(
        |crd| {
            crd.set_at(&["metadata", "name"], "other.stable.example.com");
            crd.set_at(&["spec", "group"], "example");
            crd.set_at(&["spec", "scope"], "Global");
            crd.set_at(&["spec", "names", "plural"], "Cron_Tabs");
            crd.set_at(&["spec", "names", "kind"], "CronTabList");
            crd.set_at(&["spec", "names", "shortNames"], vec!["c_t"]);
            crd.remove_at(&["spec", "names", "singular"]);
        },
        expect![[r#"
            metadata.name: Invalid value: "other.stable.example.com": must be spec.names.plural+"."+spec.group
            spec.group: Invalid value: "example": should be a domain with at least one dot
            spec.scope: Unsupported value: "Global": supported values: "Cluster", "Namespaced"
            spec.names.singular: Required value
            spec.names.plural: Invalid value: "Cron_Tabs": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')
            spec.names.shortNames[0]: Invalid value: "c_t": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')
            spec.names.listKind: Invalid value: "CronTabList": kind and listKind may not be the same
        "#]],
    );
}

#[test]
fn one_version_is_stored_and_each_has_a_schema_and_a_name() {
    let mut crd = cron_tab();
    add_version(&mut crd);
    version(&mut crd, "1").set_at(&["storage"], true);
    version(&mut crd, "1").set_at(&["name"], "v1");
    version(&mut crd, "1").remove("schema");
    version(&mut crd, "1").remove("selectableFields");
    let versions = crd.at(&["spec", "versions"]).unwrap().to_json_string();
    expect![[r#"
        spec.versions[1].schema.openAPIV3Schema: Required value
        spec.versions: Invalid value: VERSIONS: must contain unique version names
        spec.versions: Invalid value: VERSIONS: must have exactly one version marked as storage version
    "#]]
    .assert_eq(&told(&validate_definition(&crd)).replace(&versions, "VERSIONS"));
}

#[test]
fn what_versions_share_is_told_once_and_beside_them() {
    let wrong = |crd: &mut Tree, index: &str| {
        let schema =
            version(crd, index).at_mut(&["schema", "openAPIV3Schema", "properties", "spec", "properties"]);
        schema.unwrap().insert("bad", Tree::object());
    };
    check(
        |crd| wrong(crd, "0"),
        expect![[r#"
            spec.validation.openAPIV3Schema.properties[spec].properties[bad].type: Required value: must not be empty for specified object fields
        "#]],
    );
    check(
        |crd| {
            add_version(crd);
            wrong(crd, "1");
        },
        expect![[r#"
            spec.versions[1].schema.openAPIV3Schema.properties[spec].properties[bad].type: Required value: must not be empty for specified object fields
        "#]],
    );
}

#[test]
fn subresources_columns_and_selectable_fields_are_checked() {
    check(
        |crd| {
            let version = version(crd, "0");
            version.set_at(&["subresources", "scale"], tree!({ "specReplicasPath": "spec.replicas", "statusReplicasPath": ".spec.x", "labelSelectorPath": ".x" }));
            version.set_at(
                &["additionalPrinterColumns"],
                vec![
                    tree!({ "type": "text", "jsonPath": "spec", "format": "x" }),
                    tree!({ "name": "a", "jsonPath": "" }),
                ],
            );
            version.set_at(
                &["selectableFields"],
                vec![
                    tree!({ "jsonPath": ".spec.image" }),
                    tree!({ "jsonPath": ".spec.image" }),
                    tree!({ "jsonPath": ".spec" }),
                    tree!({ "jsonPath": ".spec.nope" }),
                    tree!({ "jsonPath": "" }),
                ],
            );
            version.set_at(&["deprecationWarning"], "old");
        },
        expect![[r#"
            spec.versions[0].deprecationWarning: Invalid value: "old": can only be set for deprecated versions
            spec.subresources.scale.specReplicasPath: Invalid value: "spec.replicas": must be a simple json path starting with .
            spec.subresources.scale.statusReplicasPath: Invalid value: ".spec.x": should be a json path under .status
            spec.subresources.scale.labelSelectorPath: Invalid value: ".x": should be a json path under either .spec or .status
            spec.additionalPrinterColumns[0].name: Required value
            spec.additionalPrinterColumns[0].type: Invalid value: "text": must be one of boolean,date,integer,number,string
            spec.additionalPrinterColumns[0].format: Invalid value: "x": must be one of byte,date,date-time,double,float,int32,int64,password
            spec.additionalPrinterColumns[0].JSONPath: Invalid value: "spec": must be a simple json path starting with .
            spec.additionalPrinterColumns[1].type: Required value: must be one of boolean,date,integer,number,string
            spec.additionalPrinterColumns[1].JSONPath: Required value
            spec.selectableFields[1].jsonPath: Duplicate value: ".spec.image"
            spec.selectableFields[2].jsonPath: Invalid value: ".spec": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.
            spec.selectableFields[3].jsonPath: Invalid value: ".spec.nope": is an invalid path: does not refer to a valid field
            spec.selectableFields[4].jsonPath: Required value
        "#]],
    );
}

#[test]
fn a_webhook_is_said_whole_or_not_at_all() {
    let with = |conversion: Tree| move |crd: &mut Tree| crd.set_at(&["spec", "conversion"], conversion);
    check(
        with(tree!({ "strategy": "Webhook" })),
        expect![[r#"
            spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook
            spec.conversion.conversionReviewVersions: Required value
        "#]],
    );
    check(
        with(
            tree!({ "strategy": "Webhook", "webhook": { "conversionReviewVersions": ["v9", "v9"], "clientConfig": { "url": "http://u@/a?b#c" } } }),
        ),
        expect![[r#"
            spec.conversion.webhookClientConfig.url: Invalid value: "http": 'https' is the only allowed URL scheme; desired format: https://host[/path]
            spec.conversion.webhookClientConfig.url: Invalid value: "": host must be specified; desired format: https://host[/path]
            spec.conversion.webhookClientConfig.url: Invalid value: "u": user information is not permitted in the URL
            spec.conversion.webhookClientConfig.url: Invalid value: "c": fragments are not permitted in the URL
            spec.conversion.webhookClientConfig.url: Invalid value: "b": query parameters are not permitted in the URL
            spec.conversion.conversionReviewVersions[1]: Invalid value: "v9": duplicate version
            spec.conversion.conversionReviewVersions: Invalid value: ["v9","v9"]: must include at least one of v1, v1beta1
        "#]],
    );
    check(
        with(
            tree!({ "strategy": "None", "webhook": { "conversionReviewVersions": ["v1"], "clientConfig": { "service": {} } } }),
        ),
        expect![[r#"
            spec.conversion.webhookClientConfig: Forbidden: should not be set when strategy is not set to Webhook
            spec.conversion.conversionReviewVersions: Forbidden: should not be set when strategy is not set to Webhook
        "#]],
    );
    check(
        with(
            tree!({ "strategy": "Webhook", "webhook": { "conversionReviewVersions": ["v1"], "clientConfig": { "service": { "name": "a", "path": "a//b_", "port": 0 } } } }),
        ),
        expect![[r#"
            spec.conversion.webhookClientConfig.service.namespace: Required value
            spec.conversion.webhookClientConfig.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive
            spec.conversion.webhookClientConfig.service.path: Invalid value: "a//b_": must start with a '/'
            spec.conversion.webhookClientConfig.service.path: Invalid value: "a//b_": segment[0] may not be empty
            spec.conversion.webhookClientConfig.service.path: Invalid value: "a//b_": segment[1] may not be empty
            spec.conversion.webhookClientConfig.service.path: Invalid value: "a//b_": segment[2]: a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
        "#]],
    );
}

#[test]
fn a_schema_beside_a_status_says_little_at_its_root() {
    check(
        |crd| version(crd, "0").set_at(&["schema", "openAPIV3Schema", "x-kubernetes-map-type"], "atomic"),
        expect![[r#"
            spec.validation.openAPIV3Schema: Invalid value: {"type":"object","properties":{"spec":{"type":"object","properties":{"cronSpec":{"type":"string"},"image":{"type":"string","default":"busybox"},"replicas":{"type":"integer"}}},"status":{"type":"object","properties":{"replicas":{"type":"integer"},"labelSelector":{"type":"string"}}}},"x-kubernetes-map-type":"atomic"}: only [Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations] fields are allowed at the root of the schema if the status subresource is enabled
        "#]],
    );
}

#[test]
fn community_groups_need_an_approval() {
    let in_group = |annotation: Option<&'static str>| {
        move |crd: &mut Tree| {
            crd.set_at(&["metadata", "name"], "crontabs.batch.k8s.io");
            crd.set_at(&["spec", "group"], "batch.k8s.io");
            if let Some(annotation) = annotation {
                crd.set_at(&["metadata", "annotations", super::API_APPROVED], annotation);
            }
        }
    };
    check(
        in_group(None),
        expect![[r#"
            metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111
        "#]],
    );
    check(in_group(Some("https://github.com/kubernetes/kubernetes/pull/1")), expect![""]);
    check(in_group(Some("unapproved, experimental")), expect![""]);
    check(
        in_group(Some("yes")),
        expect![[r#"
            metadata.annotations[api-approved.kubernetes.io]: Invalid value: "yes": protected groups must have approval annotation "api-approved.kubernetes.io" with either a URL or a reason starting with "unapproved", see https://github.com/kubernetes/enhancements/pull/1111
        "#]],
    );
}

#[test]
fn what_objects_are_stored_by_does_not_change() {
    let mut old = cron_tab();
    let mut new = old.clone();
    new.set_at(&["spec", "scope"], "Cluster");
    new.set_at(&["spec", "names", "kind"], "Other");
    new.set_at(&["spec", "group"], "other.example.com");
    expect![[r#"
        spec.group: Invalid value: "other.example.com": field is immutable
    "#]]
    .assert_eq(&told(&validate_definition_update(&new, &old)));
    old.set_at(&["status", "conditions"], vec![tree!({ "type": "Established", "status": "True" })]);
    expect![[r#"
        spec.scope: Invalid value: "Cluster": field is immutable
        spec.names.kind: Invalid value: "Other": field is immutable
        spec.group: Invalid value: "other.example.com": field is immutable
    "#]]
    .assert_eq(&told(&validate_definition_update(&new, &old)));
}

#[test]
fn versions_stay_until_nothing_is_stored_in_them() {
    let old = cron_tab();
    let mut new = old.clone();
    add_version(&mut new);
    version(&mut new, "0").set_at(&["storage"], false);
    version(&mut new, "1").set_at(&["storage"], true);
    prepare_definition_update(&mut new, &old);
    assert_eq!(told(&validate_definition_update(&new, &old)), "");
    assert_eq!(new.items_at(&["status", "storedVersions"]).len(), 2);
    new.at_mut(&["spec", "versions"]).unwrap().as_array_mut().unwrap().remove(0);
    expect![[r#"
        status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from status.storedVersions
    "#]]
    .assert_eq(&told(&validate_definition_update(&new, &old)));
    assert_eq!(told(&validate_definition_status(&new, &old)), "");
}

#[test]
fn schemas_without_bounds_are_refused_at_once() {
    check(
        |crd| {
            let deep = (0..200).fold(Tree::object(), |below, _| tree!({ "properties": { "a": below } }));
            version(crd, "0").set_at(&["schema", "openAPIV3Schema"], deep);
            version(crd, "0").remove("selectableFields");
        },
        expect![[r#"
            spec.validation.openAPIV3Schema: Invalid value: "": must not nest more than 100 schemas
        "#]],
    );
}

#[test]
fn formats_that_nothing_checks_are_warned_of_once() {
    let old = cron_tab();
    let mut new = old.clone();
    version(&mut new, "0").set_at(
        &["schema", "openAPIV3Schema", "properties", "spec", "properties", "cronSpec", "format"],
        "cron",
    );
    assert_eq!(definition_warnings(&new, Some(&old)), ["unrecognized format \"cron\""]);
    assert!(definition_warnings(&new, Some(&new)).is_empty());
}
