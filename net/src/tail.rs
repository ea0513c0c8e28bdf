//! Reading an answer's body to its end, with a cap: what back ends send is as little trusted as what clients send.

use std::future::poll_fn;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::Body;
use hyper::body::Incoming;

/// Body and trailers of an answer.
#[derive(Debug, Default)]
pub struct Tail {
    pub body: Bytes,
    pub trailers: HeaderMap,
}

/// Reads everything; the error says why the answer is no answer.
pub async fn read(incoming: &mut Incoming, cap: usize) -> Result<Tail, String> {
    let mut body = BytesMut::new();
    let mut trailers = HeaderMap::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut *incoming).poll_frame(cx)).await {
        let frame = frame.map_err(|error| format!("the answer was cut off: {error}"))?;
        match frame.into_data() {
            Ok(piece) if body.len() + piece.len() > cap => {
                return Err(format!("the answer is larger than {cap} bytes"));
            }
            Ok(piece) => body.extend_from_slice(&piece),
            Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
        }
    }
    Ok(Tail {
        body: body.freeze(),
        trailers,
    })
}
