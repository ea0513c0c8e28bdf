//! What is compared with other collectors as they run.

mod tail_sampling;
