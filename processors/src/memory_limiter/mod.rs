//! `memory_limiter`: refuses data while too much memory is in use.

mod config;
mod meter;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use ledger::{Budget, Limits, Reason};
use otlp::Signal;
use pipeline::component::{
    Component, Host, Label, Outbox, Processor, ProcessorComponent, Stability,
};
use pipeline::{Batch, Now, Refusal};

use self::config::Config;
use meter::Meter;
use telemetry::memory::{ReadFile, read_file, resident};

const REFUSED: Refusal =
    Refusal::later(Reason::MemoryLimit, "data refused due to high memory usage");

/// Processor `memory_limiter`.
pub(crate) struct MemoryLimiter {
    /// Soft is for the payload that is held, hard for the process as a whole.
    limits: Limits,
    check_interval: Duration,
    budget: Arc<Budget>,
    read: ReadFile,
    /// What the last look at the process has shown.
    look: Cell<Look>,
    meter: Meter,
    label: Label,
}

#[derive(Clone, Copy, Debug, Default)]
struct Look {
    /// When the next one is due.
    next: Duration,
    /// Bytes that the process occupied.
    resident: u64,
    /// What the log says last.
    is_refusing: bool,
    /// From when on a change may be logged again.
    quiet_until: Duration,
}

impl Component for MemoryLimiter {
    const NAME: &'static str = "memory_limiter";
    const SIGNALS: &'static [Signal] = &Signal::ALL;
    const STABILITY: Stability = Stability::Stable;
    const EXAMPLE: &'static str = "\
check_interval: 1s
limit_percentage: 80
spike_limit_percentage: 25
";
    const REFERENCE: &'static str = include_str!("reference.md");
    type Config = Config;
}

impl ProcessorComponent for MemoryLimiter {
    fn build(config: &Config, host: &Host) -> Result<Box<dyn Processor>, String> {
        Ok(Box::new(Self::new(config, host, read_file)?))
    }
}

impl MemoryLimiter {
    fn new(config: &Config, host: &Host, read: ReadFile) -> Result<Self, String> {
        Ok(Self {
            limits: config.limits(read)?,
            check_interval: config.check_interval.get(),
            budget: Arc::clone(&host.budget),
            read,
            look: Cell::default(),
            meter: Meter::new(host),
            label: host.label.clone(),
        })
    }

    /// Whether data must be refused now. Looks at the process only when it is time again; in
    /// between this is two comparisons.
    fn must_refuse(&self, now: Now) -> bool {
        let mut look = self.look.get();
        if now.mono >= look.next {
            look.next = now.mono.saturating_add(self.check_interval);
            look.resident = resident(self.read).unwrap_or(0);
        }
        let used = self.budget.used();
        let refuses = used >= self.limits.soft || look.resident >= self.limits.hard;
        if refuses != look.is_refusing && now.mono >= look.quiet_until {
            look.is_refusing = refuses;
            look.quiet_until = now.mono.saturating_add(self.check_interval);
            self.log_change(look, used);
        }
        self.look.set(look);
        refuses
    }

    fn log_change(&self, look: Look, used: u64) {
        let (id, kind) = (&self.label.id, self.label.kind_name());
        let (which, bytes) = match look.resident >= self.limits.hard {
            true => ("hard", look.resident),
            false => ("soft", used),
        };
        if look.is_refusing {
            tracing::warn!(
                otelcol.component.id = id,
                otelcol.component.kind = kind,
                cur_mem_mib = bytes >> 20,
                "Memory usage is above {which} limit. Refusing data."
            );
        } else {
            tracing::info!(
                otelcol.component.id = id,
                otelcol.component.kind = kind,
                cur_mem_mib = bytes >> 20,
                "Memory usage back within limits. Resuming normal operation."
            );
        }
    }
}

impl Processor for MemoryLimiter {
    fn admit(&self, _batch: &Batch, now: Now) -> Result<(), Refusal> {
        if self.must_refuse(now) {
            Err(REFUSED)
        } else {
            Ok(())
        }
    }

    fn limits(&self) -> Option<Limits> {
        Some(self.limits)
    }

    fn refused(&self, batch: &Batch) {
        self.meter.refused(batch.items());
    }

    fn process(&mut self, batch: Batch, _now: Now, out: &mut Outbox) {
        self.meter.accepted(batch.items());
        out.push(batch);
    }
}
