//! `init`: three questions, and a config that says what it says.

mod answers;
mod ask;
mod server;
mod told;
mod written;

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;

use super::{CliError, Options, log};
use crate::authenticate;
use answers::{Answers, Users};
use ask::Questions;
use server::Server;

/// What is to be written. What is not said here is asked.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// Who will use it
    #[arg(long = "for", value_enum, value_name = "WHO")]
    users: Option<Users>,
    /// A server: a folder, a command line, or a URL; `name = …` gives it a name; may be repeated
    #[arg(long = "server", value_name = "WHAT")]
    servers: Vec<String>,
    /// Where it listens: an address and a port, or one of them
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Serve HTTPS with this certificate: PEM, those that lead to its authority behind it
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key of that certificate: PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Ask nothing: what is not said is as the questions propose it
    #[arg(short, long)]
    yes: bool,
    /// Replace files that are there; what they said is kept in *.bak
    #[arg(long)]
    force: bool,
}

/// A file that is to be written.
struct File {
    path: PathBuf,
    text: String,
    about: &'static str,
}

pub(super) fn run(init: Init, options: &Options) -> Result<ExitCode, CliError> {
    let config = options
        .config
        .clone()
        .unwrap_or_else(|| "servers.toml".into());
    let config = std::path::absolute(config)?;
    let policies = match &options.policies {
        Some(folder) => std::path::absolute(folder)?,
        None => config.with_file_name("policies"),
    };
    let access = policies.join("access.toml");
    // Before anything is asked: nobody likes to answer in vain.
    if !init.force {
        for path in [&config, &access] {
            vacant(path)?;
        }
    }
    let answers = answers(&init, &config)?;
    let mut files = vec![File {
        path: config.clone(),
        text: written::servers(&answers),
        about: "what is behind the gateway, and where it listens",
    }];
    let mut key = None;
    if answers.needs_key() {
        let (secret, hash) = authenticate::generate()?;
        key = Some(secret);
        files.push(File {
            path: access,
            text: written::access(&answers, &hash.to_string()),
            about: "who may come in, and what they may do",
        });
    }
    for file in &files {
        file.write(init.force)?;
    }
    log::print(&told::written(&files, key.as_deref(), &answers))?;
    match options.named(&config, &policies).load() {
        Ok(_) => Ok(ExitCode::SUCCESS),
        // A variable that is not set, most likely.
        Err(error) => {
            log::say(&format!("before it can serve: {error}"));
            Ok(ExitCode::from(1))
        }
    }
}

fn answers(init: &Init, config: &Path) -> Result<Answers, CliError> {
    let given = |text: &String| Server::read(text).map_err(|why| usage("--server", text, &why));
    let given: Result<Vec<Server>, CliError> = init.servers.iter().map(given).collect();
    let mut given = given?;
    let mut questions = Questions::new(init.yes);
    let users = match init.users {
        Some(users) => users,
        None => questions.users()?,
    };
    if given.is_empty() {
        given = questions.servers()?;
    }
    let listen = match &init.listen {
        Some(text) => address(text, users.usual_address())
            .ok_or_else(|| usage("--listen", text, "expected such as 127.0.0.1:8765"))?,
        None => questions.listen(users.usual_address())?,
    };
    let tls = init.tls_cert.as_deref().zip(init.tls_key.as_deref());
    let tls = tls.map(|(cert, key)| Ok([seen_from(config, cert)?, seen_from(config, key)?]));
    Ok(Answers {
        users,
        servers: server::named(given),
        listen,
        tls: tls.transpose().map_err(CliError::Io)?,
    })
}

/// How the config names a file that was named in this folder.
fn seen_from(config: &Path, file: &Path) -> std::io::Result<PathBuf> {
    let absolute = std::path::absolute(file)?;
    let folder = config.parent().unwrap_or(Path::new("/"));
    let within = absolute.strip_prefix(folder).map(Path::to_path_buf);
    Ok(within.unwrap_or(absolute))
}

fn usage(option: &str, text: &str, why: &str) -> CliError {
    CliError::Usage(format!("{option} {text}: {why}"))
}

/// An address and a port, of which what is not said is as usual.
fn address(text: &str, usual: SocketAddr) -> Option<SocketAddr> {
    let text = text.trim().replace("localhost", "127.0.0.1");
    let port = text.trim_start_matches(':').parse();
    let port = port.map(|port| SocketAddr::new(usual.ip(), port)).ok();
    let ip = || {
        text.parse()
            .map(|ip| SocketAddr::new(ip, usual.port()))
            .ok()
    };
    text.parse().ok().or(port).or_else(ip)
}

fn vacant(path: &Path) -> Result<(), CliError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(unwritten(path, &error)),
        Ok(_) => Err(CliError::Usage(format!(
            "{} is there already; --force replaces it, --config FILE writes another one",
            path.display()
        ))),
    }
}

fn unwritten(path: &Path, error: &std::io::Error) -> CliError {
    CliError::Answer(format!("cannot write {}: {error}", path.display()))
}

impl File {
    /// Writes it, for its owner alone: what servers are told may be secret.
    fn write(&self, replace: bool) -> Result<(), CliError> {
        let failed = |error: std::io::Error| unwritten(&self.path, &error);
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        if replace && self.path.exists() {
            let mut kept = self.path.clone().into_os_string();
            kept.push(".bak");
            fs::rename(&self.path, kept).map_err(failed)?;
        }
        let mut file = OpenOptions::new();
        // Nobody has put one there meanwhile.
        file.write(true).create_new(true).mode(0o600);
        let mut file = file.open(&self.path).map_err(failed)?;
        file.write_all(self.text.as_bytes()).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_of_an_address_is_as_usual() {
        let usual = "127.0.0.1:8765".parse().unwrap();
        for (text, meant) in [
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("9000", "127.0.0.1:9000"),
            (":9000", "127.0.0.1:9000"),
            ("192.168.1.7", "192.168.1.7:8765"),
            ("localhost:9000", "127.0.0.1:9000"),
            ("[::1]:9000", "[::1]:9000"),
            ("::", "[::]:8765"),
        ] {
            assert_eq!(address(text, usual), Some(meant.parse().unwrap()), "{text}");
        }
        for text in ["gate.lan", "70000", "", "1.2.3:4"] {
            assert_eq!(address(text, usual), None, "{text}");
        }
    }
}
