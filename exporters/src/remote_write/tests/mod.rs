//! Metrics go in, and what comes out is read by prost.

mod bad_input;
mod configuration;
mod encoding;
mod fixture;
mod oracle;
mod sending;
mod splitting;
