//! The configuration as its users see it: text in, values and faults out.

mod blocks;
mod decode;
mod expansion;
mod faults;
mod kit;
mod scalars;
mod sources;
