//! Costs and estimates, against those that upstream's own tables give for the same expressions.

use expect_test::{Expect, expect};
use objects::tree;

use super::estimate::Estimator;
use super::{Budget, EXPRESSION_LIMIT, Meter, OBJECT_LIMIT, Range};
use crate::ast::Expr;
use crate::authorizer::{AccessDecision, AccessRequest, Authorizer};
use crate::check::{Checked, check as check_types};
use crate::error::{EvalError, Issues};
use crate::parse::parse;
use crate::program::{Folding, compile_with};
use crate::schema::structural;
use crate::{Activation, Declarations, Type, Value, compile};

struct Everybody;

impl Authorizer for Everybody {
    fn authorize(&self, _: &AccessRequest) -> AccessDecision {
        AccessDecision { allowed: true, ..AccessDecision::default() }
    }
}

fn checked(source: &str, declarations: &Declarations) -> (Expr, Checked) {
    let mut issues = Issues::new(source);
    let (expr, nodes) = parse(source, &mut issues).unwrap();
    let checked = check_types(&expr, nodes, declarations, &mut issues);
    assert!(issues.is_empty(), "{source}: {}", issues.into_errors());
    (expr, checked)
}

/// The estimate where every string may have twelve characters, and the cost with nothing worked out in advance: the
/// terms of upstream's tables.
fn costs(source: &str, declarations: &Declarations, activation: &Activation<'_>) -> (Range, u64) {
    let (expr, checked) = checked(source, declarations);
    let twelve = Range { min: 0, max: 12 };
    let estimate = Estimator::new(&checked, declarations, &|_, of| {
        matches!(of, Type::String | Type::Bytes).then_some(twelve)
    })
    .cost(&expr);
    let program = compile_with(source, declarations, Folding::Off).unwrap();
    let mut meter = Meter::unlimited();
    program.run(activation, &mut meter).unwrap();
    (estimate, meter.cost())
}

