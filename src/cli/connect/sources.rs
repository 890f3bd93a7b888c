//! Which files somebody means.

use std::path::{Path, PathBuf};

use super::super::CliError;
use crate::clients::{Client, Facts, Machine};

/// A client's file.
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) client: Option<Client>,
}

/// The files that words mean: paths, or names of clients.
///
/// # Errors
/// When a word means neither, or a client has no file here.
pub(super) fn named(words: &[String], machine: &Machine<'_>) -> Result<Vec<Source>, CliError> {
    let mut sources = Vec::new();
    for word in words {
        let path = PathBuf::from(word);
        let client = Client::named(word);
        match client {
            Some(client) if !path.is_file() => sources.extend(of_client(client, machine)?),
            None if !path.exists() && !looks_like_a_path(word) => return Err(unknown(word)),
            Some(_) | None => sources.push(Source {
                client: Client::of_file(&path),
                path,
            }),
        }
    }
    Ok(sources)
}

/// All that there are on this machine: of this person, and of the project in this folder.
pub(super) fn found(machine: &Machine<'_>) -> Result<Vec<Source>, CliError> {
    let all = Client::ALL.into_iter();
    let sources: Vec<Source> = all.flat_map(|client| existing(client, machine)).collect();
    match sources.is_empty() {
        false => Ok(sources),
        true => {
            let places = Client::ALL
                .into_iter()
                .flat_map(|client| places(client, machine));
            let places: Vec<String> = places
                .map(|place| format!("\n  {}", place.display()))
                .collect();
            let words = "no client's file is here; looked for";
            let instead = "`mcpgate init` writes a config without one";
            Err(CliError::Answer(format!(
                "{words}{}\n{instead}",
                places.concat()
            )))
        }
    }
}

/// The client of that name.
///
/// # Errors
/// When there is none; the words have all.
pub(super) fn client(word: &str) -> Result<Client, String> {
    Client::named(word).ok_or_else(|| {
        let names: Vec<&str> = Client::ALL
            .iter()
            .map(|client| client.facts().name)
            .collect();
        format!("known clients: {}", names.join(", "))
    })
}

/// What is said to somebody who names none.
pub(super) fn which(machine: &Machine<'_>) -> String {
    let is_here = |client: &Client| !existing(*client, machine).is_empty();
    let (here, others): (Vec<Client>, Vec<Client>) = Client::ALL.into_iter().partition(is_here);
    let named = |clients: &[Client]| {
        let names: Vec<&str> = clients.iter().map(|client| client.facts().name).collect();
        names.join(", ")
    };
    let example = here.first().or(others.first());
    let example = example.map_or("", |client| client.facts().name);
    let question = match here.is_empty() {
        true => format!("into which client? {}", named(&others)),
        false => format!(
            "into which client? Files of {} are here; it can be {}, too",
            named(&here),
            named(&others)
        ),
    };
    format!("{question}\nfor example: mcpgate install {example}")
}

fn of_client(client: Client, machine: &Machine<'_>) -> Result<Vec<Source>, CliError> {
    let sources = existing(client, machine);
    if sources.is_empty() {
        let places = places(client, machine).into_iter();
        let places: Vec<String> = places.map(|place| place.display().to_string()).collect();
        let places = places.join(" nor ");
        return Err(CliError::Answer(format!(
            "{client} has no file here: neither {places} is there"
        )));
    }
    Ok(sources)
}

fn existing(client: Client, machine: &Machine<'_>) -> Vec<Source> {
    let places = places(client, machine).into_iter();
    let there = places.filter(|path| path.is_file());
    there
        .map(|path| Source {
            path,
            client: Some(client),
        })
        .collect()
}

fn places(client: Client, machine: &Machine<'_>) -> Vec<PathBuf> {
    let Facts { user, project, .. } = client.facts();
    let of_person = user.and_then(|files| machine.path(files));
    let project = project.map(PathBuf::from);
    of_person.into_iter().chain(project).collect()
}

fn looks_like_a_path(word: &str) -> bool {
    word.contains(['/', '.']) || Path::new(word).extension().is_some()
}

fn unknown(word: &str) -> CliError {
    let names: Vec<&str> = Client::ALL
        .iter()
        .map(|client| client.facts().name)
        .collect();
    let near = |name: &&&str| strsim::damerau_levenshtein(word, name);
    let nearest = names.iter().min_by_key(near).filter(|name| near(name) <= 3);
    let advice = match nearest {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("clients: {}", names.join(", ")),
    };
    CliError::Usage(format!("`{word}` is neither a file nor a client; {advice}"))
}
