//! A condition as it was written.

use std::ops::Range;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Boolean {
    Or(Vec<Self>),
    And(Vec<Self>),
    Not(Box<Self>),
    Compare(Expression, Comparison, Expression),
    /// A value that ought to be a boolean.
    Alone(Expression),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Plus,
    Minus,
    Times,
    Over,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expression {
    pub(crate) kind: ExpressionKind,
    pub(crate) place: Range<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ExpressionKind {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    /// `STATUS_CODE_ERROR`
    Enumeration(String),
    /// `resource.attributes["k"]`: words, and keys behind the last of them.
    Path(Vec<String>, Vec<Key>),
    /// `IsMatch(name, "x")[0]`
    Call(String, Vec<Argument>, Vec<Key>),
    List(Vec<Expression>),
    Map(Vec<(String, Expression)>),
    Negate(Box<Expression>),
    Calculate(Box<Expression>, Operator, Box<Expression>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Argument {
    pub(crate) name: Option<String>,
    pub(crate) value: Expression,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Key {
    Text(String),
    Index(i64),
    /// What a key is comes with the data.
    Of(Expression),
}
