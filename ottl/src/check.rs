//! From a tree to a condition in which everything is resolved.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::calculate::{calculate, negate};
use crate::compare;
use crate::convert::expected;
use crate::fault::{Fault, Trouble};
use crate::functions::{Call, FUNCTIONS, NOT_YET};
use crate::parser::parse;
use crate::path::{Context, Path};
use crate::scene::Scene;
use crate::tree::{Argument, Boolean, Comparison, Expression, ExpressionKind, Key, Operator};
use crate::value::{Step, Value};
use crate::wants::Wants;

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
    /// Whatever the data is.
    Constant(bool),
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
    Call(Arc<Call>, Vec<Index>),
    List(Vec<Self>),
    Map(Vec<(Arc<str>, Self)>),
    Negate(Box<Self>),
    Calculate(Box<Self>, Operator, Box<Self>),
}

/// What leads from a value to one within; known, or given with the data.
#[derive(Clone, Debug)]
pub(crate) enum Index {
    Known(Step<'static>),
    Given(Box<Getter>),
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
            Self::Constant(value) => Ok(*value),
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
        Boolean::Or(inner) => folded(list(inner)?, true, Node::Or),
        Boolean::And(inner) => folded(list(inner)?, false, Node::And),
        Boolean::Not(inner) => match boolean(inner, context)? {
            Node::Constant(value) => Node::Constant(!value),
            inner => Node::Not(Box::new(inner)),
        },
        Boolean::Compare(left, comparison, right) => {
            let (left, right) = (getter(left, context)?, getter(right, context)?);
            match (left.literal(), right.literal()) {
                (Some(left), Some(right)) => {
                    Node::Constant(compare::holds(&left, *comparison, &right))
                }
                _ => Node::Compare(left, *comparison, right),
            }
        }
        Boolean::Alone(expression) => {
            if let ExpressionKind::Bool(value) = expression.kind {
                return Ok(Node::Constant(value));
            }
            if !matches!(expression.kind, ExpressionKind::Call(..)) {
                let fault = Fault::new(expression.place.clone(), "this is no condition");
                return Err(fault.with_help("compare it with something"));
            }
            Node::Alone(getter(expression, context)?)
        }
    })
}

/// A list without its constants; `decides` is the value that decides it alone, whatever the others would say.
fn folded(mut list: Vec<Node>, decides: bool, several: impl FnOnce(Vec<Node>) -> Node) -> Node {
    let is = |node: &Node, value: bool| matches!(node, Node::Constant(known) if *known == value);
    if list.iter().any(|node| is(node, decides)) {
        return Node::Constant(decides);
    }
    list.retain(|node| !is(node, !decides));
    if list.is_empty() {
        Node::Constant(!decides)
    } else {
        several(list)
    }
}

/// Keys as they are asked.
pub(crate) fn indexes(keys: &[Key], context: Context) -> Result<Vec<Index>, Fault> {
    let index = |key: &Key| {
        Ok(match key {
            Key::Text(text) => Index::Known(Step::Key(text.clone().into())),
            Key::Index(index) => Index::Known(Step::Index(*index)),
            Key::Of(expression) => Index::Given(Box::new(getter(expression, context)?)),
        })
    };
    keys.iter().map(index).collect()
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
            indexes(keys, context)?,
        ),
        ExpressionKind::List(list) => Getter::List(
            list.iter()
                .map(|inner| getter(inner, context))
                .collect::<Result<_, _>>()?,
        ),
        ExpressionKind::Map(pairs) => {
            let mut map = BTreeMap::new();
            for (key, value) in pairs {
                map.insert(Arc::from(key.as_str()), getter(value, context)?);
            }
            Getter::Map(map.into_iter().collect())
        }
        ExpressionKind::Negate(inner) => Getter::Negate(Box::new(getter(inner, context)?)),
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
            Some(name) => parameters.iter().position(|(known, _)| known == name),
            None => Some(at),
        };
        let place = at.and_then(|at| Some((parameters.get(at)?.1, arguments.get_mut(at)?)));
        let Some((wants, place)) = place else {
            let expected = format!("`{name}` takes {}", list_of(parameters));
            return Err(Fault::new(argument.value.place.clone(), expected));
        };
        let value = getter(&argument.value, context)?;
        if let Some(Err(wrong)) = value.literal().map(|value| wants.check(&value)) {
            return Err(Fault::new(argument.value.place.clone(), wrong.0));
        }
        *place = Some(value);
    }
    let arguments: Option<Vec<Getter>> = arguments.into_iter().collect();
    let arguments =
        arguments.ok_or_else(|| fault(format!("`{name}` takes {}", list_of(parameters))))?;
    (function.build)(&arguments).map_err(fault)
}

fn list_of(parameters: &[(&str, Wants)]) -> String {
    let names: Vec<&str> = parameters.iter().map(|(name, _)| *name).collect();
    match names.as_slice() {
        [] => "no arguments".to_owned(),
        [one] => format!("one argument: {one}"),
        several => format!("{} arguments: {}", several.len(), several.join(", ")),
    }
}

// === impl Getter ===

impl Getter {
    pub(crate) fn get<'a>(&'a self, scene: &Scene<'a>) -> Result<Value<'a>, Trouble> {
        Ok(match self {
            Self::Path(path) => path.get(scene)?,
            Self::Call(call, keys) => {
                let mut value = call.get(scene)?;
                for key in keys {
                    let within = value.at(&key.step(scene)?).map_err(Trouble)?;
                    value = within.ok_or(Trouble("key not found in map".into()))?;
                }
                value
            }
            Self::List(list) => Value::List(
                list.iter()
                    .map(|inner| inner.get(scene))
                    .collect::<Result<_, _>>()?,
            ),
            Self::Map(pairs) => {
                let pairs = pairs.iter();
                let pairs = pairs.map(|(key, value)| Ok((key.as_ref(), value.get(scene)?)));
                Value::Dictionary(pairs.collect::<Result<_, Trouble>>()?)
            }
            Self::Negate(inner) => negate(&inner.get(scene)?)?,
            Self::Calculate(left, operator, right) => {
                calculate(&left.get(scene)?, *operator, &right.get(scene)?)?
            }
            literal => literal.literal().unwrap_or(Value::Nil),
        })
    }

    /// The value, if it is the same whatever the data is.
    fn literal(&self) -> Option<Value<'_>> {
        Some(match self {
            Self::Nil => Value::Nil,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(number) => Value::Int(*number),
            Self::Float(number) => Value::Float(*number),
            Self::Text(text) => Value::Text(Cow::Borrowed(text)),
            Self::Bytes(bytes) => Value::Bytes(Cow::Borrowed(bytes)),
            Self::List(list) => Value::List(list.iter().map(Self::literal).collect::<Option<_>>()?),
            Self::Map(pairs) => {
                let pairs = pairs.iter();
                let pairs = pairs.map(|(key, value)| Some((key.as_ref(), value.literal()?)));
                Value::Dictionary(pairs.collect::<Option<_>>()?)
            }
            Self::Path(_) | Self::Call(..) | Self::Negate(_) | Self::Calculate(..) => return None,
        })
    }
}

// === impl Index ===

impl Index {
    pub(crate) fn step<'a>(&'a self, scene: &Scene<'a>) -> Result<Step<'a>, Trouble> {
        match self {
            Self::Known(step) => Ok(step.clone()),
            Self::Given(getter) => match getter.get(scene)? {
                Value::Text(key) => Ok(Step::Key(key)),
                Value::Int(index) => Ok(Step::Index(index)),
                other => Err(expected("a key or an index", &other)),
            },
        }
    }
}