/// Expressions with the least and the most of the estimate, and the cost.
const KUBERNETES: &[(&str, u64, u64, u64)] = &[
    ("[1, 2, 3, 4, 5].sum()", 15, 15, 15),
    ("[uint(1), uint(2), uint(3), uint(4), uint(5)].sum()", 20, 20, 20),
    ("[duration('1s'), duration('2s'), duration('3s'), duration('4s'), duration('5s')].max()", 20, 20, 20),
    (
        "['012345678901', '012345678901', '012345678901', '012345678901', '012345678901'].isSorted()",
        15,
        25,
        15,
    ),
    (
        "[bytes('012345678901'), bytes('012345678901'), bytes('012345678901'), bytes('012345678901'), bytes('012345678901')].min()",
        25,
        35,
        25,
    ),
    ("[1.0, 2.0, 3.0, 4.0, 5.0].indexOf(3.0)", 15, 15, 15),
    (
        "['012345678901', '012345678901', '012345678901', '012345678901', '012345678901'].lastIndexOf('x')",
        15,
        25,
        15,
    ),
    ("'01234567890123456789012345678901234567890123456789'.indexOf('123')", 5, 5, 5),
    ("url('https:://kubernetes.io/').getScheme()", 4, 4, 4),
    ("url('https:://kubernetes.io/').getQuery()", 4, 4, 4),
    ("url('https:://kubernetes.io/') == url('https:://kubernetes.io/')", 7, 9, 7),
    ("url('https:://kubernetes.io/') == url('http://x.b')", 5, 5, 5),
    ("'ABCDEFGHIJ abcdefghij'.lowerAscii()", 3, 3, 3),
    ("'ABCDEFGHIJ abcdefghij'.lowerAscii() == 'abcdefghij ABCDEFGHIJ'.lowerAscii()", 7, 9, 9),
    ("'ABCDEFGHIJ abcdefghij'.upperAscii()", 3, 3, 3),
    ("strings.quote('ABCDEFGHIJ abcdefghij')", 3, 3, 3),
    ("strings.quote('ABCDEFGHIJ abcdefghij') == strings.quote('ABCDEFGHIJ abcdefghij')", 7, 11, 9),
    ("'abc 123 def 123'.replace('123', '456')", 3, 3, 3),
    ("'abc 123 def 123'.replace('', 'x')", 3, 3, 3),
    ("'abc 123 def 123'.replace('123', '456', 1)", 3, 3, 3),
    ("'abc 123 def 123'.split(' ')", 3, 3, 3),
    ("'abc 123 def 123'.split(' ', 1)", 3, 3, 3),
    ("'abc 123 def 123'.substring(5)", 2, 2, 2),
    ("'abc 123 def 123'.substring(5, 8)", 2, 2, 2),
    ("'  abc 123 def 123  '.trim()", 2, 2, 2),
    ("['aa', 'bb', 'cc', 'd', 'e', 'f', 'g', 'h', 'i', 'j'].join(' ')", 11, 23, 15),
    ("['aa', 'bb', 'cc', 'd', 'e', 'f', 'g', 'h', 'i', 'j'].join()", 10, 22, 13),
    ("'abc 123 def 123'.find('123')", 2, 2, 2),
    ("'abc 123 def 123'.findAll('123', 1)", 2, 2, 2),
    ("jsonpatch.escapeKey('abc/def~ abc/def~')", 2, 2, 2),
    ("authorizer.path('/healthz')", 2, 2, 2),
    (
        "authorizer.group('apps').resource('deployments').subresource('status').namespace('test').name('backend')",
        6,
        6,
        6,
    ),
    (
        "authorizer.group('').resource('pods').fieldSelector('spec.nodeName=example-node-name.fully.qualified.domain.name.example.com')",
        1821,
        1821,
        1821,
    ),
    ("authorizer.path('/healthz').check('get').allowed()", 350_003, 350_003, 350_003),
    (
        "authorizer.group('apps').resource('deployments').subresource('status').namespace('test').name('backend').check('create').error()",
        350_007,
        350_007,
        350_007,
    ),
    ("quantity('12Mi')", 1, 1, 1),
    ("quantity('200M') == quantity('200M')", 3, 3, 3),
    ("quantity('200M') == quantity('0.2G') && quantity('0.2G') == quantity('200M')", 3, 6, 6),
    ("quantity('50k').add(20).sub(quantity('100k')).sub(-50000).asInteger() > 0", 7, 7, 7),
    ("quantity('50.703k').asApproximateFloat() > 0.0", 3, 3, 3),
    ("format.named('dns1123subdomain')", 1, 1, 1),
    ("format.named('dns1123Label').value().validate('my-name')", 34, 34, 10),
    ("format.named('dns1123Label').value() == format.named('dns1123Label').value()", 5, 11, 5),
    ("sets.contains([], [])", 21, 21, 21),
    ("sets.contains([1, 2, 3, 4], [2, 3])", 29, 29, 29),
    ("sets.equivalent([1], [1, 1])", 25, 25, 25),
    ("!sets.equivalent([2, 1], [1])", 26, 26, 26),
    ("sets.intersects([[1], [2, 3]], [[1, 2], [2, 3]])", 65, 65, 65),
    ("semver('1234.56789012345.67890123456789')", 4, 4, 4),
    ("semver('1.0.0').isLessThan(semver('1.1.0'))", 3, 3, 3),
    ("cidr('192.168.0.0/16').containsCIDR(cidr('192.0.0.0/30'))", 7, 11, 7),
    ("cidr('192.168.0.0/16').containsCIDR('192.168.0.0/16')", 7, 11, 7),
    ("cidr('192.168.0.0/16').containsIP('192.169.0.1')", 5, 8, 5),
    ("cidr('192.168.0.0/16').ip()", 3, 3, 3),
    ("{'a': 1, 'b': 2}.all(k, v, v > 0)", 37, 41, 41),
    ("{'a': 1, 'b': 2}.exists(k, v, v > 0)", 39, 43, 40),
    ("{'a': 1, 'b': 2}.existsOne(k, v, v > 0)", 38, 40, 40),
    ("{'a': 1, 'b': 2}.transformMap(k, v, v + 1)", 71, 71, 71),
    ("{'a': 1, 'b': 2}.transformMap(k, v, v < 5, v + 1)", 67, 75, 75),
    ("{'a': 1, 'b': 2}.transformMapEntry(k, v, {k: v + 1})", 131, 131, 131),
    ("{'a': 1, 'b': 2}.transformMapEntry(k, v, v < 5, {k: v + 1})", 67, 135, 135),
    ("[1, 2].all(i, v, v > 0)", 17, 21, 21),
    ("[1, 2].exists(i, v, v > 0)", 19, 23, 20),
    ("[1, 2].transformList(i, v, v + 1)", 49, 49, 49),
    ("[1, 2].transformList(i, v, v < 5, v + 1)", 27, 53, 53),
];

