//! Files as users write them, and what is wrong with some.

use expect_test::{Expect, expect};

use super::*;
use crate::plugin::{Plugin, Strategy};

fn parse(rest: &str) -> Result<Config, ConfigErrors> {
    Config::parse(&format!("apiVersion: {API_VERSION}\nkind: {KIND}\n{rest}"))
}

fn refused(rest: &str, expected: Expect) {
    expected.assert_eq(&parse(rest).unwrap_err().0.join("\n"));
}

#[test]
fn a_file_that_says_nothing_means_the_defaults() {
    assert_eq!(parse("leaderElection:\n  leaderElect: true\n").unwrap(), Config::default());
}

#[test]
fn profiles_have_their_plugins_weights_and_arguments() {
    let config = parse(
        "percentageOfNodesToScore: 40
podInitialBackoffSeconds: 2
podMaxBackoffSeconds: 20
profiles:
- schedulerName: packed
  percentageOfNodesToScore: 60
  plugins:
    multiPoint:
      disabled: [{name: ImageLocality}]
    score:
      disabled: [{name: '*'}]
      enabled: [{name: NodeResourcesFit, weight: 5}, {name: TaintToleration}]
    filter:
      disabled: [{name: NodePorts}]
  pluginConfig:
  - name: NodeResourcesFit
    args:
      ignoredResourceGroups: [x.example]
      scoringStrategy:
        type: RequestedToCapacityRatio
        resources: [{name: cpu, weight: 3}, {name: x.example/gpu}]
        requestedToCapacityRatio:
          shape: [{utilization: 0, score: 0}, {utilization: 100, score: 10}]
  - name: InterPodAffinity
    args: {hardPodAffinityWeight: 7, ignorePreferredTermsOfExistingPods: true}
  - name: DefaultPreemption
    args: {minCandidateNodesPercentage: 20, minCandidateNodesAbsolute: 5}
  - name: VolumeBinding
    args: {bindTimeoutSeconds: 30}
- schedulerName: plain
",
    )
    .unwrap();
    assert_eq!((config.percentage, config.profiles.len()), (40, 2));
    assert_eq!([config.backoffs.first, config.backoffs.last], [2, 20].map(Duration::from_secs));
    let packed = &config.profiles[0];
    assert_eq!((packed.scheduler_name(), packed.percentage), ("packed", Some(60)));
    assert!(!packed.enabled.contains(Plugin::NodePorts) && packed.enabled.contains(Plugin::NodeAffinity));
    assert_eq!(packed.weights, [(Plugin::TaintToleration, 1), (Plugin::NodeResourcesFit, 5)]);
    let args = &packed.args;
    assert_eq!(args.fit.0, Strategy::RequestedToCapacityRatio(vec![(0, 0), (100, 100)]));
    let resources: Vec<_> = args.fit.1.iter().map(|one| (&*one.name, one.weight)).collect();
    assert_eq!(resources, [("cpu", 3), ("x.example/gpu", 1)]);
    assert!(args.is_ignored("x.example/any") && !args.is_ignored("y.example/any"));
    assert_eq!((args.hard_affinity_weight, args.ignores_preferred_of_others), (7, true));
    assert_eq!((args.candidate_percentage, args.candidates), (20, 5));
    assert_eq!(args.bind_timeout, Duration::from_secs(30));
    assert_eq!(config.profiles[1], Profile::new("plain"));
}

#[test]
fn everything_that_is_wrong_is_told_with_its_field() {
    refused(
        "percentageOfNodesToScore: 101
podInitialBackoffSeconds: 0
podMaxBackoffSeconds: -1
colour: red
extenders: [{urlPrefix: http://x}]
profiles:
- schedulerName: one
  plugins:
    filter: {disabled: [{name: NodeShape}]}
    shape: {}
  pluginConfig:
  - name: NodeResourcesFit
    args:
      ignoredResourceGroups: [a/b]
      scoringStrategy: {type: Best, resources: [{name: cpu, weight: 200}, {name: cpu}]}
  - name: PodTopologySpread
    args: {defaultConstraints: [{maxSkew: 0, topologyKey: zone}], defaultingType: System}
  - name: ImageLocality
- schedulerName: one
- percentageOfNodesToScore: many
",
        expect![[r#"
            unknown field "colour"
            extenders: Invalid value: extenders are not served here
            percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]
            podInitialBackoffSeconds: Invalid value: 0: must be greater than 0
            podMaxBackoffSeconds: Invalid value: -1: must be greater than or equal to PodInitialBackoffSeconds
            unknown field "profiles[0].plugins.shape"
            profiles[0].plugins.filter.disabled[0].name: Unsupported value: "NodeShape": supported values: "SchedulingGates", "PrioritySort", "NodeUnschedulable", "NodeName", "TaintToleration", "NodeAffinity", "NodePorts", "NodeResourcesFit", "VolumeRestrictions", "NodeVolumeLimits", "VolumeBinding", "VolumeZone", "PodTopologySpread", "InterPodAffinity", "DynamicResources", "DefaultPreemption", "NodeResourcesBalancedAllocation", "ImageLocality", "DefaultBinder"
            profiles[0].pluginConfig[0].args.ignoredResourceGroups[0]: Invalid value: "a/b": resource group name can't contain '/'
            profiles[0].pluginConfig[0].args.scoringStrategy.resources[0].weight: Invalid value: 200: not in valid range [1-100]
            profiles[0].pluginConfig[0].args.scoringStrategy.resources[1].name: Duplicate value: "cpu"
            profiles[0].pluginConfig[0].args.scoringStrategy.type: Unsupported value: "Best": supported values: "LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"
            profiles[0].pluginConfig[1].args.defaultConstraints[0].maxSkew: Invalid value: 0: not in valid range [1-2147483647]
            profiles[0].pluginConfig[1].args.defaultConstraints[0].whenUnsatisfiable: Required value
            profiles[0].pluginConfig[1].args.defaultConstraints: Invalid value: [{"maxSkew":0,"topologyKey":"zone"}]: when .defaultingType is System, no default constraints may be given
            profiles[0].pluginConfig[2].name: Unsupported value: "ImageLocality": supported values: "DefaultPreemption", "DynamicResources", "InterPodAffinity", "NodeAffinity", "NodeResourcesBalancedAllocation", "NodeResourcesFit", "PodTopologySpread", "VolumeBinding"
            profiles[2].schedulerName: Required value
            profiles[2].percentageOfNodesToScore: Invalid value: "many": must be an integer
            profiles[1].schedulerName: Duplicate value: "one""#]],
    );
}

#[test]
fn a_text_that_is_no_configuration_is_refused() {
    expect![[r#"apiVersion: Unsupported value: "v1": supported values: "kubescheduler.config.k8s.io/v1"; kind: Unsupported value: "Pod": supported values: "KubeSchedulerConfiguration""#]].assert_eq(&Config::parse("kind: Pod\napiVersion: v1\n").unwrap_err().to_string());
    expect!["yaml: line 2: while parsing a node, did not find expected node content"]
        .assert_eq(&Config::parse("a: [").unwrap_err().to_string());
    expect![[r#"<nil>: Invalid value: []: must be an object; apiVersion: Unsupported value: "": supported values: "kubescheduler.config.k8s.io/v1"; kind: Unsupported value: "": supported values: "KubeSchedulerConfiguration""#]].assert_eq(&Config::parse("[]").unwrap_err().to_string());
}
