//! The gRPC health protocol, `grpc.health.v1.Health`: a service name is the id of a pipeline, and no
//! name stands for the whole service.

use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;

use config::blocks::GrpcServer;
use http::{Request, Response};
use hyper::body::Incoming;
use net::auth::{Credentials, ServerAuth};
use net::tls::Owner;
use net::{Answer, Listener, Settings, body, grpc};
use otlp::reply::{Code, Status};
use otlp::wire::{Fields, put_uint};
use pipeline::component::{Host, Listening, Vitals};

use super::config::ComponentHealth;
use super::v2;

const CHECK: &str = "/grpc.health.v1.Health/Check";
const WATCH: &str = "/grpc.health.v1.Health/Watch";

/// A question names one pipeline.
const REQUEST_MAX: usize = 4 << 10;

/// `HealthCheckResponse.ServingStatus`.
const SERVING: u64 = 1;
const NOT_SERVING: u64 = 2;

pub(super) struct GrpcSite {
    listener: Listener,
    settings: Settings,
    auth: Option<Arc<dyn ServerAuth>>,
}

/// Knows all that the answers need.
struct Desk {
    auth: Option<Arc<dyn ServerAuth>>,
    health: ComponentHealth,
    vitals: Vitals,
}

impl GrpcSite {
    pub(super) fn bind(server: &GrpcServer, endpoint: &str, host: &Host) -> Result<Self, String> {
        let owner = Owner {
            kind: host.label.kind.name(),
            component: &host.label.id,
            part: "grpc",
            metrics: &host.metrics,
        };
        let auth = server.auth.as_ref();
        let find =
            |auth: &config::blocks::Auth| net::auth::found(&auth.authenticator, |id| host.get(id));
        Ok(Self {
            settings: Settings::grpc(server, owner)?,
            auth: auth.map(find).transpose()?,
            listener: Listener::bind(endpoint, server.transport)?,
        })
    }

    pub(super) fn listening(&self) -> Listening {
        Listening {
            protocol: "grpc",
            address: self.listener.address().to_string(),
        }
    }

    pub(super) async fn serve(self, health: ComponentHealth, vitals: Vitals) {
        let Some(seat) = self.listener.seats(1).pop() else {
            return;
        };
        let settings = Rc::new(self.settings);
        let desk = Rc::new(Desk {
            auth: self.auth,
            health,
            vitals,
        });
        let serve = move |accepted| {
            let (settings, desk) = (Rc::clone(&settings), Rc::clone(&desk));
            tokio::task::spawn_local(async move {
                let handle = move |request: Request<Incoming>| {
                    let desk = Rc::clone(&desk);
                    async move { desk.answer(request).await }
                };
                net::serve(accepted, settings, handle, net::Farewell::never()).await;
            });
        };
        seat.serve(serve, pending::<()>()).await;
    }
}

impl Desk {
    async fn answer(&self, request: Request<Incoming>) -> Response<Answer> {
        if let Some(answer) = grpc::no_call(request.method(), request.headers()) {
            return answer;
        }
        match self.check(request).await {
            Ok(status) => {
                let mut message = Vec::new();
                put_uint(&mut message, 1, status);
                grpc::success(&message)
            }
            Err(status) => grpc::failure(&status),
        }
    }

    async fn check(&self, request: Request<Incoming>) -> Result<u64, Status> {
        let unimplemented = |text: &str| Err(Status::new(Code::Unimplemented, text));
        match request.uri().path() {
            CHECK => {}
            WATCH => return unimplemented("Watch is not offered: call Check from time to time"),
            _ => {
                return unimplemented(
                    "unknown method: this server has grpc.health.v1.Health/Check",
                );
            }
        }
        if let Some(auth) = &self.auth {
            let verdict = auth.authenticate(Credentials::new(request.headers()));
            verdict.settled().await?;
        }
        let encoding = grpc::encoding(request.headers())?;
        let lease = self.vitals.shared.budget.lease();
        let read = body::read(request.into_body(), lease, REQUEST_MAX).await;
        let mut body = read.map_err(|fault| fault.status())?;
        if grpc::unframe(&mut body, encoding)? != net::encoding::Encoding::Identity {
            return unimplemented("compressed questions are not read");
        }
        let service = service(&body.into_bytes())?;
        match v2::serves(&self.health, &self.vitals, &service) {
            Some(true) => Ok(SERVING),
            Some(false) => Ok(NOT_SERVING),
            None => Err(Status::new(Code::NotFound, "unknown service")),
        }
    }
}

/// The field `service` of a `HealthCheckRequest`.
fn service(message: &[u8]) -> Result<String, Status> {
    let malformed = |text: &str| Status::new(Code::InvalidArgument, text);
    let mut name = String::new();
    for field in Fields::new(message) {
        let field = field.map_err(|fault| malformed(&fault.to_string()))?;
        if field.number == 1 {
            let bytes = field
                .bytes()
                .map_err(|fault| malformed(&fault.to_string()))?;
            let text = std::str::from_utf8(bytes);
            name = text
                .map_err(|_| malformed("the name is not UTF-8"))?
                .to_owned();
        }
    }
    Ok(name)
}
