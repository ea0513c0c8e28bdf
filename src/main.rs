//! The composition root: reads the command line and the configuration, runs the service, answers
//! with an exit code.

mod account;
mod advice;
mod cli;
mod companions;
mod components;
mod fetch;
mod foreign;
mod legacy;
mod logs;
mod machine;
mod outline;
mod reload;
mod run;
mod running;
mod setup;
mod sources;
mod supervisor;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
