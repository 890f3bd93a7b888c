//! `launch`: how servers get their processes.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use super::{Cli, Command};
use crate::config::Environment;

impl Cli {
    /// Becomes another program, if that is the command. It comes back if it cannot.
    pub fn launch(&self) -> Option<ExitCode> {
        let Command::Launch { setup, program } = &self.command else {
            return None;
        };
        Some(setup.run(program))
    }
}

/// This very program, also when its file has been replaced since it started.
pub(super) fn launcher() -> PathBuf {
    let running = Path::new("/proc/self/exe");
    match running.exists() {
        true => running.to_path_buf(),
        false => Environment::of_process().program.to_path_buf(),
    }
}
