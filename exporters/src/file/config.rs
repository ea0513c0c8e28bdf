//! What users write for the file exporter.

use config::{GoDuration, Optional, Problems, Validate, blocks::CompressionParams};
use serde::{Deserialize, Deserializer, Serialize, de};

use super::outlet::Shared;

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Config {
    pub(super) path: String,
    /// Keep what is in the file at the start.
    pub(super) append: bool,
    pub(super) rotation: Optional<Rotation>,
    pub(super) format: Format,
    /// The id of an extension, none of which can encode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) encoding: Option<String>,
    pub(super) compression: Compression,
    pub(super) compression_params: CompressionParams,
    /// Nothing waits in memory to be written, so that there is nothing to flush.
    pub(super) flush_interval: GoDuration,
    pub(super) create_directory: bool,
    /// Octal digits.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) directory_permissions: String,
    pub(super) group_by: GroupBy,
    /// The instances of all signals write through the same thread.
    #[serde(skip)]
    pub(super) shared: Shared,
}

/// When a file is put aside, and which of those are kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Rotation {
    /// 0: 100.
    pub(super) max_megabytes: u32,
    /// 0: for ever.
    pub(super) max_days: u32,
    /// 0: all.
    pub(super) max_backups: u32,
    pub(super) localtime: bool,
}

/// A file for each value of a resource attribute.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct GroupBy {
    pub(super) enabled: bool,
    pub(super) resource_attribute: String,
    pub(super) max_open_files: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    #[default]
    Json,
    Proto,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) enum Compression {
    #[default]
    #[serde(rename = "")]
    None,
    #[serde(rename = "zstd")]
    Zstd,
}

/// Of directories that are made, unless the configuration says otherwise.
const DIRECTORY_MODE: u32 = 0o755;

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self {
            path: String::new(),
            append: false,
            rotation: Optional::Off,
            format: Format::default(),
            encoding: None,
            compression: Compression::default(),
            compression_params: CompressionParams::default(),
            flush_interval: GoDuration::from_secs(1),
            create_directory: false,
            directory_permissions: String::new(),
            group_by: GroupBy::default(),
            shared: Shared::default(),
        }
    }
}

impl Config {
    /// The mode of directories to make, if any may be made: rotation and groups make them too.
    pub(super) fn directory_mode(&self) -> Option<u32> {
        let made = self.create_directory || self.rotation.is_on() || self.group_by.enabled;
        made.then(|| octal(&self.directory_permissions).unwrap_or(DIRECTORY_MODE))
    }

    fn check_group(&self, problems: &mut Problems) {
        let GroupBy {
            enabled,
            resource_attribute,
            max_open_files,
        } = &self.group_by;
        if !enabled {
            return;
        }
        problems.require(
            self.path.matches('*').count() == 1,
            "path",
            "path must contain exactly one * when group_by is enabled",
        );
        problems.require(
            !self.path.starts_with('*'),
            "path",
            "path must not start with * when group_by is enabled",
        );
        problems.require(
            !resource_attribute.is_empty(),
            "group_by::resource_attribute",
            "resource_attribute must not be empty when group_by is enabled",
        );
        problems.require(
            *max_open_files > 0,
            "group_by::max_open_files",
            "max_open_files must be positive",
        );
        if self.rotation.is_on() {
            problems.warn("rotation", "files are not rotated when group_by is enabled");
        }
    }

    fn check_directory(&self, problems: &mut Problems) {
        let permissions = self.directory_permissions.as_str();
        if permissions.is_empty() {
            return;
        }
        let key = "directory_permissions";
        problems.require(
            self.create_directory,
            key,
            "directory_permissions requires create_directory to be true",
        );
        match octal(permissions) {
            None => problems.push(
                key,
                "directory_permissions value must be a valid octal representation",
            ),
            Some(mode) => problems.require(
                mode & !0o777 == 0,
                key,
                "directory_permissions contain invalid bits for file access",
            ),
        }
    }
}

impl Validate for Config {
    fn validate(&self) -> Problems {
        let mut problems = Problems::new();
        problems.require(!self.path.is_empty(), "path", "path must be non-empty");
        problems.require(
            !(self.append && self.rotation.is_on()),
            "append",
            "append and rotation enabled at the same time is not supported",
        );
        problems.require(
            !self.flush_interval.is_negative(),
            "flush_interval",
            "flush_interval must be larger than zero",
        );
        if let Some(id) = &self.encoding {
            problems.push(
                "encoding",
                format!(
                    "no extension of this build can encode as {id:?} would; write `format: json` \
                     or `format: proto` instead, or send to a Collector that has it"
                ),
            );
        }
        if self.compression == Compression::None && self.compression_params.chosen().is_some() {
            problems.warn(
                "compression_params::level",
                "a level without `compression: zstd` does nothing",
            );
        }
        self.check_directory(&mut problems);
        if !self.path.is_empty() {
            self.check_group(&mut problems);
        }
        problems
    }
}

fn octal(digits: &str) -> Option<u32> {
    u32::from_str_radix(digits, 8).ok()
}

// === the sections ===

impl Rotation {
    /// The size from which on a file is put aside.
    pub(super) fn bytes_max(&self) -> u64 {
        const MEGABYTES_DEFAULT: u32 = 100;
        let chosen = match self.max_megabytes {
            0 => MEGABYTES_DEFAULT,
            chosen => chosen,
        };
        u64::from(chosen) << 20
    }
}

impl Default for Rotation {
    fn default() -> Self {
        Self {
            max_megabytes: 100,
            max_days: 0,
            max_backups: 100,
            localtime: false,
        }
    }
}

impl Default for GroupBy {
    fn default() -> Self {
        Self {
            enabled: false,
            resource_attribute: "fileexporter.path_segment".into(),
            max_open_files: 100,
        }
    }
}

impl<'de> Deserialize<'de> for Format {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "json" => Ok(Self::Json),
            "proto" => Ok(Self::Proto),
            _ => Err(de::Error::custom(
                "format type is not supported; write `json` or `proto`",
            )),
        }
    }
}

impl<'de> Deserialize<'de> for Compression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "" | "none" => Ok(Self::None),
            "zstd" => Ok(Self::Zstd),
            _ => Err(de::Error::custom(
                "compression is not supported; write `zstd` or `none`",
            )),
        }
    }
}
