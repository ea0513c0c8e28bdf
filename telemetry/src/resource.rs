//! What is said about this process in `target_info` and in each log line.

use std::collections::BTreeMap;

/// Attributes by name, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    attributes: BTreeMap<String, String>,
}

impl Resource {
    /// The attributes that every service has, then the user's `changes`: a value replaces or adds
    /// an attribute, `None` takes it away. An instance without a configured `service.instance.id`
    /// gets a random one.
    ///
    /// Fails when the system has no random numbers to give.
    pub fn new(
        service_name: &str,
        service_version: &str,
        changes: impl IntoIterator<Item = (String, Option<String>)>,
    ) -> Result<Self, getrandom::Error> {
        let mut entropy = [0; 16];
        getrandom::fill(&mut entropy)?;
        Ok(Self::with_entropy(
            service_name,
            service_version,
            entropy,
            changes,
        ))
    }

    fn with_entropy(
        service_name: &str,
        service_version: &str,
        entropy: [u8; 16],
        changes: impl IntoIterator<Item = (String, Option<String>)>,
    ) -> Self {
        let mut attributes = BTreeMap::from([
            ("service.name".to_owned(), service_name.to_owned()),
            ("service.version".to_owned(), service_version.to_owned()),
            ("service.instance.id".to_owned(), uuid_v4(entropy)),
        ]);
        for (name, value) in changes {
            match value {
                Some(value) => attributes.insert(name, value),
                None => attributes.remove(&name),
            };
        }
        Self { attributes }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// A random UUID as RFC 9562 §5.4 lays it out: version 4, variant `10`.
fn uuid_v4(entropy: [u8; 16]) -> String {
    const VERSION: u128 = 0xf << 76;
    const VARIANT: u128 = 0b11 << 62;
    let bits = (u128::from_be_bytes(entropy) & !VERSION & !VARIANT) | (4 << 76) | (0b10 << 62);
    let hex = format!("{bits:032x}");
    let (a, rest) = hex.split_at(8);
    let (b, rest) = rest.split_at(4);
    let (c, rest) = rest.split_at(4);
    let (d, e) = rest.split_at(4);
    format!("{a}-{b}-{c}-{d}-{e}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(changes: &[(&str, Option<&str>)], expected: &[(&str, &str)]) {
        let changes = changes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned)));
        let resource = Resource::with_entropy("tracegate", "1.2.3", [0xff; 16], changes);
        assert_eq!(resource.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn changes_add_replace_and_remove_attributes() {
        let id = (
            "service.instance.id",
            "ffffffff-ffff-4fff-bfff-ffffffffffff",
        );
        let name = ("service.name", "tracegate");
        let version = ("service.version", "1.2.3");
        check(&[], &[id, name, version]);
        check(&[("zone", Some("a"))], &[id, name, version, ("zone", "a")]);
        check(
            &[("service.name", Some("edge"))],
            &[id, ("service.name", "edge"), version],
        );
        check(
            &[
                ("service.instance.id", Some("7")),
                ("service.version", None),
            ],
            &[("service.instance.id", "7"), name],
        );
    }

    #[test]
    fn two_processes_have_different_instance_ids() {
        let id = || {
            let resource = Resource::new("tracegate", "1.2.3", []).unwrap();
            resource
                .attributes
                .get("service.instance.id")
                .unwrap()
                .clone()
        };
        assert_ne!(id(), id());
    }
}
