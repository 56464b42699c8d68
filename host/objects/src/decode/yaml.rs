//! YAML as the API server reads it: one document, turned into what JSON could have said, with the scalars of
//! YAML 1.1 that upstream's parser knows.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput, Tag};

use super::SyntaxError;
use crate::tree::{Object, Tree};

/// How deep a value may nest, and how many values the aliases of one document may bring.
const MAX_DEPTH: usize = 500;
const MAX_ALIASED: usize = 100_000;

/// Reads the first document; `duplicates` gets a line for each key that its map has already.
pub(super) fn parse(text: &str, duplicates: &mut Vec<String>) -> Result<Tree, SyntaxError> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        aliased: 0,
        depth: 0,
        line: 0,
        duplicates,
    };
    loop {
        match reader.next()? {
            Event::DocumentStart(_) => break,
            Event::StreamEnd => return Ok(Tree::Null),
            _ => {}
        }
    }
    let event = reader.next()?;
    reader.value(event)
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Tree>,
    aliased: usize,
    depth: usize,
    /// Where the last event began.
    line: usize,
    duplicates: &'a mut Vec<String>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Event<'a>, SyntaxError> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                self.line = span.start.line();
                Ok(event)
            }
            Some(Err(error)) => {
                Err(SyntaxError::Yaml { line: error.marker().line(), message: error.info().to_owned() })
            }
            None => Ok(Event::StreamEnd),
        }
    }

    fn value(&mut self, event: Event<'a>) -> Result<Tree, SyntaxError> {
        let (anchor, tree) = match event {
            Event::Scalar(text, style, anchor, tag) => (anchor, scalar(&text, style, tag.as_deref())),
            Event::Alias(anchor) => return self.alias(anchor),
            Event::SequenceStart(anchor, _) => (anchor, self.nested(Self::sequence)?),
            Event::MappingStart(anchor, _) => (anchor, self.nested(Self::mapping)?),
            _ => (0, Tree::Null),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, tree.clone());
        }
        Ok(tree)
    }

    fn alias(&mut self, anchor: usize) -> Result<Tree, SyntaxError> {
        let tree = self.anchors.get(&anchor).cloned().unwrap_or_default();
        self.aliased += size(&tree);
        if self.aliased > MAX_ALIASED {
            return Err(SyntaxError::Aliases);
        }
        Ok(tree)
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Tree, SyntaxError>) -> Result<Tree, SyntaxError> {
        if self.depth == MAX_DEPTH {
            return Err(SyntaxError::Depth);
        }
        self.depth += 1;
        let tree = read(self)?;
        self.depth -= 1;
        Ok(tree)
    }

    fn sequence(&mut self) -> Result<Tree, SyntaxError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                Event::SequenceEnd | Event::StreamEnd => return Ok(Tree::Array(items)),
                event => items.push(self.value(event)?),
            }
        }
    }

    fn mapping(&mut self) -> Result<Tree, SyntaxError> {
        let (mut fields, mut merged) = (Object::new(), Vec::new());
        loop {
            let key = match self.next()? {
                Event::MappingEnd | Event::StreamEnd => break,
                event => key_text(self.value(event)?)?,
            };
            let event = self.next()?;
            let line = self.line;
            let value = self.value(event)?;
            if key == "<<" {
                merged.push(value);
            } else if fields.insert(key.as_str(), value).is_some() {
                self.duplicates.push(format!("line {line}: key {key:?} already set in map"));
            }
        }
        let mut fields = Tree::Object(fields);
        for value in merged {
            let sources = if let Tree::Array(items) = value { items } else { vec![value] };
            for (key, value) in sources.iter().flat_map(Tree::fields) {
                fields.object_mut().entry(key, || value.clone());
            }
        }
        Ok(fields)
    }
}

fn size(tree: &Tree) -> usize {
    1 + match tree {
        Tree::Array(items) => items.iter().map(size).sum(),
        Tree::Object(fields) => fields.values().map(size).sum(),
        _ => 0,
    }
}

/// JSON has text keys alone; a number or bool that is a key becomes its text.
fn key_text(key: Tree) -> Result<String, SyntaxError> {
    match key {
        Tree::Str(text) => Ok(text.into_string()),
        Tree::Bool(_) | Tree::Int(_) | Tree::Float(_) | Tree::Null => Ok(key.to_json_string()),
        other => Err(SyntaxError::Key(other.shape())),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Tree {
    let core = tag.filter(|tag| tag.is_yaml_core_schema()).map(|tag| tag.suffix.as_str());
    match core {
        Some("str" | "binary") => Tree::from(text),
        _ if style != ScalarStyle::Plain => Tree::from(text),
        _ => plain(text),
    }
}

/// What a scalar without quotes is.
fn plain(text: &str) -> Tree {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Tree::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => {
            return Tree::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => {
            return Tree::Bool(false);
        }
        _ => {}
    }
    integer(text).or_else(|| float(text)).unwrap_or_else(|| Tree::from(text))
}

/// The notations of whole numbers: decimal, `0x`, `0b`, `0o` and a leading zero for octal, with `_` inside.
fn integer(text: &str) -> Option<Tree> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let digits = digits.replace('_', "");
    let (radix, digits) = match digits.get(..2) {
        Some("0x" | "0X") => (16, &digits[2..]),
        Some("0b" | "0B") => (2, &digits[2..]),
        Some("0o" | "0O") => (8, &digits[2..]),
        _ if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits.as_str()),
    };
    let value = i128::from_str_radix(digits, radix).ok()?;
    let value = if negative { -value } else { value };
    Some(i64::try_from(value).map_or(Tree::Float(value as f64), Tree::Int))
}

fn float(text: &str) -> Option<Tree> {
    let digits = text.trim_start_matches(['-', '+']);
    let numeric = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.contains(|c: char| c.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE_".contains(&byte));
    if !numeric {
        return None;
    }
    text.replace('_', "").parse().ok().filter(|value: &f64| value.is_finite()).map(Tree::Float)
}
