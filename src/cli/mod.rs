//! The command line.

mod aid;
mod call;
mod check;
mod client;
mod connect;
mod control;
mod doctor;
mod example_server;
mod explain;
mod hash_key;
mod health;
mod init;
mod launch;
mod list;
mod log;
mod manual;
mod operate;
mod options;
mod quick;
mod serve;
mod top;
mod trust;

use std::{ffi::OsString, net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand, ValueEnum};
use listenfd::ListenFd;

use crate::{
    config::{ConfigError, Overrides},
    example::ExampleError,
    gateway::StateError,
    launch::Setup,
};
use quick::Quick;
use trust::TrustArgs;

/// One MCP server in front of many: merges them, and decides on every call.
#[derive(Debug, Parser)]
#[command(
    name = "mcpgate",
    version,
    about,
    after_help = "Exit codes: 0 done · 1 a problem was found, or a call failed · 2 wrong arguments or configuration"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    options: Options,
}

/// What every command understands.
#[derive(Debug, Args)]
struct Options {
    /// The config file [default: ./servers.toml, then the user's and the system's]
    #[arg(long, global = true, value_name = "FILE", env = "MCPGATE_CONFIG")]
    config: Option<PathBuf>,
    /// The folder of policies [default: `policies` beside the config file]
    #[arg(long, global = true, value_name = "DIR", env = "MCPGATE_POLICIES")]
    policies: Option<PathBuf>,
    /// How much to log: error, warn, info, debug, trace, or per module as `mcpgate=debug`
    #[arg(long, global = true, value_name = "LEVEL", env = "MCPGATE_LOG")]
    log_level: Option<String>,
    /// How to log
    #[arg(long, global = true, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    log_format: Format,
}

/// How to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One object a line, for collectors.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve over HTTP, for many clients
    #[command(after_help = "Example: API_KEYS=mcpg_… RATE_LIMIT=100 mcpgate serve --host 0.0.0.0")]
    Serve {
        #[command(flatten)]
        quick: Quick,
    },
    /// Serve one client on stdin and stdout, for Claude Desktop, Cursor and the like
    Stdio {
        /// Serve what a running gateway offers, instead of the config: for clients that only launch
        /// programs. Its API key is taken from MCPGATE_KEY
        #[arg(long, value_name = "URL")]
        url: Option<String>,
        #[command(flatten)]
        trust: TrustArgs,
    },
    /// Load everything, connect to every server, run the policies' tests; exit 1 on a problem
    Check,
    /// Say why somebody may call something, or may not; without a target, all tools
    #[command(
        after_help = "Exit codes: 0 allowed (or, without a target, the role can be used) · 1 refused · \
                      2 wrong arguments or configuration\n\
                      Example: mcpgate explain --role analyst --tool files__write_file --args '{\"path\":\"/etc\"}'"
    )]
    Explain {
        #[command(flatten)]
        question: explain::Question,
    },
    /// List what the servers offer, as clients see it
    List {
        /// What to list
        #[arg(value_enum, default_value_t = list::Kind::Tools)]
        kind: list::Kind,
        /// Print the list as JSON, as the servers wrote it
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        remote: Remote,
    },
    /// Call a tool and print its result
    #[command(after_help = "Example: mcpgate call example__add a=2 b=3")]
    Call {
        /// The tool, as `mcpgate list` shows it
        name: String,
        /// The arguments: one JSON object, or key=value pairs
        #[arg(value_name = "JSON|KEY=VALUE")]
        arguments: Vec<String>,
        /// Print the result as JSON, as the server wrote it
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        remote: Remote,
    },
    #[command(flatten)]
    Operate(operate::Operation),
    #[command(flatten)]
    Connect(connect::Connection),
    #[command(flatten)]
    Aid(aid::Aid),
    /// Make an API key and the table that goes into policies/*.toml
    #[command(after_help = "Example: mcpgate hash-key alice --role analyst >> policies/keys.toml")]
    HashKey {
        #[command(flatten)]
        holder: hash_key::Holder,
    },
    /// The built-in example server, on stdin and stdout
    Example {
        /// Serve over HTTP at this address instead
        #[arg(long, value_name = "ADDR")]
        http: Option<SocketAddr>,
    },
    /// What servers are launched through
    #[command(hide = true)]
    Launch {
        setup: Setup,
        #[arg(last = true, required = true)]
        program: Vec<OsString>,
    },
}

