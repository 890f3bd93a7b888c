//! `add` and `remove`: one server of `servers.toml`.

use std::{collections::BTreeMap, path::Path, process::ExitCode};

use clap::Args;

use super::{
    super::{CliError, Options, log},
    import::unwritten,
    target,
};
use crate::{
    call::ServerName,
    clients::{
        file::{Member, Node, Value},
        secrets::looks_secret,
    },
    config::{
        ConfigError,
        change::{Change, NewServer},
    },
};

/// A server that somebody wants behind the gateway.
#[derive(Debug, Args)]
pub(in super::super) struct Add {
    /// The name of its `[servers.<name>]` table
    name: String,
    /// Connect to it at this address, instead of launching it
    #[arg(long, value_name = "URL", required_unless_present = "command")]
    url: Option<String>,
    /// A header to send with each request to --url; may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE", requires = "url")]
    headers: Vec<String>,
    /// How it speaks over --url: http or sse [default: found out]
    #[arg(long, value_name = "TRANSPORT", requires = "url")]
    transport: Option<String>,
    /// A variable for its environment; may be repeated. `'KEY=${KEY}'` takes it from the gateway's
    #[arg(long, value_name = "NAME=VALUE", conflicts_with = "url")]
    env: Vec<String>,
    /// The folder it runs in [default: that of servers.toml]
    #[arg(long, value_name = "DIR", conflicts_with = "url")]
    cwd: Option<String>,
    /// The program and its arguments, after `--`
    #[arg(last = true, value_name = "COMMAND", conflicts_with = "url")]
    command: Vec<String>,
}

/// Adds one.
pub(super) fn add(add: &Add, options: &Options) -> Result<ExitCode, CliError> {
    let name = ServerName::try_from(add.name.clone());
    let name = name.map_err(|words| CliError::Usage(format!("`{}`: {words}", add.name)))?;
    let mut change = Change::of(&target(None, options)?)?;
    let path = change.path().display().to_string();
    let servers = change.servers();
    let mut known = servers.keys();
    if let Some(known) = known.find(|known| known.eq_ignore_ascii_case(name.as_str())) {
        return Err(CliError::Usage(format!(
            "[servers.{known}] stands in {path} already; `mcpgate remove {known}` takes it away"
        )));
    }
    let server = NewServer {
        name: name.to_string(),
        comments: Vec::new(),
        members: members(add)?,
        said: BTreeMap::new(),
    };
    change.add(&server);
    change.check(options.policies.clone()).map_err(unplaced)?;
    change.write().map_err(|error| unwritten(&change, &error))?;
    log::print(&format!("{path}: added\n\n{}\n", change.added()))?;
    for (what, words) in told(add) {
        log::print(&format!("note: {what} {words}"))?;
    }
    log::print(
        "A gateway that runs with this file takes it up by itself; `mcpgate check` tries it.",
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Takes one away.
pub(super) fn remove(name: &str, options: &Options) -> Result<ExitCode, CliError> {
    let mut change = Change::of(&target(None, options)?)?;
    change.remove(name).map_err(CliError::Usage)?;
    change.check(options.policies.clone()).map_err(|error| {
        let words = format!("it cannot go, since something else names it: {error}");
        CliError::Usage(words)
    })?;
    change.write().map_err(|error| unwritten(&change, &error))?;
    log::print(&format!(
        "{}: [servers.{name}] is gone",
        change.path().display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn members(add: &Add) -> Result<Vec<Member>, CliError> {
    let mut members = Vec::new();
    if let Some((program, args)) = add.command.split_first() {
        members.push(member("command", text(&absolute(program)?)));
        if !args.is_empty() {
            members.push(member(
                "args",
                Value::List(args.iter().map(|arg| node(text(arg))).collect()),
            ));
        }
    }
    members.extend(add.url.as_ref().map(|url| member("url", text(url))));
    members.extend(
        add.transport
            .as_ref()
            .map(|kind| member("transport", text(kind))),
    );
    for (key, option, sign, pairs) in [
        ("headers", "--header", ':', &add.headers),
        ("env", "--env", '=', &add.env),
    ] {
        let pairs = pairs.iter().map(|pair| match pair.split_once(sign) {
            Some((name, value)) => Ok(member(name.trim(), text(value.trim()))),
            // The word is not repeated: it may be a value.
            None => Err(CliError::Usage(format!(
                "{option}: expected a name, `{sign}` and a value"
            ))),
        });
        let pairs: Vec<Member> = pairs.collect::<Result<_, _>>()?;
        if !pairs.is_empty() {
            members.push(member(key, Value::Table(pairs)));
        }
    }
    if let Some(folder) = &add.cwd {
        let folder = std::path::absolute(folder)?;
        members.push(member("cwd", text(&folder.to_string_lossy())));
    }
    Ok(members)
}

/// A path that somebody types starts where they are.
fn absolute(program: &str) -> Result<String, CliError> {
    match program.contains('/') && !program.starts_with(['~', '$']) {
        true => Ok(std::path::absolute(Path::new(program))?
            .to_string_lossy()
            .into_owned()),
        false => Ok(program.to_owned()),
    }
}

/// What a person may not have thought of.
fn told(add: &Add) -> Vec<(String, String)> {
    let pairs = add.env.iter().filter_map(|pair| pair.split_once('='));
    let headers = add.headers.iter().filter_map(|pair| pair.split_once(':'));
    let secrets = pairs
        .chain(headers)
        .filter(|(name, value)| looks_secret(name, value));
    let words = "looks like a secret, and stands in the file; `${VARIABLE}` in its place takes it from \
                 the gateway's environment, `${file:/path}` from a file";
    secrets
        .map(|(name, _)| (format!("`{}`", name.trim()), words.to_owned()))
        .collect()
}

/// The file has no such line yet: the key says enough.
fn unplaced(error: ConfigError) -> CliError {
    if let ConfigError::Wrong { message, .. } = error {
        return CliError::Usage(message);
    }
    error.into()
}

fn member(name: &str, value: Value) -> Member {
    Member {
        name: name.to_owned(),
        at: 0..0,
        node: node(value),
    }
}

fn node(value: Value) -> Node {
    Node { span: 0..0, value }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}
