//! A request under way: the handler's future, and what ends with it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use crate::answer::Answer;

pin_project! {
    /// Resolves as `answer` does, after calling `done` with it.
    ///
    /// An `async` block would say the same in three lines and hold the handler's future twice, once as what it captures
    /// and once as what it awaits; every request would allocate and move a task of twice the size.
    pub(crate) struct Answering<F, D> {
        #[pin]
        answer: F,
        // Dropped uncalled if the connection is lost before.
        done: Option<D>,
    }
}

impl<F, D> Answering<F, D> {
    pub(crate) fn new(answer: F, done: D) -> Self {
        Self {
            answer,
            done: Some(done),
        }
    }
}

impl<F: Future<Output = Response<Answer>>, D: FnOnce(&mut Response<Answer>)> Future
    for Answering<F, D>
{
    type Output = Result<Response<Answer>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut answer = ready!(this.answer.poll(cx));
        if let Some(done) = this.done.take() {
            done(&mut answer);
        }
        Poll::Ready(Ok(answer))
    }
}
