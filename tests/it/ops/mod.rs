//! What `ops/` has for those who watch it: it names what this build has, and is explained.

mod alerts;
mod boards;
