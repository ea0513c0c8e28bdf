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
            c if c.is_ascii_digit() || is_fraction(trimmed) => number(trimmed, at)?,
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

/// A number may begin with its point.
fn is_fraction(rest: &str) -> bool {
    rest.strip_prefix('.')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn number(rest: &str, at: usize) -> Result<(Kind, usize), Fault> {
    if let Some(digits) = rest.strip_prefix("0x") {
        let length = run(digits, |c| c.is_ascii_hexdigit());
        let place = at..at + 2 + length;
        let digits = digits.get(..length).unwrap_or_default();
        let bytes = hex(digits)
            .filter(|bytes| !bytes.is_empty())
            .ok_or_else(|| Fault::new(place, "bytes have two hexadecimal digits each"))?;
        return Ok((Kind::Bytes(bytes), 2 + length));
    }
    let mut length = run(rest, |c| c.is_ascii_digit());
    let is_float = rest.get(length..).is_some_and(|rest| rest.starts_with('.'));
    if is_float {
        length += 1;
        length += run(rest.get(length..).unwrap_or_default(), |c| {
            c.is_ascii_digit()
        });
        // An exponent belongs to a number with a point alone.
        length += exponent(rest.get(length..).unwrap_or_default());
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

/// The length of what follows a number as its exponent.
fn exponent(rest: &str) -> usize {
    let Some(after) = rest.strip_prefix(['e', 'E']) else {
        return 0;
    };
    let digits = after.strip_prefix(['+', '-']).unwrap_or(after);
    match run(digits, |c| c.is_ascii_digit()) {
        0 => 0,
        count => rest.len() - digits.len() + count,
    }
}

/// A text with the escapes of Go.
fn quoted(rest: &str, at: usize) -> Result<(Kind, usize), Fault> {
    // Bytes, because an escape may stand for a part of a character.
    let mut bytes = Vec::new();
    let mut length = 1;
    loop {
        let after = rest.get(length..).unwrap_or_default();
        let Some(c) = after.chars().next() else {
            let place = at..at + rest.len();
            return Err(Fault::new(place, "a text without its closing quote"));
        };
        match c {
            '"' => break,
            '\n' => {
                let place = at + length..at + length + 1;
                return Err(Fault::new(place, "a text ends on its line").with_help(r"write `\n`"));
            }
            '\\' => {
                let escaped = escape(after.get(1..).unwrap_or_default(), &mut bytes);
                length += 1 + escaped.ok_or_else(|| {
                    let c = after.chars().nth(1).map_or(0, char::len_utf8);
                    let place = at + length..at + length + 1 + c;
                    Fault::new(place, "unknown escape").with_help(r"write `\\` for a backslash")
                })?;
            }
            c => {
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                length += c.len_utf8();
            }
        }
    }
    length += 1;
    let text = String::from_utf8(bytes);
    let text = text.map_err(|_| Fault::new(at..at + length, "not a text in UTF-8"))?;
    Ok((Kind::Text(text), length))
}

/// Writes what follows a backslash, and returns its length.
fn escape(rest: &str, out: &mut Vec<u8>) -> Option<usize> {
    let digits = |from: usize, count: usize, radix: u32| {
        let digits = rest.get(from..from + count)?;
        let are_digits = digits.chars().all(|c| c.is_digit(radix));
        u32::from_str_radix(digits, radix)
            .ok()
            .filter(|_| are_digits)
    };
    let first = rest.chars().next()?;
    let byte = match first {
        'a' => 7,
        'b' => 8,
        't' => b'\t',
        'n' => b'\n',
        'v' => 11,
        'f' => 12,
        'r' => b'\r',
        '"' | '\\' => first as u8,
        'x' => {
            out.push(u8::try_from(digits(1, 2, 16)?).ok()?);
            return Some(3);
        }
        '0'..='7' => {
            out.push(u8::try_from(digits(0, 3, 8)?).ok()?);
            return Some(3);
        }
        'u' | 'U' => {
            let count = if first == 'u' { 4 } else { 8 };
            let c = char::from_u32(digits(1, count, 16)?)?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(1 + count);
        }
        _ => return None,
    };
    out.push(byte);
    Some(1)
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
