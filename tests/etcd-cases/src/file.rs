//! A file of cases: reads and prints the format that `README.md` describes.

use std::collections::HashMap;
use std::fmt;

use anyhow::{Context, Result, bail, ensure};
use prost_reflect::DynamicMessage;
use tonic::Code;

use crate::aside::set_aside;
use crate::schema::{self, Method};
use crate::text;

/// Whose answers are expected, where they are known to differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edition {
    /// Debian's etcd, whose faults the cases know.
    V3_4,
    /// What the node's own datastore is held to.
    V3_6,
}

const EDITIONS: &[(Edition, &str)] = &[(Edition::V3_4, "3.4"), (Edition::V3_6, "3.6")];

#[derive(Clone, Debug)]
pub struct CaseFile {
    pub(crate) entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Where it began in the file, from 1; 0 for what a run added.
    pub(crate) line: usize,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// A comment, an empty line, or the reason (`~`) of the answers below it that only one edition gives.
    Words(String),
    /// A call of one request and one answer, which follows.
    Call {
        method: Method,
        request: Request,
        text: String,
    },
    Open {
        stream: String,
        method: Method,
        text: String,
    },
    Send {
        stream: String,
        request: Request,
        text: String,
    },
    /// Says that no more requests come.
    Close {
        stream: String,
    },
    Answer(Answer),
}

#[derive(Clone, Debug)]
pub(crate) enum Request {
    /// In the text format, and of which method.
    Message {
        text: String,
        method: Method,
    },
    Bytes(Vec<u8>),
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// `None` where it answers the call above.
    pub(crate) stream: Option<String>,
    /// The one edition that gives it.
    pub(crate) only: Option<Edition>,
    /// Whether it may change places with its neighbours of which this is true too.
    pub(crate) any_order: bool,
    pub(crate) outcome: Outcome,
}

/// What came, without what is set aside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// A message, as it is printed.
    Message(String),
    Ended {
        code: String,
        message: String,
    },
    /// Not yet recorded, or nothing came in time.
    Nothing,
}

impl CaseFile {
    /// # Errors
    /// With the line that is not in the format.
    pub fn parse(source: &str) -> Result<Self> {
        let mut parser = Parser::default();
        for (line, block) in blocks(source) {
            let kind = parser.entry(&block).with_context(|| format!("line {line}: {block}"))?;
            parser.entries.push(Entry { line, kind });
        }
        Ok(Self { entries: parser.entries })
    }

    /// How many cases it holds: comments that follow an empty line, or begin the file, and are followed by a request.
    pub fn cases(&self) -> usize {
        let names = self.entries.split(|entry| entry.is_words_of(""));
        names.filter(|case| case.iter().any(|entry| !matches!(entry.kind, Kind::Words(_)))).count()
    }

    /// The name of the case that an entry belongs to.
    pub(crate) fn case_of(&self, index: usize) -> &str {
        let before = self.entries[..index].iter().rev();
        let case = before.take_while(|entry| !entry.is_words_of("")).last();
        match case.map(|entry| &entry.kind) {
            Some(Kind::Words(words)) => words.trim_start_matches(['#', ' ']),
            _ => "",
        }
    }
}

impl CaseFile {
    /// Puts answers that may come in any order into one.
    pub(crate) fn sort_any_order(&mut self) {
        let group = |entry: &Entry| match &entry.kind {
            Kind::Answer(answer) if answer.any_order => Some((answer.stream.clone(), answer.only)),
            _ => None,
        };
        for run in self.entries.chunk_by_mut(|a, b| group(a).is_some() && group(a) == group(b)) {
            let mut outcomes: Vec<_> = run.iter().filter_map(|entry| entry.kind.outcome().cloned()).collect();
            outcomes.sort();
            for (entry, sorted) in run.iter_mut().zip(outcomes) {
                if let Kind::Answer(answer) = &mut entry.kind
                    && answer.any_order
                {
                    answer.outcome = sorted;
                }
            }
        }
    }
}

impl Answer {
    pub(crate) fn given_by(&self, edition: Edition) -> bool {
        self.only.is_none_or(|only| only == edition)
    }
}

impl Kind {
    pub(crate) fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Answer(answer) => Some(&answer.outcome),
            _ => None,
        }
    }
}

impl Entry {
    /// Of the line that names the one edition which its case is for: that edition.
    pub(crate) fn only(&self) -> Option<Edition> {
        let Kind::Words(words) = &self.kind else { return None };
        let tag = words.strip_prefix('~')?;
        EDITIONS.iter().find(|(_, name)| tag.starts_with(name)).map(|(edition, _)| *edition)
    }

    /// Whether it stands between two cases.
    pub(crate) fn is_gap(&self) -> bool {
        self.is_words_of("")
    }

