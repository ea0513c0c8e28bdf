//! From a tree to a condition in which everything is resolved.

use std::borrow::Cow;
use std::sync::Arc;

use crate::calculate::calculate;
use crate::compare;
use crate::fault::{Fault, Trouble};
use crate::functions::{Call, FUNCTIONS, NOT_YET};
use crate::parser::parse;
use crate::path::{Context, Path};
use crate::scene::Scene;
use crate::tree::{Argument, Boolean, Comparison, Expression, ExpressionKind, Key, Operator};
use crate::value::Value;

const ENUMERATIONS: [(&str, i64); 9] = [
    ("SPAN_KIND_UNSPECIFIED", 0),
    ("SPAN_KIND_INTERNAL", 1),
    ("SPAN_KIND_SERVER", 2),
    ("SPAN_KIND_CLIENT", 3),
    ("SPAN_KIND_PRODUCER", 4),
    ("SPAN_KIND_CONSUMER", 5),
    ("STATUS_CODE_UNSET", 0),
    ("STATUS_CODE_OK", 1),
    ("STATUS_CODE_ERROR", 2),
];

/// A condition that is ready to be asked.
#[derive(Debug)]
pub struct Condition(Node);

#[derive(Debug)]
enum Node {
    Or(Vec<Self>),
    And(Vec<Self>),
    Not(Box<Self>),
    Compare(Getter, Comparison, Getter),
    Alone(Getter),
}

/// What gives a value.
#[derive(Clone, Debug)]
pub(crate) enum Getter {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
    Path(Path),
    Call(Arc<Call>, Vec<Key>),
    List(Vec<Self>),
    Calculate(Box<Self>, Operator, Box<Self>),
}

// === impl Condition ===

impl Condition {
    /// Reads a condition. Paths without a prefix are meant in the context.
    ///
    /// # Errors
    /// The text is no condition; the fault says where and what to write.
    pub fn parse(text: &str, context: Context) -> Result<Self, Fault> {
        Ok(Self(boolean(&parse(text)?, context)?))
    }

    /// Whether it holds.
    ///
    /// # Errors
    /// A function was given what it does not take, or the data cannot be read.
    pub fn holds<'a>(&'a self, scene: &Scene<'a>) -> Result<bool, Trouble> {
        self.0.holds(scene)
    }
}

