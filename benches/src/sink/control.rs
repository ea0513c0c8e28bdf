//! The control paths of the sink, for the command line: plain GETs on the same port.

use std::path::Path;

use http::StatusCode;

use super::{Script, Shared, Tally};
use crate::{acked, oracle};

const PATHS: &str = "the sink knows /counts, /script?answer=…, /verdict?acked=FILE and /forget";

/// The text of the answer, or the status and text of a refusal.
pub(super) fn answer(
    shared: &Shared,
    path: &str,
    query: &str,
) -> Result<String, (StatusCode, String)> {
    let bad = |text: String| (StatusCode::BAD_REQUEST, text);
    match path {
        "/counts" => Ok(shared.tally().counts.to_json().to_string()),
        "/script" => {
            let script = Script::from_query(query).map_err(bad)?;
            let text = format!("{script:?}");
            shared.replace_script(script);
            Ok(text)
        }
        "/verdict" => {
            if !shared.options.remember {
                return Err(bad(
                    "start the sink with --remember to ask the oracle".to_owned()
                ));
            }
            let file = query.strip_prefix("acked=");
            let file = file.ok_or_else(|| bad("say which file: /verdict?acked=FILE".to_owned()))?;
            let acked = acked::read(Path::new(file)).map_err(|error| bad(error.to_string()))?;
            let arrived = shared.tally().ids.clone();
            Ok(oracle::judge(&acked, arrived).to_json().to_string())
        }
        "/forget" => {
            *shared.tally() = Tally::default();
            Ok("forgotten".to_owned())
        }
        _ => Err((StatusCode::NOT_FOUND, PATHS.to_owned())),
    }
}
