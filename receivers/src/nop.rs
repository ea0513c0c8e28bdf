//! Receiver `nop`: nothing ever comes in.

use config::Validate;
use otlp::Signal;
use pipeline::component::{
    Component, Host, Listening, Receiver, ReceiverComponent, Seat, Stability,
};
use serde::{Deserialize, Serialize};

/// Receiver `nop`.
pub(crate) struct Nop;

/// There is nothing to choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Config {}

impl Validate for Config {}

impl Component for Nop {
    const NAME: &'static str = "nop";
    const SIGNALS: &'static [Signal] = &Signal::ALL;
    const STABILITY: Stability = Stability::Beta;
    const EXAMPLE: &'static str = "{}\n";
    const REFERENCE: &'static str = "\
Receives nothing: for services that are run for their extensions alone, since a pipeline needs a
receiver. It has no keys and opens no port.
";
    type Config = Config;
}

impl ReceiverComponent for Nop {
    fn build(_: &Config, _: &Host) -> Result<Box<dyn Receiver>, String> {
        Ok(Box::new(Self))
    }
}

impl Receiver for Nop {
    fn listening(&self) -> Vec<Listening> {
        Vec::new()
    }

    fn seats(self: Box<Self>, workers: usize) -> Vec<Seat> {
        let seat = |_| -> Seat {
            // The inlets are kept until the end, as by a receiver that has no visitors.
            Box::new(|inlets, stop| {
                Box::pin(async move {
                    stop.draining().await;
                    drop(inlets);
                })
            })
        };
        (0..workers).map(seat).collect()
    }
}
