//! What somebody is told whose client has our entry now.

use super::{Install, Served, Target};
use crate::{
    cli::{CliError, log},
    clients::{Client, Machine, OURS, Variables, read},
};

/// What a program has of its environment however it was started.
const EVERYWHERE: [&str; 7] = ["HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG", "TMPDIR"];

impl Target {
    pub(super) fn tell(
        &self,
        install: &Install,
        is_first: bool,
        served: &Served,
    ) -> Result<(), CliError> {
        let (client, path) = (self.client, self.path.display());
        let facts = client.facts();
        let words = if is_first { "stands" } else { "is new" };
        log::print(&format!("{client}: `{OURS}` {words} in {path} now"))?;
        if self.before.is_some() && is_first {
            log::print(&format!("  as it was: {}", self.backup().display()))?;
        }
        let key = install.key_env.as_ref();
        let key = key.map(|key| match facts.form.variables {
            Variables::None => {
                format!(
                    "the value of {key} stands in it: {client} takes no variables into its file"
                )
            }
            Variables::Plain | Variables::Env => {
                format!("{client} needs the variable {key} in its own environment")
            }
        });
        let more = [
            key,
            wanted(client, served),
            self.twice(install, served),
            self.left(install, served),
        ];
        for words in more.into_iter().flatten() {
            log::print(&format!("  {words}"))?;
        }
        let place = match (&install.file, install.project) {
            (Some(file), _) => format!(" --file {}", file.display()),
            (None, true) => " --project".to_owned(),
            (None, false) => String::new(),
        };
        let words = format!("mcpgate install {}{place} --undo", facts.name);
        log::print(&format!("  to take it out again: {words}"))?;
        log::print(&format!("Next: {}", facts.reload))?;
        Ok(())
    }

    /// What stands there and behind us.
    fn twice(&self, install: &Install, served: &Served) -> Option<String> {
        let (ours, _) = self.others(served);
        let words = format!(
            "behind mcpgate and there, too: {}; take them out there, or each of their tools is in \
             {} twice",
            ours.join(", "),
            self.client
        );
        (!ours.is_empty() && install.url.is_none()).then_some(words)
    }

    /// What stands there alone.
    fn left(&self, install: &Install, served: &Served) -> Option<String> {
        let (_, others) = self.others(served);
        let (count, name) = (others.len(), self.client.facts().name);
        let noun = match count {
            1 => "server stands",
            _ => "servers stand",
        };
        let words = format!(
            "{count} other {noun} there, too: {}; `mcpgate import {name}` takes over what is not \
             ours yet",
            others.join(", ")
        );
        (count > 0 && install.url.is_none()).then_some(words)
    }

    /// The servers that stood there before: those that we have, too, and the others.
    fn others(&self, served: &Served) -> (Vec<String>, Vec<String>) {
        let before = self.before.as_deref().unwrap_or_default();
        let taken = read::read(before, &self.path, &Machine::this());
        let entries = taken.map(|taken| taken.entries).unwrap_or_default();
        let others = entries
            .into_iter()
            .filter(|entry| entry.fate == read::Fate::Taken);
        let (ours, others): (Vec<_>, Vec<_>) =
            others.partition(|entry| served.servers.contains(&entry.name));
        let written = |entries: Vec<read::Entry>| {
            let names = entries.into_iter().map(|entry| entry.written);
            names.collect()
        };
        (written(ours), written(others))
    }
}

/// What this shell has, and a program that was started with the mouse has not.
fn wanted(client: Client, served: &Served) -> Option<String> {
    let names = served.variables.iter().map(String::as_str);
    let names: Vec<&str> = names
        .filter(|name| !EVERYWHERE.contains(name) && !name.starts_with("OTEL_"))
        .collect();
    let words = format!(
        "servers.toml takes {} from the environment: {client} has what your shell exports only if \
         it is started there; ${{file:/path}} in its place works always",
        names.join(", ")
    );
    (!names.is_empty()).then_some(words)
}