    fn is_words_of(&self, start: &str) -> bool {
        matches!(&self.kind, Kind::Words(words) if words == start)
    }
}

/// The lines of a source, each with those that continue it: they begin with a space.
fn blocks(source: &str) -> Vec<(usize, String)> {
    let mut blocks: Vec<(usize, String)> = Vec::new();
    for (at, line) in source.lines().enumerate() {
        match blocks.last_mut() {
            Some((_, block)) if line.starts_with(' ') => {
                block.push('\n');
                block.push_str(line);
            }
            _ => blocks.push((at + 1, line.to_owned())),
        }
    }
    blocks
}

#[derive(Default)]
struct Parser {
    entries: Vec<Entry>,
    streams: HashMap<String, Method>,
    called: Option<Method>,
}

impl Parser {
    fn entry(&mut self, block: &str) -> Result<Kind> {
        if block.is_empty() || block.starts_with(['#', '~']) {
            return Ok(Kind::Words(block.to_owned()));
        }
        let name_end = block.find(|of: char| !of.is_ascii_lowercase()).context("a mark is missing")?;
        let (stream, rest) = block.split_at(name_end);
        let (mark, rest) = rest.trim_start().split_at_checked(1).context("a mark is missing")?;
        let rest = rest.trim_end();
        let text = rest.trim_start().to_owned();
        match (mark, stream) {
            (">", "") => {
                let (name, request) = text.split_once(char::is_whitespace).unwrap_or((&text, ""));
                let method = Method::find(name)?;
                ensure!(method.is_unary(), "{name} is a stream: open it");
                let request = Request::read(&method, request)?;
                self.called = Some(method.clone());
                Ok(Kind::Call { method, request, text })
            }
            ("=", stream) if !stream.is_empty() => {
                let method = Method::find(&text)?;
                self.streams.insert(stream.to_owned(), method.clone());
                Ok(Kind::Open { stream: stream.to_owned(), method, text })
            }
            (">", stream) => {
                let request = Request::read(self.opened(stream)?, &text)?;
                Ok(Kind::Send { stream: stream.to_owned(), request, text })
            }
            (".", stream) if !stream.is_empty() && text.is_empty() => {
                self.opened(stream)?;
                Ok(Kind::Close { stream: stream.to_owned() })
            }
            ("<" | "!", stream) => self.answer(mark, stream, rest).map(Kind::Answer),
            _ => bail!("{mark} is no mark"),
        }
    }

    fn answer(&self, mark: &str, stream: &str, mut rest: &str) -> Result<Answer> {
        let mut only = None;
        for (edition, tag) in EDITIONS {
            if let Some(after) = rest.strip_prefix(tag) {
                (only, rest) = (Some(*edition), after);
            }
        }
        ensure!(only.is_none() || self.has_reason(), "the reason (~) of an answer of one edition is missing");
        let (any_order, rest) = match rest.strip_prefix('~') {
            Some(after) => (true, after),
            None => (false, rest),
        };
        ensure!(rest.is_empty() || rest.starts_with([' ', '\n']), "an answer begins after a space");
        let method = match stream {
            "" => self.called.as_ref().context("there is no call to be answered")?,
            stream => self.opened(stream)?,
        };
        let rest = rest.trim();
        let outcome = match (mark, rest) {
            (_, "") => Outcome::Nothing,
            ("!", rest) => {
                let (code, message) = rest.split_once(' ').unwrap_or((rest, ""));
                ensure!(CODES.contains(&code), "{code} is no code");
                Outcome::Ended { code: code.to_owned(), message: message.to_owned() }
            }
            (_, rest) => match method.output() {
                Some(output) => Outcome::of(schema::parse(&output, &text::expand(rest, 1)?)?),
                None => Outcome::Message(rest.to_owned()),
            },
        };
        let stream = (!stream.is_empty()).then(|| stream.to_owned());
        Ok(Answer { stream, only, any_order, outcome })
    }

    fn opened(&self, stream: &str) -> Result<&Method> {
        self.streams.get(stream).with_context(|| format!("the stream {stream} is not open"))
    }

    /// Whether a reason stands above, with nothing but answers of one edition in between.
    fn has_reason(&self) -> bool {
        let of_one = |entry: &&Entry| matches!(&entry.kind, Kind::Answer(answer) if answer.only.is_some());
        let above = self.entries.iter().rev().find(|entry| !of_one(entry));
        matches!(above.map(|entry| &entry.kind), Some(Kind::Words(words)) if words.starts_with('~'))
    }
}

impl Request {
    fn read(method: &Method, text: &str) -> Result<Self> {
        if let Some(digits) = text.strip_prefix("hex") {
            return Ok(Self::Bytes(from_hex(digits)?));
        }
        let request = Self::Message { text: text.to_owned(), method: method.clone() };
        request.encode(1).map(|_| request)
    }

