//! `doctor`: all that is known to go wrong, looked for, each with what to do about it.

mod certificate;
mod clock;
mod files;
mod finding;
mod fit;
mod here;
mod port;
mod programs;
mod running;
mod servers;

use std::{cell::RefCell, collections::BTreeSet, path::Path, process::ExitCode};

use clap::Args;

use super::{CliError, Options, control::At, launch, log};
use crate::config::{self, Config, ConfigError, Environment};
use finding::{Finding, Level, Report};
pub(super) use port::advice as free;
use running::Running;

/// What is looked at.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
    /// Connect to no server: look at this machine alone
    #[arg(long)]
    offline: bool,
    /// Connect to each server anew although a gateway runs: two copies of one server may trip over
    /// each other's files and ports
    #[arg(long, conflicts_with = "offline")]
    connect: bool,
    #[command(flatten)]
    at: At,
}

pub(super) async fn run(doctor: Doctor, options: &Options) -> Result<ExitCode, CliError> {
    let mut report = Report::default();
    let running = running::ask(options.control(doctor.at), &mut report).await;
    here::look(&mut report);
    if let Some((config, complete)) = read(options, &mut report) {
        files::look(&config, &mut report);
        certificate::look(&config, &mut report);
        port::look(&config, running.as_ref(), &mut report);
        here::room(&config, &mut report);
        let sound = programs::look(&config, &mut report);
        let tools = match &running {
            Some(running) if !doctor.connect => Some(running.tools.clone()),
            _ if doctor.offline => None,
            _ if !complete => {
                let words = "not connected to while variables are missing";
                report.add(Finding::warning(
                    "servers",
                    words,
                    "set them, and look again",
                ));
                None
            }
            _ => Some(servers::connect(&config, &sound, &mut report).await),
        };
        if let Some(tools) = tools {
            fit::look(&config, &tools, &mut report);
        }
        if !doctor.offline {
            clock::look(&config, &mut report).await;
        }
    }
    log::print(&match doctor.json {
        true => report.json(),
        false => report.text(),
    })?;
    Ok(match report.has(Level::Problem) {
        true => ExitCode::from(1),
        false => ExitCode::SUCCESS,
    })
}

/// The config, and whether all variables are there that it wants.
fn read(options: &Options, report: &mut Report) -> Option<(Config, bool)> {
    let paths = match options.paths() {
        Ok(paths) => paths,
        Err(error) => {
            let words = error.to_string();
            let words = words.lines().next().unwrap_or_default();
            let fix = "`mcpgate init` writes one, --config names one";
            report.add(Finding::problem("config", words, fix));
            return None;
        }
    };
    let missing: RefCell<BTreeSet<String>> = RefCell::default();
    let variable = |name: &str| {
        let found = std::env::var(name).ok();
        if found.is_none() {
            missing.borrow_mut().insert(name.to_owned());
        }
        // Long enough to pass for whatever it is to be.
        Some(found.unwrap_or_else(|| "x".repeat(48)))
    };
    let environment = Environment {
        variable: &variable,
        program: Environment::of_process().program,
    };
    let loaded = config::load_with(&paths, &environment);
    let missing = missing.take();
    for name in &missing {
        let words = format!("the variable {name} is not set, which the files want");
        let fix =
            format!("`export {name}=…`; under systemd, EnvironmentFile=; or ${{file:…}} instead");
        report.add(Finding::problem("variables", words, fix));
    }
    match loaded {
        Ok(config) => {
            describe(paths.config(), &config, report);
            Some((
                config.launched_through(&launch::launcher()),
                missing.is_empty(),
            ))
        }
        Err(error) => {
            let fix = match (missing.is_empty(), &error) {
                (false, _) => "set the variables first, which may be all",
                (true, ConfigError::Unreadable(..)) => "let the user that runs this read it",
                (true, _) => "mend that line; `mcpgate check` looks again",
            };
            report.add(Finding::problem("config", error.to_string(), fix));
            None
        }
    }
}

/// What the files have in them.
fn describe(path: &Path, config: &Config, report: &mut Report) {
    let policy = &config.policy;
    let words = format!(
        "{}: {}, {}, {}",
        path.display(),
        plural(config.servers.len(), "server"),
        plural(policy.keys.len(), "key"),
        plural(policy.roles.len(), "role"),
    );
    report.add(Finding::good("config", words));
    if policy.shuts_everybody_out() {
        let words = "there are roles, and nobody can come in";
        let fix = "give one a key: `mcpgate hash-key alice`, or [tokens.*], [trusted_headers]";
        report.add(Finding::problem("config", words, fix));
    }
}

fn plural(count: usize, one: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {one}s"),
    }
}

impl Running {
    /// Whether it is of the same version as this program.
    fn is_ours(&self) -> bool {
        self.version == env!("CARGO_PKG_VERSION")
    }
}
