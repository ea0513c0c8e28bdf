//! `GET /api/v1/service-graph`: which service calls which, how often, how fast and with what success.
//!
//! Names of nodes are told to everybody who may ask, also where `show_attribute_values` is off: they are what a service
//! calls itself, and what the configuration says that databases and outsiders are called by. The graph consists of
//! them, and whoever configures it publishes them as labels of metrics. No other value that came with telemetry is
//! told, those of its `dimensions` included.

use http::StatusCode;
use pipeline::component::{Answer, Query};
use serde::Serialize;
use serde_json::Value;

use super::{Desk, refused};
use crate::web::Reply;

#[derive(Serialize)]
struct Graphs {
    /// One for each `service_graph`.
    graphs: Vec<Value>,
}

pub(super) async fn answer(desk: &Desk) -> Reply {
    match desk.ask(&Query::ServiceGraph).await {
        Ok(answers) => reply(answers),
        Err(refusal) => refusal,
    }
}

fn reply(answers: Vec<Answer>) -> Reply {
    let known = answers.into_iter().filter_map(|answer| match answer {
        Answer::Known(told) => Some(told),
        Answer::Unknown(_) | Answer::None | Answer::Verdicts(_) => None,
    });
    let mut graphs: Vec<_> = known.collect();
    graphs.sort_by(|one, other| name(one).cmp(name(other)));
    if graphs.is_empty() {
        let text = "no service_graph runs here: write this connector at the end of a pipeline for \
                    traces and at the beginning of one for metrics";
        return refused(StatusCode::NOT_FOUND, text);
    }
    Reply::json(StatusCode::OK, &Graphs { graphs })
}

fn name(graph: &Value) -> &str {
    graph["connector"].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_connector_has_a_graph_and_without_one_there_is_none() {
        let check = |answers: Vec<Answer>, status: u16, expected: &Value| {
            let reply = reply(answers);
            let body: Value = serde_json::from_str(&reply.body).unwrap();
            assert_eq!((reply.status.as_u16(), &body), (status, expected));
        };
        let [one, other] = ["a", "b"].map(|id| json!({"connector": id, "edges": []}));
        let known = [&other, &one].map(|told| Answer::Known(told.clone()));
        check(known.to_vec(), 200, &json!({"graphs": [one, other]}));
        let reply = reply(Vec::new());
        assert_eq!(reply.status.as_u16(), 404);
        assert!(
            reply.body.contains("no service_graph runs here"),
            "{}",
            reply.body
        );
    }
}
