//! Where errors are, in which words, and that no text hangs or overflows.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use crate::{Activation, Budget, Declarations, compile};

fn check(source: &str, expected: Expect) {
    let errors = compile(source, &Declarations::new()).err().unwrap();
    expected.assert_eq(&format!("{errors}\n"));
}

#[test]
fn errors_quote_the_line_and_mark_the_place() {
    check(
        "1 +",
        expect![[r#"
        ERROR: <input>:1:4: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}
         | 1 +
         | ...^
    "#]],
    );
    check(
        "1 1",
        expect![[r#"
        ERROR: <input>:1:3: Syntax error: extraneous input '1' expecting <EOF>
         | 1 1
         | ..^
    "#]],
    );
    check(
        "a.b(",
        expect![[r#"
        ERROR: <input>:1:5: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}
         | a.b(
         | ....^
    "#]],
    );
    check(
        "true &&\n\t'caf\u{e9}' + x",
        expect![[r#"
        ERROR: <input>:2:9: expected type 'bool' but found 'string'
         |  'café' + x
         | .....．..^
        ERROR: <input>:2:11: undeclared reference to 'x' (in container '')
         |  'café' + x
         | .....．....^
    "#]],
    );
    check(
        "'caf\u{e9}' + \u{e9}",
        expect![[r#"
        ERROR: <input>:1:10: Syntax error: token recognition error at: 'é'
         | 'café' + é
         | ....．....＾
        ERROR: <input>:1:11: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}
         | 'café' + é
         | ....．....．^
    "#]],
    );
    check(
        "'abc",
        expect![[r#"
        ERROR: <input>:1:1: Syntax error: token recognition error at: ''abc'
         | 'abc
         | ^
        ERROR: <input>:1:5: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}
         | 'abc
         | ....^
    "#]],
    );
    check(
        "*a",
        expect![[r#"
        ERROR: <input>:1:1: Syntax error: extraneous input '*' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}
         | *a
         | ^
    "#]],
    );
    check(
        "[1, 2",
        expect![[r#"
        ERROR: <input>:1:6: Syntax error: mismatched input '<EOF>' expecting ']'
         | [1, 2
         | .....^
    "#]],
    );
    check(
        "",
        expect![[r#"
        ERROR: <input>:1:1: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}
         | 
         | ^
    "#]],
    );
}

#[test]
fn words_and_literals_that_are_none_are_refused() {
    check(
        "namespace",
        expect![[r#"
        ERROR: <input>:1:1: reserved identifier: namespace
         | namespace
         | ^
    "#]],
    );
    check(
        "for(1)",
        expect![[r#"
        ERROR: <input>:1:1: reserved identifier: for
         | for(1)
         | ^
    "#]],
    );
    check(
        "99999999999999999999",
        expect![[r#"
        ERROR: <input>:1:1: invalid int literal
         | 99999999999999999999
         | ^
    "#]],
    );
    check(
        "1e999",
        expect![[r#"
        ERROR: <input>:1:1: invalid double literal
         | 1e999
         | ^
    "#]],
    );
    check(
        "'\\q'",
        expect![[r#"
        ERROR: <input>:1:1: unable to unescape string
         | '\q'
         | ^
    "#]],
    );
    check(
        "'\\ud800'",
        expect![[r#"
        ERROR: <input>:1:1: invalid unicode code point
         | '\ud800'
         | ^
    "#]],
    );
}

#[test]
fn literals_are_read_with_their_escapes() {
    let value = |source: &str| {
        let program = compile(source, &Declarations::new()).unwrap();
        format!("{:?}", program.evaluate(&Activation::new(), &mut Budget::default()).unwrap())
    };
    let cases = [
        ("'a\\n\\x41\\u00e9\\U0001F600\\101'", "\"a\\nA\u{e9}\u{1f600}A\""),
        ("r'a\\n'", "\"a\\\\n\""),
        ("'''a\n'b'''", "\"a\\n'b\""),
        ("b'\\xff\u{e9}'", "b\"\\xff\\xc3\\xa9\""),
        ("0x1F + 1", "32"),
        ("-0x8000000000000000", "-9223372036854775808"),
        ("10u", "10u"),
        (".5 + 1e2", "100.5"),
        ("--1", "1"),
        ("!!true", "true"),
        ("{'a-b': 1}.`a-b` // a comment", "1"),
        ("[1, 2,] == [1, 2]", "true"),
        ("1 + 2 - 3 * 4 % 5 == 1 ? 'a' : 'b'", "\"a\""),
    ];
    for (source, expected) in cases {
        assert_eq!(value(source), expected, "{source}");
    }
}

/// Texts that nest to a depth.
const NESTS: &[(&str, &str, &str)] = &[
    ("(", "1", ")"),
    ("[", "1", "]"),
    ("{1: ", "1", "}"),
    ("[1].map(x, ", "1", ")"),
    ("[1].all(x, [1].exists(y, ", "true", "))"),
    ("", "a", ".b"),
    ("", "[]", "[0]"),
    ("", "1", " + 1"),
    ("1 == ", "1", ""),
    ("!(", "true", ")"),
    ("true ? ", "1", " : 2"),
    ("", "optional.of(1)", ".optMap(x, x)"),
    ("", "[1]", ".map(x, {x: x})"),
    ("", "'a'", ".trim()"),
];

#[test]
fn deep_nesting_is_refused_and_never_overflows_the_stack() {
    for (open, middle, close) in NESTS {
        for depth in [100, 249, 260, 5_000, 40_000] {
            let source = format!("{}{middle}{}", open.repeat(depth), close.repeat(depth));
            let compiled = compile(&source, &Declarations::new());
            let program = match compiled {
                Ok(program) => program,
                Err(_) => continue,
            };
            assert!(depth < 5_000 || open.is_empty() && close.is_empty(), "{open}{middle}{close} * {depth}");
            // What comes of it does not matter, only that something does.
            drop(program.evaluate(&Activation::new(), &mut Budget::default()));
        }
    }
    let deep = "(".repeat(300) + "1" + &")".repeat(300);
    check(
        &deep,
        expect![[r#"
        ERROR: <input>:-1:0: expression recursion limit exceeded: 250
    "#]],
    );
}

#[test]
fn long_expressions_are_fine_until_they_are_too_long() {
    let long = vec!["true"; 9_000].join(" && ");
    let program = compile(&long, &Declarations::new()).unwrap();
    assert!(program.evaluate(&Activation::new(), &mut Budget::default()).unwrap().as_bool().unwrap());
    let too_long = "1".repeat(100_001);
    let errors = compile(&too_long, &Declarations::new()).err().unwrap();
    let message = "ERROR: <input>:-1:0: expression code point size exceeds limit: size: 100001, limit 100000";
    assert_eq!(errors.to_string(), message);
}

#[test]
fn what_macros_copy_is_bounded() {
    check(
        &format!("optional.of(1){}", ".optMap(x, x)".repeat(60)),
        expect![[r#"
        ERROR: <input>:-1:0: expression size exceeds limit: 250000 nodes
    "#]],
    );
}

/// Pieces that expressions are made of.
fn token() -> impl Strategy<Value = String> {
    let words = [
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ".",
        ",",
        "?",
        ":",
        "+",
        "-",
        "*",
        "/",
        "%",
        "!",
        "&&",
        "||",
        "==",
        "!=",
        "<",
        "in",
        "true",
        "null",
        "a",
        "self",
        "x",
        "has",
        "all",
        "map",
        "filter",
        "exists",
        "optMap",
        "sortBy",
        "dyn",
        "size",
        "1",
        "0",
        "2u",
        "1.5",
        "'s'",
        "b'\\xff'",
        "'%s'",
        "format",
        "matches",
        "'('",
        "@",
        "`",
        "\"",
        "\\",
        "\u{e9}",
        "transformMap",
        "type",
        "int",
        "?.",
        "[?",
        "JSONPatch",
        "Object",
        "url",
        "ip",
        "timestamp",
        " ",
        "\n",
        "//",
    ];
    prop::sample::select(words.map(String::from).to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_makes_compiling_or_evaluating_panic(tokens in prop::collection::vec(token(), 0..40)) {
        let declarations = Declarations::new().variable("self", crate::Type::Dyn).patch_types();
        if let Ok(program) = compile(&tokens.concat(), &declarations) {
            let activation = Activation::new().with("self", crate::Value::Null);
            drop(program.evaluate(&activation, &mut Budget::default()));
        }
    }

    #[test]
    fn calls_of_any_values_do_not_panic(
        target in argument(), name in prop::sample::select(crate::functions::tests::names()), args in prop::collection::vec(argument(), 0..4)
    ) {
        for call in [format!("dyn({target}).{name}({})", args.join(", ")), format!("{name}({})", args.join(", "))] {
            if let Ok(program) = compile(&call, &Declarations::new()) {
                drop(program.evaluate(&Activation::new(), &mut Budget::default()));
            }
        }
    }
}

/// Values at the edges of their types, of a type that is not known before evaluation.
fn argument() -> impl Strategy<Value = String> {
    let values = [
        "0",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "0u",
        "18446744073709551615u",
        "0.0",
        "1e308",
        "''",
        "'\u{e9}\u{1f600}'",
        "'a,b'",
        "b''",
        "[]",
        "[1, 2]",
        "['b', 'a']",
        "{}",
        "{'a': 1}",
        "null",
        "true",
        "duration('1h')",
        "timestamp('0001-01-01T00:00:00Z')",
        "optional.none()",
        "quantity('1')",
        "ip('::1')",
        "cidr('::/0')",
        "semver('1.2.3')",
        "url('/')",
        "format.uuid()",
        "int",
        "lists.range(5)",
    ];
    prop::sample::select(values.map(|value| format!("dyn({value})")).to_vec())
}

#[test]
fn many_large_regular_expressions_do_not_take_long_to_refuse() {
    let pattern = |index: usize| format!("'a'.matches('((a{{0,30}}){{0,30}}){{0,9}}{index}')");
    let source = (0..1_000).map(pattern).collect::<Vec<_>>().join(" && ");
    let errors = compile(&source, &Declarations::new()).err().unwrap();
    assert_eq!(errors.issues()[0].message, "invalid matches argument");
}
