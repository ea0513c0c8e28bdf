//! Letters and words in the cases that programs write them in.

#[derive(Clone, Copy, Debug)]
pub(crate) enum Case {
    Lower,
    Upper,
    Snake,
    Camel,
}

impl Case {
    pub(crate) fn convert(self, text: &str) -> String {
        match self {
            Self::Lower => text.chars().map(lower).collect(),
            Self::Upper => text.chars().map(upper).collect(),
            Self::Snake => snake(text.trim()),
            Self::Camel => camel(text.trim()),
        }
    }
}

/// Each letter by itself, whatever stands beside it; one that would become several stays, as in Go.
fn lower(c: char) -> char {
    let mut letters = c.to_lowercase();
    match (letters.next(), letters.next()) {
        (Some(only), None) => only,
        // The only one: a capital I with a dot becomes a plain i.
        (Some(first), _) => first,
        _ => c,
    }
}

fn upper(c: char) -> char {
    let mut letters = c.to_uppercase();
    match (letters.next(), letters.next()) {
        (Some(only), None) => only,
        _ => c,
    }
}

/// An underscore between words: where the case changes, at numbers, and instead of each sign that parts words. A run
/// of capitals is one word, without the last one if a small letter follows.
fn snake(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    let mut before = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().map_or(Kind::Sign, Kind::of);
        let kind = Kind::of(c);
        let begins = kind == Kind::Capital && next == Kind::Small && before == Some(Kind::Capital);
        if begins {
            out.push('_');
        }
        out.push(match c {
            ' ' | '_' | '-' | '.' => '_',
            c => c.to_ascii_lowercase(),
        });
        let ends = match kind {
            Kind::Capital => next == Kind::Digit,
            Kind::Small => matches!(next, Kind::Capital | Kind::Digit),
            Kind::Digit => matches!(next, Kind::Capital | Kind::Small),
            Kind::Sign => false,
        };
        if ends {
            out.push('_');
        }
        before = Some(kind);
    }
    out
}

/// Words run together, each with a capital; what is neither an ASCII letter nor a digit is left out.
fn camel(text: &str) -> String {
    let text = if text == "ID" { "id" } else { text };
    let mut out = String::with_capacity(text.len());
    let mut begins = true;
    let mut before = Kind::Sign;
    for c in text.chars() {
        let kind = Kind::of(c);
        let c = match kind {
            Kind::Small if begins => c.to_ascii_uppercase(),
            Kind::Capital if !begins && before == Kind::Capital => c.to_ascii_lowercase(),
            _ => c,
        };
        if kind == Kind::Sign {
            begins = matches!(c, '_' | ' ' | '-' | '.');
        } else {
            out.push(c);
            begins = kind == Kind::Digit;
        }
        before = kind;
    }
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Capital,
    Small,
    Digit,
    Sign,
}

impl Kind {
    fn of(c: char) -> Self {
        match c {
            'A'..='Z' => Self::Capital,
            'a'..='z' => Self::Small,
            '0'..='9' => Self::Digit,
            _ => Self::Sign,
        }
    }
}
