//! Cuts an expression into tokens.

use crate::error::Issues;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Identifier,
    /// An identifier in backquotes, which may have characters that others have not.
    Escaped,
    Int,
    Uint,
    Float,
    String,
    Bytes,
    /// Punctuation, operators and the words that are never names.
    Symbol(&'static str),
    End,
}

/// A token and the code points that it spans.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: u32,
    pub(super) end: u32,
}

const WORDS: &[&str] = &["true", "false", "null", "in"];

/// Longer ones first.
const SYMBOLS: &[&str] = &[
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "[", "]", "{", "}", "(", ")", ".", ",", "-", "!", "?", ":",
    "+", "*", "/", "%",
];

/// The tokens of the text, ended by [`Kind::End`]. What is no token is reported and passed over.
pub(super) fn tokens(text: &[char], issues: &mut Issues<'_>) -> Vec<Token> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks();
        let start = lexer.at;
        let Some(char) = lexer.peek(0) else { break };
        let kind = lexer.token(char);
        if kind.is_none() {
            lexer.at = lexer.at.max(start + 1);
            let shown: String = text[start..lexer.at].iter().flat_map(|char| escape(*char)).collect();
            issues.report(Some(start as u32), format!("Syntax error: token recognition error at: '{shown}'"));
        }
        tokens.extend(kind.map(|kind| Token { kind, start: start as u32, end: lexer.at as u32 }));
    }
    let end = text.len() as u32;
    tokens.push(Token { kind: Kind::End, start: end, end });
    tokens
}

fn escape(char: char) -> Vec<char> {
    match char {
        '\n' => vec!['\\', 'n'],
        '\r' => vec!['\\', 'r'],
        '\t' => vec!['\\', 't'],
        other => vec![other],
    }
}

struct Lexer<'t> {
    text: &'t [char],
    at: usize,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.text.get(self.at + ahead).copied()
    }

    fn peek_is(&self, ahead: usize, test: impl Fn(char) -> bool) -> bool {
        self.peek(ahead).is_some_and(test)
    }

    fn skip_while(&mut self, test: impl Fn(char) -> bool) {
        while self.peek_is(0, &test) {
            self.at += 1;
        }
    }

    fn starts_with(&self, symbol: &str) -> bool {
        symbol.chars().enumerate().all(|(index, char)| self.peek(index) == Some(char))
    }

    fn skip_blanks(&mut self) {
        loop {
            self.skip_while(|char| matches!(char, ' ' | '\t' | '\r' | '\n' | '\u{c}'));
            if !self.starts_with("//") {
                return;
            }
            self.skip_while(|char| char != '\n');
        }
    }

    fn token(&mut self, first: char) -> Option<Kind> {
        match first {
            'a'..='z' | 'A'..='Z' | '_' => self.word(),
            '0'..='9' => Some(self.number()),
            '.' if self.peek_is(1, |char| char.is_ascii_digit()) => Some(self.number()),
            '"' | '\'' => self.string(0, false),
            '`' => self.escaped(),
            _ => {
                let symbol = SYMBOLS.iter().find(|symbol| self.starts_with(symbol))?;
                self.at += symbol.len();
                Some(Kind::Symbol(symbol))
            }
        }
    }

    fn word(&mut self) -> Option<Kind> {
        let is_quote = |char| matches!(char, '"' | '\'');
        let (first, second) = (self.peek(0).map(|char| char.to_ascii_lowercase()), self.peek(1));
        match first {
            Some('r') if second.is_some_and(is_quote) => return self.string(1, true),
            Some('b') if second.is_some_and(is_quote) => return self.string(1, false).map(|_| Kind::Bytes),
            Some('b') if matches!(second, Some('r' | 'R')) && self.peek_is(2, is_quote) => {
                return self.string(2, true).map(|_| Kind::Bytes);
            }
            _ => {}
        }
        let start = self.at;
        self.skip_while(|char| char.is_ascii_alphanumeric() || char == '_');
        let word: String = self.text[start..self.at].iter().collect();
        Some(WORDS.iter().find(|name| **name == word).map_or(Kind::Identifier, |name| Kind::Symbol(name)))
    }

    fn escaped(&mut self) -> Option<Kind> {
        self.at += 1;
        let start = self.at;
        self.skip_while(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '.' | '-' | '/' | ' '));
        let is_closed = self.at > start && self.peek(0) == Some('`');
        self.at += usize::from(is_closed);
        is_closed.then_some(Kind::Escaped)
    }

    fn number(&mut self) -> Kind {
        let digit = |char: char| char.is_ascii_digit();
        let mut kind = Kind::Int;
        if self.starts_with("0x") && self.peek_is(2, |char| char.is_ascii_hexdigit()) {
            self.at += 2;
            self.skip_while(|char| char.is_ascii_hexdigit());
        } else {
            self.skip_while(digit);
            if self.peek(0) == Some('.') && self.peek_is(1, digit) {
                kind = Kind::Float;
                self.at += 1;
                self.skip_while(digit);
            }
            if self.peek_is(0, |char| matches!(char, 'e' | 'E')) {
                let sign = usize::from(self.peek_is(1, |char| matches!(char, '+' | '-')));
                if self.peek_is(1 + sign, digit) {
                    kind = Kind::Float;
                    self.at += 1 + sign;
                    self.skip_while(digit);
                }
            }
        }
        if kind == Kind::Int && self.peek_is(0, |char| matches!(char, 'u' | 'U')) {
            self.at += 1;
            kind = Kind::Uint;
        }
        kind
    }

    /// A string after `prefix` letters. What the escapes say is read later; here they only hide quotes.
    fn string(&mut self, prefix: usize, raw: bool) -> Option<Kind> {
        self.at += prefix;
        let quote = self.peek(0)?;
        let is_long = self.peek(1) == Some(quote) && self.peek(2) == Some(quote);
        let width = if is_long { 3 } else { 1 };
        self.at += width;
        loop {
            let char = self.peek(0)?;
            if (0..width).all(|index| self.peek(index) == Some(quote)) {
                self.at += width;
                return Some(Kind::String);
            }
            match char {
                '\n' | '\r' if !is_long => return None,
                '\\' if !raw => self.at += 2,
                _ => self.at += 1,
            }
            if self.at > self.text.len() {
                self.at = self.text.len();
                return None;
            }
        }
    }
}