/// A gateway that runs already, instead of the config.
#[derive(Debug, Args)]
struct Remote {
    /// Ask a running gateway, or any MCP server over HTTP, instead of the config
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The API key to show there
    #[arg(long, value_name = "KEY", env = "MCPGATE_KEY", hide_env_values = true)]
    key: Option<String>,
    #[command(flatten)]
    trust: TrustArgs,
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The files say something wrong.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// The arguments do.
    #[error("{0}")]
    Usage(String),
    /// A file or a socket cannot be used.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {0}: {1}; {advice}", advice = doctor::free(*.0, .1))]
    Listen(SocketAddr, #[source] std::io::Error),
    /// What outlives the process cannot be kept, or is not what was kept.
    #[error("{0}")]
    State(#[from] StateError),
    /// The example server failed.
    #[error("{0}")]
    Example(#[from] ExampleError),
    /// The system has no randomness.
    #[error("cannot make a key: {0}")]
    Random(#[from] getrandom::Error),
    /// The answer was an error.
    #[error("{0}")]
    Answer(String),
}

impl CliError {
    /// The exit code that tells a script what kind of failure it was.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Usage(_) | Self::State(_) => 2,
            Self::Io(_)
            | Self::Listen(..)
            | Self::Example(_)
            | Self::Random(_)
            | Self::Answer(_) => 1,
        }
    }
}

impl Cli {
    /// Runs the command. `handed` are the sockets that whoever launched the process has opened for
    /// it.
    ///
    /// # Errors
    /// When it cannot do its work.
    pub async fn run(self, handed: ListenFd) -> Result<ExitCode, CliError> {
        log::start(
            self.options
                .log_level
                .as_deref()
                .unwrap_or(self.command.level()),
            self.options.log_format,
        )?;
        match self.command {
            Command::Serve { quick } => {
                let overrides = quick.overrides(quick::variable)?;
                let source = self.options.files(overrides.clone())?;
                let config = source.read()?;
                quick::announce(&overrides);
                serve::http(&config, source, handed).await
            }
            Command::Stdio {
                url: Some(url),
                trust,
            } => {
                let remote = Remote {
                    url: Some(url),
                    key: quick::variable("MCPGATE_KEY"),
                    trust,
                };
                serve::stdio(&self.options.source(&remote)?, None).await
            }
            Command::Stdio { url: None, .. } => {
                let source = self.options.files(Overrides::default())?;
                serve::stdio(&source.read()?, Some(source)).await
            }
            Command::Check => {
                // What `serve` finds in the environment, so that a config which passes serves.
                let overrides = Quick::default().overrides(quick::variable)?;
                check::run(self.options.load()?.overlay(&overrides)?).await
            }
            Command::Explain { question } => explain::run(self.options.load()?, &question).await,
            Command::List { kind, json, remote } => {
                list::run(self.options.source(&remote)?, kind, json).await
            }
            Command::Call {
                name,
                arguments,
                json,
                remote,
            } => {
                let arguments = call::arguments(&arguments)?;
                call::run(self.options.source(&remote)?, &name, arguments, json).await
            }
            Command::Operate(operation) => operate::run(operation, &self.options).await,
            Command::Connect(connection) => connect::run(connection, &self.options),
            Command::Aid(aid) => aid::run(aid, &self.options).await,
            Command::HashKey { holder } => hash_key::run(&holder),
            Command::Example { http } => example_server::run(http).await,
            Command::Launch { setup, program } => Ok(setup.run(&program)),
        }
    }
}
