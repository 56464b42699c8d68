//! Lists, maps and objects.

use super::{Parsed, Parser, Token, TokenKind};
use crate::ast::{Entry, Field, Item, Kind};

impl Parser<'_, '_> {
    /// Where the `{` is, if names with dots between them lead to one.
    pub(super) fn object_name_end(&self) -> Option<usize> {
        let mut at = self.at;
        loop {
            let kind = |at: usize| self.tokens.get(at).map(|token| token.kind);
            if kind(at) != Some(TokenKind::Identifier) {
                return None;
            }
            match kind(at + 1) {
                Some(TokenKind::Symbol("{")) => return Some(at + 1),
                Some(TokenKind::Symbol(".")) => at += 2,
                _ => return None,
            }
        }
    }

    pub(super) fn object(&mut self, dot: &str, end: usize) -> Parsed {
        let mut name = dot.to_owned();
        while self.at < end {
            let token = self.next();
            name.push_str(&self.text(token));
        }
        let at = self.next().start;
        let mut fields = Vec::new();
        while !self.is_closing("}", fields.is_empty()) {
            let optional = self.take("?").is_some();
            let field = self.field_name()?;
            let colon = self.expect(":")?;
            let value = *self.expression()?;
            fields.push(Field { at: colon.start, optional, name: field, value });
            if self.take(",").is_none() {
                break;
            }
        }
        self.close(fields.is_empty(), "}")?;
        self.node(at, Kind::Struct { name: name.into(), fields })
    }

    pub(super) fn list(&mut self) -> Parsed {
        let at = self.next().start;
        let mut items = Vec::new();
        while !self.is_closing("]", items.is_empty()) {
            let optional = self.take("?").is_some();
            items.push(Item { optional, value: *self.expression()? });
            if self.take(",").is_none() {
                break;
            }
        }
        self.close(items.is_empty(), "]")?;
        self.node(at, Kind::List(items))
    }

    pub(super) fn map(&mut self) -> Parsed {
        let at = self.next().start;
        let mut entries = Vec::new();
        while !self.is_closing("}", entries.is_empty()) {
            let optional = self.take("?").is_some();
            let key = *self.expression()?;
            self.expect(":")?;
            entries.push(Entry { optional, key, value: *self.expression()? });
            if self.take(",").is_none() {
                break;
            }
        }
        self.close(entries.is_empty(), "}")?;
        self.node(at, Kind::Map(entries))
    }

    /// Whether no element follows.
    fn is_closing(&self, symbol: &'static str, is_empty: bool) -> bool {
        self.is(symbol) || (is_empty && self.is(","))
    }

    /// The end of an aggregate; an empty one may have a comma in it.
    fn close(&mut self, is_empty: bool, symbol: &'static str) -> Parsed<Token> {
        if is_empty {
            self.take(",");
        }
        self.expect(symbol)
    }
}
