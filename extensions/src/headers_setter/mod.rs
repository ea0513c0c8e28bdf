//! Extension `headers_setter`: headers of what an exporter sends, fixed ones or ones that depend on the sender.

mod config;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use ::config::{Capability, Secret};
use http::{HeaderMap, HeaderName, HeaderValue};
use net::auth::{ClientAuth, Sender, Unsendable};
use otlp::Signal;
use pipeline::component::{
    Component, Extension, ExtensionComponent, Host, LocalFuture, Offer, Stability, Vitals,
};
use pipeline::{ContextKey, Stop};

use crate::renewed::{self, Renewed};
use crate::secrecy;
use config::{Action, Config};

/// Extension `headers_setter`.
pub(crate) struct HeadersSetter(Arc<Setter>);

struct Setter {
    /// Applied first.
    additional: Option<Arc<dyn ClientAuth>>,
    rules: Vec<Rule>,
    /// The values of `value_file`, in the order of the rules that have one.
    files: Arc<Renewed<Vec<HeaderValue>>>,
}

/// One header.
struct Rule {
    name: HeaderName,
    action: Action,
    source: Source,
}

enum Source {
    /// A header that is removed needs no value.
    Nothing,
    Fixed(HeaderValue),
    /// A place in [`Setter::files`].
    File(usize),
    Metadata(String, HeaderValue),
    Identity(String, HeaderValue),
}

impl Component for HeadersSetter {
    const NAME: &'static str = "headers_setter";
    const SIGNALS: &'static [Signal] = &[];
    const STABILITY: Stability = Stability::Alpha;
    const EXAMPLE: &'static str = "\
headers:
  - key: X-Scope-OrgID
    action: upsert
    from_context: x-tenant
    default_value: anonymous
";
    const REFERENCE: &'static str = include_str!("reference.md");
    type Config = Config;
}

impl ExtensionComponent for HeadersSetter {
    /// Headers alone are no credentials; what another authenticator adds are.
    fn offers(config: &Config) -> Vec<Capability> {
        let mut offers = vec![Capability::HttpClientAuth, Capability::GrpcClientAuth];
        if config.additional_auth.is_none() {
            offers.push(Capability::PlainGrpcClientAuth);
        }
        offers
    }

    fn needs(config: &Config) -> Vec<ContextKey> {
        config.needs()
    }

    fn build(config: &Config, host: &Host) -> Result<Box<dyn Extension>, String> {
        Ok(Box::new(Self(Arc::new(Setter::new(config, host)?))))
    }
}

impl Extension for HeadersSetter {
    fn offers(&self) -> Vec<Offer> {
        vec![Offer::new::<Arc<dyn ClientAuth>>(self.0.clone())]
    }

    fn run(self: Box<Self>, _vitals: Vitals, _stop: Stop) -> LocalFuture<'static, ()> {
        Box::pin(Arc::clone(&self.0.files).watch())
    }
}

// === impl Setter ===

impl Setter {
    fn new(config: &Config, host: &Host) -> Result<Self, String> {
        let additional = config.additional_auth.as_ref();
        let additional = additional.map(|id| net::auth::found(id, |id| host.get(id)));
        let mut files = Vec::new();
        let rules = config
            .headers
            .iter()
            .map(|header| Rule::new(header, &mut files));
        let rules = rules.collect::<Result<_, _>>()?;
        let paths = files.iter().map(PathBuf::from).collect();
        let read = move |_: Option<&Vec<HeaderValue>>| {
            let values = files
                .iter()
                .map(|path| secrecy::header(&renewed::credential(path)?, "the value"));
            values.collect()
        };
        Ok(Self {
            additional: additional.transpose()?,
            rules,
            files: Renewed::new(paths, &host.label, read)?,
        })
    }

    fn value(&self, source: &Source, sender: Sender<'_>) -> Result<HeaderValue, Unsendable> {
        match source {
            Source::Nothing => Ok(HeaderValue::from_static("")),
            Source::Fixed(value) => Ok(value.clone()),
            Source::File(at) => {
                let found = self.files.with(|values| values.get(*at).cloned());
                found.ok_or_else(|| Unsendable::Yet("the value was not read yet".into()))
            }
            Source::Metadata(key, default) => {
                let values = sender.metadata.iter();
                known(
                    values.filter(|(name, _)| name.eq_ignore_ascii_case(key)),
                    default,
                )
            }
            Source::Identity(key, default) => known(
                sender.identity.iter().filter(|(name, _)| name == key),
                default,
            ),
        }
    }
}

/// The only value, or the default.
fn known<'a>(
    mut found: impl Iterator<Item = &'a (String, String)>,
    default: &HeaderValue,
) -> Result<HeaderValue, Unsendable> {
    let first = found
        .next()
        .map(|(_, value)| value.as_str())
        .unwrap_or_default();
    let more = found.count();
    if more > 0 {
        return Err(Unsendable::Ever(format!(
            "{} source keys found in the context, can't determine which one to use",
            more + 1
        )));
    }
    match first {
        "" => Ok(default.clone()),
        value => secrecy::header(value, "the sender's value").map_err(Unsendable::Ever),
    }
}

impl ClientAuth for Setter {
    fn apply(&self, sender: Sender<'_>, headers: &mut HeaderMap) -> Result<(), Unsendable> {
        if let Some(additional) = &self.additional {
            additional.apply(sender, headers)?;
        }
        for rule in &self.rules {
            let value = self.value(&rule.source, sender)?;
            rule.apply(value, headers);
        }
        Ok(())
    }

    fn refresh(&self) {
        self.files.look();
        if let Some(additional) = &self.additional {
            additional.refresh();
        }
    }

    fn generation(&self) -> u64 {
        let additional = self.additional.as_ref().map_or(0, |auth| auth.generation());
        self.files.generation().wrapping_add(additional)
    }
}

// === impl Rule ===

impl Rule {
    /// Adds the path to `files` if the value comes from one.
    fn new(header: &config::Header, files: &mut Vec<String>) -> Result<Self, String> {
        let name = HeaderName::try_from(header.key.as_str());
        let name = name.map_err(|_| format!("{:?} is no header name", header.key))?;
        let default = header.default_value.as_ref().map_or("", Secret::expose);
        let default = secrecy::header(default, "`default_value`")?;
        let action = header.action();
        let source = if action == Action::Delete {
            Source::Nothing
        } else if let Some(value) = &header.value {
            Source::Fixed(secrecy::header(value.expose(), "`value`")?)
        } else if let Some(key) = &header.from_attribute {
            Source::Identity(key.clone(), default)
        } else if let Some(key) = &header.from_context {
            Source::Metadata(key.clone(), default)
        } else if let Some(file) = &header.value_file {
            files.push(file.clone());
            Source::File(files.len() - 1)
        } else {
            Source::Nothing
        };
        Ok(Self {
            name,
            action,
            source,
        })
    }

    /// An empty header counts as one that is not there, as in the Collector.
    fn apply(&self, value: HeaderValue, headers: &mut HeaderMap) {
        let there = headers
            .get(&self.name)
            .is_some_and(|value| !value.is_empty());
        match self.action {
            Action::Insert if there => {}
            Action::Update if !there => {}
            Action::Insert | Action::Update | Action::Upsert => {
                headers.insert(&self.name, value);
            }
            Action::Delete => {
                headers.remove(&self.name);
            }
        }
    }
}
