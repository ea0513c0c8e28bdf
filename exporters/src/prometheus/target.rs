//! `target_info`: what is known of the resources whose series are shown.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use otlp::Malformed;
use otlp::json::as_text;
use otlp::view::{Attributes, Number};

use super::labels::{Collected, Label};
use super::naming::{Naming, fixed};
use super::sample::{Sample, Temporality, Value};
use super::store::{Kind, Place, Store};
use crate::translation::{Identity, Strategy, is_service_attribute, label_name, target_name};

/// Shows each resource that is known by job and instance under one set of labels at a time.
pub(super) struct Targets {
    strategy: Strategy,
    /// Of the family.
    pub(super) name: String,
    shown: HashMap<Identity, Box<str>>,
    /// Of the resource at hand.
    text: String,
}

impl Targets {
    pub(super) fn new(naming: &Naming) -> Self {
        Self {
            strategy: naming.strategy,
            name: target_name(naming.strategy, &naming.namespace),
            shown: HashMap::new(),
            text: String::new(),
        }
    }

    /// Forgets the resources whose series have gone.
    pub(super) fn forget(&mut self, store: &Store) {
        let name = &self.name;
        self.shown.retain(|_, labels| store.has(name, labels));
    }

    /// Shows a resource. `now` is monotonic.
    ///
    /// # Errors
    /// The framing of an attribute is broken.
    pub(super) fn show(
        &mut self,
        identity: &Identity,
        attributes: Attributes<'_>,
        store: &mut Store,
        now: Duration,
    ) -> Result<(), Malformed> {
        let (Some(job), Some(instance)) = (&identity.job, &identity.instance) else {
            return Ok(());
        };
        if job.is_empty() || instance.is_empty() || !self.write(job, instance, attributes)? {
            return Ok(());
        }
        let place = Place {
            name: &self.name,
            kind: Kind::Gauge,
            help: "Target metadata",
            labels: &self.text,
            source: 0,
            now,
        };
        let sample = Sample {
            start: 0,
            time: 0,
            value: Value::Number(Number::Int(1)),
            exemplars: Box::default(),
        };
        // Where there is no room, the points of the resource have been refused too, and said so.
        if store.put(&place, sample, Temporality::Latest).is_err() {
            return Ok(());
        }
        match self.shown.get_mut(identity) {
            Some(shown) if **shown == *self.text => {}
            Some(shown) => {
                store.end(&self.name, shown);
                *shown = self.text.as_str().into();
            }
            None => drop(
                self.shown
                    .insert(identity.clone(), self.text.as_str().into()),
            ),
        }
        Ok(())
    }

    /// Says whether there are such labels.
    fn write(
        &mut self,
        job: &str,
        instance: &str,
        attributes: Attributes<'_>,
    ) -> Result<bool, Malformed> {
        let mut labels = Collected::default();
        labels.push(fixed(Cow::Borrowed("job"), job));
        labels.push(fixed(Cow::Borrowed("instance"), instance));
        for attribute in attributes {
            let attribute = attribute?;
            let Ok(key) = attribute.key.to_str() else {
                continue;
            };
            // What cannot be shown of a resource is no reason to show nothing of it.
            let name = label_name(self.strategy, key).filter(|name| {
                !matches!(&**name, "job" | "instance")
                    && !name.starts_with("__")
                    && !is_service_attribute(key)
            });
            if let Some(name) = name {
                let value = as_text(&attribute.value()?)?;
                labels.push(Label {
                    name,
                    key,
                    value,
                    fixed: false,
                });
            }
        }
        Ok(labels.write(Kind::Gauge, &mut self.text).is_ok())
    }
}
