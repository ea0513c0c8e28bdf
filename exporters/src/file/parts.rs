//! Which file a batch goes to, or which part of it to which.

use std::collections::BTreeMap;
use std::path::PathBuf;

use otlp::view::AnyValue;
use otlp::wire::put_len;
use otlp::{Malformed, survey};
use pipeline::Batch;

use super::config::Config;
use super::outlet::Part;
use crate::groups::{RESOURCE_GROUPS, groups};

/// Longer names are none that a file system has.
const SEGMENT_BYTES_MAX: usize = 4096;

pub(super) enum Paths {
    One(PathBuf),
    /// The value of the attribute stands between the two.
    Grouped {
        before: String,
        after: String,
        attribute: String,
    },
}

/// The parts of a batch, and how many items have no file to go to.
pub(super) type Parted = (Vec<Part>, u64);

impl Paths {
    pub(super) fn new(config: &Config) -> Self {
        let split = config.path.split_once('*');
        match split.filter(|_| config.group_by.enabled) {
            Some((before, after)) => Self::Grouped {
                before: before.to_owned(),
                after: after.to_owned(),
                attribute: config.group_by.resource_attribute.clone(),
            },
            None => Self::One(config.path.clone().into()),
        }
    }

    /// # Errors
    /// The batch cannot be read.
    pub(super) fn part(&self, batch: &Batch) -> Result<Parted, Malformed> {
        let (before, after, attribute) = match self {
            Self::One(path) => {
                let chunks = batch.chunks().iter().map(|chunk| chunk.bytes.clone());
                let part = Part {
                    path: path.clone(),
                    chunks: chunks.collect(),
                };
                return Ok((vec![part], 0));
            }
            Self::Grouped {
                before,
                after,
                attribute,
            } => (before, after, attribute),
        };
        // In the order of their paths, so that the same batch is written in the same order again.
        let mut requests: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
        let mut homeless = Vec::new();
        for group in groups(batch) {
            let (group, body) = group?;
            let value = group.attributes().get(attribute)?;
            let segment = value.as_ref().and_then(AnyValue::as_text);
            let segment = segment.filter(|text| text.as_bytes().len() <= SEGMENT_BYTES_MAX);
            let request = match segment {
                Some(segment) => {
                    let path = path_of(before, &segment.to_string_lossy(), after);
                    requests.entry(path).or_default()
                }
                None => &mut homeless,
            };
            put_len(request, RESOURCE_GROUPS, body);
        }
        let homeless = survey(batch.signal(), &homeless)?.items as u64;
        let parts = requests.into_iter().map(|(path, request)| Part {
            path,
            chunks: vec![request.into()],
        });
        Ok((parts.collect(), homeless))
    }
}

/// The path of a group, which never leaves the directory of `before`: the segment is the word of a
/// stranger. Steps upwards and empty steps are left out.
fn path_of(before: &str, segment: &str, after: &str) -> PathBuf {
    let (directory, stem) = before.rsplit_once('/').map_or(("", before), |(up, stem)| {
        (if up.is_empty() { "/" } else { up }, stem)
    });
    let name = format!("{stem}{segment}{after}").replace('\0', "");
    let steps = name.split('/');
    let steps = steps.filter(|step| !matches!(*step, "" | "." | ".."));
    let mut path = PathBuf::from(directory);
    path.extend(steps);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_segment_leads_out_of_the_directory() {
        let check = |before: &str, segment: &str, after: &str, expected: &str| {
            assert_eq!(
                path_of(before, segment, after).to_str(),
                Some(expected),
                "{segment:?}"
            );
        };
        check("/data/", "shop", ".json", "/data/shop.json");
        check("/data/a-", "shop", ".json", "/data/a-shop.json");
        check("/data/", "shop/eu", ".json", "/data/shop/eu.json");
        check("data/", "shop", "", "data/shop");
        check("a", "shop", ".json", "ashop.json");
        check("/", "shop", ".json", "/shop.json");
        check("/data/", "../../etc/passwd", "", "/data/etc/passwd");
        check("/data/", "a/../../b", ".json", "/data/a/b.json");
        check("/data/", "..", "/traces.json", "/data/traces.json");
        check("/data/.", "./x", "", "/data/x");
        check("/data/", "/etc/passwd", "", "/data/etc/passwd");
        check("/data/", "", ".json", "/data/.json");
        check("/data/", "a\0b", ".json", "/data/ab.json");
    }
}
