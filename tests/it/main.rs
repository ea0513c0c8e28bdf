//! Service tests against the real binary on loopback.
#![allow(clippy::unwrap_used, reason = "a test stops where its premise fails")]

mod admin;
mod auth;
mod books;
mod cli;
mod count;
mod exemplars;
#[path = "../fault/mod.rs"]
mod fault;
mod files;
mod gallery;
#[path = "../helm/mod.rs"]
mod helm;
#[path = "../interop/mod.rs"]
mod interop;
mod metric_table;
mod ops;
mod own_metrics;
mod pages;
mod prometheus;
mod protocol;
mod remote_write;
mod rig;
mod samples;
mod service_graph;
mod span_metrics;
mod startup;
mod supervisor;
mod tail_sampling;
mod tidy;
mod why;
