//! Components that change, hold or refuse data.