#[test]
fn costs_and_estimates_of_the_libraries_are_those_of_kubernetes() {
    let declarations = Declarations::new().authorizer();
    let activation = Activation::new().with("authorizer", Value::authorizer(&Everybody));
    for (source, min, max, cost) in KUBERNETES {
        let expected = (Range { min: *min, max: *max }, *cost);
        assert_eq!(costs(source, &declarations, &activation), expected, "{source}");
    }
}

/// Expressions of CEL itself with what they cost.
const CEL: &[(&str, u64)] = &[
    ("'Hello World!'", 0),
    ("ints", 1),
    ("strings['key']", 2),
    ("ints[0]", 2),
    ("strings['ke' + 'y']", 3),
    ("ints[3 - 3]", 3),
    ("has(strings.key)", 1),
    ("has(nested.a.b)", 2),
    ("[1, 2, 3]", 10),
    ("{'a': 1, 'b': 2, 'c': 3}", 30),
    ("none.all(x, true)", 2),
    ("[1, 2, 3].all(x, true)", 20),
    ("text.matches('[0-9]')", 103),
    ("'123'.matches('[0-9]')", 2),
    ("true || false", 0),
    ("no || no || no || no", 4),
    ("yes && yes && yes && yes", 4),
    ("1 < 2", 1),
    ("2 in [1, 2, 3]", 13),
    ("true ? 1 : 2", 0),
    ("'12345678901234567890' == '123456789012345678901234567890'", 2),
    ("bytes(text)", 51),
    ("string(1)", 1),
    ("text.contains(text)", 2502),
    ("'idc'.startsWith(text)", 2),
    ("'Rook takes 12'.startsWith('Rook')", 1),
    ("'123'.size() == 3", 2),
    ("(ints[0] > 2 ? ints : none).all(y, true)", 4),
    ("true ? false : 1 > 3", 0),
    ("false ? false : 1 > 3", 1),
    ("one.all(k, one[k].x > 3)", 9),
    ("(none + none).all(x, true)", 4),
    ("'abcdefg'.contains('val1' + 'val2222222')", 4),
    ("(1 > 2 ? 5 : 3) > 1", 2),
    ("(1 > 2 || 2 > 1) == true", 3),
    ("[{'k1': 1}, {'k2': 2}].all(x, true)", 77),
    ("[1,2,3,4,5].filter(x, x % 2 == 0)", 62),
    ("[1,2,3,4,5].map(x, x)", 86),
    ("[1,2,3,4,5].map(x, x).filter(x, x % 2 == 0)", 138),
    ("[1,2,3,4,5].map(x, x).exists(x, x == 5) == true", 118),
    ("[1,2,3,4,5].map(x, [x, x]).filter(z, z.size() == 2)", 232),
    ("[1,2,3,4,5].map(x, [x, x]).all(y, y.all(y, y == 1))", 171),
    ("[1,2,3,4,5].map(x, x).map(x, x) + [1]", 173),
    ("[1,2,3].all(i, i in [1,2,3].map(j, j + j))", 86),
];

#[test]
fn costs_of_cel_itself_are_those_of_cel_go() {
    let object = tree!({
        "ints": [1, 2], "none": [], "strings": { "key": "v" }, "nested": { "a": { "b": "0" } },
        "one": { "val": { "x": 1 } }, "text": ("x".repeat(500)), "yes": true, "no": false
    });
    let ints = Type::list(Type::Int);
    let map = |values| Type::map(Type::String, values);
    let variables = [
        ("ints", ints.clone()),
        ("none", ints),
        ("strings", map(Type::String)),
        ("nested", map(map(Type::String))),
        ("one", map(map(Type::Int))),
        ("text", Type::String),
        ("yes", Type::Bool),
        ("no", Type::Bool),
    ];
    let (mut declarations, mut activation) = (Declarations::new(), Activation::new());
    for (name, of) in variables {
        declarations = declarations.variable(name, of);
        activation = activation.with(name, Value::from_tree(object.get(name).unwrap(), None).unwrap());
    }
    for (source, cost) in CEL {
        assert_eq!(costs(source, &declarations, &activation).1, *cost, "{source}");
    }
}

