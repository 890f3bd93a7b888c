//! `hash-key`.

use std::process::ExitCode;

use clap::Args;

use super::{CliError, log};
use crate::{
    authenticate,
    call::{KeyName, RoleName},
};

/// For whom a key is made.
#[derive(Debug, Args)]
pub(super) struct Holder {
    /// The name of its `[keys.<name>]` table
    #[arg(default_value = "alice", value_parser = key_name)]
    name: KeyName,
    /// What its holder may do: a `[roles.<name>]`
    #[arg(long, value_name = "NAME", value_parser = role_name)]
    role: Option<RoleName>,
}

fn key_name(written: &str) -> Result<KeyName, &'static str> {
    written.to_owned().try_into()
}

fn role_name(written: &str) -> Result<RoleName, &'static str> {
    written.to_owned().try_into()
}

/// The key goes to stderr and its table to stdout: who appends the table to a file still sees the
/// key, and does not keep it there.
pub(super) fn run(holder: &Holder) -> Result<ExitCode, CliError> {
    let (key, hash) = authenticate::generate()?;
    log::say(&format!(
        "# The key, for the client; it is shown only now:\n#   {key}\n\
         # For the gateway, into policies/keys.toml:"
    ));
    let name = match holder.name.as_str() {
        bare if !bare.contains(['.', '@']) => bare.to_owned(),
        name => format!("\"{name}\""),
    };
    log::print(&format!("[keys.{name}]\nhash = \"{hash}\""))?;
    if let Some(role) = &holder.role {
        log::print(&format!("role = \"{role}\""))?;
    }
    Ok(ExitCode::SUCCESS)
}
