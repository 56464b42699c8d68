//! What is refused of services and of what lets traffic to pods.

use expect_test::expect;

use crate::kind::check::{change_refused, refused, status_refused};

fn service(spec: &str) -> String {
    format!(r#"{{"spec":{{"ports":[{{"port":80}}]{spec}}}}}"#)
}

#[test]
fn a_port_of_a_service_is_named_once() {
    refused(
        "Service",
        r#"{"spec":{}}"#,
        expect![[r#"
            spec.ports: Required value
        "#]],
    );
    refused(
        "Service",
        r#"{"spec":{"type":"NodePort","ports":[{"port":0},{"name":"A","port":1,"targetPort":0},{"name":"b","port":2,"targetPort":"x_"},{"name":"b","port":3,"protocol":"x","nodePort":-1},
            {"name":"c","port":4,"nodePort":5},{"name":"d","port":5,"nodePort":5},{"name":"e","port":5,"appProtocol":"a b"}]}}"#,
        expect![[r#"
            spec.ports[0].name: Required value
            spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive
            spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive
            spec.ports[1].name: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            spec.ports[2].targetPort: Invalid value: "x_": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)
            spec.ports[3].name: Duplicate value: "b"
            spec.ports[3].protocol: Unsupported value: "x": supported values: "SCTP", "TCP", "UDP"
            spec.ports[6].appProtocol: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            spec.ports[5].nodePort: Duplicate value: 5
            spec.ports[6]: Duplicate value: {"protocol":"TCP","port":5}
        "#]],
    );
    refused(
        "Service",
        &service(r#","ports":[{"port":80,"nodePort":30000}]"#),
        expect![[r#"
            spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'
        "#]],
    );
    refused("Service", r#"{"spec":{"clusterIP":"None","ports":[{"port":80,"targetPort":81}]}}"#, expect![""]);
}

#[test]
fn each_type_of_service_has_its_fields() {
    refused(
        "Service",
        r#"{"spec":{"type":"ExternalName"}}"#,
        expect![[r#"
            spec.externalName: Required value
        "#]],
    );
    refused(
        "Service",
        r#"{"spec":{"type":"ExternalName","externalName":"A b","clusterIP":"10.0.0.1","ipFamilyPolicy":"SingleStack","ipFamilies":["IPv4"]}}"#,
        expect![[r#"
            spec.clusterIPs: Forbidden: may not be set for ExternalName services
            spec.ipFamilies: Forbidden: may not be set for ExternalName services
            spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services
            spec.externalName: Invalid value: "A b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
        "#]],
    );
    refused(
        "Service",
        r#"{"spec":{"type":"NodePort","clusterIP":"None","ports":[{"port":1}]}}"#,
        expect![[r#"
            spec.clusterIPs[0]: Invalid value: "None": may not be set to 'None' for NodePort services
        "#]],
    );
    refused(
        "Service",
        &service(
            r#","externalTrafficPolicy":"Local","loadBalancerClass":"a.b/c","allocateLoadBalancerNodePorts":true,"healthCheckNodePort":1,"loadBalancerSourceRanges":["10.0.0.0/8"]"#,
        ),
        expect![[r#"
            spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'
            spec.allocateLoadBalancerNodePorts: Forbidden: may only be used when `type` is 'LoadBalancer'
            spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'
            spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services
            spec.healthCheckNodePort: Invalid value: 1: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'
        "#]],
    );
    refused(
        "Service",
        &service(
            r#","type":"LoadBalancer","externalTrafficPolicy":"x","internalTrafficPolicy":"x","loadBalancerClass":"A b","loadBalancerSourceRanges":["10.0.0.0/99"],"loadBalancerIP":"x","healthCheckNodePort":-1,"trafficDistribution":"x""#,
        ),
        expect![[r#"
            spec.LoadBalancerSourceRanges[0]: Invalid value: "10.0.0.0/99": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)
            spec.loadBalancerClass: Invalid value: "A b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            spec.externalTrafficPolicy: Unsupported value: "x": supported values: "Cluster", "Local"
            spec.healthCheckNodePort: Invalid value: -1: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'
            spec.internalTrafficPolicy: Unsupported value: "x": supported values: "Cluster", "Local"
            spec.trafficDistribution: Unsupported value: "x": supported values: "PreferClose", "PreferSameZone", "PreferSameNode"
        "#]],
    );
    refused(
        "Service",
        &service(
            r#","sessionAffinityConfig":{"clientIP":{"timeoutSeconds":1}},"externalIPs":["127.0.0.1","x","0.0.0.0","169.254.1.1","10.1.2.3"],"selector":{"a b":"_"}"#,
        ),
        expect![[r#"
            spec.selector: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            spec.selector: Invalid value: "_": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')
            spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)
            spec.externalIPs[1]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            spec.externalIPs[2]: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0)
            spec.externalIPs[3]: Invalid value: "169.254.1.1": may not be in the link-local range (169.254.0.0/16, fe80::/10)
        "#]],
    );
    refused(
        "Service",
        &service(
            r#","sessionAffinity":"ClientIP","sessionAffinityConfig":{"clientIP":{"timeoutSeconds":86401}}"#,
        ),
        expect![[r#"
            spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400
        "#]],
    );
}

#[test]
fn addresses_of_a_service_are_of_its_families() {
    refused(
        "Service",
        &service(r#","clusterIP":"x""#),
        expect![[r#"
            spec.clusterIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
        "#]],
    );
    refused(
        "Service",
        &service(r#","clusterIP":"10.0.0.1","clusterIPs":["10.0.0.2"]"#),
        expect![[r#"
            spec.clusterIPs: Invalid value: ["10.0.0.2"]: first value must match `clusterIP`
        "#]],
    );
    refused(
        "Service",
        &service(r#","clusterIPs":["10.0.0.2"]"#),
        expect![[r#"
            spec.clusterIPs: Invalid value: ["10.0.0.2"]: must be empty when `clusterIP` is not specified
        "#]],
    );
    refused(
        "Service",
        &service(
            r#","clusterIP":"10.0.0.1","clusterIPs":["10.0.0.1","10.0.0.2","fd00::1"],"ipFamilyPolicy":"x","ipFamilies":["IPv4","IPv4","x"]"#,
        ),
        expect![[r#"
            spec.ipFamilies[1]: Duplicate value: "IPv4"
            spec.ipFamilies[2]: Unsupported value: "x": supported values: "IPv4", "IPv6"
            spec.ipFamilyPolicy: Unsupported value: "x": supported values: "PreferDualStack", "RequireDualStack", "SingleStack"
            spec.clusterIPs: Invalid value: ["10.0.0.1","10.0.0.2","fd00::1"]: may only hold up to 2 values
        "#]],
    );
    refused(
        "Service",
        &service(
            r#","clusterIP":"fd00::1","clusterIPs":["fd00::1"],"ipFamilies":["IPv4"],"ipFamilyPolicy":"SingleStack""#,
        ),
        expect![[r#"
            spec.clusterIPs[0]: Invalid value: "fd00::1": expected an IPv4 value as indicated by `ipFamilies[0]`
        "#]],
    );
}

#[test]
fn the_first_address_of_a_service_stays() {
    let first = service(
        r#","clusterIP":"10.0.0.1","clusterIPs":["10.0.0.1"],"ipFamilies":["IPv4"],"ipFamilyPolicy":"SingleStack""#,
    );
    let other = first.replace("10.0.0.1", "10.0.0.2");
    change_refused(
        "Service",
        &first,
        &other,
        expect![[r#"
            spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set
        "#]],
    );
    change_refused(
        "Service",
        &first,
        &first.replace(r#""10.0.0.1""#, r#""""#),
        expect![[r#"
            spec.clusterIPs[0]: Invalid value: [""]: may not change once set
        "#]],
    );
    let balanced = |class: &str| service(&format!(r#","type":"LoadBalancer","loadBalancerClass":"{class}""#));
    change_refused(
        "Service",
        &balanced("a.b/c"),
        &balanced("a.b/d"),
        expect![[r#"
            spec.loadBalancerClass: Invalid value: "a.b/d": may not change once set
        "#]],
    );
    status_refused(
        "Service",
        &service(r#","type":"LoadBalancer""#),
        r#"{"status":{"loadBalancer":{"ingress":[{"ip":"x"},{"hostname":"A"},{"hostname":"10.0.0.1"},{"ip":"10.0.0.1","ipMode":"x","ports":[{"port":0,"protocol":"x"}]},{"ipMode":"VIP"}]}}}"#,
        expect![[r#"
            status.loadBalancer.ingress[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            status.loadBalancer.ingress[1].hostname: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            status.loadBalancer.ingress[2].hostname: Invalid value: "10.0.0.1": must be a DNS name, not an IP address
            status.loadBalancer.ingress[3].ipMode: Unsupported value: "x": supported values: "Proxy", "VIP"
            status.loadBalancer.ingress[4].ipMode: Forbidden: may not be specified when `ip` is not set
        "#]],
    );
    status_refused(
        "Service",
        &service(""),
        r#"{"status":{"loadBalancer":{"ingress":[{"ip":"10.0.0.1"}]}}}"#,
        expect![[r#"
            status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'
        "#]],
    );
}

#[test]
fn an_ingress_leads_somewhere() {
    refused(
        "Ingress",
        r#"{"spec":{}}"#,
        expect![[r#"
            spec: Invalid value: null: either `defaultBackend` or `rules` must be specified
        "#]],
    );
    refused(
        "Ingress",
        r#"{"metadata":{"annotations":{"kubernetes.io/ingress.class":"a"}},"spec":{"ingressClassName":"B_","tls":[{"hosts":["A","*.b"]}],"rules":[
            {"host":"10.0.0.1"},{"host":"a:80"},{"host":"*.*.a"},
            {"http":{"paths":[]}},
            {"http":{"paths":[{"path":"a","pathType":"Prefix"},{"path":"/a//b","pathType":"Exact","backend":{}},{"path":"/a%2f","pathType":"Exact","backend":{"service":{"name":"s"}}},
                {"path":"/b","pathType":"x","backend":{"service":{"name":"S","port":{"name":"p_","number":1}}}},
                {"path":"","pathType":"Exact","backend":{"service":{"name":"s","port":{"number":0}},"resource":{"kind":"K","name":"n"}}},
                {"pathType":"ImplementationSpecific","backend":{"resource":{"kind":"","name":"","apiGroup":"a_"}}},{"path":"/c","backend":{"service":{"name":"s","port":{"number":70000}}}}]}}]}}"#,
        expect![[r#"
            spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address
            spec.rules[1].host: Invalid value: "a:80": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.rules[2].host: Invalid value: "*.*.a": a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.rules[3].http.paths: Required value
            spec.rules[4].http.paths[0].path: Invalid value: "a": must be an absolute path
            spec.rules[4].http.paths[0].backend: Invalid value: "": resource or service backend is required
            spec.rules[4].http.paths[1].path: Invalid value: "/a//b": must not contain '//'
            spec.rules[4].http.paths[1].backend: Invalid value: "": resource or service backend is required
            spec.rules[4].http.paths[2].path: Invalid value: "/a%2f": must not contain '%2f'
            spec.rules[4].http.paths[2].backend: Required value: port name or number is required
            spec.rules[4].http.paths[3].pathType: Unsupported value: "x": supported values: "Exact", "ImplementationSpecific", "Prefix"
            spec.rules[4].http.paths[3].backend.service.name: Invalid value: "S": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            spec.rules[4].http.paths[3].backend: Invalid value: "": cannot set both port name & port number
            spec.rules[4].http.paths[4].path: Invalid value: "": must be an absolute path
            spec.rules[4].http.paths[4].backend: Invalid value: "": cannot set both resource and service backends
            spec.rules[4].http.paths[5].backend.resource.apiGroup: Invalid value: "a_": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.rules[4].http.paths[5].backend.resource.kind: Required value
            spec.rules[4].http.paths[5].backend.resource.name: Required value
            spec.rules[4].http.paths[6].pathType: Required value: pathType must be specified
            spec.tls[0].hosts[0]: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.ingressClassName: Invalid value: "B_": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            annotations.kubernetes.io/ingress.class: Invalid value: "a": must match `ingressClassName` when both are specified
        "#]],
    );
    refused(
        "Ingress",
        r#"{"spec":{"defaultBackend":{}}}"#,
        expect![[r#"
            spec.defaultBackend: Invalid value: "": resource or service backend is required
        "#]],
    );
    status_refused(
        "Ingress",
        r#"{"spec":{"defaultBackend":{"service":{"name":"s","port":{"number":80}}}}}"#,
        r#"{"status":{"loadBalancer":{"ingress":[{"ip":"x"},{"hostname":"10.0.0.1"},{"ip":"10.0.0.1","ports":[{"port":0,"protocol":"x","error":"a b"}]}]}}}"#,
        expect![[r#"
            status.loadBalancer.ingress[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            status.loadBalancer.ingress[1].hostname: Invalid value: "10.0.0.1": must be a DNS name, not an IP address
        "#]],
    );
}

#[test]
fn a_class_of_ingresses_keeps_its_controller() {
    let class = |spec: &str| format!(r#"{{"spec":{{{spec}}}}}"#);
    refused(
        "IngressClass",
        &class(""),
        expect![[r#"
            spec.controller: Required value: at least one controller is required
        "#]],
    );
    refused(
        "IngressClass",
        &class(
            r#""controller":"a b","parameters":{"apiGroup":"a_","kind":"","name":"n/m","scope":"Cluster","namespace":"n"}"#,
        ),
        expect![[r#"
            spec.controller: Invalid value: "a b": must be a domain-prefixed path (such as "acme.io/foo")
            spec.parameters.apiGroup: Invalid value: "a_": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.parameters.kind: Required value
            spec.parameters.name: Invalid value: "n/m": may not contain '/'
            spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'
        "#]],
    );
    refused(
        "IngressClass",
        &class(r#""controller":"a.b/c","parameters":{"kind":"K","name":"n","scope":"Namespace"}"#),
        expect![[r#"
            spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'
        "#]],
    );
    refused(
        "IngressClass",
        &class(r#""controller":"a.b/c","parameters":{"kind":"K","name":"n","scope":"x"}"#),
        expect![[r#"
            spec.parameters.scope: Unsupported value: "x": supported values: "Cluster", "Namespace"
        "#]],
    );
    change_refused(
        "IngressClass",
        &class(r#""controller":"a.b/c""#),
        &class(r#""controller":"a.b/d""#),
        expect![[r#"
            spec.controller: Invalid value: "a.b/d": field is immutable
        "#]],
    );
}

#[test]
fn a_policy_names_peers_one_way() {
    refused(
        "NetworkPolicy",
        r#"{"spec":{"podSelector":{"matchLabels":{"a b":"1"}},"policyTypes":["Ingress","x"],
            "ingress":[{"from":[{},{"podSelector":{},"ipBlock":{"cidr":"10.0.0.0/8"}},{"ipBlock":{"cidr":"x"}},{"ipBlock":{"cidr":"10.0.0.0/8","except":["10.0.0.0/8","11.0.0.0/16","y"]}},{"ipBlock":{}}],
                "ports":[{"port":0},{"port":"A_"},{"protocol":"x"},{"port":5,"endPort":4},{"port":"a","endPort":4},{"endPort":4}]}],
            "egress":[{"to":[{"namespaceSelector":{"matchExpressions":[{"key":"a","operator":"x"}]}}]}]}}"#,
        expect![[r#"
            spec.podSelector.matchLabels: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            spec.ingress[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive
            spec.ingress[0].ports[1].port: Invalid value: "A_": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)
            spec.ingress[0].ports[1].port: Invalid value: "A_": must contain at least one letter (a-z)
            spec.ingress[0].ports[2].protocol: Unsupported value: "x": supported values: "TCP", "UDP", "SCTP"
            spec.ingress[0].ports[3].endPort: Invalid value: 4: must be greater than or equal to `port`
            spec.ingress[0].ports[4].endPort: Invalid value: 4: may not be specified when `port` is non-numeric
            spec.ingress[0].ports[5].endPort: Invalid value: 4: may not be specified when `port` is not specified
            spec.ingress[0].from[0]: Required value: must specify a peer
            spec.ingress[0].from[1]: Forbidden: may not specify both ipBlock and another peer
            spec.ingress[0].from[2].ipBlock.cidr: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)
            spec.ingress[0].from[3].ipBlock.except[0]: Invalid value: "10.0.0.0/8": must be a strict subset of `cidr`
            spec.ingress[0].from[3].ipBlock.except[1]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`
            spec.ingress[0].from[3].ipBlock.except[2]: Invalid value: "y": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)
            spec.ingress[0].from[4].ipBlock.cidr: Required value
            spec.egress[0].to[0].namespaceSelector.matchExpressions[0].operator: Invalid value: "x": not a valid selector operator
            spec.policyTypes[1]: Unsupported value: "x": supported values: "Ingress", "Egress"
        "#]],
    );
    refused(
        "NetworkPolicy",
        r#"{"spec":{"podSelector":{},"policyTypes":["Ingress","Egress","Ingress"]}}"#,
        expect![[r#"
            spec.policyTypes: Invalid value: ["Ingress","Egress","Ingress"]: may not specify more than two policyTypes
        "#]],
    );
}

#[test]
fn an_address_and_a_network_of_services_stay() {
    let address = |parent: &str| format!(r#"{{"metadata":{{"name":"10.0.0.1"}},"spec":{{{parent}}}}}"#);
    refused(
        "IPAddress",
        &address(""),
        expect![[r#"
            spec.parentRef: Required value
        "#]],
    );
    refused(
        "IPAddress",
        r#"{"metadata":{"name":"10.0.0.01"},"spec":{"parentRef":{"group":"a_","resource":"","name":"n/m","namespace":"A/"}}}"#,
        expect![[r#"
            metadata.name: Invalid value: "10.0.0.01": must not have leading 0s
            spec.parentRef.group: Invalid value: "a_": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            spec.parentRef.resource: Required value
            spec.parentRef.name: Invalid value: "n/m": may not contain '/'
            spec.parentRef.namespace: Invalid value: "A/": may not contain '/'
        "#]],
    );
    change_refused(
        "IPAddress",
        &address(r#""parentRef":{"resource":"services","name":"s","namespace":"d"}"#),
        &address(r#""parentRef":{"resource":"services","name":"t","namespace":"d"}"#),
        expect![[r#"
            spec.parentRef: Invalid value: {"resource":"services","name":"t","namespace":"d"}: field is immutable
        "#]],
    );
    let cidrs = |cidrs: &str| format!(r#"{{"spec":{{"cidrs":[{cidrs}]}}}}"#);
    refused(
        "ServiceCIDR",
        &cidrs(""),
        expect![[r#"
            spec.cidrs: Required value: at least one CIDR required
        "#]],
    );
    refused(
        "ServiceCIDR",
        &cidrs(r#""10.0.0.0/16","10.1.0.0/16","x""#),
        expect![[r#"
            spec.cidrs: Invalid value: {"cidrs":["10.0.0.0/16","10.1.0.0/16","x"]}: may only hold up to 2 values
        "#]],
    );
    refused(
        "ServiceCIDR",
        &cidrs(r#""10.0.0.0/16","10.1.0.0/16""#),
        expect![[r#"
            spec.cidrs: Invalid value: ["10.0.0.0/16","10.1.0.0/16"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64
        "#]],
    );
    refused(
        "ServiceCIDR",
        &cidrs(r#""10.0.0.1/16","FD00::/64""#),
        expect![[r#"
            spec.cidrs[0]: Invalid value: "10.0.0.1/16": must not have bits set beyond the prefix length
            spec.cidrs[1]: Invalid value: "FD00::/64": must be in canonical form ("fd00::/64")
        "#]],
    );
    change_refused(
        "ServiceCIDR",
        &cidrs(r#""10.0.0.0/16""#),
        &cidrs(r#""10.0.0.0/16","fd00::/108""#),
        expect![""],
    );
    change_refused(
        "ServiceCIDR",
        &cidrs(r#""10.0.0.0/16""#),
        &cidrs(r#""10.1.0.0/16""#),
        expect![[r#"
            spec.cidrs[0]: Invalid value: "10.1.0.0/16": field is immutable
        "#]],
    );
}

#[test]
fn endpoints_are_addresses_of_the_world() {
    refused(
        "Endpoints",
        r#"{"subsets":[{},{"addresses":[{"ip":"127.0.0.1"},{"ip":"x"},{"ip":"169.254.0.1"},{"ip":"10.0.0.1","hostname":"A","nodeName":"B"}],"ports":[{"port":0},{"name":"A","port":1,"protocol":"x"}]}]}"#,
        expect![[r#"
            subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`
            subsets[1].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)
            subsets[1].addresses[1].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            subsets[1].addresses[1].ip: Invalid value: "x": must be a valid IP address
            subsets[1].addresses[2].ip: Invalid value: "169.254.0.1": may not be in the link-local range (169.254.0.0/16, fe80::/10)
            subsets[1].addresses[3].hostname: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            subsets[1].addresses[3].nodeName: Invalid value: "B": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            subsets[1].ports[0].name: Required value
            subsets[1].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive
            subsets[1].ports[1].name: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            subsets[1].ports[1].protocol: Unsupported value: "x": supported values: "SCTP", "TCP", "UDP"
        "#]],
    );
}
