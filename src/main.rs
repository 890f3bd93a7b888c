//! The process edge: arguments, exit code.

use std::{
    io::{ErrorKind, Write},
    process::ExitCode,
};

use clap::Parser;
use mcpgate::cli::{Cli, CliError};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::parse().run().await {
        Ok(code) => code,
        // `mcpgate list | head` is no failure.
        Err(CliError::Io(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            // A closed stderr leaves the exit code to tell.
            drop(writeln!(std::io::stderr(), "mcpgate: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}
