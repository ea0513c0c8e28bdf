//! The composition root: reads the command line and the configuration, runs the service, answers
//! with an exit code.

mod advice;
mod cli;
mod components;
mod fetch;
mod foreign;
mod legacy;
mod logs;
mod machine;
mod outline;
mod run;
mod setup;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
