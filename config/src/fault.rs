//! What a person must mend, or should know.

use std::fmt;

use crate::place::Place;

/// Beyond this many faults a report helps nobody, and a hostile file could make it endless.
const FAULTS_MAX: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
}

/// One mistake or doubt in a configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub severity: Severity,
    /// Where it was written; `None` for what stands in no file, such as a missing `--config`.
    pub place: Option<Place>,
    /// `receivers::otlp/2::protocols::grpc::tls`; empty for what concerns a whole file.
    pub path: String,
    /// What is wrong, without the path and without a full stop.
    pub text: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// The faults of one configuration, in the order in which they were found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    list: Vec<Fault>,
}

// === impl Severity ===

impl Severity {
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

// === impl Fault ===

impl Fault {
    pub fn error(place: Place, path: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            place: Some(place),
            path: path.into(),
            text: text.into(),
            help: None,
        }
    }

    pub fn warning(place: Place, path: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(place, path, text)
        }
    }

    /// An error that stands in no file.
    pub fn placeless(text: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            place: None,
            path: String::new(),
            text: text.into(),
            help: None,
        }
    }

    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds "did you mean" if one of the candidates is close.
    pub fn with_suggestion<'a>(
        self,
        word: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        match crate::suggest::closest(word, candidates) {
            Some(close) => self.with_help(format!("did you mean `{close}`?")),
            None => self,
        }
    }
}

impl fmt::Display for Fault {
    /// One line: place, severity, path, text, help.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}: ", self.severity.name())?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.text)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

// === impl Faults ===

impl Faults {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a fault unless it is already there.
    pub fn push(&mut self, fault: Fault) {
        if self.list.len() < FAULTS_MAX && !self.list.contains(&fault) {
            self.list.push(fault);
        }
    }

    pub fn extend(&mut self, others: Self) {
        for fault in others.list {
            self.push(fault);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.list.iter()
    }

    /// Both errors and warnings.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    /// How many of them are errors.
    pub fn errors(&self) -> usize {
        let is_error = |fault: &&Fault| fault.severity == Severity::Error;
        self.list.iter().filter(is_error).count()
    }

    /// Puts them into the order of the sources and lines, for the report.
    pub fn sort(&mut self) {
        let mut sources: Vec<String> = Vec::new();
        let mut key = |fault: &Fault| {
            let place = fault.place.as_ref()?;
            let name = &place.source.name;
            let rank = sources
                .iter()
                .position(|known| known == name)
                .unwrap_or_else(|| {
                    sources.push(name.clone());
                    sources.len() - 1
                });
            Some((rank, place.span.start))
        };
        let mut keyed: Vec<_> = self
            .list
            .drain(..)
            .map(|fault| (key(&fault), fault))
            .collect();
        keyed.sort_by_key(|(key, _)| *key);
        self.list = keyed.into_iter().map(|(_, fault)| fault).collect();
    }
}

impl IntoIterator for Faults {
    type Item = Fault;
    type IntoIter = std::vec::IntoIter<Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl fmt::Display for Faults {
    /// One line each; see `Faults::write` for the full report.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.list {
            writeln!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
