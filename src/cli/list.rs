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
        for item in
            fields::items(fields::field(&result, list.key()).unwrap_or("[]")).unwrap_or_default()
        {
            log::print(&line(*list, item))?;
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
        format!("server `{name}` is missing: {reason}")
    })
    .collect()
}

fn line(list: List, item: &str) -> String {
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
    format!("{key:<40} {first}").trim_end().to_owned()
}
