//! The configuration as its users see it: text in, values and faults out.
#![allow(clippy::expect_used, reason = "a helper of a test may fail the test")]

mod blocks;
mod decode;
mod expansion;
mod faults;
mod kit;
mod scalars;
mod sources;
mod telemetry;
