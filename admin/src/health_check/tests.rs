use pipeline::component::Health;
use serde_json::Value;

use crate::tests::{beside, extension, get, shared};

const V2: &str = "{use_v2: true, http: {endpoint: '127.0.0.1:0', config: {enabled: true}}}";

#[test]
fn version_2_tells_the_states_of_pipelines_and_components() {
    beside(
        extension("healthcheckv2", V2),
        &shared(),
        |sockets, health| async move {
            let ask = async |path: &str| {
                let (head, body) = get(sockets[0], path).await;
                let body = serde_json::from_str::<Value>(&body).unwrap_or_default();
                (head[9..12].to_owned(), body)
            };
            let (code, starting) = ask("/status").await;
            assert_eq!(
                (code.as_str(), &starting["status"]),
                ("503", &"StatusStarting".into())
            );
            health.send_replace(Health::Ready);
            let (code, whole) = ask("/status").await;
            assert_eq!(
                (code.as_str(), &whole["status"]),
                ("200", &"StatusOK".into())
            );
            assert_eq!(whole["healthy"], true);
            assert!(
                whole["start_time"].is_string() && whole["status_time"].is_string(),
                "{whole}"
            );
            assert_eq!(whole.get("components"), None);
            let (_, verbose) = ask("/status?verbose").await;
            let pipeline = &verbose["components"]["pipeline:traces"];
            assert_eq!(
                pipeline["components"]["exporter:idle/a"]["status"],
                "StatusOK"
            );
            assert_eq!(pipeline["components"]["receiver:idle"]["healthy"], true);
            let extensions = &verbose["components"]["extensions"]["components"];
            assert_eq!(extensions["extension:admin"]["status"], "StatusOK");
            let (code, pipeline) = ask("/status?pipeline=traces&verbose").await;
            assert_eq!(code, "200");
            assert_eq!(
                pipeline["components"]["exporter:idle/a"]["status"],
                "StatusOK"
            );
            assert_eq!(ask("/status?pipeline=logs").await.0, "404");
            assert_eq!(
                ask("/config").await.1["exporters"]["idle/a"]["token"],
                "[REDACTED]"
            );
            assert_eq!(ask("/live").await.0, "200");
            assert_eq!(ask("/").await.0, "404");
            health.send_replace(Health::Draining);
            let (code, stopping) = ask("/status").await;
            assert_eq!(
                (code.as_str(), &stopping["status"]),
                ("503", &"StatusStopping".into())
            );
            assert_eq!(stopping["healthy"], false);
        },
    );
}
