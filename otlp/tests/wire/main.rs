//! The wire half against prost: what we say about encoded requests is what a generated decoder
//! says, whatever a sender may have written.

#![allow(clippy::unwrap_used, reason = "a test stops where its premise fails")]

mod edit;
mod hostile;
mod oracle;
mod retain;
mod schema;
mod split;
mod survey;
mod views;
