//! Components that join pipelines.
