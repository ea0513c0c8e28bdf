//! `POST /api/config/reload`: reads the configuration again and runs what it finds.

use http::StatusCode;
use pipeline::component::Reloaded;
use serde::Serialize;

use super::Desk;
use crate::web::Reply;

#[derive(Serialize)]
struct Done<'a> {
    /// In words for a person.
    result: &'a str,
    /// Of what runs now.
    config_hash: &'a str,
}

#[derive(Serialize)]
struct Refused<'a> {
    error: &'static str,
    /// Every fault, as `validate` prints them.
    faults: &'a str,
    config_hash: &'a str,
}

/// Answers when the reload has ended: what ran before goes on meanwhile, and after a refusal.
pub(super) async fn answer(desk: &Desk) -> Reply {
    let reloaded = desk.vitals.reload.ask().await;
    reply(&reloaded, &desk.vitals.outline.borrow().hash)
}

fn reply(reloaded: &Reloaded, config_hash: &str) -> Reply {
    match reloaded {
        Ok(result) => Reply::json(
            StatusCode::OK,
            &Done {
                result,
                config_hash,
            },
        ),
        Err(faults) => Reply::json(
            StatusCode::BAD_REQUEST,
            &Refused {
                error: "not reloaded: what ran before still runs",
                faults,
                config_hash,
            },
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reloaded: Reloaded, status: u16, expected: &str) {
        let reply = reply(&reloaded, "c0ffee");
        assert_eq!(
            (reply.status.as_u16(), reply.body.as_str()),
            (status, expected)
        );
    }

    #[test]
    fn a_reload_is_told_in_words_and_with_what_runs_now() {
        check(
            Ok("nothing has changed".to_owned()),
            200,
            r#"{"result":"nothing has changed","config_hash":"c0ffee"}"#,
        );
        check(
            Err("error: unknown key".to_owned()),
            400,
            "{\"error\":\"not reloaded: what ran before still runs\",\
             \"faults\":\"error: unknown key\",\"config_hash\":\"c0ffee\"}",
        );
    }
}
