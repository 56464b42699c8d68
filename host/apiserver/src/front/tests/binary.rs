//! Kubernetes' protobuf says what JSON says: of every kind that is made, in both directions, in lists and in watches.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use objects::decode::{self, Notation};
use objects::protobuf::encode;
use objects::resource::{Resource, Verb, served};
use objects::{Tree, meta};

use super::fixture::{Fixture, With, ask, nobody};
use super::sockets::Authority;
use crate::front::Front;

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
const POD: &str = r#"{"containers":[{"name":"c","image":"i","resources":{"limits":{"cpu":"0.5"}},"env":[{"name":"A","value":""}],"livenessProbe":{"httpGet":{"port":"http"},"initialDelaySeconds":0},"securityContext":{"runAsUser":0}}],"volumes":[{"name":"v","emptyDir":{}}],"restartPolicy":"RESTARTS"}"#;
const RULES: &str =
    r#"[{"apiGroups":["example.org"],"apiVersions":["v1"],"operations":["CREATE"],"resources":["xs"]}]"#;
const REFERENCE: &str = r#"{"apiVersion":"apps/v1","kind":"Deployment","name":"d"}"#;
const ATTRIBUTES: &str = r#"{"namespace":"default","verb":"get","resource":"pods"}"#;
const CLAIM: &str = r#"{"devices":{"requests":[{"name":"r","exactly":{"deviceClassName":"c"}}]}}"#;

