//! OTLP over gRPC: one handler for the three services.

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use net::auth::{Credentials, ServerAuth};
use net::{Answer, grpc};
use otlp::Signal;
use otlp::reply::{Code, Format, GRPC_SUCCESS, PartialSuccess, Status};
use pipeline::{Context, Sender};

use super::ingest::{Ingest, Reading, Rejection};
use super::seat;

pub(super) struct Grpc {
    pub(super) ingest: Ingest,
    pub(super) include_metadata: bool,
    /// Lets senders in; everybody if there is none.
    pub(super) auth: Option<Arc<dyn ServerAuth>>,
}

impl Grpc {
    /// Answers one call. `context` is the connection's.
    pub(super) fn handle(
        self: &Rc<Self>,
        request: Request<Incoming>,
        context: &Arc<Context>,
    ) -> impl Future<Output = Response<Answer>> + use<> {
        let service = Rc::clone(self);
        let context = Arc::clone(context);
        async move {
            if let Some(answer) = grpc::no_call(request.method(), request.headers()) {
                return answer;
            }
            let sender = service.ingest.sender(&context, request.headers());
            match service.export(request, &context, &sender).await {
                Ok(None) => grpc::success(GRPC_SUCCESS),
                // The message is the same for every signal but for the names of its fields.
                Ok(Some(partial)) => {
                    grpc::success(&partial.encode(Signal::Traces, Format::Protobuf))
                }
                Err(rejection) => {
                    let rejection = service.ingest.refused(sender, rejection);
                    grpc::failure(&rejection.status)
                }
            }
        }
    }

    async fn export(
        &self,
        request: Request<Incoming>,
        context: &Arc<Context>,
        sender: &Sender,
    ) -> Result<Option<PartialSuccess>, Rejection> {
        let path = request.uri().path();
        let inlet = Signal::from_grpc_path(path).and_then(|signal| self.ingest.inlet(signal));
        let Some(inlet) = inlet else {
            return Err(unknown(path).into());
        };
        let encoding = grpc::encoding(request.headers())?;
        let identity = match &self.auth {
            None => None,
            Some(auth) => {
                let verdict = auth.authenticate(Credentials::new(request.headers()));
                Some(verdict.settled().await?)
            }
        };
        let context = seat::context(context, &request, self.include_metadata, identity);
        let mut body = self.ingest.read(request.into_body(), grpc::PREFIX).await?;
        let reading = Reading {
            encoding: grpc::unframe(&mut body, encoding)?,
            format: Format::Protobuf,
        };
        let offering = self.ingest.offer(inlet, body, reading, context, sender);
        offering.await
    }
}

/// The words of grpc-go, which tell a service that no pipeline takes from one that does not exist.
fn unknown(path: &str) -> Status {
    let service = path
        .trim_start_matches('/')
        .split('/')
        .next()
        .unwrap_or_default();
    Status::new(Code::Unimplemented, format!("unknown service {service}"))
}
