//! `install`: our own entry in a client's file.

mod told;

use std::{cell::RefCell, collections::BTreeSet, fs, io, path::PathBuf, process::ExitCode};

use clap::Args;

use super::{
    super::{CliError, Options, log},
    difference::difference,
    sources,
};
use crate::{
    clients::{
        Client, Facts, Machine, OURS,
        file::{Mistake, Node, Tree},
        install::{Changed, Hindrance, Way},
    },
    config::{self, ConfigError, Environment, Paths, change::replace},
};

/// Where somebody wants our entry, and which.
#[derive(Debug, Args)]
pub(in super::super) struct Install {
    /// claude-desktop, claude-code, cursor, vscode, windsurf, zed or librechat
    #[arg(value_parser = sources::client)]
    client: Option<Client>,
    /// Have it connect to a gateway that runs, instead of launching one
    #[arg(long, value_name = "URL", conflicts_with = "undo")]
    url: Option<String>,
    /// The variable that holds the API key for that gateway
    #[arg(long, value_name = "VAR", requires = "url")]
    key_env: Option<String>,
    /// Into the file of the project in this folder, instead of the person's
    #[arg(long)]
    project: bool,
    /// Into this file, where the client's is somewhere else
    #[arg(long, value_name = "FILE", conflicts_with = "project")]
    file: Option<PathBuf>,
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Take our entry out again
    #[arg(long)]
    undo: bool,
}

pub(super) fn run(install: &Install, options: &Options) -> Result<ExitCode, CliError> {
    let file = Target::of(install)?;
    match install.undo {
        true => file.undo(install.dry_run),
        false => {
            let mut served = Served::default();
            let entry = entry((install, file.client), options, &mut served)?;
            file.put(&entry, install, &served)
        }
    }
}

/// What the config says that the client will launch.
#[derive(Default)]
struct Served {
    /// The names of its servers.
    servers: BTreeSet<String>,
    /// The variables that it takes from the environment.
    variables: BTreeSet<String>,
}

impl Served {
    fn of(paths: &Paths) -> Result<Self, ConfigError> {
        let variables = RefCell::new(BTreeSet::new());
        let variable = |name: &str| {
            variables.borrow_mut().insert(name.to_owned());
            std::env::var(name).ok()
        };
        let environment = Environment {
            variable: &variable,
            ..Environment::of_process()
        };
        let config = config::load_with(paths, &environment)?;
        let servers = config.servers.keys().map(ToString::to_string).collect();
        let mut variables = variables.take();
        variables.retain(|name| std::env::var_os(name).is_some());
        Ok(Self { servers, variables })
    }
}

/// Our entry as that client has it.
fn entry(
    (install, client): (&Install, Client),
    options: &Options,
    served: &mut Served,
) -> Result<Node, CliError> {
    let program = Environment::of_process().program.to_string_lossy();
    let way = match &install.url {
        Some(url) if !url.starts_with("http://") && !url.starts_with("https://") => {
            let words = "--url: expected an address such as http://127.0.0.1:8765/mcp";
            return Err(CliError::Usage(words.to_owned()));
        }
        Some(url) => Way::Connect(url.clone(), install.key_env.clone()),
        // Others who share the project's file have the program somewhere else.
        None if install.project => Way::Launch(OURS.to_owned(), vec!["stdio".to_owned()]),
        None => {
            let paths = options.paths().map_err(unmade)?;
            *served = Served::of(&paths)?;
            let config = std::path::absolute(paths.config())?;
            let config = config.to_string_lossy();
            // A client launches it in a folder, and with variables, of its own.
            let args = ["stdio", "--config", &config].map(str::to_owned);
            Way::Launch(program.to_string(), args.to_vec())
        }
    };
    let variable = |name: &str| std::env::var(name).ok();
    let entry = client.entry(&way, &program, variable);
    entry.map_err(|Hindrance::Unset(name)| {
        CliError::Usage(format!(
            "--key-env: {} takes no variables into its file, so the key itself has to stand there; \
             set {name} for this command",
            client
        ))
    })
}

fn unmade(error: ConfigError) -> CliError {
    if matches!(error, ConfigError::NotFound(_)) {
        let words = "there is no servers.toml yet to serve; `mcpgate import` makes one of what clients \
                     have, `mcpgate add` begins one, or name yours with `--config FILE`";
        return CliError::Usage(words.to_owned());
    }
    error.into()
}

/// The client's file, as it is.
struct Target {
    client: Client,
    path: PathBuf,
    /// Nothing if it is not there.
    before: Option<String>,
}

