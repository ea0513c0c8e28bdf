//! Request bodies: a fresh copy of the template each time, or one that is shared by all requests.

use std::cell::RefCell;
use std::io;

use bytes::Bytes;

use super::Options;
use crate::coding::{Coding, FAST};
use crate::payload::Template;
use crate::{Protocol, clock, grpc};

pub(super) struct Bodies {
    template: Template,
    protocol: Protocol,
    compression: Coding,
    /// The one body of a run with static bodies.
    fixed: Option<Bytes>,
    /// The copy that is about to be compressed.
    scratch: RefCell<Vec<u8>>,
}

impl Bodies {
    pub(super) fn new(options: &Options) -> io::Result<Self> {
        let mut bodies = Self {
            template: Template::new(options.shape())?,
            protocol: options.protocol,
            compression: options.compression,
            fixed: None,
            scratch: RefCell::default(),
        };
        if options.fixed {
            bodies.fixed = Some(bodies.fresh(options.first)?);
        }
        Ok(bodies)
    }

    /// Length of the payload of every request before compression.
    pub(super) const fn payload_len(&self) -> usize {
        self.template.len()
    }

    pub(super) fn of(&self, request: u64) -> io::Result<Bytes> {
        match &self.fixed {
            Some(body) => Ok(body.clone()),
            None => self.fresh(request),
        }
    }

    fn fresh(&self, request: u64) -> io::Result<Bytes> {
        let mut body = Vec::with_capacity(grpc::PREFIX + self.template.len());
        if self.protocol == Protocol::Grpc {
            body.extend_from_slice(&[0; grpc::PREFIX]);
        }
        let start = body.len();
        let now = clock::unix_nanos();
        if self.compression == Coding::None {
            self.template.stamp(request, now, &mut body);
        } else {
            let mut scratch = self.scratch.borrow_mut();
            scratch.clear();
            self.template.stamp(request, now, &mut scratch);
            self.compression.encode(&scratch, FAST, &mut body)?;
        }
        let prefix = grpc::prefix(self.compression != Coding::None, body.len() - start);
        if let Some(place) = body.first_chunk_mut().filter(|_| start == grpc::PREFIX) {
            *place = prefix;
        }
        Ok(body.into())
    }
}