#[test]
fn literals_are_worked_out_once_and_cost_nothing() {
    let cost = |source: &str| {
        let program = compile(source, &Declarations::new()).unwrap();
        let mut meter = Meter::unlimited();
        program.run(&Activation::new(), &mut meter).unwrap();
        meter.cost()
    };
    let cases = [
        ("[1, 2, 3]", 0),
        ("2 in [1, 2, 3]", 0),
        ("{'a': [1]}", 0),
        ("duration('1s')", 0),
        ("[1, 2].map(x, x)", 2 * 13 + 1),
        // What upstream's tests of policies say.
        ("[1,2,3,4].isSorted()", 4),
        ("url('https:://kubernetes.io/').getHostname() == 'kubernetes.io'", 4),
        ("size('abc 123 def 123'.split(' ')) > 0", 5),
        ("size(['aa', 'bb', 'cc', 'd', 'e', 'f', 'g', 'h', 'i', 'j'].join(' ')) > 0", 7),
        ("size('abc 123 def 123'.find('123')) > 0", 4),
    ];
    for (source, expected) in cases {
        assert_eq!(cost(source), expected, "{source}");
    }
}

#[test]
fn an_evaluation_ends_at_its_limit_and_takes_from_its_budget() {
    let source = "lists.range(20).all(x, lists.range(1000000).size() > 0)";
    let program = compile(source, &Declarations::new()).unwrap();
    let mut budget = Budget::default();
    let error = program.evaluate(&Activation::new(), &mut budget).unwrap_err();
    assert_eq!(error, EvalError::CostExceeded);
    assert_eq!(error.to_string(), "operation cancelled: actual cost limit exceeded");
    assert!(budget.remaining() < OBJECT_LIMIT - EXPRESSION_LIMIT);

    let mut budget = Budget::new(3);
    let program = compile("1 + 1 == 2", &Declarations::new()).unwrap();
    assert!(program.evaluate(&Activation::new(), &mut budget).is_ok());
    let error = program.evaluate(&Activation::new(), &mut budget).unwrap_err();
    let message =
        "validation failed due to running out of cost budget, no further validation rules will be run";
    assert_eq!((error.to_string().as_str(), budget.remaining()), (message, 0));
}

#[test]
fn no_operator_absorbs_that_the_limit_is_exceeded() {
    let source = "lists.range(99999999).size() > 0 || true";
    let program = compile(source, &Declarations::new()).unwrap();
    let result = program.evaluate(&Activation::new(), &mut Budget::default());
    assert_eq!(result.unwrap_err(), EvalError::CostExceeded);
}

/// The estimates of rules for a schema.
fn estimates(schema: &objects::Tree, rules: &[&str], expected: Expect) {
    let schema = structural(schema, true).unwrap();
    let declarations = Declarations::new().schema("self", &schema);
    let show = |rule: &&str| {
        let Range { min, max } = compile(rule, &declarations).unwrap().cost_estimate();
        format!("{rule}: {min}..{max}\n")
    };
    expected.assert_eq(&rules.iter().map(show).collect::<String>());
}

#[test]
fn sizes_in_a_schema_bound_the_estimate_of_a_rule() {
    let schema = tree!({
        "type": "object",
        "properties": {
            "short": { "type": "string", "maxLength": 10 },
            "long": { "type": "string" },
            "choice": { "type": "string", "enum": ["a", "bbb"] },
            "few": { "type": "array", "maxItems": 5, "items": { "type": "string", "maxLength": 5 } },
            "many": { "type": "array", "items": { "type": "string" } },
            "map": { "type": "object", "maxProperties": 4, "additionalProperties": { "type": "integer" } }
        }
    });
    estimates(
        &schema,
        &[
            "self.short == 'x'",
            "self.short.contains('xyz')",
            "self.long.contains('xyz')",
            "self.choice == self.choice",
            "self.few.all(x, x == 'a')",
            "self.many.all(x, x == 'a')",
            "self.many.all(x, self.many.all(y, x == y))",
            "self.map.all(k, self.map[k] > 0)",
            "self.few.map(x, x + x).all(y, y.contains('a'))",
            "has(self.few) ? self.few.size() < 3 : true",
        ],
        expect![[r#"
            self.short == 'x': 3..3
            self.short.contains('xyz'): 2..6
            self.long.contains('xyz'): 2..314575
            self.choice == self.choice: 5..5
            self.few.all(x, x == 'a'): 3..28
            self.many.all(x, x == 'a'): 3..5242878
            self.many.all(x, self.many.all(y, x == y)): 3..345881509131242703
            self.map.all(k, self.map[k] > 0): 3..35
            self.few.map(x, x + x).all(y, y.contains('a')): 14..124
            has(self.few) ? self.few.size() < 3 : true: 1..5
        "#]],
    );
}
