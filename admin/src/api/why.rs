//! `GET /api/v1/traces/{trace_id}/why`: what was decided about a trace, by what, and why.

use http::StatusCode;
use pipeline::component::{Answer, Query};
use serde::Serialize;
use serde_json::Value;

use super::{Desk, refused};
use crate::web::Reply;

/// Digits of a trace id. Some programs show ids of 64 bits, which have half as many, without the zeros before them.
const DIGITS: [usize; 2] = [32, 16];

#[derive(Serialize)]
struct Why<'a> {
    trace_id: &'a str,
    /// `decided`, `pending`, `aged_out` or `never_seen`.
    state: &'a str,
    text: &'a str,
    /// The text again, where nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    /// What each instance says that knows the trace; where none does, the one that knows most.
    instances: &'a [Value],
}

pub(super) async fn answer(desk: &Desk, text: &str) -> Reply {
    let trace_id = match read(text) {
        Ok(trace_id) => trace_id,
        Err(reason) => return refused(StatusCode::BAD_REQUEST, &reason),
    };
    let query = Query::Why {
        trace_id,
        shows_values: desk.shows_values,
    };
    match desk.ask(&query).await {
        Ok(answers) => reply(&hex(&trace_id), answers),
        Err(refusal) => refusal,
    }
}

fn reply(trace_id: &str, answers: Vec<Answer>) -> Reply {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for answer in answers {
        match answer {
            Answer::None | Answer::Verdicts(_) => {}
            Answer::Known(told) => known.push(told),
            Answer::Unknown(told) => unknown.push(told),
        }
    }
    let is_known = !known.is_empty();
    // Of several that do not know, the one that remembers the verdict, or promises the least.
    let best = unknown
        .into_iter()
        .min_by(|one, other| rank(one).total_cmp(&rank(other)));
    let instances = if is_known {
        known
    } else {
        best.into_iter().collect()
    };
    let Some(first) = instances.first() else {
        let text = "no tail_sampling runs here: nothing decides about traces";
        return refused(StatusCode::NOT_FOUND, text);
    };
    let text = text_of(first, "text");
    let status = if is_known {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    };
    Reply::json(
        status,
        &Why {
            trace_id,
            state: text_of(first, "state"),
            text,
            error: (!is_known).then_some(text),
            instances: &instances,
        },
    )
}

/// The smaller, the better an answer it is.
fn rank(told: &Value) -> f64 {
    match text_of(told, "state") {
        "aged_out" => -1.0,
        _ => told["reaches_back_seconds"].as_f64().unwrap_or_default(),
    }
}

fn text_of<'a>(told: &'a Value, field: &str) -> &'a str {
    told[field].as_str().unwrap_or_default()
}

/// A trace id as people have it: hexadecimal digits. The error says what it should be.
fn read(text: &str) -> Result<[u8; 16], String> {
    let is_id = DIGITS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u128::from_str_radix(text, 16).ok().filter(|_| is_id);
    match number {
        None => Err(format!(
            "{text:?} is no trace id: it has 32 hexadecimal digits, or 16 where ids have 64 bits"
        )),
        Some(0) => {
            Err("a trace id of zeros alone is invalid: its spans are dropped as such".to_owned())
        }
        Some(number) => Ok(number.to_be_bytes()),
    }
}

fn hex(trace_id: &[u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(*trace_id))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_id_has_32_digits_or_16() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(hex(&read(id).unwrap()), id);
        assert_eq!(read(&id.to_uppercase()), read(id));
        let short = "a3ce929d0e0e4736";
        assert_eq!(hex(&read(short).unwrap()), format!("{short:0>32}"));
        for (text, reason) in [
            (
                "4bf9",
                "\"4bf9\" is no trace id: it has 32 hexadecimal digits",
            ),
            ("+bf92f3577b34da6a3ce929d0e0e4736", "is no trace id"),
            ("4bf92f3577b34da6a3ce929d0e0e473g", "is no trace id"),
            (&"0".repeat(32), "of zeros alone is invalid"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    fn check(answers: Vec<Answer>, status: u16, expected: &Value) {
        let reply = reply("07", answers);
        let body: Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!((reply.status.as_u16(), &body), (status, expected));
    }

    #[test]
    fn those_who_know_answer_and_otherwise_the_one_that_knows_most() {
        let told = |state: &str, reach: f64| {
            let text = format!("{state}!");
            json!({"state": state, "text": text, "reaches_back_seconds": reach})
        };
        let (decided, never) = (told("decided", 9.0), told("never_seen", 7.0));
        check(
            vec![
                Answer::Unknown(never.clone()),
                Answer::Known(decided.clone()),
            ],
            200,
            &json!({"trace_id": "07", "state": "decided", "text": "decided!", "instances": [decided]}),
        );
        let aged = told("aged_out", 9.0);
        let least = told("never_seen", 8.0);
        for (one, best) in [
            (&aged, &aged),
            (&never, &never),
            (&told("never_seen", 9.0), &least),
        ] {
            let state = best["state"].as_str().unwrap();
            let text = format!("{state}!");
            let expected = json!({
                "trace_id": "07", "state": state, "text": text, "error": text, "instances": [best],
            });
            let answers = [one, &least].map(|told| Answer::Unknown(told.clone()));
            check(answers.to_vec(), 404, &expected);
        }
        let nobody = json!({"error": "no tail_sampling runs here: nothing decides about traces"});
        check(Vec::new(), 404, &nobody);
    }
}
