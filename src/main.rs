//! Parse, run, exit code.

use std::process::ExitCode;

use clap::Parser as _;
use playground::cli::Cli;
use playground::command;
use playground::failure::Status;
use playground::report::Terminal;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let terminal = Terminal::new(cli.global.output);
    let status = command::run(cli, &terminal).unwrap_or_else(|error| {
        terminal.error(&error);
        Status::of(&error)
    });
    status.into()
}
