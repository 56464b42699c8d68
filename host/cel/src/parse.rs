//! Reads an expression into its tree: the grammar of CEL, with macros expanded.
//!
//! Recursion is bounded by [`MAX_DEPTH`], so that hostile text cannot exhaust the stack, and what macros copy is
//! bounded by [`MAX_NODES`].

mod aggregate;
mod lexer;
mod literal;
mod macros;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use crate::ast::{Call, Expr, Kind, Name, Select, operator};
use crate::error::Issues;
use crate::value::Value;

use lexer::{Kind as TokenKind, Token};

/// How deep an expression may nest, as upstream.
const MAX_DEPTH: u16 = 250;

/// The most code points of an expression, as upstream.
const MAX_SIZE: usize = 100_000;

/// The most nodes of an expression after its macros.
const MAX_NODES: usize = 250_000;

/// Words that are names in no expression, so that the language may use them some day.
pub(crate) const RESERVED: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "package",
    "namespace",
    "null",
    "return",
    "true",
    "var",
    "void",
    "while",
];

const EXPRESSION_START: &str = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, \
                                NUM_UINT, STRING, BYTES, IDENTIFIER}";

/// The tree of the text and the number of its nodes; none if there were errors.
pub(crate) fn parse(source: &str, issues: &mut Issues<'_>) -> Option<(Expr, usize)> {
    let text: Vec<char> = source.chars().collect();
    if text.len() > MAX_SIZE {
        let size = text.len();
        issues.report(
            None,
            format!("expression code point size exceeds limit: size: {size}, limit {MAX_SIZE}"),
        );
        return None;
    }
    let tokens = lexer::tokens(&text, issues);
    let mut parser = Parser { text: &text, tokens, at: 0, depth: 0, nodes: 0, issues };
    let expr = parser.whole();
    let nodes = parser.nodes;
    expr.ok().filter(|_| issues.is_empty()).map(|expr| (*expr, nodes))
}

/// Parsing cannot go on; what stopped it is reported already.
#[derive(Debug)]
struct Stopped;

/// Nodes are boxed here, for recursion is as deep as the stack holds the frames that move them.
type Parsed<T = Box<Expr>> = Result<T, Stopped>;

struct Parser<'p, 's> {
    text: &'p [char],
    tokens: Vec<Token>,
    at: usize,
    depth: u16,
    nodes: usize,
    issues: &'p mut Issues<'s>,
}

impl Parser<'_, '_> {
    fn token(&self) -> Token {
        self.ahead(0)
    }

    /// A later token; the end is followed by itself.
    fn ahead(&self, count: usize) -> Token {
        self.tokens[(self.at + count).min(self.tokens.len() - 1)]
    }

    fn next(&mut self) -> Token {
        let token = self.token();
        self.at += 1;
        token
    }

    fn is(&self, symbol: &'static str) -> bool {
        self.token().kind == TokenKind::Symbol(symbol)
    }

    /// The token if it is this symbol.
    fn take(&mut self, symbol: &'static str) -> Option<Token> {
        (self.token().kind == TokenKind::Symbol(symbol)).then(|| self.next())
    }

    fn text(&self, token: Token) -> String {
        if token.kind == TokenKind::End {
            return "<EOF>".to_owned();
        }
        self.text[token.start as usize..token.end as usize].iter().collect()
    }

    fn expect(&mut self, symbol: &'static str) -> Parsed<Token> {
        match self.take(symbol) {
            Some(token) => Ok(token),
            None => self.mismatch(&format!("'{symbol}'"), self.ahead(1).kind == TokenKind::Symbol(symbol)),
        }
    }

    /// Reports the token at hand: it is one too many if what follows is what was wanted.
    fn mismatch<T>(&mut self, expected: &str, is_extraneous: bool) -> Parsed<T> {
        let token = self.token();
        let (text, problem) = (self.text(token), if is_extraneous { "extraneous" } else { "mismatched" });
        let message = format!("Syntax error: {problem} input '{text}' expecting {expected}");
        self.issues.report(Some(token.start), message);
        Err(Stopped)
    }

