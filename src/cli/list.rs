//! `list`.

use std::process::ExitCode;

use clap::ValueEnum;

use super::{CliError, client::Client, log};
use crate::{
    config::Config,
    mcp::{List, fields},
};

/// What to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// Tools.
    Tools,
    /// Resources and resource templates.
    Resources,
    /// Prompts.
    Prompts,
}

pub(super) async fn run(config: Config, kind: Kind, json: bool) -> Result<ExitCode, CliError> {
    let mut client = Client::start(&config).await?;
    let lists: &[List] = match kind {
        Kind::Tools => &[List::Tools],
        Kind::Resources => &[List::Resources, List::Templates],
        Kind::Prompts => &[List::Prompts],
    };
    for list in lists {
        let result = client.ask(list.method(), "{}", |_| {}).await?;
        if json {
            log::print(&result)?;
            continue;
        }
        let items = fields::field(&result, list.key()).unwrap_or("[]");
        let items = fields::items(items).unwrap_or_default();
        let rows: Vec<_> = items.into_iter().map(|item| row(*list, item)).collect();
        let width = rows.iter().map(|(name, _)| name.chars().count()).max();
        for (name, told) in &rows {
            let width = width.unwrap_or_default().min(WIDEST);
            log::print(format!("{name:<width$}  {told}").trim_end())?;
        }
    }
    let missing = missing(&client);
    client.stop().await;
    for words in &missing {
        log::say(words);
    }
    Ok(if missing.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

/// Servers whose items cannot be in the list.
pub(super) fn missing(client: &Client) -> Vec<String> {
    let plan = client.gateway().pipeline().plan();
    let states = plan
        .servers
        .iter()
        .map(|(name, server)| (name, server.state()));
    let down = states.filter(|(_, state)| !state.serves());
    down.map(|(name, state)| {
        let reason = state
            .error
            .unwrap_or_else(|| "it is still starting".to_owned());
        match client.is_remote() {
            true => format!("--url cannot be used: {reason}{}", advice(&reason)),
            false => format!("server `{name}` is missing: {reason}"),
        }
    })
    .collect()
}

/// Which option a gateway that runs asks for.
fn advice(reason: &str) -> &'static str {
    let asks = |words: &str| reason.contains(words);
    if asks("no valid credentials") {
        " (--key KEY, or MCPGATE_KEY)"
    } else if asks("UnknownIssuer") {
        ": its certificate is of nobody that is known here (--ca FILE names the authority, or the \
         certificate itself)"
    } else if asks("CertificateRequired") {
        " (--client-cert FILE, --client-key FILE)"
    } else {
        ""
    }
}

/// The column of names is no wider: URIs can be longer than any terminal.
const WIDEST: usize = 64;

/// A name, and what is said of it in a line.
fn row(list: List, item: &str) -> (String, String) {
    let text = |key| {
        fields::field(item, key)
            .and_then(fields::string)
            .unwrap_or_default()
    };
    let key = match list {
        List::Tools | List::Prompts => text("name"),
        List::Resources => text("uri"),
        List::Templates => text("uriTemplate"),
    };
    let told = text("description");
    let told = if told.is_empty() { text("title") } else { told };
    let first: String = told
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(90)
        .collect();
    (key.into_owned(), first)
}
