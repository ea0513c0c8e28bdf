//! A body that is a list of shared buffers: what is exported goes to the socket without being copied together.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};

/// Buffers that read as one.
#[derive(Clone, Debug, Default)]
pub struct Chunks {
    list: VecDeque<Bytes>,
    remaining: usize,
}

impl Chunks {
    pub fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.remaining += bytes.len();
            self.list.push_back(bytes);
        }
    }
}

impl FromIterator<Bytes> for Chunks {
    fn from_iter<I: IntoIterator<Item = Bytes>>(chunks: I) -> Self {
        let chunks = chunks.into_iter();
        let mut all = Self {
            list: VecDeque::with_capacity(chunks.size_hint().0),
            remaining: 0,
        };
        chunks.for_each(|bytes| all.push(bytes));
        all
    }
}

impl Buf for Chunks {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn chunk(&self) -> &[u8] {
        self.list.front().map_or(&[], |first| first.as_ref())
    }

    fn advance(&mut self, mut count: usize) {
        self.remaining -= count;
        while count > 0
            && let Some(first) = self.list.front_mut()
        {
            if count < first.len() {
                return first.advance(count);
            }
            count -= first.len();
            self.list.pop_front();
        }
    }

    fn chunks_vectored<'a>(&'a self, into: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        for (slot, bytes) in into.iter_mut().zip(&self.list) {
            *slot = IoSlice::new(bytes);
            filled += 1;
        }
        filled
    }
}

/// The body of an outgoing request: its chunks in one frame.
#[derive(Debug)]
pub struct ChunkBody(Option<Chunks>);

impl ChunkBody {
    pub fn new(chunks: Chunks) -> Self {
        Self((chunks.remaining > 0).then_some(chunks))
    }
}

impl Body for ChunkBody {
    type Data = Chunks;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Chunks>, Infallible>>> {
        Poll::Ready(self.0.take().map(|chunks| Ok(Frame::data(chunks))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |chunks| chunks.remaining as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(parts: &[&'static str]) -> Chunks {
        parts
            .iter()
            .map(|part| Bytes::from_static(part.as_bytes()))
            .collect()
    }

    #[test]
    fn chunks_read_as_one_buffer_however_they_are_advanced() {
        for step in 1..=6 {
            let mut all = chunks(&["ab", "", "cde", "f"]);
            let mut read = Vec::new();
            while all.has_remaining() {
                let take = step.min(all.remaining());
                read.extend_from_slice(&all.copy_to_bytes(take));
            }
            assert_eq!(read, b"abcdef", "in steps of {step}");
        }
    }

    #[test]
    fn vectored_writes_see_every_chunk_that_fits() {
        let all = chunks(&["ab", "cde", "f"]);
        let mut slots = [IoSlice::new(&[]); 2];
        assert_eq!(all.chunks_vectored(&mut slots), 2);
        assert_eq!((&*slots[0], &*slots[1]), (&b"ab"[..], &b"cde"[..]));
    }
}