    fn too_deep<T>(&mut self) -> Parsed<T> {
        self.issues.report(None, format!("expression recursion limit exceeded: {MAX_DEPTH}"));
        Err(Stopped)
    }

    /// A node one higher than the highest of its children.
    fn node(&mut self, at: u32, kind: Kind) -> Parsed {
        let expr = self.generated(at, kind);
        let below = expr.children().into_iter().map(|child| child.height).max().unwrap_or(0);
        self.raised(expr, below)
    }

    /// A node above others of this height, if there may be one.
    fn raised(&mut self, expr: Expr, below: u16) -> Parsed {
        if below >= MAX_DEPTH {
            return self.too_deep();
        }
        if self.nodes > MAX_NODES {
            self.issues.report(None, format!("expression size exceeds limit: {MAX_NODES} nodes"));
            return Err(Stopped);
        }
        Ok(Box::new(Expr { height: below + 1, ..expr }))
    }

    /// A node that is not in the source.
    fn generated(&mut self, at: u32, kind: Kind) -> Expr {
        let id = self.nodes as u32;
        self.nodes += 1;
        Expr { id, at, height: 0, kind }
    }

    fn call(&mut self, at: u32, function: &str, args: Vec<Expr>) -> Parsed {
        self.node(at, Kind::Call(Call { function: function.into(), target: None, args }))
    }

    /// Reports an error that parsing survives.
    fn report(&mut self, at: u32, message: impl Into<String>) -> Parsed {
        self.issues.report(Some(at), message);
        self.placeholder(at)
    }

    /// What stands for an expression that has an error.
    fn placeholder(&mut self, at: u32) -> Parsed {
        self.node(at, Kind::Literal(Value::Null))
    }

    fn whole(&mut self) -> Parsed {
        let expr = self.expression()?;
        if self.token().kind != TokenKind::End {
            return self.mismatch("<EOF>", self.ahead(1).kind == TokenKind::End);
        }
        Ok(expr)
    }

