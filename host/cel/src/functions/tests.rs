//! What the functions of each library give, and how they fail.

use expect_test::{Expect, expect};

use crate::{Activation, Budget, Declarations, compile};

/// The result of each expression, or its error.
fn check(expressions: &[&str], expected: Expect) {
    let show = |source: &&str| {
        let result = match compile(source, &Declarations::new().patch_types()) {
            Ok(program) => match program.evaluate(&Activation::new(), &mut Budget::default()) {
                Ok(value) => format!("{value:?}"),
                Err(error) => format!("failed: {error}"),
            },
            Err(errors) => {
                let issues =
                    errors.issues().iter().map(|issue| format!("{}: {}", issue.column, issue.message));
                if errors.issues().is_empty() {
                    format!("{}: {errors}", errors.step())
                } else {
                    issues.collect()
                }
            }
        };
        format!("{source} = {result}\n")
    };
    expected.assert_eq(&expressions.iter().map(show).collect::<String>());
}

#[test]
fn arithmetic_checks_for_overflow_and_zero() {
    check(
        &[
            "1 + 2 * 3",
            "7 / 2",
            "-7 % 3",
            "1.5 + 2.0",
            "3u - 1u",
            "'a' + 'b'",
            "b'a' + b'b'",
            "[1] + [2]",
            "-(3)",
            "9223372036854775807 + 1",
            "-9223372036854775808 / -1",
            "1u - 2u",
            "1 / 0",
            "1 % 0",
            "1.0 / 0.0",
            "1 + 1u",
            "duration('1h') + duration('30m')",
            "duration('9223372036s') + duration('1s')",
            "timestamp('2020-01-01T00:00:00Z') + duration('24h')",
            "timestamp('9999-12-31T23:59:58Z') + duration('2s')",
            "timestamp('2020-01-02T00:00:00Z') - timestamp('2020-01-01T00:00:00Z')",
        ],
        expect![[r#"
            1 + 2 * 3 = 7
            7 / 2 = 3
            -7 % 3 = -1
            1.5 + 2.0 = 3.5
            3u - 1u = 2u
            'a' + 'b' = "ab"
            b'a' + b'b' = b"ab"
            [1] + [2] = [1, 2]
            -(3) = -3
            9223372036854775807 + 1 = failed: integer overflow
            -9223372036854775808 / -1 = failed: integer overflow
            1u - 2u = failed: unsigned integer overflow
            1 / 0 = failed: division by zero
            1 % 0 = failed: modulus by zero
            1.0 / 0.0 = inf
            1 + 1u = 3: found no matching overload for '_+_' applied to '(int, uint)'
            duration('1h') + duration('30m') = duration("5400s")
            duration('9223372036s') + duration('1s') = failed: duration overflow
            timestamp('2020-01-01T00:00:00Z') + duration('24h') = timestamp("2020-01-02T00:00:00Z")
            timestamp('9999-12-31T23:59:58Z') + duration('2s') = failed: timestamp overflow
            timestamp('2020-01-02T00:00:00Z') - timestamp('2020-01-01T00:00:00Z') = duration("86400s")
        "#]],
    );
}

#[test]
fn numbers_of_different_types_are_compared_as_numbers() {
    check(
        &[
            "1 < 2.5",
            "2u <= 2",
            "-1 < 0u",
            "dyn(1) == 1.0",
            "dyn(1u) == 1",
            "dyn(1) == 'a'",
            "9223372036854775807 < 9223372036854775807.0",
            "9007199254740993 > 9007199254740992.0",
            "0.0 / 0.0 == 0.0 / 0.0",
            "0.0 / 0.0 < 1.0",
            "[1, 2] == [1, 2]",
            "dyn([1]) == [1.0]",
            "{'a': 1} == {'a': 1}",
            "{1: 'a'}[1]",
            "dyn({1: 'a'})[1u]",
            "null == null",
            "dyn(null) == 1",
            "dyn(1) + 'a'",
            "dyn(1).startsWith('a')",
            "'b' > 'a' && b'b' > b'a' && true > false",
            "1 == 'a'",
            "[1] < [2]",
        ],
        expect![[r#"
            1 < 2.5 = true
            2u <= 2 = true
            -1 < 0u = true
            dyn(1) == 1.0 = true
            dyn(1u) == 1 = true
            dyn(1) == 'a' = false
            9223372036854775807 < 9223372036854775807.0 = false
            9007199254740993 > 9007199254740992.0 = false
            0.0 / 0.0 == 0.0 / 0.0 = false
            0.0 / 0.0 < 1.0 = failed: NaN values cannot be ordered
            [1, 2] == [1, 2] = true
            dyn([1]) == [1.0] = true
            {'a': 1} == {'a': 1} = true
            {1: 'a'}[1] = "a"
            dyn({1: 'a'})[1u] = "a"
            null == null = true
            dyn(null) == 1 = false
            dyn(1) + 'a' = failed: no such overload
            dyn(1).startsWith('a') = failed: no such overload: startsWith(int, string)
            'b' > 'a' && b'b' > b'a' && true > false = true
            1 == 'a' = 3: found no matching overload for '_==_' applied to '(int, string)'
            [1] < [2] = 5: found no matching overload for '_<_' applied to '(list(int), list(int))'
        "#]],
    );
}

#[test]
fn logic_absorbs_errors_that_do_not_decide() {
    check(
        &[
            "1 / 0 == 1 || true",
            "true || 1 / 0 == 1",
            "1 / 0 == 1 && false",
            "1 / 0 == 1 && true",
            "false || 1 / 0 == 1",
            "[0, 1].exists(x, 1 / x == 1)",
            "[0, 2].all(x, 1 / x > 0)",
            "[1, 0].all(x, 1 / x > 1)",
            "true ? 1 : 1 / 0",
            "1 / 0 == 0 ? 1 : 2",
        ],
        expect![[r#"
            1 / 0 == 1 || true = true
            true || 1 / 0 == 1 = true
            1 / 0 == 1 && false = false
            1 / 0 == 1 && true = failed: division by zero
            false || 1 / 0 == 1 = failed: division by zero
            [0, 1].exists(x, 1 / x == 1) = true
            [0, 2].all(x, 1 / x > 0) = false
            [1, 0].all(x, 1 / x > 1) = false
            true ? 1 : 1 / 0 = 1
            1 / 0 == 0 ? 1 : 2 = failed: division by zero
        "#]],
    );
}

#[test]
fn conversions_follow_go() {
    check(
        &[
            "int('-12')",
            "int('x')",
            "int('' + 'x')",
            "int(2.9)",
            "int(1e19)",
            "int(3u)",
            "int(timestamp('1970-01-01T00:00:01.9Z'))",
            "uint(3.5)",
            "uint(-1)",
            "double('1.5')",
            "double(3)",
            "string(1.0)",
            "string(1000000.0)",
            "string(123456.75)",
            "string(0.00001)",
            "string(true)",
            "string(b'abc')",
            "string(b'\\xff')",
            "string(duration('1h30m'))",
            "string(timestamp('2020-01-01T00:00:00.5Z'))",
            "bytes('h\u{e9}')",
            "bool('true')",
            "bool(dyn('yes'))",
            "timestamp(0)",
            "duration('1.5h')",
            "duration('-1m0.5s')",
            "type(1)",
            "type([])",
            "type(type(1))",
            "type(timestamp(0)) == google.protobuf.Timestamp",
            "duration('x')",
            "timestamp('2020-13-01T00:00:00Z')",
        ],
        expect![[r#"
            int('-12') = -12
            int('x') = program instantiation failed: type conversion error from 'string' to 'int'
            int('' + 'x') = failed: type conversion error from 'string' to 'int'
            int(2.9) = 2
            int(1e19) = program instantiation failed: integer overflow
            int(3u) = 3
            int(timestamp('1970-01-01T00:00:01.9Z')) = 1
            uint(3.5) = 3u
            uint(-1) = program instantiation failed: unsigned integer overflow
            double('1.5') = 1.5
            double(3) = 3.0
            string(1.0) = "1"
            string(1000000.0) = "1e+06"
            string(123456.75) = "123456.75"
            string(0.00001) = "1e-05"
            string(true) = "true"
            string(b'abc') = "abc"
            string(b'\xff') = program instantiation failed: invalid UTF-8 in bytes, cannot convert to string
            string(duration('1h30m')) = "5400s"
            string(timestamp('2020-01-01T00:00:00.5Z')) = "2020-01-01T00:00:00.5Z"
            bytes('hé') = b"h\xc3\xa9"
            bool('true') = true
            bool(dyn('yes')) = program instantiation failed: type conversion error from 'string' to 'bool'
            timestamp(0) = timestamp("1970-01-01T00:00:00Z")
            duration('1.5h') = duration("5400s")
            duration('-1m0.5s') = duration("-60.5s")
            type(1) = int
            type([]) = list
            type(type(1)) = type
            type(timestamp(0)) == google.protobuf.Timestamp = true
            duration('x') = 10: invalid duration argument
            timestamp('2020-13-01T00:00:00Z') = 11: invalid timestamp argument
        "#]],
    );
}

#[test]
fn parts_of_times_are_those_of_the_time_zone() {
    check(
        &[
            "timestamp('2020-02-29T23:30:15.250Z').getFullYear()",
            "timestamp('2020-02-29T23:30:15.250Z').getMonth()",
            "timestamp('2020-02-29T23:30:15.250Z').getDate()",
            "timestamp('2020-02-29T23:30:15.250Z').getDayOfMonth()",
            "timestamp('2020-02-29T23:30:15.250Z').getDayOfYear()",
            "timestamp('2020-02-29T23:30:15.250Z').getDayOfWeek()",
            "timestamp('2020-02-29T23:30:15.250Z').getMilliseconds()",
            "timestamp('2020-02-29T23:30:15.250Z').getHours('+01:00')",
            "timestamp('2020-02-29T23:30:15.250Z').getMinutes('-02:30')",
            "timestamp('2020-07-01T12:00:00Z').getHours('Europe/Paris')",
            "timestamp('2020-07-01T12:00:00Z').getHours('Mars/Olympus')",
            "timestamp('2020-07-01T12:00:00Z').getHours('01:99')",
            "duration('1h30m').getMinutes()",
            "duration('1.5s').getMilliseconds()",
        ],
        expect![[r#"
            timestamp('2020-02-29T23:30:15.250Z').getFullYear() = 2020
            timestamp('2020-02-29T23:30:15.250Z').getMonth() = 1
            timestamp('2020-02-29T23:30:15.250Z').getDate() = 29
            timestamp('2020-02-29T23:30:15.250Z').getDayOfMonth() = 28
            timestamp('2020-02-29T23:30:15.250Z').getDayOfYear() = 59
            timestamp('2020-02-29T23:30:15.250Z').getDayOfWeek() = 6
            timestamp('2020-02-29T23:30:15.250Z').getMilliseconds() = 250
            timestamp('2020-02-29T23:30:15.250Z').getHours('+01:00') = 0
            timestamp('2020-02-29T23:30:15.250Z').getMinutes('-02:30') = 0
            timestamp('2020-07-01T12:00:00Z').getHours('Europe/Paris') = 14
            timestamp('2020-07-01T12:00:00Z').getHours('Mars/Olympus') = failed: unknown time zone Mars/Olympus
            timestamp('2020-07-01T12:00:00Z').getHours('01:99') = failed: timezone offset minutes out of range [0, 59]: 01:99
            duration('1h30m').getMinutes() = 90
            duration('1.5s').getMilliseconds() = 1500
        "#]],
    );
}

#[test]
fn strings_are_indexed_by_code_points() {
    check(
        &[
            "'h\u{e9}llo'.size()",
            "'h\u{e9}llo'.charAt(1)",
            "'abc'.charAt(3)",
            "'abc'.charAt(4)",
            "'h\u{e9}llo'.indexOf('l')",
            "'hello'.indexOf('l', 3)",
            "'hello'.indexOf('', 9)",
            "'hello'.indexOf('x')",
            "'hello'.indexOf('l', -1)",
            "'h\u{e9}ll\u{e9}'.lastIndexOf('\u{e9}')",
            "'hello'.lastIndexOf('l', 2)",
            "'hello hello'.lastIndexOf('hello', 5)",
            "'tacocat'.substring(4)",
            "'tacocat'.substring(0, 4)",
            "'tacocat'.substring(5, 4)",
            "'tacocat'.substring(40)",
            "'a b c'.split(' ')",
            "'abc'.split('')",
            "'abc'.split('', 2)",
            "'a b c'.split(' ', 2)",
            "'a b c'.split(' ', 0)",
            "'hello'.replace('l', 'L', 1)",
            "'ab'.replace('', '-')",
            "' x '.trim()",
            "'ABc\u{c9}'.lowerAscii()",
            "['a', 'b'].join('-')",
            "[dyn('a'), dyn(1)].join()",
            "strings.quote('a\\n\"')",
            "'hello'.contains('ell') && 'hello'.startsWith('he') && 'hello'.endsWith('lo')",
            "'abc'.reverse()",
        ],
        expect![[r#"
            'héllo'.size() = 5
            'héllo'.charAt(1) = "é"
            'abc'.charAt(3) = ""
            'abc'.charAt(4) = failed: index out of range: 4
            'héllo'.indexOf('l') = 2
            'hello'.indexOf('l', 3) = 3
            'hello'.indexOf('', 9) = 5
            'hello'.indexOf('x') = -1
            'hello'.indexOf('l', -1) = failed: index out of range: -1
            'héllé'.lastIndexOf('é') = 4
            'hello'.lastIndexOf('l', 2) = 2
            'hello hello'.lastIndexOf('hello', 5) = 0
            'tacocat'.substring(4) = "cat"
            'tacocat'.substring(0, 4) = "taco"
            'tacocat'.substring(5, 4) = failed: invalid substring range. start: 5, end: 4
            'tacocat'.substring(40) = failed: index out of range: 40
            'a b c'.split(' ') = ["a", "b", "c"]
            'abc'.split('') = ["a", "b", "c"]
            'abc'.split('', 2) = ["a", "bc"]
            'a b c'.split(' ', 2) = ["a", "b c"]
            'a b c'.split(' ', 0) = []
            'hello'.replace('l', 'L', 1) = "heLlo"
            'ab'.replace('', '-') = "-a-b-"
            ' x '.trim() = "x"
            'ABcÉ'.lowerAscii() = "abcÉ"
            ['a', 'b'].join('-') = "a-b"
            [dyn('a'), dyn(1)].join() = failed: join: invalid input: 1
            strings.quote('a\n"') = "\"a\\n\\\"\""
            'hello'.contains('ell') && 'hello'.startsWith('he') && 'hello'.endsWith('lo') = true
            'abc'.reverse() = 14: found no matching overload for 'reverse' applied to 'string.()'
        "#]],
    );
}

#[test]
fn formats_show_their_arguments_and_refuse_others() {
    check(
        &[
            "'%s %d %.2f'.format(['a', 1, 1234.567])",
            "'%s'.format([[1, 'a', 2.5, null]])",
            "'%s'.format([{'b': 1, 'a': duration('1s')}])",
            "'%x %X %o %b'.format([255, 'ab', 8, true])",
            "'%x'.format([-255])",
            "'%e'.format([1052.032911275])",
            "'100%%'.format([])",
            "'%d'.format(['a'])",
            "'%d'.format([dyn('a')])",
            "'%s'.format([])",
            "'%s'.format(['a', 'b'])",
            "'%q'.format(['a'])",
            "'%'.format(['a'])",
            "'%s'.format([type('a')])",
        ],
        expect![[r#"
            '%s %d %.2f'.format(['a', 1, 1234.567]) = "a 1 1,234.57"
            '%s'.format([[1, 'a', 2.5, null]]) = "[1, \"a\", 2.500000, null]"
            '%s'.format([{'b': 1, 'a': duration('1s')}]) = "{\"a\":duration(\"1s\"), \"b\":1}"
            '%x %X %o %b'.format([255, 'ab', 8, true]) = "ff 6162 10 1"
            '%x'.format([-255]) = "-ff"
            '%e'.format([1052.032911275]) = "1.052033×10⁰³"
            '100%%'.format([]) = "100%"
            '%d'.format(['a']) = 14: error during formatting: decimal clause can only be used on integers, was given string
            '%d'.format([dyn('a')]) = failed: error during formatting: decimal clause can only be used on integers, was given string
            '%s'.format([]) = 12: index 0 out of range
            '%s'.format(['a', 'b']) = 12: too many arguments supplied to string.format (expected 1, got 2)
            '%q'.format(['a']) = 12: could not parse formatting clause: unrecognized formatting clause "q"
            '%'.format(['a']) = 11: unexpected end of string
            '%s'.format([type('a')]) = "string"
        "#]],
    );
}

#[test]
fn list_functions_of_kubernetes_and_of_cel() {
    check(
        &[
            "[1, 2, 2].isSorted()",
            "['b', 'a'].isSorted()",
            "[1, 2].sum() + [1.5].map(x, int(x)).sum()",
            "[].sum() == 0",
            "dyn([1.5, 2.0]).sum()",
            "dyn(['a']).sum()",
            "[duration('1s'), duration('2s')].sum()",
            "[3, 1, 2].min() + [3, 1, 2].max()",
            "[1].filter(x, x > 1).max()",
            "['a', 'b', 'a'].indexOf('a') + ['a', 'b', 'a'].lastIndexOf('a')",
            "[1, 2, 3, 4].slice(1, 3)",
            "[1].slice(0, 2)",
            "[1].slice(1, 0)",
            "[1].slice(-1, 0)",
            "[[1], [2, 3]].flatten()",
            "[dyn(1), dyn([[2], [3]])].flatten(1)",
            "[dyn(1), dyn([[2], [3]])].flatten(9)",
            "[3, 1, 2].sort()",
            "['b', 'a'].sortBy(x, x)",
            "[{'n': 2}, {'n': 1}].sortBy(x, x.n)",
            "lists.range(4)",
            "lists.range(4).map(x, x * x).reverse()",
            "[1, 2, 1, 3].distinct()",
            "[1, 2].first()",
            "[1].filter(x, false).last()",
            "sets.contains([1, 2, 3], [2, 3])",
            "sets.equivalent([1, 1], [1])",
            "sets.intersects([1], [2])",
        ],
        expect![[r#"
            [1, 2, 2].isSorted() = true
            ['b', 'a'].isSorted() = false
            [1, 2].sum() + [1.5].map(x, int(x)).sum() = 4
            [].sum() == 0 = true
            dyn([1.5, 2.0]).sum() = 3.5
            dyn(['a']).sum() = failed: no such overload: sum(list)
            [duration('1s'), duration('2s')].sum() = duration("3s")
            [3, 1, 2].min() + [3, 1, 2].max() = 4
            [1].filter(x, x > 1).max() = failed: max called on empty list
            ['a', 'b', 'a'].indexOf('a') + ['a', 'b', 'a'].lastIndexOf('a') = 2
            [1, 2, 3, 4].slice(1, 3) = [2, 3]
            [1].slice(0, 2) = failed: cannot slice(0, 2), list is length 1
            [1].slice(1, 0) = failed: cannot slice(1, 0), start index must be less than or equal to end index
            [1].slice(-1, 0) = failed: cannot slice(-1, 0), negative indexes not supported
            [[1], [2, 3]].flatten() = [1, 2, 3]
            [dyn(1), dyn([[2], [3]])].flatten(1) = [1, [2], [3]]
            [dyn(1), dyn([[2], [3]])].flatten(9) = [1, 2, 3]
            [3, 1, 2].sort() = [1, 2, 3]
            ['b', 'a'].sortBy(x, x) = ["a", "b"]
            [{'n': 2}, {'n': 1}].sortBy(x, x.n) = [{"n": 1}, {"n": 2}]
            lists.range(4) = [0, 1, 2, 3]
            lists.range(4).map(x, x * x).reverse() = [9, 4, 1, 0]
            [1, 2, 1, 3].distinct() = [1, 2, 3]
            [1, 2].first() = optional.of(1)
            [1].filter(x, false).last() = optional.none()
            sets.contains([1, 2, 3], [2, 3]) = true
            sets.equivalent([1, 1], [1]) = true
            sets.intersects([1], [2]) = false
        "#]],
    );
}

#[test]
fn macros_of_one_and_two_variables() {
    check(
        &[
            "[1, 2, 3].map(x, x * 2)",
            "[1, 2, 3].map(x, x > 1, x * 2)",
            "[1, 2, 3].filter(x, x > 1)",
            "[1, 2, 2].exists_one(x, x == 2)",
            "[1, 2].existsOne(x, x == 2)",
            "{'a': 1}.map(k, k)",
            "[5, 6].all(i, v, v == i + 5)",
            "{'a': 1}.exists(k, v, k == 'a' && v == 1)",
            "[5, 6].transformList(i, v, i * v)",
            "{'a': 1, 'b': 2}.transformMap(k, v, v > 1, v * 10)",
            "{'a': 1}.transformMapEntry(k, v, {v: k})",
            "[1, 2].transformMapEntry(i, v, {'same': v})",
            "[1, 2].map(x, [3, 4].map(y, x * y))",
            "[1].map(x, [2].map(x, x))",
            "has({'a': 1}.a) && !has({'a': 1}.b)",
            "1.all(x, true)",
            "[1].all(1, true)",
            "has(1)",
            "[1].map(__result__, 1)",
            "[1].all(x, x, true)",
        ],
        expect![[r#"
            [1, 2, 3].map(x, x * 2) = [2, 4, 6]
            [1, 2, 3].map(x, x > 1, x * 2) = [4, 6]
            [1, 2, 3].filter(x, x > 1) = [2, 3]
            [1, 2, 2].exists_one(x, x == 2) = false
            [1, 2].existsOne(x, x == 2) = true
            {'a': 1}.map(k, k) = ["a"]
            [5, 6].all(i, v, v == i + 5) = true
            {'a': 1}.exists(k, v, k == 'a' && v == 1) = true
            [5, 6].transformList(i, v, i * v) = [0, 6]
            {'a': 1, 'b': 2}.transformMap(k, v, v > 1, v * 10) = {"b": 20}
            {'a': 1}.transformMapEntry(k, v, {v: k}) = {1: "a"}
            [1, 2].transformMapEntry(i, v, {'same': v}) = failed: insert failed: key same already exists
            [1, 2].map(x, [3, 4].map(y, x * y)) = [[3, 4], [6, 8]]
            [1].map(x, [2].map(x, x)) = [[2]]
            has({'a': 1}.a) && !has({'a': 1}.b) = true
            1.all(x, true) = 1: expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)
            [1].all(1, true) = 9: argument must be a simple name
            has(1) = 5: invalid argument to has() macro
            [1].map(__result__, 1) = 9: iteration variable overwrites accumulator variable
            [1].all(x, x, true) = 12: duplicate variable name: x
        "#]],
    );
}

#[test]
fn optionals_hold_what_may_be_absent() {
    check(
        &[
            "{'a': {'b': 1}}.?a.?b",
            "dyn({'a': {'b': 1}}).?a.b.orValue(0)",
            "{'a': 1}.?x.orValue(7)",
            "{'a': 1}[?'a'].hasValue()",
            "[1, 2][?5].or(optional.of(3)).value()",
            "optional.none().value()",
            "optional.ofNonZeroValue('')",
            "optional.ofNonZeroValue(timestamp('0001-01-01T00:00:00Z'))",
            "optional.of(2).optMap(x, x * 2)",
            "{'a': 1}.?b.optMap(x, x * 2)",
            "optional.of({'a': 1}).optFlatMap(m, m.?a)",
            "[?optional.of(1), ?optional.none()]",
            "{?'a': optional.of(1), ?'b': optional.none()}",
            "[?1]",
            "optional.unwrap([optional.of(1), optional.none()])",
            "optional.of(1) == optional.of(1)",
        ],
        expect![[r#"
            {'a': {'b': 1}}.?a.?b = optional.of(1)
            dyn({'a': {'b': 1}}).?a.b.orValue(0) = 1
            {'a': 1}.?x.orValue(7) = 7
            {'a': 1}[?'a'].hasValue() = true
            [1, 2][?5].or(optional.of(3)).value() = 3
            optional.none().value() = failed: optional.none() dereference
            optional.ofNonZeroValue('') = optional.none()
            optional.ofNonZeroValue(timestamp('0001-01-01T00:00:00Z')) = optional.none()
            optional.of(2).optMap(x, x * 2) = optional.of(4)
            {'a': 1}.?b.optMap(x, x * 2) = optional.none()
            optional.of({'a': 1}).optFlatMap(m, m.?a) = optional.of(1)
            [?optional.of(1), ?optional.none()] = [1]
            {?'a': optional.of(1), ?'b': optional.none()} = {"a": 1}
            [?1] = 3: expected type 'optional_type(int)' but found 'int'
            optional.unwrap([optional.of(1), optional.none()]) = [1]
            optional.of(1) == optional.of(1) = true
        "#]],
    );
}

#[test]
fn regular_expressions_are_re2() {
    check(
        &[
            "'abc 123'.matches('[0-9]+')",
            "'abc'.matches('^[0-9]+$')",
            "'\u{663}'.matches('^\\\\d$')",
            "'abc 123'.find('[0-9]*$')",
            "'123 abc 456'.findAll('[0-9]+')",
            "'123 abc 456'.findAll('[0-9]+', 1)",
            "'a'.find('(')",
            "'a'.find('(' + '')",
            "'a'.matches('a++')",
            "'a'.matches('(')",
            "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'.matches('(a+)+b')",
            "'x'.matches('((a{0,900}){0,900}){0,900}')",
        ],
        expect![[r#"
            'abc 123'.matches('[0-9]+') = true
            'abc'.matches('^[0-9]+$') = false
            '٣'.matches('^\\d$') = false
            'abc 123'.find('[0-9]*$') = "123"
            '123 abc 456'.findAll('[0-9]+') = ["123", "456"]
            '123 abc 456'.findAll('[0-9]+', 1) = ["123"]
            'a'.find('(') = program instantiation failed: error parsing regexp: missing closing ): `(`
            'a'.find('(' + '') = failed: Illegal regex: error parsing regexp: missing closing ): `(`
            'a'.matches('a++') = 13: invalid matches argument
            'a'.matches('(') = 13: invalid matches argument
            'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'.matches('(a+)+b') = false
            'x'.matches('((a{0,900}){0,900}){0,900}') = 13: invalid matches argument
        "#]],
    );
}

#[test]
fn urls_are_read_as_go_reads_them() {
    check(
        &[
            "url('https://user@[::1]:8080/a%20b/c?k=1&k=2&x=a+b#frag').getHost()",
            "url('https://user@[::1]:8080/a%20b/c?k=1').getHostname()",
            "url('https://example.com:8080/').getPort()",
            "url('https://example.com/a%20b').getEscapedPath()",
            "url('/path?k=1&k=2&x=a+b').getQuery()",
            "url('HTTPS://x').getScheme()",
            "url('https:://kubernetes.io/').getHost()",
            "isURL('/path') && !isURL('../relative') && !isURL('https://a:b/') && !isURL('')",
            "url('../x')",
            "url('https://a b/')",
            "url('http://x/%zz')",
        ],
        expect![[r#"
            url('https://user@[::1]:8080/a%20b/c?k=1&k=2&x=a+b#frag').getHost() = "[::1]:8080"
            url('https://user@[::1]:8080/a%20b/c?k=1').getHostname() = "::1"
            url('https://example.com:8080/').getPort() = "8080"
            url('https://example.com/a%20b').getEscapedPath() = "/a%20b"
            url('/path?k=1&k=2&x=a+b').getQuery() = {"k": ["1", "2"], "x": ["a b"]}
            url('HTTPS://x').getScheme() = "https"
            url('https:://kubernetes.io/').getHost() = ""
            isURL('/path') && !isURL('../relative') && !isURL('https://a:b/') && !isURL('') = true
            url('../x') = failed: URL parse error during conversion from string: parse "../x": invalid URI for request
            url('https://a b/') = failed: URL parse error during conversion from string: parse "https://a b/": invalid character " " in host name
            url('http://x/%zz') = failed: URL parse error during conversion from string: parse "http://x/%zz": invalid URL escape "%zz"
        "#]],
    );
}

#[test]
fn quantities_are_exact() {
    check(
        &[
            "quantity('1Gi') == quantity('1024Mi')",
            "quantity('1.5Gi').add(quantity('512Mi')).sub(1)",
            "quantity('50k').sub(20).asInteger()",
            "quantity('100m').isInteger()",
            "quantity('100m').asInteger()",
            "quantity('-1').sign()",
            "quantity('1k').compareTo(quantity('1Ki'))",
            "quantity('2').isGreaterThan(quantity('1')) && quantity('1').isLessThan(quantity('2'))",
            "quantity('50.703k').asApproximateFloat()",
            "isQuantity('1.3Gi') && !isQuantity('1,3G')",
            "quantity('10Mo')",
        ],
        expect![[r#"
            quantity('1Gi') == quantity('1024Mi') = true
            quantity('1.5Gi').add(quantity('512Mi')).sub(1) = quantity("2147483647")
            quantity('50k').sub(20).asInteger() = 49980
            quantity('100m').isInteger() = false
            quantity('100m').asInteger() = failed: cannot convert value to integer
            quantity('-1').sign() = -1
            quantity('1k').compareTo(quantity('1Ki')) = -1
            quantity('2').isGreaterThan(quantity('1')) && quantity('1').isLessThan(quantity('2')) = true
            quantity('50.703k').asApproximateFloat() = 50703.0
            isQuantity('1.3Gi') && !isQuantity('1,3G') = true
            quantity('10Mo') = failed: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'
        "#]],
    );
}

#[test]
fn addresses_and_networks() {
    check(
        &[
            "ip('192.168.0.1').family() + ip('::1').family()",
            "ip('127.0.0.1').isLoopback() && ip('::').isUnspecified() && ip('fe80::1').isLinkLocalUnicast()",
            "ip('224.0.0.1').isLinkLocalMulticast() && ip('8.8.8.8').isGlobalUnicast()",
            "isIP('1.2.3') || isIP('::ffff:1.2.3.4') || isIP('fe80::1%en0')",
            "ip.isCanonical('2001:db8::abcd') && !ip.isCanonical('2001:DB8::ABCD')",
            "string(ip('::1')) + string(cidr('10.0.0.1/8').masked())",
            "cidr('10.0.0.0/8').containsIP('10.1.2.3') && !cidr('10.0.0.0/8').containsIP(ip('11.0.0.1'))",
            "cidr('10.0.0.0/8').containsCIDR(cidr('10.1.0.0/16')) && !cidr('10.0.0.0/8').containsCIDR('0.0.0.0/0')",
            "cidr('10.0.0.1/8').ip() == ip('10.0.0.1') && cidr('::/0').prefixLength() == 0",
            "isCIDR('10.0.0.0/33') || isCIDR('10.0.0.0') || isCIDR('10.0.0.0/08')",
            "ip('1.2.3.256')",
            "ip('::ffff:1.2.3.4')",
            "ip('fe80::1%en0')",
            "cidr('10.0.0.0')",
            "type(ip('1.2.3.4')) == net.IP",
        ],
        expect![[r#"
            ip('192.168.0.1').family() + ip('::1').family() = 10
            ip('127.0.0.1').isLoopback() && ip('::').isUnspecified() && ip('fe80::1').isLinkLocalUnicast() = true
            ip('224.0.0.1').isLinkLocalMulticast() && ip('8.8.8.8').isGlobalUnicast() = true
            isIP('1.2.3') || isIP('::ffff:1.2.3.4') || isIP('fe80::1%en0') = false
            ip.isCanonical('2001:db8::abcd') && !ip.isCanonical('2001:DB8::ABCD') = true
            string(ip('::1')) + string(cidr('10.0.0.1/8').masked()) = "::110.0.0.0/8"
            cidr('10.0.0.0/8').containsIP('10.1.2.3') && !cidr('10.0.0.0/8').containsIP(ip('11.0.0.1')) = true
            cidr('10.0.0.0/8').containsCIDR(cidr('10.1.0.0/16')) && !cidr('10.0.0.0/8').containsCIDR('0.0.0.0/0') = true
            cidr('10.0.0.1/8').ip() == ip('10.0.0.1') && cidr('::/0').prefixLength() == 0 = true
            isCIDR('10.0.0.0/33') || isCIDR('10.0.0.0') || isCIDR('10.0.0.0/08') = false
            ip('1.2.3.256') = failed: IP Address "1.2.3.256" parse error during conversion from string: ParseAddr("1.2.3.256"): unable to parse IP
            ip('::ffff:1.2.3.4') = failed: IPv4-mapped IPv6 address "::ffff:1.2.3.4" is not allowed
            ip('fe80::1%en0') = failed: IP address "fe80::1%en0" with zone value is not allowed
            cidr('10.0.0.0') = failed: network address parse error during conversion from string: network address parse error during conversion from string: netip.ParsePrefix("10.0.0.0"): no '/'
            type(ip('1.2.3.4')) == net.IP = true
        "#]],
    );
}

#[test]
fn versions_are_ordered() {
    check(
        &[
            "semver('1.2.3').isLessThan(semver('1.2.4'))",
            "semver('1.2.3-rc.2').isLessThan(semver('1.2.3-rc.10'))",
            "semver('1.2.3-alpha').compareTo(semver('1.2.3'))",
            "semver('1.2.3+a') == semver('1.2.3+b')",
            "semver('v1.02', true)",
            "semver('1', true).minor()",
            "isSemver('1.2') || isSemver('v1.2.3') || isSemver('01.2.3')",
            "isSemver('v01.01', true)",
            "semver('1.2')",
            "semver('1.2-rc', true)",
        ],
        expect![[r#"
            semver('1.2.3').isLessThan(semver('1.2.4')) = true
            semver('1.2.3-rc.2').isLessThan(semver('1.2.3-rc.10')) = true
            semver('1.2.3-alpha').compareTo(semver('1.2.3')) = -1
            semver('1.2.3+a') == semver('1.2.3+b') = true
            semver('v1.02', true) = semver("1.2.0")
            semver('1', true).minor() = 0
            isSemver('1.2') || isSemver('v1.2.3') || isSemver('01.2.3') = false
            isSemver('v01.01', true) = true
            semver('1.2') = failed: No Major.Minor.Patch elements found
            semver('1.2-rc', true) = failed: short version cannot contain PreRelease/Build meta data
        "#]],
    );
}

#[test]
fn named_formats_say_what_they_refuse() {
    check(
        &[
            "format.dns1123Label().validate('my-name')",
            "format.dns1123Label().validate('My_Name').value()[0].startsWith('a lowercase RFC 1123 label')",
            "format.named('dns1123Label').value() == format.dns1123Label()",
            "format.named('nothing')",
            "format.uuid().validate('123e4567-e89b-12d3-a456-426614174000').hasValue()",
            "format.uuid().validate('123').value()",
            "format.byte().validate('aGVsbG8=').hasValue()",
            "format.date().validate('2021-01-32').value()",
            "format.datetime().validate('2021-01-01T00:00:00Z').hasValue()",
            "format.uri().validate('http:// x').hasValue()",
            "format.qualifiedName().validate('a/b').hasValue()",
            "format.labelValue().validate('-').hasValue()",
            "format.dns1123LabelPrefix().validate('my-').hasValue()",
        ],
        expect![[r#"
            format.dns1123Label().validate('my-name') = optional.none()
            format.dns1123Label().validate('My_Name').value()[0].startsWith('a lowercase RFC 1123 label') = true
            format.named('dns1123Label').value() == format.dns1123Label() = true
            format.named('nothing') = optional.none()
            format.uuid().validate('123e4567-e89b-12d3-a456-426614174000').hasValue() = false
            format.uuid().validate('123').value() = ["does not match the UUID format"]
            format.byte().validate('aGVsbG8=').hasValue() = false
            format.date().validate('2021-01-32').value() = ["invalid date"]
            format.datetime().validate('2021-01-01T00:00:00Z').hasValue() = false
            format.uri().validate('http:// x').hasValue() = true
            format.qualifiedName().validate('a/b').hasValue() = false
            format.labelValue().validate('-').hasValue() = true
            format.dns1123LabelPrefix().validate('my-').hasValue() = false
        "#]],
    );
}

#[test]
fn mutations_make_objects() {
    check(
        &[
            "Object{spec: Object.spec{replicas: 1}}",
            "[JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a/b~c'), value: 'x'}]",
            "JSONPatch{op: 1}",
            "JSONPatch{verb: 'add'}",
            "Object{?spec: optional.none()}",
            "Object.metadata{name: 'a'}.name",
            "Object{a: 1} == Object{a: 1}",
            "int{}",
            "Nothing{}",
        ],
        expect![[r#"
            Object{spec: Object.spec{replicas: 1}} = Object { spec: Object.spec { replicas: 1 } }
            [JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a/b~c'), value: 'x'}] = [JSONPatch { op: "add", path: "/metadata/labels/a~1b~0c", value: "x" }]
            JSONPatch{op: 1} = 13: expected type of field 'op' is 'string' but provided type is 'int'
            JSONPatch{verb: 'add'} = 15: undefined field 'verb'
            Object{?spec: optional.none()} = Object
            Object.metadata{name: 'a'}.name = "a"
            Object{a: 1} == Object{a: 1} = true
            int{} = 4: 'int' is not a message type
            Nothing{} = 8: undeclared reference to 'Nothing' (in container '')
        "#]],
    );
}

#[test]
fn functions_that_kubernetes_does_not_enable_are_unknown() {
    check(
        &["cel.bind(x, 1, x)", "math.greatest(1, 2)", "[1].includes(1)", "base64.encode(b'a')"],
        expect![[r#"
        cel.bind(x, 1, x) = 1: undeclared reference to 'cel' (in container '')9: undeclared reference to 'bind' (in container '')10: undeclared reference to 'x' (in container '')16: undeclared reference to 'x' (in container '')
        math.greatest(1, 2) = 1: undeclared reference to 'math' (in container '')14: undeclared reference to 'greatest' (in container '')
        [1].includes(1) = 13: undeclared reference to 'includes' (in container '')
        base64.encode(b'a') = 1: undeclared reference to 'base64' (in container '')14: undeclared reference to 'encode' (in container '')
    "#]],
    );
}

/// The names of all functions that are called by name.
pub(crate) fn names() -> Vec<&'static str> {
    let mut names: Vec<_> =
        super::FUNCTIONS.keys().copied().filter(|name| name.starts_with(char::is_alphabetic)).collect();
    names.sort_unstable();
    names
}
