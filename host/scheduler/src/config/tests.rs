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
    assert_eq!(parse("leaderElection: {}\n").unwrap(), Config::default());
    let election = "{leaderElect: true, leaseDuration: 30s, retryPeriod: 5s, resourceName: mine}";
    let said = parse(&format!("leaderElection: {election}\n")).unwrap().leader_election().clone();
    let seconds = |seconds| Some(std::time::Duration::from_secs(seconds));
    assert_eq!(
        (said.elects, said.lease, said.renew, said.retry),
        (Some(true), seconds(30), None, seconds(5))
    );
    assert_eq!((said.name.as_deref(), said.namespace), (Some("mine"), None));
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
parallelism: 0
colour: red
leaderElection: {resourceLock: endpoints}
extenders: [{urlPrefix: http://x, prioritizeVerb: rank}]
profiles:
- schedulerName: one
  plugins:
    filter: {disabled: [{name: NodeShape}], enabled: [{name: NodeColour}]}
    shape: {}
  pluginConfig:
  - name: Unheard
    args: {of: true}
- schedulerName: one
- percentageOfNodesToScore: many
",
        expect![[r#"
            unknown field "colour"
            leaderElection.resourceLock: Invalid value: "endpoints": resourceLock value must be "leases"
            parallelism: Invalid value: 0: should be an integer value greater than zero
            unknown field "profiles[0].plugins.shape"
            profiles[0].plugins.filter.enabled[0].name: Unsupported value: "NodeColour": supported values: "SchedulingGates", "PrioritySort", "NodeUnschedulable", "NodeName", "TaintToleration", "NodeAffinity", "NodePorts", "NodeResourcesFit", "VolumeRestrictions", "NodeVolumeLimits", "VolumeBinding", "VolumeZone", "PodTopologySpread", "InterPodAffinity", "DynamicResources", "DefaultPreemption", "NodeResourcesBalancedAllocation", "ImageLocality", "DefaultBinder"
            profiles[1].schedulerName: Duplicate value: "profiles[0].schedulerName"
            profiles[2].schedulerName: Required value
            profiles[2].percentageOfNodesToScore: Invalid value: "many": must be an integer
            percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]
            podInitialBackoffSeconds: Invalid value: 0: must be greater than 0
            podMaxBackoffSeconds: Invalid value: -1: must be greater than or equal to PodInitialBackoffSeconds
            extenders[0].weight: Invalid value: 0: must have a positive weight applied to it"#]],
    );
}

#[test]
fn wrong_arguments_of_plugins_are_told_as_upstream_tells_them() {
    let args = |rest: &str| format!("profiles:\n- pluginConfig:\n{rest}");
    let refused = |rest: &str, expected: Expect| refused(&args(rest), expected);
    refused(
        "  - name: NodeResourcesFit
    args:
      ignoredResources: ['no good']
      ignoredResourceGroups: [a/b]
      scoringStrategy: {type: Best, resources: [{name: cpu, weight: 200}, {name: memory, weight: 0}]}
  - name: NodeResourcesFit
    args: {scoringStrategy: {type: RequestedToCapacityRatio}}
  - name: NodeResourcesBalancedAllocation
    args: {resources: [{name: cpu, weight: 2}, {name: cpu}]}
",
        expect![[r#"
            profiles[0].pluginConfig[0].args.ignoredResources[0]: Invalid value: "no good": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            profiles[0].pluginConfig[0].args.ignoredResourceGroups[0]: Invalid value: "a/b": resource group name can't contain '/'
            profiles[0].pluginConfig[0].args.scoringStrategy.type: Unsupported value: "Best": supported values: "LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"
            profiles[0].pluginConfig[0].args.scoringStrategy.resources[0].weight: Invalid value: 200: resource weight of cpu not in valid range (0, 100]
            profiles[0].pluginConfig[1]: Duplicate value: "NodeResourcesFit"
            profiles[0].pluginConfig[1].args.scoringStrategy.requestedToCapacityRatio: Required value: must be specified when type is RequestedToCapacityRatio
            profiles[0].pluginConfig[2].args.resources[0].weight: Invalid value: 2: must be 1
            profiles[0].pluginConfig[2].args.resources[1].name: Duplicate value: "cpu""#]],
    );
    refused(
        "  - name: NodeResourcesFit
    args:
      scoringStrategy:
        type: RequestedToCapacityRatio
        requestedToCapacityRatio:
          shape: [{utilization: 50, score: 11}, {utilization: 50, score: 1}, {utilization: 101, score: 1}]
",
        expect![[r#"
            profiles[0].pluginConfig[0].args.scoringStrategy.requestedToCapacityRatio.shape[0].score: Invalid value: 11: not in valid range [0, 10]
            profiles[0].pluginConfig[0].args.scoringStrategy.requestedToCapacityRatio.shape[1].utilization: Invalid value: 50: values must be sorted in increasing order
            profiles[0].pluginConfig[0].args.scoringStrategy.requestedToCapacityRatio.shape[2].utilization: Invalid value: 101: not in valid range [0, 100]
            profiles[0].pluginConfig[0].args.scoringStrategy.requestedToCapacityRatio.shape[2].utilization: Invalid value: 101: values must be sorted in increasing order"#]],
    );
    refused(
        "  - name: PodTopologySpread
    args:
      defaultConstraints:
      - {maxSkew: 0, topologyKey: zone, whenUnsatisfiable: Never}
      - {topologyKey: zone, whenUnsatisfiable: Never, labelSelector: {}}
      - {maxSkew: 1}
  - name: InterPodAffinity
    args: {hardPodAffinityWeight: 101}
  - name: DefaultPreemption
    args: {minCandidateNodesPercentage: 0, minCandidateNodesAbsolute: 0}
  - name: VolumeBinding
    args: {bindTimeoutSeconds: -1, shape: []}
",
        expect![[r#"
            profiles[0].pluginConfig[0].args.defaultingType: Invalid value: "System": when .defaultConstraints are not empty
            profiles[0].pluginConfig[0].args.defaultConstraints[0].maxSkew: Invalid value: 0: not in valid range (0, inf)
            profiles[0].pluginConfig[0].args.defaultConstraints[0].whenUnsatisfiable: Unsupported value: "Never": supported values: "DoNotSchedule", "ScheduleAnyway"
            profiles[0].pluginConfig[0].args.defaultConstraints[1].maxSkew: Invalid value: 0: not in valid range (0, inf)
            profiles[0].pluginConfig[0].args.defaultConstraints[1].whenUnsatisfiable: Unsupported value: "Never": supported values: "DoNotSchedule", "ScheduleAnyway"
            profiles[0].pluginConfig[0].args.defaultConstraints[1].labelSelector: Forbidden: constraint must not define a selector, as they deduced for each pod
            profiles[0].pluginConfig[0].args.defaultConstraints[1]: Duplicate value: "{zone, Never}"
            profiles[0].pluginConfig[0].args.defaultConstraints[2].topologyKey: Required value: can not be empty
            profiles[0].pluginConfig[0].args.defaultConstraints[2].whenUnsatisfiable: Required value: can not be empty
            profiles[0].pluginConfig[1].args.hardPodAffinityWeight: Invalid value: 101: not in valid range [0, 100]
            profiles[0].pluginConfig[2].args.minCandidateNodesPercentage: Invalid value: 0: cannot be zero at the same time as minCandidateNodesAbsolute
            profiles[0].pluginConfig[2].args.minCandidateNodesAbsolute: Invalid value: 0: cannot be zero at the same time as minCandidateNodesPercentage
            profiles[0].pluginConfig[3].args.bindTimeoutSeconds: Invalid value: -1: invalid BindTimeoutSeconds, should not be a negative value
            profiles[0].pluginConfig[3].args.shape: Invalid value: []: unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring"#]],
    );
}

#[test]
fn a_text_that_is_no_configuration_is_refused() {
    expect![[r#"apiVersion: Unsupported value: "v1": supported values: "kubescheduler.config.k8s.io/v1"; kind: Unsupported value: "Pod": supported values: "KubeSchedulerConfiguration""#]].assert_eq(&Config::parse("kind: Pod\napiVersion: v1\n").unwrap_err().to_string());
    expect!["yaml: line 2: while parsing a node, did not find expected node content"]
        .assert_eq(&Config::parse("a: [").unwrap_err().to_string());
    expect![[r#"<nil>: Invalid value: []: must be an object; apiVersion: Unsupported value: "": supported values: "kubescheduler.config.k8s.io/v1"; kind: Unsupported value: "": supported values: "KubeSchedulerConfiguration""#]].assert_eq(&Config::parse("[]").unwrap_err().to_string());
}
