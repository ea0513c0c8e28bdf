//! OTLP over gRPC: one handler for the three services.

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use net::{Answer, grpc};
use otlp::Signal;
use otlp::reply::{Code, Format, GRPC_SUCCESS, Status};
use pipeline::Context;

use super::ingest::{Ingest, Reading, Rejection};
use super::seat::with_metadata;

pub(super) struct Grpc {
    ingest: Ingest,
    include_metadata: bool,
}

impl Grpc {
    pub(super) fn new(ingest: Ingest, include_metadata: bool) -> Rc<Self> {
        Rc::new(Self {
            ingest,
            include_metadata,
        })
    }

    /// Answers one call. `context` is the connection's.
    pub(super) fn handle(
        self: &Rc<Self>,
        request: Request<Incoming>,
        context: &Arc<Context>,
    ) -> impl Future<Output = Response<Answer>> + use<> {
        let service = Rc::clone(self);
        let context = Arc::clone(context);
        async move {
            match service.export(request, context).await {
                Ok(()) => grpc::success(GRPC_SUCCESS),
                Err(rejection) => grpc::failure(&rejection.status),
            }
        }
    }

    async fn export(
        &self,
        request: Request<Incoming>,
        mut context: Arc<Context>,
    ) -> Result<(), Rejection> {
        let path = request.uri().path();
        let inlet = Signal::from_grpc_path(path).and_then(|signal| self.ingest.inlet(signal));
        let Some(inlet) = inlet else {
            return Err(unknown(path).into());
        };
        let encoding = grpc::encoding(request.headers())?;
        if self.include_metadata {
            context = with_metadata(&context, &request);
        }
        let mut body = self.ingest.read(request.into_body(), grpc::PREFIX).await?;
        let reading = Reading {
            encoding: grpc::unframe(&mut body, encoding)?,
            format: Format::Protobuf,
        };
        self.ingest.offer(inlet, body, reading, context).await
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
