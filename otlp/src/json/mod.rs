//! OTLP/JSON, both ways.
