//! Components that send data out.