    fn expression(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.too_deep();
        }
        let mut expr = self.operators(operator::OR_TIGHTNESS)?;
        if let Some(token) = self.take("?") {
            expr = self.conditional(token.start, *expr)?;
        }
        self.depth -= 1;
        Ok(expr)
    }

    fn conditional(&mut self, at: u32, condition: Expr) -> Parsed {
        let yes = self.operators(operator::OR_TIGHTNESS)?;
        self.expect(":")?;
        let no = self.expression()?;
        self.call(at, operator::CONDITIONAL, vec![condition, *yes, *no])
    }

    /// Operators between two operands that bind at least this tight; they all associate to the left.
    fn operators(&mut self, tightness: u8) -> Parsed {
        let mut left = self.unary()?;
        loop {
            let TokenKind::Symbol(symbol) = self.token().kind else { return Ok(left) };
            let row = operator::BINARY.iter().find(|(name, _, tight)| *name == symbol && *tight >= tightness);
            let Some((_, function, tight)) = row else { return Ok(left) };
            left = if *tight <= operator::AND_TIGHTNESS {
                self.chain(symbol, function, tight + 1, left)?
            } else {
                let at = self.next().start;
                let right = self.operators(tight + 1)?;
                self.call(at, function, vec![*left, *right])?
            };
        }
    }

    /// A chain of one logical operator, as a balanced tree: it may be long without being deep.
    fn chain(&mut self, symbol: &'static str, function: &str, tightness: u8, first: Box<Expr>) -> Parsed {
        let mut terms = VecDeque::from([first]);
        let mut places = Vec::new();
        while let Some(token) = self.take(symbol) {
            places.push(token.start);
            terms.push_back(self.operators(tightness)?);
        }
        self.balance(function, &mut terms, &places)
    }

    fn balance(&mut self, function: &str, terms: &mut VecDeque<Box<Expr>>, places: &[u32]) -> Parsed {
        if places.is_empty() {
            return terms.pop_front().ok_or(Stopped);
        }
        let middle = places.len() / 2;
        let left = self.balance(function, terms, &places[..middle])?;
        let right = self.balance(function, terms, &places[middle + 1..])?;
        self.call(places[middle], function, vec![*left, *right])
    }

    fn unary(&mut self) -> Parsed {
        match self.token().kind {
            TokenKind::Symbol(symbol @ ("!" | "-")) => self.prefixed(symbol),
            _ => self.member(),
        }
    }

    fn prefixed(&mut self, symbol: &'static str) -> Parsed {
        let at = self.token().start;
        let mut count = 0;
        while self.take(symbol).is_some() {
            count += 1;
        }
        // The last minus belongs to a number behind it, so that the smallest int can be written.
        let is_number = matches!(self.token().kind, TokenKind::Int | TokenKind::Float);
        if symbol == "-" && is_number && count % 2 == 1 {
            self.at -= 1;
            return self.member();
        }
        let operand = self.member()?;
        if count % 2 == 0 {
            return Ok(operand);
        }
        let function = if symbol == "!" { operator::NOT } else { operator::NEGATE };
        self.call(at, function, vec![*operand])
    }

    fn member(&mut self) -> Parsed {
        let mut operand = self.primary()?;
        loop {
            operand = match self.token().kind {
                TokenKind::Symbol(".") => self.select(operand)?,
                TokenKind::Symbol("[") => self.index(*operand)?,
                _ => return Ok(operand),
            };
        }
    }

    fn index(&mut self, operand: Expr) -> Parsed {
        let at = self.next().start;
        let function = if self.take("?").is_some() { operator::OPTIONAL_INDEX } else { operator::INDEX };
        let index = self.expression()?;
        self.expect("]")?;
        self.call(at, function, vec![operand, *index])
    }

    fn select(&mut self, operand: Box<Expr>) -> Parsed {
        let at = self.next().start;
        let is_optional = self.take("?").is_some();
        let name = self.token();
        let field = self.field_name()?;
        if is_optional {
            let field = self.node(name.start, Kind::Literal(Value::from(&*field)))?;
            return self.call(at, operator::OPTIONAL_SELECT, vec![*operand, *field]);
        }
        if name.kind == TokenKind::Identifier
            && let Some(open) = self.take("(")
        {
            let args = self.arguments()?;
            return self.call_or_macro(open.start, &field, Some(*operand), args);
        }
        self.node(at, Kind::Select(Select { operand, field, test: false }))
    }

    fn field_name(&mut self) -> Parsed<Name> {
        let token = self.token();
        match token.kind {
            TokenKind::Identifier => {
                self.at += 1;
                Ok(self.text(token).into())
            }
            TokenKind::Escaped => {
                self.at += 1;
                Ok(self.text(token).trim_matches('`').into())
            }
            TokenKind::Symbol("true" | "false" | "null") => self.mismatch("IDENTIFIER", false),
            _ => self.mismatch("{IDENTIFIER, ESC_IDENTIFIER}", false),
        }
    }

    /// Arguments after their `(`.
    fn arguments(&mut self) -> Parsed<Vec<Expr>> {
        let mut args = Vec::new();
        if self.take(")").is_some() {
            return Ok(args);
        }
        loop {
            args.push(*self.expression()?);
            if self.take(",").is_none() {
                self.expect(")")?;
                return Ok(args);
            }
        }
    }

    fn primary(&mut self) -> Parsed {
        let token = self.token();
        match token.kind {
            TokenKind::Identifier => self.name(),
            TokenKind::Symbol(".") if self.ahead(1).kind == TokenKind::Identifier => self.name(),
            TokenKind::Symbol("(") => self.parenthesized(),
            TokenKind::Symbol("[") => self.list(),
            TokenKind::Symbol("{") => self.map(),
            TokenKind::Symbol("true") => self.literal(Value::Bool(true)),
            TokenKind::Symbol("false") => self.literal(Value::Bool(false)),
            TokenKind::Symbol("null") => self.literal(Value::Null),
            TokenKind::Symbol("-") if matches!(self.ahead(1).kind, TokenKind::Int | TokenKind::Float) => {
                self.number()
            }
            TokenKind::Int | TokenKind::Uint | TokenKind::Float => self.number(),
            TokenKind::String | TokenKind::Bytes => self.string(),
            _ => self.mismatch(EXPRESSION_START, self.starts_expression(self.ahead(1))),
        }
    }

    fn parenthesized(&mut self) -> Parsed {
        self.at += 1;
        let inner = self.expression()?;
        self.expect(")")?;
        Ok(inner)
    }

    fn starts_expression(&self, token: Token) -> bool {
        match token.kind {
            TokenKind::Symbol(symbol) => {
                matches!(symbol, "[" | "{" | "(" | "." | "-" | "!" | "true" | "false" | "null")
            }
            TokenKind::End | TokenKind::Escaped => false,
            _ => true,
        }
    }

    fn literal(&mut self, value: Value<'static>) -> Parsed {
        let at = self.next().start;
        self.node(at, Kind::Literal(value))
    }

    fn number(&mut self) -> Parsed {
        let first = self.token();
        let sign = if self.take("-").is_some() { "-" } else { "" };
        let token = self.next();
        let text = format!("{sign}{}", self.text(token));
        let (value, what) = match token.kind {
            TokenKind::Int => (literal::int(&text).map(Value::Int), "int"),
            TokenKind::Uint => (literal::uint(&text).map(Value::Uint), "uint"),
            _ => (literal::float(&text).map(Value::Double), "double"),
        };
        match value {
            Some(value) => self.node(first.start, Kind::Literal(value)),
            None => self.report(first.start, format!("invalid {what} literal")),
        }
    }

    fn string(&mut self) -> Parsed {
        let token = self.next();
        let text = self.text(token);
        let value = if token.kind == TokenKind::Bytes {
            literal::unescape(&text[1..], true).map(|bytes| Value::Bytes(bytes.into()))
        } else {
            literal::unescape(&text, false).and_then(|bytes| {
                String::from_utf8(bytes).map(Value::from).map_err(|_| "unable to unescape string")
            })
        };
        match value {
            Ok(value) => self.node(token.start, Kind::Literal(value)),
            Err(message) => self.report(token.start, message),
        }
    }

    /// An identifier, a call, or the type name of an object literal.
    fn name(&mut self) -> Parsed {
        let start = self.token().start;
        let dot = if self.take(".").is_some() { "." } else { "" };
        if let Some(end) = self.object_name_end() {
            return self.object(dot, end);
        }
        let token = self.next();
        let text = self.text(token);
        let open = self.take("(");
        let args = match open {
            Some(_) => Some(self.arguments()?),
            None => None,
        };
        if RESERVED.contains(&text.as_str()) {
            return self.report(start, format!("reserved identifier: {text}"));
        }
        let name: Name = format!("{dot}{text}").into();
        match (open, args) {
            (Some(open), Some(args)) => self.call_or_macro(open.start, &name, None, args),
            _ => self.node(token.start, Kind::Ident(name)),
        }
    }

    fn call_or_macro(&mut self, at: u32, function: &Name, target: Option<Expr>, args: Vec<Expr>) -> Parsed {
        match macros::find(function, target.is_some(), args.len()) {
            Some(expand) => expand(self, at, target, args),
            None => {
                let target = target.map(Box::new);
                self.node(at, Kind::Call(Call { function: function.clone(), target, args }))
            }
        }
    }
}
