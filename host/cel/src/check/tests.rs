//! Type errors in upstream's words, and the types of results.

use expect_test::{Expect, expect};
use objects::tree;

use crate::schema::{admission_request, builtin, namespace, structural};
use crate::{Declarations, Type, compile};

fn declarations() -> Declarations {
    let schema = tree!({
        "type": "object",
        "properties": {
            "name": { "type": "string" },
            "count": { "type": "integer" },
            "port": { "x-kubernetes-int-or-string": true },
            "tags": { "type": "array", "items": { "type": "string" } },
            "labels": { "type": "object", "additionalProperties": { "type": "string" } },
            "inner": { "type": "object", "properties": { "when": { "type": "string", "format": "date-time" } } },
            "foo-bar": { "type": "string" },
            "namespace": { "type": "string" },
            "a__b": { "type": "string" },
            "free": { "x-kubernetes-preserve-unknown-fields": true }
        }
    });
    Declarations::new()
        .schema("self", &structural(&schema, true).unwrap())
        .schema("request", &admission_request())
        .schema("namespaceObject", &namespace())
        .schema("pod", &builtin(objects::schema::by_name("core.v1.Pod").unwrap()))
        .variable("object", Type::Dyn)
        .authorizer()
}

/// The type of each expression, or its errors.
fn check(expressions: &[&str], expected: Expect) {
    let show = |source: &&str| {
        let result = match compile(source, &declarations()) {
            Ok(program) => program.output_type().to_string(),
            Err(errors) => {
                let issues = errors.issues().iter();
                issues
                    .map(|issue| format!("{}: {}", issue.column, issue.message))
                    .collect::<Vec<_>>()
                    .join("; ")
            }
        };
        format!("{source} => {result}\n")
    };
    expected.assert_eq(&expressions.iter().map(show).collect::<String>());
}

#[test]
fn results_have_types() {
    check(
        &[
            "1",
            "[1, 2]",
            "{'a': [1.5]}",
            "[]",
            "null",
            "self.tags.map(x, x.size())",
            "self.?name",
            "self.inner.when",
            "self.labels['a']",
            "self.port",
            "self.metadata.name",
            "object.anything[0].goes",
            "type(1)",
            "int",
            "true ? self.name : 'x'",
            "optional.none()",
            "quantity('1')",
            "ip('::1')",
            "authorizer.requestResource.check('get')",
            "request.userInfo.groups",
            "namespaceObject.metadata.labels",
            "pod.spec.containers[0].ports[0].containerPort",
            "pod.metadata.namespace",
        ],
        expect![[r#"
            1 => int
            [1, 2] => list(int)
            {'a': [1.5]} => map(string, list(double))
            [] => list(dyn)
            null => null
            self.tags.map(x, x.size()) => list(int)
            self.?name => optional_type(string)
            self.inner.when => timestamp
            self.labels['a'] => string
            self.port => dyn
            self.metadata.name => string
            object.anything[0].goes => dyn
            type(1) => type(int)
            int => type(int)
            true ? self.name : 'x' => string
            optional.none() => optional_type(dyn)
            quantity('1') => kubernetes.Quantity
            ip('::1') => net.IP
            authorizer.requestResource.check('get') => kubernetes.authorization.Decision
            request.userInfo.groups => list(string)
            namespaceObject.metadata.labels => map(string, string)
            pod.spec.containers[0].ports[0].containerPort => int
            pod.metadata.namespace => string
        "#]],
    );
}

#[test]
fn errors_name_what_is_wrong() {
    check(
        &[
            "x",
            "self.nothing",
            "self.name.more",
            "self.name == 1",
            "self.name + self.count",
            "self.count.size()",
            "nothing(1)",
            "self.nothing()",
            "1 && true",
            "self.count > 1 ? 1 : 'a'",
            "self.name.all(x, true)",
            "self.tags.all(x, x)",
            "self.tags.exists(x, x.nothing == 1)",
            "[1, 'a']",
            "{'a': 1, 2: 2}",
            "[1, dyn(2)]",
            "self.free",
            "self.inner == self.labels",
            "request.nothing",
            "pod.spec.nothing",
            "self.tags[?1].orValue(1)",
            "x.y.z + y",
        ],
        expect![[r#"
            x => 1: undeclared reference to 'x' (in container '')
            self.nothing => 5: undefined field 'nothing'
            self.name.more => 10: type 'string' does not support field selection
            self.name == 1 => 11: found no matching overload for '_==_' applied to '(string, int)'
            self.name + self.count => 11: found no matching overload for '_+_' applied to '(string, int)'
            self.count.size() => 16: found no matching overload for 'size' applied to 'int.()'
            nothing(1) => 8: undeclared reference to 'nothing' (in container '')
            self.nothing() => 13: undeclared reference to 'nothing' (in container '')
            1 && true => 1: expected type 'bool' but found 'int'
            self.count > 1 ? 1 : 'a' => 16: found no matching overload for '_?_:_' applied to '(bool, int, string)'
            self.name.all(x, true) => 5: expression of type 'string' cannot be range of a comprehension (must be list, map, or dynamic)
            self.tags.all(x, x) => 18: expected type 'bool' but found 'string'
            self.tags.exists(x, x.nothing == 1) => 22: type 'string' does not support field selection
            [1, 'a'] => 5: expected type 'int' but found 'string'
            {'a': 1, 2: 2} => 10: expected type 'string' but found 'int'
            [1, dyn(2)] => 8: expected type 'int' but found 'dyn'
            self.free => 5: undefined field 'free'
            self.inner == self.labels => 12: found no matching overload for '_==_' applied to '(selfType.inner, map(string, string))'
            request.nothing => 8: undefined field 'nothing'
            pod.spec.nothing => 9: undefined field 'nothing'
            self.tags[?1].orValue(1) => 22: found no matching overload for 'orValue' applied to 'optional_type(string).(int)'
            x.y.z + y => 1: undeclared reference to 'x' (in container ''); 9: undeclared reference to 'y' (in container '')
        "#]],
    );
}

#[test]
fn names_that_are_no_identifiers_are_spelled_out() {
    check(
        &[
            "self.foo__dash__bar",
            "self.__namespace__",
            "self.a__underscores__b",
            "self.a__b",
            "self.namespace",
            "request.namespace",
        ],
        expect![[r#"
            self.foo__dash__bar => string
            self.__namespace__ => string
            self.a__underscores__b => string
            self.a__b => 5: undefined field 'a__b'
            self.namespace => string
            request.namespace => string
        "#]],
    );
}
