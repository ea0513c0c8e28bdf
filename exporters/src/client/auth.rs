//! Our credentials on requests to a back end, and what becomes of a request whose credentials were refused.

use std::sync::Arc;

use config::{Optional, blocks};
use http::HeaderMap;
use net::auth::{ClientAuth, Sender, Unsendable};
use pipeline::Batch;
use pipeline::component::{Failure, Host};

/// The authenticator of an exporter, if it has one. Without one nothing is done for a request.
pub(crate) struct Auth(Option<Arc<dyn ClientAuth>>);

/// The credentials that a request was sent with.
#[derive(Clone, Copy)]
pub(crate) struct Generation(u64);

impl Auth {
    pub(crate) fn find(host: &Host, configured: &Optional<blocks::Auth>) -> Result<Self, String> {
        let Some(blocks::Auth { authenticator: id }) = configured.as_ref() else {
            return Ok(Self(None));
        };
        Ok(Self(Some(net::auth::found(id, |id| host.get(id))?)))
    }

    /// Puts the credentials on a request that carries this batch.
    pub(crate) fn apply(
        &self,
        batch: &Batch,
        headers: &mut HeaderMap,
    ) -> Result<Generation, Failure> {
        let Some(auth) = &self.0 else {
            return Ok(Generation(0));
        };
        let context = batch.context();
        let sender = context.map_or(Sender::default(), |context| Sender {
            metadata: &context.metadata,
            identity: &context.identity,
        });
        let generation = auth.generation();
        auth.apply(sender, headers).map_err(|why| match why {
            Unsendable::Yet(text) => Failure::retryable(text),
            Unsendable::Ever(text) => Failure::permanent(text),
        })?;
        Ok(Generation(generation))
    }

    /// What becomes of a request that was refused for its credentials: `failure`, unless there are newer ones by now.
    /// A token that is exchanged in a file is refused by some back ends before we have seen the new one.
    pub(crate) fn refused(&self, sent: Generation, failure: Failure) -> Failure {
        let Some(auth) = &self.0 else {
            return failure;
        };
        auth.refresh();
        match failure {
            Failure::Permanent { text, .. } if auth.generation() != sent.0 => {
                Failure::retryable(text)
            }
            failure => failure,
        }
    }
}
