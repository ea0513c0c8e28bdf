//! What packages install beside the program, made from the arguments themselves: completion scripts, the manual page.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use super::Cli;

pub(super) fn completions(shell: Shell, out: &mut dyn Write) -> io::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(
        shell,
        &mut Cli::command(),
        env!("CARGO_PKG_NAME"),
        &mut script,
    );
    out.write_all(&script)
}

/// The program's page, and below it what each command takes.
pub(super) fn man(out: &mut dyn Write) -> io::Result<()> {
    let mut command = Cli::command().name(env!("CARGO_PKG_NAME"));
    command.build();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    for command in command
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
    {
        let own = clap_mangen::Man::new(command.clone());
        writeln!(page, ".SH {}", command.get_name().to_uppercase())?;
        own.render_description_section(&mut page)?;
        own.render_options_section(&mut page)?;
    }
    out.write_all(&page)
}
