//! Lists of users in CSV: `secret,user,uid` and, if wanted, `"group,group"`, as kube-apiserver's `--token-auth-file` has
//! them.
//!
//! Each line stands for itself: one that cannot be used is a [`Problem`], and the others stay in force.

use std::fmt;

use crate::{File, User, log};

/// A line that can be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Counted from 1.
    pub line: usize,
    /// The token or the password.
    pub secret: String,
    pub user: User,
}

/// A line that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub line: usize,
    pub why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    NotUtf8,
    /// A quote within a field that does not begin with one, or text after the closing one.
    StrayQuote,
    OpenQuote,
    TooFewFields(usize),
    EmptySecret,
    EmptyUser,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 => f.write_str("is not UTF-8"),
            Self::StrayQuote => f.write_str("has a quote in the middle of a field"),
            Self::OpenQuote => f.write_str("has a quote that is not closed"),
            Self::TooFewFields(1) => f.write_str("has 1 field; at least secret,user,uid are needed"),
            Self::TooFewFields(count) => write!(f, "has {count} fields; at least secret,user,uid are needed"),
            Self::EmptySecret => f.write_str("has no secret"),
            Self::EmptyUser => f.write_str("has no user"),
        }
    }
}

/// Reads the list that the operator granted under a name, and tells in the log what cannot be used.
pub fn granted(files: &[File], name: &str) -> Vec<Entry> {
    let Some(file) = files.iter().find(|file| file.name == name) else { return Vec::new() };
    let Some(content) = &file.content else {
        log::warn(format!("{}: there is no such file, so nobody is known by it", file.path));
        return Vec::new();
    };
    let (entries, problems) = read(content);
    for Problem { line, why } in problems {
        log::error(format!("{}:{line}: the line {why}; it is left out", file.path));
    }
    entries
}

/// Reads a list; blank lines count but say nothing.
pub fn read(content: &[u8]) -> (Vec<Entry>, Vec<Problem>) {
    let mut entries = Vec::new();
    let mut problems = Vec::new();
    for (index, text) in content.split(|&byte| byte == b'\n').enumerate() {
        let line = index + 1;
        match entry(line, text.strip_suffix(b"\r").unwrap_or(text)) {
            Ok(entry) => entries.extend(entry),
            Err(why) => problems.push(Problem { line, why }),
        }
    }
    (entries, problems)
}

fn entry(line: usize, text: &[u8]) -> Result<Option<Entry>, Why> {
    let text = str::from_utf8(text).map_err(|_| Why::NotUtf8)?;
    if text.is_empty() {
        return Ok(None);
    }
    let mut fields = fields(text)?.into_iter();
    let count = fields.len();
    let (Some(secret), Some(name), Some(uid)) = (fields.next(), fields.next(), fields.next()) else {
        return Err(Why::TooFewFields(count));
    };
    if secret.is_empty() {
        return Err(Why::EmptySecret);
    }
    if name.is_empty() {
        return Err(Why::EmptyUser);
    }
    let groups = fields.next().unwrap_or_default();
    let groups = groups.split(',').filter(|group| !group.is_empty()).map(str::to_owned).collect();
    Ok(Some(Entry { line, secret, user: User { name, uid, groups, extra: Vec::new() } }))
}

/// Cuts a line into fields; a quoted field may hold commas, and quotes that are doubled.
fn fields(mut rest: &str) -> Result<Vec<String>, Why> {
    let mut fields = Vec::new();
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted)?,
            None => plain_field(rest)?,
        };
        fields.push(field);
        match after {
            Some(after) => rest = after,
            None => return Ok(fields),
        }
    }
}

fn plain_field(text: &str) -> Result<(String, Option<&str>), Why> {
    let (field, after) = match text.split_once(',') {
        Some((field, after)) => (field, Some(after)),
        None => (text, None),
    };
    if field.contains('"') {
        return Err(Why::StrayQuote);
    }
    Ok((field.to_owned(), after))
}

fn quoted_field(mut text: &str) -> Result<(String, Option<&str>), Why> {
    let mut field = String::new();
    loop {
        let (part, after) = text.split_once('"').ok_or(Why::OpenQuote)?;
        field.push_str(part);
        match after.as_bytes().first() {
            Some(b'"') => {
                field.push('"');
                text = &after[1..];
            }
            Some(b',') => return Ok((field, Some(&after[1..]))),
            Some(_) => return Err(Why::StrayQuote),
            None => return Ok((field, None)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(content: &[u8]) -> Entry {
        let (mut entries, problems) = read(content);
        assert_eq!(problems, []);
        assert_eq!(entries.len(), 1);
        entries.remove(0)
    }

    fn why(content: &[u8]) -> Why {
        let (entries, problems) = read(content);
        assert_eq!((entries.len(), problems.len()), (0, 1));
        problems[0].why.clone()
    }

    #[test]
    fn groups_are_one_quoted_field() {
        let entry = only(b"t0ken,admin,1,\"a,b\"\n");
        assert_eq!(entry.secret, "t0ken");
        assert_eq!(entry.user.groups, ["a", "b"]);
    }

    #[test]
    fn a_field_may_hold_doubled_quotes() {
        assert_eq!(only(b"\"a\"\"b\",u,1").secret, "a\"b");
    }

    #[test]
    fn a_broken_line_leaves_the_others_in_force() {
        let (entries, problems) = read(b"one,u1,1\ntwo,u2\r\n\nthree,u3,3\n\"open,u4,4\nfive,u5,5\n");
        let kept: Vec<_> = entries.iter().map(|entry| (entry.line, entry.secret.as_str())).collect();
        assert_eq!(kept, [(1, "one"), (4, "three"), (6, "five")]);
        assert_eq!(
            problems,
            [Problem { line: 2, why: Why::TooFewFields(2) }, Problem { line: 5, why: Why::OpenQuote },]
        );
    }

    #[test]
    fn what_no_user_can_be_made_of_is_refused() {
        assert_eq!(why(b",u,1"), Why::EmptySecret);
        assert_eq!(why(b"t,,1"), Why::EmptyUser);
        assert_eq!(why(b"t,u\"x,1"), Why::StrayQuote);
        assert_eq!(why(b"\"t\"x,u,1"), Why::StrayQuote);
        assert_eq!(why(b"t,\xff,1"), Why::NotUtf8);
    }
}