/// `group/version plural name`, and what is made of it. In an order in which none hinders the next.
#[rustfmt::skip]
const CASES: &[(&str, &str)] = &[
    ("v1 serviceaccounts default", r#"{"automountServiceAccountToken":false}"#),
    ("v1 configmaps x", r#"{"data":{"k":"v"},"binaryData":{"b":"AP8="},"immutable":false}"#),
    ("v1 endpoints x", r#"{"subsets":[{"addresses":[{"ip":"10.0.0.1"}],"ports":[{"port":80}]}]}"#),
    ("v1 events x", r#"{"involvedObject":{"kind":"Pod","namespace":"default","name":"p"},"reason":"R","type":"Normal","firstTimestamp":"2026-01-02T03:04:05Z","count":1}"#),
    ("v1 namespaces x", "{}"),
    ("v1 nodes x", r#"{"spec":{"podCIDR":"10.1.0.0/24","unschedulable":false}}"#),
    ("v1 persistentvolumeclaims x", r#"{"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}"#),
    ("v1 persistentvolumes x", r#"{"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce"],"hostPath":{"path":"/data","type":""}}}"#),
    ("v1 pods x", r#"{"spec":POD}"#),
    ("v1 podtemplates x", r#"{"template":{"spec":POD}}"#),
    ("v1 replicationcontrollers x", r#"{"spec":{"replicas":0,"selector":{"a":"b"},"template":TEMPLATE}}"#),
    ("v1 secrets x", r#"{"data":{"k":"dg=="},"type":"Opaque"}"#),
    ("v1 services x", r#"{"spec":{"clusterIP":"10.152.183.77","ports":[{"port":80,"targetPort":"http"}],"selector":{"a":"b"}}}"#),
    ("apiregistration.k8s.io/v1 apiservices v1.example.com", r#"{"spec":{"group":"example.com","version":"v1","groupPriorityMinimum":100,"versionPriority":10,"service":{"namespace":"default","name":"s"},"insecureSkipTLSVerify":true}}"#),
    ("apps/v1 controllerrevisions x", r#"{"data":{"a":[1,null]},"revision":0}"#),
    ("apps/v1 daemonsets x", r#"{"spec":{"selector":{"matchLabels":{"a":"b"}},"template":TEMPLATE}}"#),
    ("apps/v1 deployments x", r#"{"spec":{"replicas":0,"selector":{"matchLabels":{"a":"b"}},"template":TEMPLATE}}"#),
    ("apps/v1 replicasets x", r#"{"spec":{"selector":{"matchLabels":{"a":"b"}},"template":TEMPLATE}}"#),
    ("apps/v1 statefulsets x", r#"{"spec":{"serviceName":"s","selector":{"matchLabels":{"a":"b"}},"template":TEMPLATE}}"#),
    ("events.k8s.io/v1 events y", r#"{"eventTime":"2026-01-02T03:04:05.000006Z","reportingController":"a.b/c","reportingInstance":"i","action":"A","reason":"R","type":"Normal","regarding":{"kind":"Pod","namespace":"default","name":"p"}}"#),
    ("authentication.k8s.io/v1 selfsubjectreviews x", "{}"),
    ("authentication.k8s.io/v1 tokenreviews x", r#"{"spec":{"token":"t"}}"#),
    ("authorization.k8s.io/v1 localsubjectaccessreviews x", r#"{"spec":{"user":"u","resourceAttributes":ATTRIBUTES}}"#),
    ("authorization.k8s.io/v1 selfsubjectaccessreviews x", r#"{"spec":{"resourceAttributes":ATTRIBUTES}}"#),
    ("authorization.k8s.io/v1 selfsubjectrulesreviews x", r#"{"spec":{"namespace":"default"}}"#),
    ("authorization.k8s.io/v1 subjectaccessreviews x", r#"{"spec":{"user":"u","extra":{"a":["b"]},"resourceAttributes":ATTRIBUTES}}"#),
    ("autoscaling/v2 horizontalpodautoscalers x", r#"{"spec":{"scaleTargetRef":REFERENCE,"maxReplicas":3,"metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":50}}}]}}"#),
    ("autoscaling/v1 horizontalpodautoscalers y", r#"{"spec":{"scaleTargetRef":REFERENCE,"maxReplicas":3,"targetCPUUtilizationPercentage":50}}"#),
    ("batch/v1 cronjobs x", r#"{"spec":{"schedule":"* * * * *","successfulJobsHistoryLimit":0,"jobTemplate":{"spec":{"template":{"spec":ONCE}}}}}"#),
    ("batch/v1 jobs x", r#"{"spec":{"backoffLimit":0,"template":{"spec":ONCE}}}"#),
    ("certificates.k8s.io/v1 certificatesigningrequests x", r#"{"spec":{"request":"CSR","signerName":"example.com/s","usages":["client auth"]}}"#),
    ("networking.k8s.io/v1 ingressclasses x", r#"{"spec":{"controller":"example.com/c"}}"#),
    ("networking.k8s.io/v1 ingresses x", r#"{"spec":{"rules":[{"http":{"paths":[{"path":"/","pathType":"Prefix","backend":{"service":{"name":"s","port":{"number":80}}}}]}}]}}"#),
    ("networking.k8s.io/v1 ipaddresses 10.152.183.78", r#"{"spec":{"parentRef":{"resource":"services","namespace":"default","name":"y"}}}"#),
    ("networking.k8s.io/v1 networkpolicies x", r#"{"spec":{"podSelector":{},"policyTypes":["Ingress"],"ingress":[{"ports":[{"port":80}]}]}}"#),
    ("networking.k8s.io/v1 servicecidrs x", r#"{"spec":{"cidrs":["10.9.0.0/16"]}}"#),
    ("policy/v1 poddisruptionbudgets x", r#"{"spec":{"minAvailable":"50%","selector":{"matchLabels":{"a":"b"}}}}"#),
    ("rbac.authorization.k8s.io/v1 clusterroles x", r#"{"rules":[{"verbs":["get"],"apiGroups":[""],"resources":["pods"]}]}"#),
    ("rbac.authorization.k8s.io/v1 clusterrolebindings x", r#"{"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"x"},"subjects":[{"kind":"ServiceAccount","name":"a","namespace":"n"}]}"#),
    ("rbac.authorization.k8s.io/v1 roles x", r#"{"rules":[{"verbs":["get"],"apiGroups":[""],"resources":["pods"],"resourceNames":["p"]}]}"#),
    ("rbac.authorization.k8s.io/v1 rolebindings x", r#"{"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"x"}}"#),
    ("storage.k8s.io/v1 csidrivers x", r#"{"spec":{"attachRequired":false}}"#),
    ("storage.k8s.io/v1 csinodes x", r#"{"spec":{"drivers":[{"name":"d","nodeID":"n","topologyKeys":["a"]}]}}"#),
    ("storage.k8s.io/v1 csistoragecapacities x", r#"{"storageClassName":"s","capacity":"1Gi","nodeTopology":{}}"#),
    ("storage.k8s.io/v1 storageclasses x", r#"{"provisioner":"example.com/p","parameters":{"a":"b"},"allowVolumeExpansion":false}"#),
    ("storage.k8s.io/v1 volumeattachments x", r#"{"spec":{"attacher":"a","nodeName":"n","source":{"persistentVolumeName":"p"}}}"#),
    ("storage.k8s.io/v1 volumeattributesclasses x", r#"{"driverName":"d","parameters":{"a":"b"}}"#),
    ("admissionregistration.k8s.io/v1 mutatingadmissionpolicies x", r#"{"spec":{"matchConstraints":{"resourceRules":RULES},"reinvocationPolicy":"Never","mutations":[{"patchType":"ApplyConfiguration","applyConfiguration":{"expression":"Object{}"}}]}}"#),
    ("admissionregistration.k8s.io/v1 mutatingadmissionpolicybindings x", r#"{"spec":{"policyName":"x"}}"#),
    ("admissionregistration.k8s.io/v1 mutatingwebhookconfigurations x", r#"{"webhooks":[{"name":"a.example.com","clientConfig":{"url":"https://localhost/x"},"sideEffects":"None","admissionReviewVersions":["v1"],"rules":RULES}]}"#),
    ("admissionregistration.k8s.io/v1 validatingadmissionpolicies x", r#"{"spec":{"matchConstraints":{"resourceRules":RULES},"validations":[{"expression":"true"}]}}"#),
    ("admissionregistration.k8s.io/v1 validatingadmissionpolicybindings x", r#"{"spec":{"policyName":"x","validationActions":["Deny"]}}"#),
    ("admissionregistration.k8s.io/v1 validatingwebhookconfigurations x", r#"{"webhooks":[{"name":"a.example.com","clientConfig":{"service":{"namespace":"n","name":"s"}},"sideEffects":"None","admissionReviewVersions":["v1"],"rules":RULES}]}"#),
    ("apiextensions.k8s.io/v1 customresourcedefinitions xs.example.org", r#"{"spec":{"group":"example.org","names":{"plural":"xs","kind":"X"},"scope":"Cluster","versions":[{"name":"v1","served":false,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","properties":{"a":{"type":"number","minimum":0,"default":1.5},"b":{"type":"object","additionalProperties":{"type":"string"}}}}}}]}}"#),
    ("scheduling.k8s.io/v1 priorityclasses x", r#"{"value":0,"globalDefault":false}"#),
    ("coordination.k8s.io/v1 leases x", r#"{"spec":{"holderIdentity":"","leaseDurationSeconds":10,"renewTime":"2026-01-02T03:04:05.000006Z"}}"#),
    ("node.k8s.io/v1 runtimeclasses x", r#"{"handler":"h","overhead":{"podFixed":{"cpu":"10m"}}}"#),
    ("discovery.k8s.io/v1 endpointslices x", r#"{"addressType":"IPv4","endpoints":[{"addresses":["10.0.0.1"],"conditions":{"ready":false}}],"ports":[{"name":"","port":80,"protocol":"TCP"}]}"#),
    ("resource.k8s.io/v1 deviceclasses x", r#"{"spec":{"selectors":[{"cel":{"expression":"true"}}]}}"#),
    ("resource.k8s.io/v1 resourceclaims x", r#"{"spec":CLAIM}"#),
    ("resource.k8s.io/v1 resourceclaimtemplates x", r#"{"spec":{"spec":CLAIM}}"#),
    ("resource.k8s.io/v1 resourceslices x", r#"{"spec":{"driver":"d.example.com","nodeName":"n","pool":{"name":"p","generation":1,"resourceSliceCount":1},"devices":[{"name":"d","attributes":{"a":{"int":0}}}]}}"#),
    ("flowcontrol.apiserver.k8s.io/v1 flowschemas x", r#"{"spec":{"priorityLevelConfiguration":{"name":"x"},"matchingPrecedence":100,"rules":[{"subjects":[{"kind":"User","user":{"name":"*"}}],"nonResourceRules":[{"verbs":["get"],"nonResourceURLs":["/x"]}]}]}}"#),
    ("flowcontrol.apiserver.k8s.io/v1 prioritylevelconfigurations x", r#"{"spec":{"type":"Limited","limited":{"nominalConcurrencyShares":0,"limitResponse":{"type":"Reject"}}}}"#),
    ("v1 limitranges x", r#"{"spec":{"limits":[{"type":"Container","max":{"cpu":"1"}}]}}"#),
    ("v1 resourcequotas x", r#"{"spec":{"hard":{"pods":"10"}}}"#),
];

/// What is no object of its own.
const NO_OBJECTS: &[&str] = &["bindings"];

struct Case {
    row: &'static Resource,
    name: &'static str,
    body: Tree,
}

impl Case {
    fn read((head, body): &(&'static str, &'static str), request: &str) -> Self {
        let [version, plural, name] = head.split(' ').collect::<Vec<_>>()[..] else { panic!("{head}") };
        let row = served().find(|row| row.api_version() == version && row.plural == plural).unwrap();
        let template = r#"{"metadata":{"labels":{"a":"b"}},"spec":POD}"#;
        let text = [
            ("TEMPLATE", template),
            ("POD", &POD.replace("RESTARTS", "Always")),
            ("ONCE", &POD.replace("RESTARTS", "Never")),
            ("RULES", RULES),
            ("REFERENCE", REFERENCE),
            ("ATTRIBUTES", ATTRIBUTES),
            ("CLAIM", CLAIM),
            ("CSR", request),
        ]
        .into_iter()
        .fold((*body).to_owned(), |text, (word, meant)| text.replace(word, meant));
        let mut body = Tree::from_json(text.as_bytes()).unwrap();
        meta::set_gvk(&mut body, &row.gvk());
        if !row.is_virtual() {
            body.set_at(&["metadata", "name"], name);
        }
        Self { row, name, body }
    }

    fn collection(&self) -> String {
        let (row, version) = (self.row, self.row.api_version());
        let root = if row.group.is_empty() { "api" } else { "apis" };
        let namespace = if row.is_namespaced() { "/namespaces/default" } else { "" };
        format!("/{root}/{version}{namespace}/{}", row.plural)
    }
}

async fn binary(front: &Front, request: Request<Bytes>) -> Tree {
    let mut body = front.stream(nobody(), request.with("accept", PROTOBUF)).await.into_body();
    let bytes = body.frame().await.unwrap().unwrap().into_data().unwrap();
    // An event is framed, and its object is the last of it.
    let begin = bytes.windows(4).position(|window| window == b"k8s\0");
    let begin = begin.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&bytes)));
    decode::value(&bytes[begin..], Notation::Protobuf).unwrap().0
}

async fn json(front: &Front, request: Request<Bytes>) -> Tree {
    front.ask(request.with("accept", "application/json")).await.tree()
}

/// A message does not tell an empty list from none.
fn without_empty_lists(tree: &mut Tree) {
    if let Tree::Object(fields) = tree {
        fields.retain(|_, value| !matches!(value, Tree::Array(items) if items.is_empty()));
        fields.values_mut().for_each(without_empty_lists);
    }
}

/// Without what is another each time.
fn told(mut tree: Tree) -> Tree {
    without_empty_lists(&mut tree);
    let uid = meta::uid(&tree).to_owned();
    for field in ["uid", "creationTimestamp", "resourceVersion", "managedFields"] {
        tree.remove_at(&["metadata", field]);
    }
    let text = tree.to_json_string();
    let text = if uid.is_empty() { text } else { text.replace(&uid, "UID") };
    Tree::from_json(text.as_bytes()).unwrap()
}

/// Until both are of one moment: what was just made may be gone over by its controller.
async fn alike(front: &Front, one: &str, two: &str) {
    loop {
        let (json, binary) = (json(front, ask("GET", one)).await, binary(front, ask("GET", two)).await);
        if meta::resource_version(&json) == meta::resource_version(&binary) {
            return assert_eq!(binary, json, "{two}");
        }
    }
}

async fn check(front: &Front, case: &Case) {
    let (collection, kind) = (case.collection(), &case.row.kind);
    let dry = if case.row.is_virtual() { "" } else { "?dryRun=All" };
    let wanted = json(front, ask("POST", &format!("{collection}{dry}")).sending(case.body.to_json())).await;
    assert_eq!(wanted.str_at(&["kind"]), Some(&**kind), "{wanted}");
    let create = ask("POST", &collection).sending(encode(&case.body).unwrap()).with("content-type", PROTOBUF);
    let made = binary(front, create).await;
    assert_eq!(told(made), told(wanted), "{kind}");
    if case.row.is_virtual() {
        return;
    }
    let path = format!("{collection}/{}", case.name);
    let one = format!("fieldSelector=metadata.name={}", case.name);
    let list = format!("{collection}?{one}");
    let watch = format!("{collection}?watch=1&resourceVersion=0&{one}");
    alike(front, &path, &path).await;
    alike(front, &list, &list).await;
    alike(front, &path, &watch).await;
}

#[tokio::test]
async fn every_kind_is_made_read_listed_and_watched_in_protobuf_as_in_json() {
    let fixture = Fixture::new(&Authority::new("ca").pem());
    let front = fixture.front().await;
    let key = rcgen::KeyPair::generate().unwrap();
    let request = rcgen::CertificateParams::new(Vec::new()).unwrap().serialize_request(&key).unwrap();
    let request = STANDARD.encode(request.pem().unwrap());
    let cases: Vec<Case> = CASES.iter().map(|case| Case::read(case, &request)).collect();
    for row in served().filter(|row| row.verbs.contains(Verb::Create) && !NO_OBJECTS.contains(&&*row.plural))
    {
        assert!(cases.iter().any(|case| std::ptr::eq(case.row, &**row)), "no case of {}", row.kind);
    }
    for case in &cases {
        check(&front, case).await;
    }
}
