//! A page of the documentation, taken apart into its fenced blocks.

use std::path::{Path, PathBuf};

const FENCE: &str = "```";

pub(super) struct Page {
    /// Below the repository.
    pub(super) path: String,
    pub(super) blocks: Vec<Block>,
    /// Lines of code that stand in no fence.
    pub(super) bare: Vec<usize>,
}

pub(super) struct Block {
    /// `PATH:LINE`, for people.
    pub(super) place: String,
    pub(super) language: String,
    marks: Vec<(String, String)>,
    pub(super) text: String,
}

impl Page {
    pub(super) fn read(path: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self::of(path, &std::fs::read_to_string(root.join(path)).unwrap())
    }

    pub(super) fn of(path: &str, text: &str) -> Self {
        let mut page = Self {
            path: path.to_owned(),
            blocks: Vec::new(),
            bare: Vec::new(),
        };
        let mut open: Option<Block> = None;
        let mut is_behind_gap = true;
        for (at, line) in text.lines().enumerate() {
            match (&mut open, line.strip_prefix(FENCE)) {
                (None, Some(head)) => open = Some(Block::begin(format!("{path}:{}", at + 1), head)),
                (Some(_), Some("")) => page.blocks.extend(open.take()),
                (Some(block), _) => block.text.extend([line, "\n"]),
                (None, None) if is_behind_gap && line.starts_with("    ") => page.bare.push(at + 1),
                (None, None) => {}
            }
            is_behind_gap = line.is_empty();
        }
        assert!(open.is_none(), "{path}: a fence is not closed");
        page
    }

    /// The folder that a reader of this page stands in.
    pub(super) fn folder(&self) -> PathBuf {
        match self.path.rsplit_once('/') {
            Some((folder, _)) if folder.starts_with("examples/") => folder.into(),
            _ => PathBuf::new(),
        }
    }
}

impl Block {
    fn begin(place: String, head: &str) -> Self {
        let mut words = head.split_whitespace();
        let language = words.next().unwrap_or_default().to_owned();
        let marks = words.map(|word| {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            (name.to_owned(), value.to_owned())
        });
        Self {
            place,
            language,
            marks: marks.collect(),
            text: String::new(),
        }
    }

    pub(super) fn mark(&self, name: &str) -> Option<&str> {
        let found = self.marks.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Its language and marks, in the notation of the list of what is known.
    pub(super) fn words(&self) -> impl Iterator<Item = String> {
        let marks = self.marks.iter().map(|(name, value)| match name.as_str() {
            "file" => "file=…".to_owned(),
            name if value.is_empty() => name.to_owned(),
            name => format!("{name}={value}"),
        });
        marks.map(|mark| format!("{} {mark}", self.language))
    }
}