impl Target {
    fn of(install: &Install) -> Result<Self, CliError> {
        let which = || CliError::Usage(sources::which(&Machine::this()));
        let client = install.client.ok_or_else(which)?;
        let Facts {
            user,
            project,
            name,
            ..
        } = client.facts();
        let of_person = || user.and_then(|files| Machine::this().path(files));
        let path = match (&install.file, install.project || user.is_none()) {
            (Some(file), _) => file.clone(),
            (None, true) => project.map(PathBuf::from).ok_or_else(|| {
                CliError::Usage(format!("--project: {client} has no file for a project"))
            })?,
            (None, false) => of_person().ok_or_else(|| {
                let words =
                    format!("HOME is not set; name the file: mcpgate install {name} --file FILE");
                CliError::Usage(words)
            })?,
        };
        let before = match fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(ConfigError::Unreadable(path, error).into()),
        };
        Ok(Self {
            client,
            path,
            before,
        })
    }

    fn put(&self, entry: &Node, install: &Install, served: &Served) -> Result<ExitCode, CliError> {
        let before = self.before.as_deref().unwrap_or_default();
        let changed = self
            .client
            .put(before, entry)
            .map_err(|wrong| self.wrong(before, wrong))?;
        let (client, path) = (self.client, self.path.display());
        let Some(text) = self.said(changed, "add this")? else {
            log::print(&format!(
                "{client}: `{OURS}` stands in {path} already, and says the same"
            ))?;
            return Ok(ExitCode::SUCCESS);
        };
        if install.dry_run {
            return self.show(&text);
        }
        let is_first = self.client.take_out(before) == Ok(Changed::Not);
        if self.before.is_some() && is_first {
            fs::copy(&self.path, self.backup()).map_err(|error| self.unwritten(&error))?;
        }
        replace(&self.path, &text).map_err(|error| self.unwritten(&error))?;
        self.tell(install, is_first, served)?;
        Ok(ExitCode::SUCCESS)
    }

    fn undo(&self, dry_run: bool) -> Result<ExitCode, CliError> {
        let before = self.before.as_deref().unwrap_or_default();
        let changed = self
            .client
            .take_out(before)
            .map_err(|wrong| self.wrong(before, wrong))?;
        let (client, path) = (self.client, self.path.display());
        let Some(text) = self.said(changed, "take this out")? else {
            log::print(&format!("{client}: `{OURS}` does not stand in {path}"))?;
            return Ok(ExitCode::SUCCESS);
        };
        let was = self.untouched();
        let text = was.as_deref().unwrap_or(&text);
        if dry_run {
            return self.show(text);
        }
        replace(&self.path, text).map_err(|error| self.unwritten(&error))?;
        let words = match was.is_some() {
            true => "is what it was",
            false => "is without it, and keeps what else has changed",
        };
        // It is no backup of anything any more.
        drop(fs::remove_file(self.backup()));
        log::print(&format!(
            "{client}: {path} {words}\nNext: {}",
            client.facts().reload
        ))?;
        Ok(ExitCode::SUCCESS)
    }

    /// What the file was, if nothing but our entry has come into it since.
    fn untouched(&self) -> Option<String> {
        let was = fs::read_to_string(self.backup()).ok()?;
        let form = self.client.facts().form;
        let before = self.before.as_deref()?;
        let tree = Tree::parse(before, form.syntax).ok()?;
        let ours = tree.root.get(form.servers)?.get(OURS)?;
        let again = self.client.put(&was, ours).ok()?;
        (again == Changed::Text(before.to_owned())).then_some(was)
    }

    fn show(&self, text: &str) -> Result<ExitCode, CliError> {
        let change = difference(self.before.as_deref().unwrap_or_default(), text);
        let path = self.path.display();
        log::print(&format!("{path} would change so:\n{change}"))?;
        Ok(ExitCode::SUCCESS)
    }

    fn backup(&self) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".before-mcpgate");
        self.path.with_file_name(name)
    }

    /// The new text; nothing if there is nothing to change.
    fn said(&self, changed: Changed, what: &str) -> Result<Option<String>, CliError> {
        match changed {
            Changed::Not => Ok(None),
            Changed::Text(text) => Ok(Some(text)),
            Changed::ByHand(lines) => Err(CliError::Answer(format!(
                "{} is written in a way that is not changed by a program; {what} yourself:\n{}",
                self.path.display(),
                lines.trim_end()
            ))),
        }
    }

    fn wrong(&self, text: &str, wrong: Mistake) -> CliError {
        config::misplaced(&self.path, text, wrong).into()
    }

    fn unwritten(&self, error: &io::Error) -> CliError {
        CliError::Answer(format!("cannot write {}: {error}", self.path.display()))
    }
}
