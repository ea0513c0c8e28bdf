//! Words, numbers, texts and signs, each with its place.

use std::ops::Range;

use crate::fault::Fault;

/// Longer than any condition that a person writes; it bounds the work of a hostile file.
const TEXT_BYTES_MAX: usize = 64 << 10;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) place: Range<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Begins with a lower-case letter: a path, an editor, `and`, `true`.
    Lower(String),
    /// Begins with an upper-case letter: a converter or an enumeration.
    Upper(String),
    Text(String),
    Int(i64),
    Float(f64),
    Bytes(Vec<u8>),
    Sign(&'static str),
    End,
}

/// The longest first.
const SIGNS: [&str; 20] = [
    "==", "!=", "<=", ">=", "=>", "<", ">", "=", "(", ")", "[", "]", "{", "}", ",", ".", ":", "+",
    "-", "*",
];

pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, Fault> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(Fault::new(
            0..0,
            format!("longer than {TEXT_BYTES_MAX} bytes"),
        ));
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let trimmed = rest.trim_start();
        at += rest.len() - trimmed.len();
        let Some(first) = trimmed.chars().next() else {
            break;
        };
        let (kind, length) = match first {
            '"' => quoted(trimmed, at)?,
            c if c.is_ascii_digit() => number(trimmed, at)?,
            c if c.is_ascii_alphabetic() => word(trimmed),
            _ => sign(trimmed, at)?,
        };
        tokens.push(Token {
            kind,
            place: at..at + length,
        });
        at += length;
    }
    tokens.push(Token {
        kind: Kind::End,
        place: text.len()..text.len(),
    });
    Ok(tokens)
}

fn word(rest: &str) -> (Kind, usize) {
    let length = run(rest, |c| c.is_ascii_alphanumeric() || c == '_');
    let word = rest.get(..length).unwrap_or_default().to_owned();
    let is_upper = word.starts_with(|c: char| c.is_ascii_uppercase());
    (
        if is_upper {
            Kind::Upper(word)
        } else {
            Kind::Lower(word)
        },
        length,
    )
}

fn sign(rest: &str, at: usize) -> Result<(Kind, usize), Fault> {
    let sign = SIGNS
        .into_iter()
        .chain(["/"])
        .find(|sign| rest.starts_with(sign));
    if let Some(sign) = sign {
        return Ok((Kind::Sign(sign), sign.len()));
    }
    let c = rest.chars().next().unwrap_or_default();
    let fault = Fault::new(at..at + c.len_utf8(), format!("unexpected character {c:?}"));
    Err(match c {
        '\'' => fault.with_help("texts stand in double quotes"),
        '&' | '|' => fault.with_help("write `and`, `or`"),
        '!' => fault.with_help("write `not`"),
        _ => fault,
    })
}

fn number(rest: &str, at: usize) -> Result<(Kind, usize), Fault> {
    if let Some(digits) = rest.strip_prefix("0x") {
        let length = run(digits, |c| c.is_ascii_hexdigit());
        let place = at..at + 2 + length;
        let digits = digits.get(..length).unwrap_or_default();
        let bytes = hex(digits)
            .ok_or_else(|| Fault::new(place, "bytes have two hexadecimal digits each"))?;
        return Ok((Kind::Bytes(bytes), 2 + length));
    }
    let mut length = run(rest, |c| c.is_ascii_digit());
    let mut is_float = false;
    let fraction = rest.get(length..).and_then(|rest| rest.strip_prefix('.'));
    if let Some(digits) = fraction.filter(|digits| digits.starts_with(|c: char| c.is_ascii_digit()))
    {
        is_float = true;
        length += 1 + run(digits, |c| c.is_ascii_digit());
    }
    let exponent = rest
        .get(length..)
        .and_then(|rest| rest.strip_prefix(['e', 'E']));
    if let Some(exponent) = exponent {
        let digits = exponent.trim_start_matches(['+', '-']);
        let signs = exponent.len() - digits.len();
        let count = run(digits, |c| c.is_ascii_digit());
        if count > 0 && signs <= 1 {
            is_float = true;
            length += 1 + signs + count;
        }
    }
    let digits = rest.get(..length).unwrap_or_default();
    let kind = if is_float {
        digits.parse().ok().map(Kind::Float)
    } else {
        digits.parse().ok().map(Kind::Int)
    };
    let kind =
        kind.ok_or_else(|| Fault::new(at..at + length, format!("{digits} does not fit 64 bits")))?;
    Ok((kind, length))
}

/// A text with the escapes of Go.
fn quoted(rest: &str, at: usize) -> Result<(Kind, usize), Fault> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((offset, c)) = chars.next() {
        match c {
            '"' => return Ok((Kind::Text(text), offset + 1)),
            '\\' => {
                let escaped = chars.next().map(|(_, c)| c);
                text.push(match escaped {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some('r') => '\r',
                    Some(c @ ('"' | '\\' | '\'')) => c,
                    other => {
                        let place = at + offset..at + offset + 1 + other.map_or(0, char::len_utf8);
                        return Err(Fault::new(place, "unknown escape")
                            .with_help(r"write `\\` for a backslash"));
                    }
                });
            }
            c => text.push(c),
        }
    }
    Err(Fault::new(
        at..at + rest.len(),
        "a text without its closing quote",
    ))
}

pub(crate) fn hex(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let pairs = digits.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    pairs.collect()
}

fn run(text: &str, is: impl Fn(char) -> bool) -> usize {
    text.find(|c| !is(c)).unwrap_or(text.len())
}
