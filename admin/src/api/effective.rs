//! `GET /api/v1/config`: the configuration that runs, with all defaults, secrets redacted.

use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

use super::Desk;
use crate::web::Reply;

#[derive(Serialize)]
struct Running<'a> {
    hash: &'a str,
    config: &'a Value,
}

pub(super) fn answer(desk: &Desk) -> Reply {
    let outline = desk.vitals.outline.borrow();
    Reply::json(
        StatusCode::OK,
        &Running {
            hash: &outline.hash,
            config: &outline.effective,
        },
    )
}
