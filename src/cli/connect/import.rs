//! `import`: the servers of clients' files, taken over into `servers.toml`.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::{
    super::{CliError, Options, log},
    report::Report,
    sources::{self, Source},
    target,
};
use crate::{
    clients::{
        Machine,
        file::Node,
        read::{Entry, Fate, Taken},
        secrets::{self, Names},
    },
    config::{
        self,
        change::{Change, NewServer},
    },
    gateway::GatewayConfig,
};

/// What somebody wants taken over.
#[derive(Debug, Args)]
pub(in super::super) struct Import {
    /// Files, or names of clients [default: whatever clients have on this machine, and in this folder]
    #[arg(value_name = "FILE|CLIENT")]
    sources: Vec<String>,
    /// The servers.toml to add to [default: --config, else the one that is found, else the user's]
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
    /// Print what would be added, and change nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(import: &Import, options: &Options) -> Result<ExitCode, CliError> {
    let machine = Machine::this();
    let all = import.sources.is_empty();
    let sources = match all {
        true => sources::found(&machine)?,
        false => sources::named(&import.sources, &machine)?,
    };
    let target = target(import.into.as_ref(), options)?;
    let change = Change::of(&target)?;
    let before = change.servers();
    let is_taken = |name: &str, secret: &str, entry: &Entry| {
        let mark = format!("${{{name}}}");
        let says = |server: &toml::Value| server.to_string().contains(&mark);
        let own = before.get(&entry.name).is_some_and(says);
        let set = std::env::var(name).is_ok_and(|value| value != secret);
        !own && (set || before.values().any(says))
    };
    let mut importing = Importing {
        change,
        report: Report::default(),
        names: Names::new(&is_taken),
        added: 0,
    };
    let mut code = ExitCode::SUCCESS;
    for source in &sources {
        match importing.file(source) {
            Err(error) if all => {
                // One client's file is no reason to leave the others.
                importing.report.note(&format!("left out: {error}"));
                code = ExitCode::from(1);
            }
            done => done?,
        }
    }
    importing.finish(import.dry_run, options.policies.clone())?;
    Ok(code)
}

struct Importing<'a> {
    change: Change,
    report: Report,
    names: Names<'a>,
    added: usize,
}