    /// The bytes of the request to a member with this id.
    pub(crate) fn encode(&self, member: u64) -> Result<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.clone()),
            Self::Message { text, method } => {
                let input = method.input().context("a method that the API lacks takes hex")?;
                let message = schema::parse(&input, &text::expand(text, member)?)?;
                Ok(prost::Message::encode_to_vec(&message))
            }
        }
    }
}

fn from_hex(digits: &str) -> Result<Vec<u8>> {
    let pairs = digits.split_whitespace();
    pairs.map(|pair| u8::from_str_radix(pair, 16).with_context(|| format!("{pair} is no byte"))).collect()
}

/// The names of gRPC's codes, by number.
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

impl Outcome {
    fn of(mut message: DynamicMessage) -> Self {
        set_aside(&mut message);
        Self::Message(text::print(&message))
    }

    /// What a method answered.
    pub(crate) fn received(method: &Method, bytes: &[u8]) -> Result<Self> {
        match method.output() {
            Some(output) => Ok(Self::of(DynamicMessage::decode(output, bytes)?)),
            None => {
                let pairs: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                Ok(Self::Message(format!("hex {}", pairs.join(" ")).trim_end().to_owned()))
            }
        }
    }

    pub(crate) fn ended(code: Code, message: &str) -> Self {
        Self::Ended { code: CODES[code as usize].to_owned(), message: message.to_owned() }
    }
}

impl fmt::Display for CaseFile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries.iter().try_for_each(|entry| writeln!(out, "{}", entry.kind))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words(words) => out.write_str(words),
            Self::Call { text, .. } => write!(out, "> {text}"),
            Self::Open { stream, text, .. } => write!(out, "{stream} = {text}"),
            Self::Send { stream, text, .. } => out.write_str(format!("{stream}> {text}").trim_end()),
            Self::Close { stream } => write!(out, "{stream}."),
            Self::Answer(answer) => answer.fmt(out),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stream = self.stream.as_deref().unwrap_or_default();
        let only = EDITIONS.iter().find(|(edition, _)| Some(*edition) == self.only);
        let only = only.map_or("", |(_, tag)| tag);
        let order = if self.any_order { "~" } else { "" };
        match &self.outcome {
            Outcome::Message(text) => {
                write!(out, "{stream}<{only}{order} {}", text.replace('\n', "\n  "))
            }
            Outcome::Ended { code, message } => {
                write!(out, "{}", format!("{stream}!{only}{order} {code} {message}").trim_end())
            }
            Outcome::Nothing => write!(out, "{stream}<{only}{order}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
# one case
> KV.Put key: \"a\" value: \"1\"
< @2

# another
w = Watch.Watch
w> create_request { key: \"a\" }
w< @2 created: true
w<~ @3 events { kv { key: \"a\" } }
w.
~ of a fault
w!3.4 CANCELLED context canceled
w!3.6 OK
> KV.Nothing hex 0a ff
! UNIMPLEMENTED unknown method Nothing for service etcdserverpb.KV
";

    #[test]
    fn what_is_read_is_printed_alike() {
        let file = CaseFile::parse(SOURCE).unwrap();
        assert_eq!(file.to_string(), SOURCE);
        assert_eq!((file.case_of(2), file.case_of(8)), ("one case", "another"));
    }

    #[test]
    fn a_message_is_read_over_several_lines_and_in_any_shape() {
        let file = CaseFile::parse("> KV.Put key: \"a\"\n<\n  header {\n    revision: 2}").unwrap();
        assert_eq!(file.entries[1].kind.to_string(), "< header { revision: 2 }");
    }

    #[test]
    fn what_is_not_in_the_format_is_refused_with_its_line() {
        for (source, why) in [
            ("? KV.Put", "? is no mark"),
            ("> KV.Put keys: \"a\"", "keys"),
            ("> KV.Put key: \"a\"\n< kvs {}", "kvs"),
            ("> Watch.Watch create_request {}", "is a stream"),
            ("> KV.Nothing key: \"a\"", "takes hex"),
            ("> KV.Nothing hex 0g", "0g is no byte"),
            ("< @2", "no call to be answered"),
            ("w> create_request {}", "the stream w is not open"),
            ("> KV.Put\n! BAD no", "BAD is no code"),
            ("> KV.Put\n<3.4 @2\n<3.6 @3", "the reason (~)"),
            ("> KV.Put\n<3.5 @2", "begins after a space"),
        ] {
            let error = format!("{:#}", CaseFile::parse(source).unwrap_err());
            assert!(error.starts_with("line ") && error.contains(why), "{source}: {error}");
        }
    }
}
