//! From tokens to a tree: `or` binds weakest, then `and`, `not`, comparison, `+ -`, `* /`.

use crate::fault::Fault;
use crate::lexer::{Kind, Token, tokens};
use crate::tree::{Argument, Boolean, Comparison, Expression, ExpressionKind, Key, Operator};

/// How deep parentheses, calls and lists may be nested.
const DEPTH_MAX: usize = 64;

pub(crate) fn parse(text: &str) -> Result<Boolean, Fault> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
    };
    let boolean = parser.or()?;
    match parser.peek() {
        Kind::End => Ok(boolean),
        _ => Err(parser.unexpected("the end, `and` or `or`")),
    }
}

struct Parser {
    /// The last one is the end.
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

const END: Token = Token {
    kind: Kind::End,
    place: 0..0,
};

impl Parser {
    fn token(&self) -> &Token {
        self.tokens
            .get(self.at)
            .or(self.tokens.last())
            .unwrap_or(&END)
    }

    fn peek(&self) -> &Kind {
        &self.token().kind
    }

    fn unexpected(&self, expected: &str) -> Fault {
        let found = match self.peek() {
            Kind::End => "the end".to_owned(),
            Kind::Lower(word) | Kind::Upper(word) => format!("`{word}`"),
            Kind::Sign(sign) => format!("`{sign}`"),
            _ => "a literal".to_owned(),
        };
        let fault = Fault::new(
            self.token().place.clone(),
            format!("expected {expected}, found {found}"),
        );
        match self.peek() {
            Kind::Sign("=") => fault.with_help("write `==` to compare"),
            _ => fault,
        }
    }

    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Kind::Lower(found) if found == word);
        self.at += usize::from(found);
        found
    }

    fn sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Kind::Sign(found) if *found == sign);
        self.at += usize::from(found);
        found
    }

    fn need(&mut self, sign: &str) -> Result<(), Fault> {
        if self.sign(sign) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("`{sign}`")))
        }
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        if self.depth == DEPTH_MAX {
            return Err(Fault::new(
                self.token().place.clone(),
                format!("nested more than {DEPTH_MAX} levels deep"),
            ));
        }
        self.depth += 1;
        let found = read(self);
        self.depth -= 1;
        found
    }

    fn or(&mut self) -> Result<Boolean, Fault> {
        let mut list = vec![self.and()?];
        while self.word("or") {
            list.push(self.and()?);
        }
        Ok(one_or(list, Boolean::Or))
    }

    fn and(&mut self) -> Result<Boolean, Fault> {
        let mut list = vec![self.not()?];
        while self.word("and") {
            list.push(self.not()?);
        }
        Ok(one_or(list, Boolean::And))
    }

    fn not(&mut self) -> Result<Boolean, Fault> {
        if self.word("not") {
            if matches!(self.peek(), Kind::Lower(word) if word == "not") {
                return Err(self
                    .unexpected("a condition")
                    .with_help("write `not (not …)`"));
            }
            return self.deeper(|parser| Ok(Boolean::Not(Box::new(parser.not()?))));
        }
        // A parenthesis holds a condition or a number: whichever can be read.
        if matches!(self.peek(), Kind::Sign("(")) {
            let start = self.at;
            let inner = self.deeper(|parser| {
                parser.need("(")?;
                let inner = parser.or()?;
                parser.need(")")?;
                Ok(inner)
            });
            match inner {
                Ok(inner) if !self.goes_on_as_a_number() => return Ok(inner),
                Err(fault) if self.depth + 1 >= DEPTH_MAX => return Err(fault),
                inner => {
                    let failed = self.at;
                    self.at = start;
                    return self.comparison().map_err(|fault| match inner {
                        // What went further says more.
                        Err(first) if failed > self.at => first,
                        _ => fault,
                    });
                }
            }
        }
        self.comparison()
    }

    fn goes_on_as_a_number(&self) -> bool {
        matches!(
            self.peek(),
            Kind::Sign("+" | "-" | "*" | "/" | "==" | "!=" | "<" | "<=" | ">" | ">=")
        )
    }

    fn comparison(&mut self) -> Result<Boolean, Fault> {
        let left = self.sum()?;
        let comparison = match self.peek() {
            Kind::Sign("==") => Comparison::Equal,
            Kind::Sign("!=") => Comparison::NotEqual,
            Kind::Sign("<") => Comparison::Less,
            Kind::Sign("<=") => Comparison::LessOrEqual,
            Kind::Sign(">") => Comparison::Greater,
            Kind::Sign(">=") => Comparison::GreaterOrEqual,
            Kind::Sign("=") => return Err(self.unexpected("a comparison")),
            _ => return Ok(Boolean::Alone(left)),
        };
        self.at += 1;
        Ok(Boolean::Compare(left, comparison, self.sum()?))
    }

    fn sum(&mut self) -> Result<Expression, Fault> {
        let mut left = self.product()?;
        loop {
            let operator = match self.peek() {
                Kind::Sign("+") => Operator::Plus,
                Kind::Sign("-") => Operator::Minus,
                _ => return Ok(left),
            };
            self.at += 1;
            left = calculate(left, operator, self.product()?)?;
        }
    }

    fn product(&mut self) -> Result<Expression, Fault> {
        let mut left = self.value()?;
        loop {
            let operator = match self.peek() {
                Kind::Sign("*") => Operator::Times,
                Kind::Sign("/") => Operator::Over,
                _ => return Ok(left),
            };
            self.at += 1;
            left = calculate(left, operator, self.value()?)?;
        }
    }

    fn value(&mut self) -> Result<Expression, Fault> {
        let Token { kind, place } = self.token().clone();
        let start = place.start;
        let kind = match kind {
            Kind::Sign("(") => {
                self.at += 1;
                let inner = self.deeper(Self::sum)?;
                self.need(")")?;
                return number(inner);
            }
            Kind::Sign(sign @ ("-" | "+")) => {
                self.at += 1;
                if matches!(self.peek(), Kind::Sign("-" | "+")) {
                    return Err(self.unexpected("a number"));
                }
                let inner = number(self.deeper(Self::value)?)?;
                match inner.kind {
                    kind if sign == "+" => kind,
                    ExpressionKind::Int(number) => ExpressionKind::Int(number.wrapping_neg()),
                    ExpressionKind::Float(number) => ExpressionKind::Float(-number),
                    _ => ExpressionKind::Negate(Box::new(inner)),
                }
            }
            Kind::Sign("{") => {
                self.at += 1;
                ExpressionKind::Map(self.deeper(Self::map)?)
            }
            Kind::Sign("[") => {
                self.at += 1;
                ExpressionKind::List(self.deeper(Self::list)?)
            }
            Kind::Lower(_) => self.path_or_word()?,
            Kind::Upper(name) => {
                self.at += 1;
                if self.sign("(") {
                    let arguments = self.deeper(Self::arguments)?;
                    ExpressionKind::Call(name, arguments, self.keys()?)
                } else {
                    ExpressionKind::Enumeration(name)
                }
            }
            literal => {
                self.at += 1;
                match literal {
                    Kind::Text(text) => ExpressionKind::Text(text),
                    Kind::Int(number) => ExpressionKind::Int(number),
                    Kind::Float(number) => ExpressionKind::Float(number),
                    Kind::Bytes(bytes) => ExpressionKind::Bytes(bytes),
                    _ => {
                        self.at -= 1;
                        return Err(self.unexpected("a value"));
                    }
                }
            }
        };
        let end = self
            .tokens
            .get(self.at.saturating_sub(1))
            .map_or(start, |token| token.place.end);
        Ok(Expression {
            kind,
            place: start..end,
        })
    }

    fn path_or_word(&mut self) -> Result<ExpressionKind, Fault> {
        let mut words = Vec::new();
        loop {
            let Kind::Lower(word) = self.peek().clone() else {
                return Err(self.unexpected("a field"));
            };
            self.at += 1;
            words.push(word);
            if !self.sign(".") {
                break;
            }
        }
        if let ([word], Kind::Sign("(")) = (words.as_slice(), self.peek()) {
            let fault = Fault::new(
                self.token().place.clone(),
                format!("the editor `{word}` has no place in a condition"),
            );
            return Err(fault.with_help("functions that give a value begin with a capital letter"));
        }
        Ok(match words.as_slice() {
            [word] if word == "nil" => ExpressionKind::Nil,
            [word] if word == "true" => ExpressionKind::Bool(true),
            [word] if word == "false" => ExpressionKind::Bool(false),
            _ => ExpressionKind::Path(words, self.keys()?),
        })
    }

    fn keys(&mut self) -> Result<Vec<Key>, Fault> {
        let mut keys = Vec::new();
        while self.sign("[") {
            let key = self.deeper(Self::sum)?;
            keys.push(match key.kind {
                ExpressionKind::Text(text) => Key::Text(text),
                ExpressionKind::Int(index) => Key::Index(index),
                _ => Key::Of(number(key)?),
            });
            self.need("]")?;
        }
        Ok(keys)
    }

    fn list(&mut self) -> Result<Vec<Expression>, Fault> {
        let mut list = Vec::new();
        // The first ones may do without commas.
        while !matches!(self.peek(), Kind::Sign("," | "]")) {
            list.push(self.sum()?);
        }
        while self.sign(",") {
            list.push(self.sum()?);
        }
        self.need("]")?;
        Ok(list)
    }

    fn map(&mut self) -> Result<Vec<(String, Expression)>, Fault> {
        let mut map = Vec::new();
        while !self.sign("}") {
            let Kind::Text(key) = self.peek().clone() else {
                return Err(self.unexpected("a key in quotes"));
            };
            self.at += 1;
            self.need(":")?;
            map.push((key, self.sum()?));
            self.sign(",");
        }
        Ok(map)
    }

    fn arguments(&mut self) -> Result<Vec<Argument>, Fault> {
        let mut arguments = Vec::new();
        while !self.sign(")") {
            if !arguments.is_empty() {
                self.need(",")?;
            }
            let argument = self.argument()?;
            let follows = |before: &Argument| before.name.is_some();
            if argument.name.is_none() && arguments.last().is_some_and(follows) {
                let fault = Fault::new(argument.value.place, "what has no name comes first");
                return Err(fault.with_help("give the name of this one too"));
            }
            arguments.push(argument);
        }
        Ok(arguments)
    }

    fn argument(&mut self) -> Result<Argument, Fault> {
        let next = self.tokens.get(self.at + 1).map(|token| &token.kind);
        let name = match (self.peek(), next) {
            (Kind::Lower(name), Some(Kind::Sign("="))) => Some(name.clone()),
            _ => None,
        };
        if name.is_some() {
            self.at += 2;
        }
        Ok(Argument {
            name,
            value: self.sum()?,
        })
    }
}

fn one_or(mut list: Vec<Boolean>, several: impl FnOnce(Vec<Boolean>) -> Boolean) -> Boolean {
    match list.pop() {
        Some(only) if list.is_empty() => only,
        last => {
            list.extend(last);
            several(list)
        }
    }
}

fn calculate(left: Expression, operator: Operator, right: Expression) -> Result<Expression, Fault> {
    let place = left.place.start..right.place.end;
    let (left, right) = (Box::new(number(left)?), Box::new(number(right)?));
    Ok(Expression {
        kind: ExpressionKind::Calculate(left, operator, right),
        place,
    })
}

/// What can be calculated with, as far as can be seen here.
fn number(expression: Expression) -> Result<Expression, Fault> {
    use ExpressionKind::{Bool, Bytes, Enumeration, List, Map, Nil, Text};
    match expression.kind {
        Nil | Bool(_) | Text(_) | Bytes(_) | Enumeration(_) | List(_) | Map(_) => {
            let fault = "this cannot be calculated with";
            Err(Fault::new(expression.place, fault))
        }
        _ => Ok(expression),
    }
}
