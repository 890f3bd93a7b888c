//! The process edge: arguments, exit code.

use std::{
    io::{ErrorKind, Write},
    process::ExitCode,
};

use clap::Parser;
use listenfd::ListenFd;
use mcpgate::{
    cli::{Cli, CliError},
    launch::{GUARD, guard},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before all else: it stays as long as the gateway does, and is to be small.
    if std::env::args_os().nth(1).is_some_and(|word| word == GUARD) {
        return guard();
    }
    let cli = Cli::parse();
    // Before there are threads: it becomes another program.
    if let Some(code) = cli.launch() {
        return code;
    }
    // Before there are threads: it takes variables away, which servers are not to inherit.
    let handed = ListenFd::from_env();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return ended(Err(error.into())),
    };
    let code = ended(runtime.block_on(cli.run(handed)));
    // A read of stdin cannot be called off: told to end, we do not wait for the client's next word.
    runtime.shutdown_background();
    code
}

fn ended(result: Result<ExitCode, CliError>) -> ExitCode {
    match result {
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
