//! Label selectors select, print and refuse as upstream's.

use expect_test::{Expect, expect};

use super::LabelSelector;
use crate::tree;

fn check(texts: &[&str], expected: Expect) {
    let show = |text: &&str| match LabelSelector::parse(text) {
        Ok(selector) => format!("{text} => {selector}\n"),
        Err(error) => format!("{text} : {error}\n"),
    };
    expected.assert_eq(&texts.iter().map(show).collect::<String>());
}

#[test]
fn every_operator_is_read() {
    check(
        &[
            "",
            "a",
            "!a",
            "a=b",
            "a==b",
            "a != b",
            "a in (c, b,b)",
            "a notin (b)",
            "a>1",
            "a < 2 , in in (in)",
            "a=",
            "a in ()",
            "a in (,b)",
            "x.io/y=1,z",
        ],
        expect![[r#"
             => 
            a => a
            !a => !a
            a=b => a=b
            a==b => a==b
            a != b => a!=b
            a in (c, b,b) => a in (b,c)
            a notin (b) => a notin (b)
            a>1 => a>1
            a < 2 , in in (in) => a<2,in in (in)
            a= => a=
            a in () => a in ()
            a in (,b) => a in (,b)
            x.io/y=1,z => x.io/y=1,z
        "#]],
    );
}

#[test]
fn what_is_no_selector_says_why() {
    check(
        &[",", "a,", "a b", "=b", "a in b", "a in (b", "a=b c", "a>x", "a=(", "-a=b", "a=b!"],
        expect![[r#"
            , : found ',', expected: !, identifier, or 'end of string'
            a, : found '', expected: identifier after ','
            a b : unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt
            =b : found '=', expected: !, identifier, or 'end of string'
            a in b : unable to parse requirement: found 'b' expected: '('
            a in (b : unable to parse requirement: found '', expected: ',' or ')'
            a=b c : found 'c', expected: ',' or 'end of string'
            a>x : unable to parse requirement: values[0]: Invalid value: "x": for 'Gt', 'Lt' operators, the value must be an integer
            a=( : unable to parse requirement: found '(', expected: identifier
            -a=b : unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            a=b! : found '!', expected: ',' or 'end of string'
        "#]],
    );
}

#[test]
fn an_absent_label_matches_only_negations() {
    let labels = |key: &str| (key == "app").then_some("web");
    let matches = |text: &str| LabelSelector::parse(text).unwrap().matches(labels);
    assert!(matches("app=web,app in (web,db),app,!tier,tier!=x,tier notin (x)"));
    assert!(!matches("tier") && !matches("tier=x") && !matches("app!=web") && !matches("app>1"));
    assert!(LabelSelector::parse("n>5").unwrap().matches(|_| Some("6")));
}

#[test]
fn objects_select_by_labels_and_expressions() {
    let object = tree!({
        "matchLabels": { "app": "web" },
        "matchExpressions": [{ "key": "tier", "operator": "NotIn", "values": ["x"] }, { "key": "a", "operator": "Exists" }]
    });
    let selector = LabelSelector::from_object(&object).unwrap();
    expect!["app=web,tier notin (x),a"].assert_eq(&selector.to_string());
    assert!(LabelSelector::from_object(&tree!({})).unwrap().is_everything());
    let wrong = tree!({ "matchExpressions": [{ "key": "a", "operator": "Like" }] });
    expect![[r#""Like" is not a valid label selector operator"#]]
        .assert_eq(&LabelSelector::from_object(&wrong).unwrap_err().to_string());
}
