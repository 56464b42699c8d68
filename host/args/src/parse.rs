//! The grammar of `args/<service>`: one argument a line, `--flag=value`, `--flag value` or `-f=value`; `#` begins a line
//! of comment; quotes are stripped; two variables stand for the data directory. No shell ever sees a line.

use crate::fold::Mistake;
use crate::service::Service;

/// Variables that stand for the data directory.
const DATA_DIR: &[&str] = &["SNAP_DATA", "SNAP_COMMON"];

/// An argument as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Argument {
    /// Counted from 1.
    pub(crate) line: usize,
    /// Without dashes in front, and not looked up yet.
    pub(crate) name: String,
    /// `None` where only the flag was given.
    pub(crate) value: Option<String>,
}

/// Reads a file; every wrong line is told.
pub(crate) fn parse(service: Service, text: &str, data_dir: &str) -> (Vec<Argument>, Vec<Mistake>) {
    let (mut arguments, mut mistakes) = (Vec::new(), Vec::new());
    for (index, raw) in text.lines().enumerate() {
        let (line, content) = (index + 1, raw.trim());
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        match argument(content, data_dir) {
            Ok((name, value)) => arguments.push(Argument { line, name, value }),
            Err(why) => mistakes.push(Mistake::Line { service, line, why, text: content.to_owned() }),
        }
    }
    (arguments, mistakes)
}

fn argument(content: &str, data_dir: &str) -> Result<(String, Option<String>), &'static str> {
    let content = expand(&content.replace(['"', '\''], ""), data_dir)?;
    let dashes = content.len() - content.trim_start_matches('-').len();
    if !(1..=2).contains(&dashes) {
        return Err("an argument begins with `--`");
    }
    let rest = &content[dashes..];
    let (name, value) = match rest.find(['=', ' ', '\t']) {
        Some(end) => (&rest[..end], Some(rest[end + 1..].trim())),
        None => (rest, None),
    };
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
        return Err("the name of a flag has letters, digits and dashes");
    }
    if value.is_some_and(|value| value.split_whitespace().any(|word| word.starts_with("--"))) {
        return Err("a line holds one argument");
    }
    Ok((name.replace('_', "-"), value.map(str::to_owned)))
}

/// Puts the data directory in the place of its variables.
fn expand(text: &str, data_dir: &str) -> Result<String, &'static str> {
    const ONLY: &str = "the variables are ${SNAP_DATA} and ${SNAP_COMMON}, and no shell looks at a line";
    if text.contains('`') {
        return Err(ONLY);
    }
    let mut parts = text.split('$');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = match part.strip_prefix('{') {
            Some(braced) => braced.split_once('}').ok_or("a variable needs its closing brace")?,
            None => {
                let end = part.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(part.len());
                part.split_at(end)
            }
        };
        if !DATA_DIR.contains(&name) {
            return Err(ONLY);
        }
        out.push_str(data_dir);
        out.push_str(rest);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: Expect) {
        let (arguments, mistakes) = parse(Service::Kubelet, text, "/d");
        let mut shown = String::new();
        for Argument { line, name, value } in arguments {
            shown.push_str(&format!("{line} {name} {value:?}\n"));
        }
        mistakes.iter().for_each(|mistake| shown.push_str(&format!("{mistake}\n")));
        expected.assert_eq(&shown);
    }

    #[test]
    fn every_form_of_an_argument_is_read() {
        check(
            "# a comment\n\n--port=1\n --read_only-port 2\t\n-l=debug\n--node-labels=\"a=b,c=d e\"\n--client-cert-auth\n--empty=",
            expect![[r#"
                3 port Some("1")
                4 read-only-port Some("2")
                5 l Some("debug")
                6 node-labels Some("a=b,c=d e")
                7 client-cert-auth None
                8 empty Some("")
            "#]],
        );
    }

    #[test]
    fn both_variables_stand_for_the_data_directory() {
        check(
            "--root-dir=${SNAP_COMMON}/var/lib/kubelet\n--cert-dir='$SNAP_DATA/certs'",
            expect![[r#"
                1 root-dir Some("/d/var/lib/kubelet")
                2 cert-dir Some("/d/certs")
            "#]],
        );
    }

    #[test]
    fn every_wrong_line_is_told_with_its_place_and_text() {
        check(
            "port=1\n--a=1 --b=2\n--c=$HOME\n--d=$(id)\n--e=`id`\n--f=${SNAP_DATA\n---g\n--=1\n--h i!=2",
            expect![[r#"
                9 h Some("i!=2")
                args/kubelet:1: an argument begins with `--`: "port=1"
                args/kubelet:2: a line holds one argument: "--a=1 --b=2"
                args/kubelet:3: the variables are ${SNAP_DATA} and ${SNAP_COMMON}, and no shell looks at a line: "--c=$HOME"
                args/kubelet:4: the variables are ${SNAP_DATA} and ${SNAP_COMMON}, and no shell looks at a line: "--d=$(id)"
                args/kubelet:5: the variables are ${SNAP_DATA} and ${SNAP_COMMON}, and no shell looks at a line: "--e=`id`"
                args/kubelet:6: a variable needs its closing brace: "--f=${SNAP_DATA"
                args/kubelet:7: an argument begins with `--`: "---g"
                args/kubelet:8: the name of a flag has letters, digits and dashes: "--=1"
            "#]],
        );
    }
}
