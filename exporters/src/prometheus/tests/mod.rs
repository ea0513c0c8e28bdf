//! The exporter without its server: requests in, pages out.

mod bad_input;
mod cost;
mod fixture;
mod formats;
mod naming;
mod series;
mod slices;
