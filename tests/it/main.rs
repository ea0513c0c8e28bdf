//! Service tests against the real binary on loopback.
