//! `hash-key`.

use std::process::ExitCode;

use super::{CliError, log};
use crate::authenticate;

pub(super) fn run(name: &str) -> Result<ExitCode, CliError> {
    let (key, hash) = authenticate::generate()?;
    log::print(&format!(
        "# The key, for the client; it is shown only now:\n#   {key}"
    ))?;
    log::print("# For the gateway, into policies/keys.toml:")?;
    log::print(&format!("[keys.{name}]\nhash = \"{hash}\""))?;
    Ok(ExitCode::SUCCESS)
}