impl Node {
    fn holds<'a>(&'a self, scene: &Scene<'a>) -> Result<bool, Trouble> {
        match self {
            Self::Or(list) => {
                for node in list {
                    if node.holds(scene)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::And(list) => {
                for node in list {
                    if !node.holds(scene)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Not(node) => Ok(!node.holds(scene)?),
            Self::Compare(left, comparison, right) => Ok(compare::holds(
                &left.get(scene)?,
                *comparison,
                &right.get(scene)?,
            )),
            Self::Alone(getter) => match getter.get(scene)? {
                Value::Bool(value) => Ok(value),
                other => Err(Trouble(
                    format!("expected a boolean but got {}", other.kind()).into(),
                )),
            },
        }
    }
}

fn boolean(tree: &Boolean, context: Context) -> Result<Node, Fault> {
    let list = |list: &[Boolean]| {
        list.iter()
            .map(|tree| boolean(tree, context))
            .collect::<Result<Vec<_>, _>>()
    };
    Ok(match tree {
        Boolean::Or(inner) => Node::Or(list(inner)?),
        Boolean::And(inner) => Node::And(list(inner)?),
        Boolean::Not(inner) => Node::Not(Box::new(boolean(inner, context)?)),
        Boolean::Compare(left, comparison, right) => {
            Node::Compare(getter(left, context)?, *comparison, getter(right, context)?)
        }
        Boolean::Alone(expression) => {
            let is_literal = matches!(
                expression.kind,
                ExpressionKind::Nil
                    | ExpressionKind::Int(_)
                    | ExpressionKind::Float(_)
                    | ExpressionKind::Text(_)
                    | ExpressionKind::Bytes(_)
                    | ExpressionKind::List(_)
                    | ExpressionKind::Enumeration(_)
            );
            if is_literal {
                let fault = Fault::new(expression.place.clone(), "this is no condition");
                return Err(fault.with_help("compare it with something"));
            }
            Node::Alone(getter(expression, context)?)
        }
    })
}

fn getter(expression: &Expression, context: Context) -> Result<Getter, Fault> {
    Ok(match &expression.kind {
        ExpressionKind::Nil => Getter::Nil,
        ExpressionKind::Bool(value) => Getter::Bool(*value),
        ExpressionKind::Int(number) => Getter::Int(*number),
        ExpressionKind::Float(number) => Getter::Float(*number),
        ExpressionKind::Text(text) => Getter::Text(text.as_str().into()),
        ExpressionKind::Bytes(bytes) => Getter::Bytes(bytes.as_slice().into()),
        ExpressionKind::Enumeration(name) => {
            let known = ENUMERATIONS.iter().find(|(known, _)| known == name);
            let (_, number) = known.ok_or_else(|| {
                let fault = Fault::new(
                    expression.place.clone(),
                    format!("`{name}` is no enumeration"),
                );
                fault.with_known(name, ENUMERATIONS.iter().map(|(name, _)| *name))
            })?;
            Getter::Int(*number)
        }
        ExpressionKind::Path(words, keys) => {
            Getter::Path(Path::resolve(words, keys, &expression.place, context)?)
        }
        ExpressionKind::Call(name, arguments, keys) => Getter::Call(
            Arc::new(call(name, arguments, expression, context)?),
            keys.clone(),
        ),
        ExpressionKind::List(list) => Getter::List(
            list.iter()
                .map(|inner| getter(inner, context))
                .collect::<Result<_, _>>()?,
        ),
        ExpressionKind::Calculate(left, operator, right) => Getter::Calculate(
            Box::new(getter(left, context)?),
            *operator,
            Box::new(getter(right, context)?),
        ),
    })
}

fn call(
    name: &str,
    given: &[Argument],
    expression: &Expression,
    context: Context,
) -> Result<Call, Fault> {
    let fault = |text: String| Fault::new(expression.place.clone(), text);
    let Some(function) = FUNCTIONS.iter().find(|function| function.name == name) else {
        if NOT_YET.contains(&name) {
            return Err(fault(format!(
                "the function `{name}` is known to the language and not in this build"
            )));
        }
        let known = FUNCTIONS.iter().map(|function| function.name);
        return Err(fault(format!("undefined function \"{name}\"")).with_known(name, known));
    };
    let parameters = function.parameters;
    let mut arguments: Vec<Option<Getter>> = parameters.iter().map(|_| None).collect();
    for (at, argument) in given.iter().enumerate() {
        let at = match &argument.name {
            Some(name) => parameters.iter().position(|known| known == name),
            None => Some(at),
        };
        let Some(place) = at.and_then(|at| arguments.get_mut(at)) else {
            let expected = format!("`{name}` takes {}", list_of(parameters));
            return Err(Fault::new(argument.value.place.clone(), expected));
        };
        *place = Some(getter(&argument.value, context)?);
    }
    let arguments: Option<Vec<Getter>> = arguments.into_iter().collect();
    let arguments =
        arguments.ok_or_else(|| fault(format!("`{name}` takes {}", list_of(parameters))))?;
    (function.build)(&arguments).map_err(fault)
}

fn list_of(parameters: &[&str]) -> String {
    match parameters {
        [] => "no arguments".to_owned(),
        [one] => format!("one argument: {one}"),
        several => format!("{} arguments: {}", several.len(), several.join(", ")),
    }
}

// === impl Getter ===

impl Getter {
    pub(crate) fn get<'a>(&'a self, scene: &Scene<'a>) -> Result<Value<'a>, Trouble> {
        Ok(match self {
            Self::Nil => Value::Nil,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(number) => Value::Int(*number),
            Self::Float(number) => Value::Float(*number),
            Self::Text(text) => Value::Text(Cow::Borrowed(text)),
            Self::Bytes(bytes) => Value::Bytes(Cow::Borrowed(bytes)),
            Self::Path(path) => path.get(scene)?,
            Self::Call(call, keys) => {
                let mut value = call.get(scene)?;
                for key in keys {
                    value = value.at(key).map_err(Trouble)?;
                }
                value
            }
            Self::List(list) => Value::List(
                list.iter()
                    .map(|inner| inner.get(scene))
                    .collect::<Result<_, _>>()?,
            ),
            Self::Calculate(left, operator, right) => {
                calculate(&left.get(scene)?, *operator, &right.get(scene)?)?
            }
        })
    }
}
