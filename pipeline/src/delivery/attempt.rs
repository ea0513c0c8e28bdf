//! One attempt: an export with an end, whatever the exporter does.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::time::Duration;

use crate::batch::Batch;
use crate::component::{Exporter, Failure, LocalFuture, Receipt};

/// Exports a batch, for `timeout` at most. A panic of the exporter is a defect of ours and not the batch's fate: it
/// ends this attempt as a failure that may pass.
pub(super) async fn attempt(
    exporter: &dyn Exporter,
    batch: &Batch,
    timeout: Option<Duration>,
) -> Result<Receipt, Failure> {
    let Ok(export) = catch_unwind(AssertUnwindSafe(|| exporter.export(batch))) else {
        return Err(panicked());
    };
    let export = caught(export);
    match timeout {
        None => export.await,
        Some(timeout) => match tokio::time::timeout(timeout, export).await {
            Ok(result) => result,
            Err(_) => Err(Failure::retryable(format!("no answer within {timeout:?}"))),
        },
    }
}

async fn caught(mut export: LocalFuture<'_, Result<Receipt, Failure>>) -> Result<Receipt, Failure> {
    let polled = poll_fn(|context| {
        let poll = AssertUnwindSafe(|| export.as_mut().poll(context));
        catch_unwind(poll).unwrap_or(Poll::Ready(Err(panicked())))
    });
    polled.await
}

fn panicked() -> Failure {
    Failure::retryable("the exporter panicked; the log has its words")
}
