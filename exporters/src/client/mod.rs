//! The way to a back end, for exporters that send over HTTP or gRPC: what their client's block says, made ready.

mod auth;
mod connect;
mod headers;
mod packing;
mod retry_after;
mod route;

pub(crate) use auth::Auth;
pub(crate) use connect::grpc as grpc_settings;
pub(crate) use headers::{USER_AGENT, headers};
pub(crate) use packing::Packing;
pub(crate) use retry_after::retry_after;
pub(crate) use route::{Route, connector, url_place};