impl Importing<'_> {
    fn file(&mut self, source: &Source) -> Result<(), CliError> {
        let (text, taken) = config::read_client(&source.path)?;
        self.report.file(&source.path, source.client);
        if taken.entries.is_empty() {
            self.report.detail("has no servers");
        }
        for entry in &taken.entries {
            self.entry(entry.clone(), (source, &text, &taken));
        }
        Ok(())
    }

    fn entry(&mut self, mut entry: Entry, at: (&Source, &str, &Taken)) {
        let (source, text, taken) = at;
        let written = entry.written.clone();
        if let Some(words) = self.left_out(&entry, source, text) {
            return self.report.server(&written, &format!("left out: {words}"));
        }
        let moved = secrets::hide(&mut entry, &mut self.names);
        let server = NewServer {
            name: entry.name.clone(),
            comments: entry.comments.clone(),
            said: entry.said.iter().cloned().collect(),
            members: entry.members.clone(),
        };
        if let Some(words) = self.there_already(&server) {
            return self.report.server(&written, &words);
        }
        self.change.add(&server);
        self.added += 1;
        self.told(&entry, text);
        for moved in &moved {
            let place = format!("{}:{}", source.path.display(), line(text, moved.at));
            self.report.moved(&entry.name, moved, &place);
        }
        self.variables(&entry, taken);
    }

    /// Why a server is not taken over.
    fn left_out(&self, entry: &Entry, source: &Source, text: &str) -> Option<String> {
        match &entry.fate {
            Fate::Taken if self.is_this_gateway(entry) => Some("it is this gateway".to_owned()),
            Fate::Taken => {
                let checked = config::check_entry(&source.path, text, entry);
                checked.err().map(|error| error.to_string())
            }
            Fate::Ours => Some("it is this gateway".to_owned()),
            Fate::Twin => Some("it is there twice, and says the same".to_owned()),
            Fate::Refused(remark) => {
                let line = line(text, remark.at);
                Some(format!("{} (line {line})", remark.words))
            }
        }
    }

    /// Says what has been added, and what of it has not.
    fn told(&mut self, entry: &Entry, text: &str) {
        let name = match entry.name == entry.written {
            true => String::new(),
            false => format!(" as [servers.{}]", entry.name),
        };
        let disabled = match entry.get("disabled") {
            Some(_) => ", disabled as it is there",
            None => "",
        };
        self.report
            .server(&entry.written, &format!("added{name}{disabled}"));
        for remark in &entry.left_out {
            let (what, words) = (&remark.what, &remark.words);
            let line = line(text, remark.at);
            self.report
                .detail(&format!("without {what} (line {line}): {words}"));
        }
        for key in &entry.unknown {
            let line = line(text, key.at.start);
            let words = "it is no key of [servers.*]";
            self.report
                .detail(&format!("without {} (line {line}): {words}", key.name));
        }
    }

    /// What it says of a server of that name, if there is one.
    fn there_already(&self, server: &NewServer) -> Option<String> {
        let servers = self.change.servers();
        let mut named = servers.iter();
        let (name, there) = named.find(|(name, _)| name.eq_ignore_ascii_case(&server.name))?;
        let (values, there) = (server.values(), there.as_table()?);
        let mut keys: Vec<&str> = values
            .keys()
            .chain(there.keys())
            .map(String::as_str)
            .collect();
        keys.sort_unstable();
        keys.dedup();
        // What somebody has added to it here is not the client's to take away.
        keys.retain(|key| {
            values
                .get(*key)
                .is_some_and(|value| there.get(*key) != Some(value))
        });
        Some(match keys.is_empty() {
            true => "is there already".to_owned(),
            false => format!(
                "kept: [servers.{name}] says something else ({})",
                keys.join(", ")
            ),
        })
    }

    /// Whether it leads to what the file itself listens on.
    fn is_this_gateway(&self, entry: &Entry) -> bool {
        let Some(url) = entry.get("url").and_then(Node::text) else {
            return false;
        };
        let parsed = toml::from_str::<toml::Table>(self.change.text()).unwrap_or_default();
        let listen = parsed
            .get("gateway")
            .and_then(|gateway| gateway.get("listen"));
        let default = GatewayConfig::default().listen;
        let listen = listen
            .and_then(|listen| listen.as_str()?.parse().ok())
            .unwrap_or(default);
        let place = url
            .split("://")
            .nth(1)
            .and_then(|rest| rest.split('/').next());
        let here = [listen.to_string(), format!("localhost:{}", listen.port())];
        place.is_some_and(|place| here.iter().any(|here| here == place))
    }

    /// Says which variables it needs that are not set.
    fn variables(&mut self, entry: &Entry, taken: &Taken) {
        let written = format!("{:?}", entry.members);
        for piece in written.split("${").skip(1) {
            let name = piece.split('}').next().unwrap_or_default();
            if name.contains([':', '"']) || written.contains(&format!("$${{{name}}}")) {
                continue;
            }
            let input = taken.inputs.iter().find(|(known, _)| known == name);
            let words = match input {
                Some((_, words)) if !words.is_empty() => words.clone(),
                Some(_) => "what the client asks for".to_owned(),
                None => format!("{} takes it from the environment, too", entry.written),
            };
            self.report.wants(name, &words);
        }
    }

    fn finish(mut self, dry_run: bool, policies: Option<PathBuf>) -> Result<(), CliError> {
        let path = self.change.path().display().to_string();
        let servers = match self.added {
            1 => "1 server".to_owned(),
            number => format!("{number} servers"),
        };
        if self.added == 0 {
            self.report.note(&format!("{path}: nothing to add"));
        } else {
            self.change.check(policies)?;
        }
        if dry_run {
            self.report.note(&format!(
                "{path}: {servers} would be added; it would end with"
            ));
            self.report.note(self.change.added());
        } else if self.added > 0 {
            self.change
                .write()
                .map_err(|error| unwritten(&self.change, &error))?;
            self.report.note(&format!("{path}: {servers} added"));
        }
        if self.added > 0 && !dry_run {
            let words = format!("\n`mcpgate check --config {path}` tries them all.");
            self.report.next(words);
        }
        log::print(&self.report.text())?;
        Ok(())
    }
}

/// Why a file is as it was.
pub(super) fn unwritten(change: &Change, error: &std::io::Error) -> CliError {
    CliError::Answer(format!("cannot write {}: {error}", change.path().display()))
}

fn line(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or(text);
    before.bytes().filter(|byte| *byte == b'\n').count() + 1
}
