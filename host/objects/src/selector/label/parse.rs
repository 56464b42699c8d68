//! The text form of label selectors, with upstream's grammar and errors.

use super::{LabelSelector, Operator, Requirement};
use crate::validate::{FieldError, Path, label_key};

/// Why a text or an object is no label selector, in upstream's words.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LabelSelectorError {
    #[error("unable to parse requirement: {0}")]
    Requirement(Box<LabelSelectorError>),
    #[error("found '{found}', expected: {expected}")]
    Found { found: String, expected: &'static str },
    #[error("found '{0}' expected: '('")]
    Parenthesis(String),
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error("{0:?} is not a valid label selector operator")]
    Operator(String),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    End,
    Word(String),
    Comma,
    Open,
    Close,
    Not,
    Operator(Operator),
    Unknown(String),
}

impl Token {
    fn text(&self) -> String {
        match self {
            Self::End => String::new(),
            Self::Word(text) => text.clone(),
            Self::Comma => ",".to_owned(),
            Self::Open => "(".to_owned(),
            Self::Close => ")".to_owned(),
            Self::Not => "!".to_owned(),
            Self::Operator(operator) => OPERATORS
                .iter()
                .find(|(_, known)| known == operator)
                .map_or_else(String::new, |(text, _)| (*text).to_owned()),
            Self::Unknown(text) => format!("error expected: keyword found '{text}'"),
        }
    }
}

/// The longest comes first.
const OPERATORS: &[(&str, Operator)] = &[
    ("==", Operator::DoubleEquals),
    ("!=", Operator::NotEquals),
    ("=", Operator::Equals),
    (">", Operator::GreaterThan),
    ("<", Operator::LessThan),
    ("in", Operator::In),
    ("notin", Operator::NotIn),
];

pub(super) fn parse(text: &str) -> Result<LabelSelector, LabelSelectorError> {
    let mut parser = Parser { tokens: scan(text), at: 0 };
    let mut requirements = Vec::new();
    loop {
        match parser.peek() {
            Token::End => return Ok(LabelSelector { requirements }),
            Token::Word(_) | Token::Not => {}
            other => return Err(found(&other, "!, identifier, or 'end of string'")),
        }
        let requirement = parser.requirement();
        requirements.push(requirement.map_err(|error| LabelSelectorError::Requirement(Box::new(error)))?);
        match parser.next() {
            Token::End => return Ok(LabelSelector { requirements }),
            Token::Comma => match parser.peek() {
                Token::Word(_) | Token::Not => {}
                other => return Err(found(&other, "identifier after ','")),
            },
            other => return Err(found(&other, "',' or 'end of string'")),
        }
    }
}

fn found(token: &Token, expected: &'static str) -> LabelSelectorError {
    LabelSelectorError::Found { found: token.text(), expected }
}

fn scan(text: &str) -> Vec<Token> {
    const SPECIAL: &str = "=!(),><";
    let mut tokens = Vec::new();
    let mut rest = text.trim_start_matches([' ', '\t', '\r', '\n']);
    while let Some(first) = rest.chars().next() {
        let (token, len) = if SPECIAL.contains(first) {
            special(rest)
        } else {
            let end = rest.find(|c: char| SPECIAL.contains(c) || " \t\r\n".contains(c)).unwrap_or(rest.len());
            let word = &rest[..end];
            let operator = OPERATORS.iter().find(|(name, _)| *name == word).map(|(_, operator)| *operator);
            (operator.map_or_else(|| Token::Word(word.to_owned()), Token::Operator), end)
        };
        tokens.push(token);
        rest = rest[len..].trim_start_matches([' ', '\t', '\r', '\n']);
    }
    tokens
}

fn special(rest: &str) -> (Token, usize) {
    if let Some((text, operator)) = OPERATORS.iter().find(|(text, _)| rest.starts_with(text)) {
        return (Token::Operator(*operator), text.len());
    }
    match rest.as_bytes().first() {
        Some(b'!') => (Token::Not, 1),
        Some(b'(') => (Token::Open, 1),
        Some(b')') => (Token::Close, 1),
        Some(b',') => (Token::Comma, 1),
        _ => (Token::Unknown(rest.chars().take(1).collect()), 1),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    /// The next token, where `in` and `notin` are words.
    fn peek(&self) -> Token {
        match self.tokens.get(self.at) {
            Some(Token::Operator(Operator::In)) => Token::Word("in".to_owned()),
            Some(Token::Operator(Operator::NotIn)) => Token::Word("notin".to_owned()),
            Some(token) => token.clone(),
            None => Token::End,
        }
    }

    fn next(&mut self) -> Token {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn requirement(&mut self) -> Result<Requirement, LabelSelectorError> {
        let (key, negated) = self.key()?;
        if negated {
            return Requirement::new(key, Operator::DoesNotExist, Vec::new());
        }
        if matches!(self.peek(), Token::End | Token::Comma) {
            return Requirement::new(key, Operator::Exists, Vec::new());
        }
        let operator = match self.tokens.get(self.at) {
            Some(Token::Operator(operator)) => *operator,
            _ => return Err(found(&self.peek(), "in, notin, =, ==, !=, gt, lt")),
        };
        self.at += 1;
        let values = match operator {
            Operator::In | Operator::NotIn => self.values()?,
            _ => vec![self.value()?],
        };
        Requirement::new(key, operator, values)
    }

    fn key(&mut self) -> Result<(String, bool), LabelSelectorError> {
        let mut token = self.next();
        let negated = token == Token::Not;
        if negated {
            token = self.next();
        }
        let Token::Word(key) = token else { return Err(found(&token, "identifier")) };
        let refused = label_key(&key);
        if !refused.is_empty() {
            return Err(FieldError::invalid(&Path::none(), key, refused.join("; ")).into());
        }
        Ok((key, negated))
    }

    fn value(&mut self) -> Result<String, LabelSelectorError> {
        match self.peek() {
            Token::End | Token::Comma => Ok(String::new()),
            Token::Word(text) => {
                self.at += 1;
                Ok(text)
            }
            other => Err(found(&other, "identifier")),
        }
    }

    /// `(a, b)`; an empty place between commas or parentheses is the empty value.
    fn values(&mut self) -> Result<Vec<String>, LabelSelectorError> {
        match self.next() {
            Token::Open => {}
            other => return Err(LabelSelectorError::Parenthesis(other.text())),
        }
        let mut values = Vec::new();
        let mut wants_value = true;
        loop {
            match self.next() {
                Token::Word(text) if wants_value => {
                    values.push(text);
                    wants_value = false;
                }
                Token::Comma => {
                    if wants_value {
                        values.push(String::new());
                    }
                    wants_value = true;
                }
                Token::Close => {
                    if wants_value {
                        values.push(String::new());
                    }
                    return Ok(values);
                }
                other if values.is_empty() => return Err(found(&other, "',', ')' or identifier")),
                other if wants_value => return Err(found(&other, "',', or identifier")),
                other => return Err(found(&other, "',' or ')'")),
            }
        }
    }
}
