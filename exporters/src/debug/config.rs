//! What users write for the debug exporter.

use config::{Optional, Problems, Validate, blocks};
use serde::{Deserialize, Deserializer, Serialize, de};

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Config {
    pub(super) verbosity: Verbosity,
    /// Batches shown in each second before sampling begins.
    pub(super) sampling_initial: u64,
    /// Of the batches beyond, every so many-th is shown; 0: none.
    pub(super) sampling_thereafter: u64,
    pub(super) use_internal_logger: bool,
    /// `stdout`, `stderr` or files. `None` is `stdout` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_paths: Option<Vec<String>>,
    pub(super) sending_queue: Optional<blocks::Queue>,
}

/// How much is shown of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verbosity {
    /// How many items it holds.
    #[default]
    Basic,
    /// A line for each item as well.
    Normal,
    /// Every field.
    Detailed,
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self {
            verbosity: Verbosity::default(),
            sampling_initial: 2,
            sampling_thereafter: 1,
            use_internal_logger: true,
            output_paths: None,
            sending_queue: Optional::Off,
        }
    }
}

impl Validate for Config {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        if let Some(paths) = &self.output_paths {
            problems.require(
                !self.use_internal_logger,
                "output_paths",
                "output_paths is not supported when use_internal_logger is true",
            );
            problems.require(
                self.use_internal_logger || !paths.is_empty(),
                "output_paths",
                "output_paths must not be empty when use_internal_logger is false",
            );
            for (index, path) in paths.iter().enumerate() {
                problems.require(
                    !path.is_empty() && (!path.contains("://") || path.starts_with("file:///")),
                    &format!("output_paths[{index}]"),
                    format!("{path:?} is neither `stdout`, `stderr` nor the path of a file"),
                );
            }
        }
        problems.under("sending_queue", &self.sending_queue);
        problems
    }
}

// === impl Verbosity ===

impl<'de> Deserialize<'de> for Verbosity {
    /// In any case of letters, as the Collector reads its levels.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        match word.to_lowercase().as_str() {
            "basic" => Ok(Self::Basic),
            "normal" => Ok(Self::Normal),
            "detailed" => Ok(Self::Detailed),
            _ => Err(de::Error::unknown_variant(
                &word,
                &["basic", "normal", "detailed"],
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use config::{Environment, Faults, Sources, decode_valid, load};

    use super::*;

    struct Alone;

    impl Environment for Alone {
        fn variable(&self, _: &str) -> Option<String> {
            None
        }

        fn file(&self, path: &str) -> Result<String, String> {
            Err(format!("{path} is not there"))
        }
    }

    /// The configuration in this YAML, or the text of each fault.
    fn read(yaml: &str) -> Result<Config, Vec<String>> {
        let sources = Sources {
            configs: vec![format!("yaml:{yaml}")],
            sets: Vec::new(),
        };
        let mut faults = Faults::new();
        let node = load(&sources, &Alone, &mut faults).expect("YAML");
        decode_valid(&node, "exporters::debug", &mut faults)
            .ok_or_else(|| faults.iter().map(|fault| fault.text.clone()).collect())
    }

    #[test]
    fn verbosity_is_read_in_any_case() {
        let check = |word: &str, expected: Verbosity| {
            let config = read(&format!("verbosity: {word}")).expect("a verbosity");
            assert_eq!(
                config,
                Config {
                    verbosity: expected,
                    ..Config::default()
                }
            );
        };
        check("basic", Verbosity::Basic);
        check("Normal", Verbosity::Normal);
        check("DETAILED", Verbosity::Detailed);
    }

    #[test]
    fn keys_that_do_not_go_together_are_faults() {
        let check = |yaml: &str, expected: &str| assert_eq!(read(yaml), Err(vec![expected.into()]));
        check("verbosity: loud", "unknown value `loud`");
        check("verbosity: none", "unknown value `none`");
        check(
            "output_paths: [stdout]",
            "output_paths is not supported when use_internal_logger is true",
        );
        check(
            "{use_internal_logger: false, output_paths: []}",
            "output_paths must not be empty when use_internal_logger is false",
        );
        check(
            "{use_internal_logger: false, output_paths: ['https://example.com']}",
            r#""https://example.com" is neither `stdout`, `stderr` nor the path of a file"#,
        );
        check(
            "sending_queue: {queue_size: 0}",
            "`queue_size` must be positive",
        );
    }

    #[test]
    fn paths_are_kept_in_their_order() {
        let yaml = "{use_internal_logger: false, output_paths: [stderr, /tmp/x, 'file:///tmp/y']}";
        let paths = read(yaml).expect("paths").output_paths;
        assert_eq!(paths.expect("some"), ["stderr", "/tmp/x", "file:///tmp/y"]);
    }
}
