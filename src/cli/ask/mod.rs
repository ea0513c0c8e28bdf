//! Asking the admin extensions of one or more replicas: what `why` and `graph` have in common.

mod replica;

use clap::Args;
use serde_json::Value;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::task::JoinSet;

use replica::{Access, Endpoint, Replica};

/// Whom to ask, and how to be let in.
#[derive(Args, Debug)]
pub(super) struct Whom {
    /// Of the admin extension; every address behind the name is asked, and it
    /// may be repeated
    #[arg(
        long = "endpoint",
        value_name = "URL",
        default_value = "http://localhost:13134"
    )]
    endpoints: Vec<String>,
    /// Sent along, such as `Authorization: Bearer …`
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// Whom to trust instead of the system's roots, for https
    #[arg(long, value_name = "FILE")]
    ca_file: Option<String>,
    /// Trust any certificate
    #[arg(long)]
    insecure_skip_verify: bool,
}

/// Knows whom to ask.
pub(super) struct Asker {
    endpoints: Vec<Endpoint>,
    access: Access,
}

/// What one replica said: status and JSON, or why there is no answer.
pub(super) struct Said {
    pub(super) replica: String,
    pub(super) answer: Result<(u16, Value), String>,
}

/// Where questions are asked in.
pub(super) fn runtime() -> std::io::Result<LocalRuntime> {
    Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
}

// === impl Whom ===

impl Whom {
    /// # Errors
    /// An option is none.
    pub(super) fn asker(&self) -> anyhow::Result<Asker> {
        let access = Access::new(
            &self.headers,
            self.ca_file.as_deref(),
            self.insecure_skip_verify,
        );
        let endpoints = self.endpoints.iter().map(|url| Endpoint::parse(url));
        let endpoints = endpoints.collect::<Result<_, _>>();
        Ok(Asker {
            access: access.map_err(anyhow::Error::msg)?,
            endpoints: endpoints.map_err(anyhow::Error::msg)?,
        })
    }
}

// === impl Asker ===

impl Asker {
    /// Asks all at the same time; the answers are in the order of the endpoints and their addresses.
    pub(super) async fn ask(&self, path: &str) -> Vec<Said> {
        let mut said = Vec::new();
        let mut asked = JoinSet::new();
        for endpoint in &self.endpoints {
            match endpoint.replicas().await {
                Err(reason) => said.push(Said {
                    replica: endpoint.to_string(),
                    answer: Err(reason),
                }),
                Ok(replicas) => {
                    for replica in replicas {
                        let (access, path) = (self.access.clone(), path.to_owned());
                        let at = asked.len();
                        asked.spawn_local(async move { (at, ask(&replica, &access, &path).await) });
                    }
                }
            }
        }
        let mut answered: Vec<_> = asked.join_all().await;
        answered.sort_by_key(|(at, _)| *at);
        said.extend(answered.into_iter().map(|(_, said)| said));
        said
    }
}

async fn ask(replica: &Replica, access: &Access, path: &str) -> Said {
    Said {
        replica: replica.to_string(),
        answer: replica.get(access, path).await,
    }
}

/// Why an answer is none of those that were asked for.
pub(super) fn refusal(status: u16, body: &Value) -> String {
    match body["error"].as_str() {
        Some(text) => text.to_owned(),
        None if matches!(status, 401 | 403) => format!(
            "{status}: it wants to know who asks; write `--header 'Authorization: …'`, or \
             `https://user:password@…`"
        ),
        None => format!("{status}: no answer of an admin extension"),
    }
}
