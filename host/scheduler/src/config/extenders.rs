//! The extenders that a file names.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use objects::validate::FieldError;

use super::reading::Reading;
use crate::extender::{ExtenderConfig, ExtenderTls};

/// As upstream.
const TIMEOUT: Duration = Duration::from_secs(5);
const FIELDS: &[&str] = &[
    "urlPrefix",
    "filterVerb",
    "preemptVerb",
    "prioritizeVerb",
    "weight",
    "bindVerb",
    "enableHTTPS",
    "tlsConfig",
    "httpTimeout",
    "nodeCacheCapable",
    "managedResources",
    "ignorable",
];
const TLS_FIELDS: &[&str] =
    &["insecure", "serverName", "certFile", "keyFile", "caFile", "certData", "keyData", "caData"];

/// Those, and the resources of which they take care in the scheduler's place.
pub(super) fn read(reading: &Reading<'_>, errors: &mut Vec<String>) -> (Vec<ExtenderConfig>, Vec<String>) {
    let (mut extenders, mut ignored, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for item in reading.items(errors) {
        extenders.push(read_one(&item, &mut ignored, &mut seen, errors));
    }
    let binders = extenders.iter().filter(|extender| !extender.bind_verb.is_empty()).count();
    if binders > 1 {
        let found = format!("found {binders} extenders implementing bind");
        let detail = "only one extender may implement bind";
        errors.push(FieldError::invalid(&reading.path, found, detail).to_string());
    }
    (extenders, ignored)
}

fn read_one(
    item: &Reading<'_>,
    ignored: &mut Vec<String>,
    seen: &mut BTreeSet<String>,
    errors: &mut Vec<String>,
) -> ExtenderConfig {
    item.knows(FIELDS, errors);
    let text =
        |field: &str, errors: &mut Vec<String>| item.child(field).text(errors).unwrap_or_default().to_owned();
    let flag = |field: &str, errors: &mut Vec<String>| item.child(field).flag(errors) == Some(true);
    let weight = item.child("weight");
    let config = ExtenderConfig {
        url: text("urlPrefix", errors),
        filter_verb: text("filterVerb", errors),
        prioritize_verb: text("prioritizeVerb", errors),
        bind_verb: text("bindVerb", errors),
        weight: weight.number(i64::MIN..=i64::MAX, "", errors).unwrap_or(0),
        timeout: timeout(&item.child("httpTimeout"), errors),
        knows_nodes: flag("nodeCacheCapable", errors),
        resources: resources(&item.child("managedResources"), ignored, seen, errors),
        is_ignorable: flag("ignorable", errors),
        tls: tls(item, flag("enableHTTPS", errors), errors),
    };
    if !config.prioritize_verb.is_empty() && config.weight <= 0 {
        let detail = "must have a positive weight applied to it";
        errors.push(FieldError::invalid(&weight.path, config.weight, detail).to_string());
    }
    let preempt = item.child("preemptVerb");
    if preempt.text(errors).is_some_and(|verb| !verb.is_empty()) {
        errors.push(preempt.wrong("extenders have no say in preemption here"));
    }
    config
}

fn timeout(reading: &Reading<'_>, errors: &mut Vec<String>) -> Duration {
    reading.duration(errors).filter(|time| !time.is_zero()).unwrap_or(TIMEOUT)
}

fn resources(
    reading: &Reading<'_>,
    ignored: &mut Vec<String>,
    seen: &mut BTreeSet<String>,
    errors: &mut Vec<String>,
) -> Vec<String> {
    let mut names = Vec::new();
    for resource in reading.items(errors) {
        resource.knows(&["name", "ignoredByScheduler"], errors);
        let field = resource.child("name");
        let name = field.text(errors).unwrap_or_default().to_owned();
        if !name.contains('/') {
            errors.push(field.wrong("must be a fully qualified name of an extended resource"));
        }
        if !seen.insert(name.clone()) {
            errors.push(field.wrong("duplicate extender managed resource name"));
        }
        if resource.child("ignoredByScheduler").flag(errors) == Some(true) {
            ignored.push(name.clone());
        }
        names.push(name);
    }
    names
}

fn tls(item: &Reading<'_>, is_https: bool, errors: &mut Vec<String>) -> Option<ExtenderTls> {
    let reading = item.child("tlsConfig");
    reading.knows(TLS_FIELDS, errors);
    for field in ["serverName", "certFile", "keyFile", "caFile"] {
        let field = reading.child(field);
        if field.text(errors).is_some_and(|text| !text.is_empty()) {
            errors.push(field.wrong("is not read here: give certificates in the fields for data"));
        }
    }
    let data = |name: &str, errors: &mut Vec<String>| {
        let field = reading.child(name);
        let decoded = STANDARD.decode(field.text(errors).unwrap_or_default());
        decoded.unwrap_or_else(|_| {
            errors.push(field.wrong("must be base64"));
            Vec::new()
        })
    };
    let tls = ExtenderTls {
        is_insecure: reading.child("insecure").flag(errors) == Some(true),
        authorities: data("caData", errors),
        certificate: data("certData", errors),
        key: data("keyData", errors),
    };
    (is_https || reading.tree().is_some()).then_some(tls)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::config::Config;

    fn parse(extenders: &str) -> Result<Config, String> {
        let text = format!(
            "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nextenders: {extenders}"
        );
        Config::parse(&text).map_err(|errors| errors.to_string())
    }

    fn check(extenders: &str, expected: Expect) {
        expected.assert_eq(&parse(extenders).unwrap_err());
    }

    #[test]
    fn an_extender_is_read_with_upstreams_defaults() {
        let config = parse(
            "[{urlPrefix: 'http://127.0.0.1:9/x', filterVerb: filter, prioritizeVerb: rank, weight: 2, \
             managedResources: [{name: example.com/gpu, ignoredByScheduler: true}]}]",
        )
        .unwrap();
        let [extender] = &config.extenders[..] else { panic!("{:?}", config.extenders) };
        assert_eq!((extender.weight, extender.timeout.as_secs(), extender.tls.is_none()), (2, 5, true));
        assert_eq!(extender.resources, ["example.com/gpu"]);
        assert!(config.profiles[0].args.is_ignored("example.com/gpu"));
    }

    #[test]
    fn what_is_wrong_with_an_extender_is_told() {
        check(
            "[{prioritizeVerb: rank}]",
            expect!["extenders[0].weight: Invalid value: 0: must have a positive weight applied to it"],
        );
        check(
            "[{bindVerb: a}, {bindVerb: b}]",
            expect![[
                r#"extenders: Invalid value: "found 2 extenders implementing bind": only one extender may implement bind"#
            ]],
        );
        check(
            "[{managedResources: [{name: a/b}, {name: a/b}]}]",
            expect![[
                r#"extenders[0].managedResources[1].name: Invalid value: "a/b": duplicate extender managed resource name"#
            ]],
        );
        check(
            "[{preemptVerb: p}]",
            expect![[
                r#"extenders[0].preemptVerb: Invalid value: "p": extenders have no say in preemption here"#
            ]],
        );
        check(
            "[{tlsConfig: {caFile: /ca, caData: '!'}}]",
            expect![[
                r#"extenders[0].tlsConfig.caFile: Invalid value: "/ca": is not read here: give certificates in the fields for data; extenders[0].tlsConfig.caData: Invalid value: "!": must be base64"#
            ]],
        );
    }
}
