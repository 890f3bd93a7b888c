//! What must be so of any files that come as the config.
//!
//! The text is that of `servers.toml`; what follows the line [`POLICIES`] is that of a policy file.

use std::{
    fs,
    path::{Path, PathBuf},
};

use mcpgate::{
    config::{Config, ConfigError, Environment, Paths, load_with},
    gateway::{cases, plan},
};
use tokio::runtime::{Builder, Runtime};

const POLICIES: &str = "\n#### policies\n";
/// It comes in by `${TOKEN}`, and goes into no message.
const SECRET: &str = "hunter2-hunter2";

thread_local! {
    // Never dropped: at the end of a thread there is no context any more to do that in.
    static RUNTIME: &'static Runtime =
        Box::leak(Box::new(Builder::new_current_thread().enable_all().build().unwrap()));
}

pub(crate) fn check(data: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("policies")).unwrap();
    RUNTIME.with(|runtime| {
        let _inside = runtime.enter();
        try_out(folder.path(), data);
    });
}

fn try_out(folder: &Path, data: &[u8]) {
    let marker = POLICIES.as_bytes();
    let at = data
        .windows(marker.len())
        .position(|window| window == marker);
    let (servers, policy) = match at {
        Some(at) => (&data[..at], &data[at + marker.len()..]),
        None => (data, &b""[..]),
    };
    let files = [
        (folder.join("servers.toml"), servers),
        (folder.join("policies/fuzz.toml"), policy),
    ];
    for (path, text) in &files {
        fs::write(path, text).unwrap();
    }
    match loaded(folder) {
        Ok(config) => {
            assert_eq!(loaded(folder).unwrap(), config);
            // A test that fails says so; none may end the process.
            assert_eq!(cases(&config).len(), config.policy.tests.len());
            drop(plan(&config));
        }
        Err(error) => {
            let words = error.to_string();
            assert!(!words.contains(SECRET), "{words}");
            places_the_mistake(&error, &files);
            assert_eq!(loaded(folder).unwrap_err().to_string(), words);
        }
    }
}

fn loaded(folder: &Path) -> Result<Config, ConfigError> {
    let environment = Environment {
        variable: &|name| (name == "TOKEN").then(|| SECRET.to_owned()),
        program: Path::new("/usr/bin/mcpgate"),
    };
    let paths = Paths::find(Some(folder.join("servers.toml")), None)?;
    load_with(&paths, &environment)
}

/// Every mistake has a place: a file, and a line and a column that it has.
fn places_the_mistake(error: &ConfigError, files: &[(PathBuf, &[u8])]) {
    let text_of = |path: &Path| files.iter().find(|(other, _)| other == path).unwrap().1;
    match error {
        ConfigError::Wrong {
            file,
            line,
            column,
            message,
        } => {
            let text = str::from_utf8(text_of(file)).unwrap();
            let there = text.split('\n').nth(line.checked_sub(1).unwrap());
            let there = there.unwrap_or_else(|| panic!("no line {line}: {error}"));
            let columns = 1..=there.chars().count() + 1;
            assert!(columns.contains(column), "no column {column}: {error}");
            assert!(!message.trim().is_empty(), "{error}");
        }
        ConfigError::Unreadable(path, _) => assert!(str::from_utf8(text_of(path)).is_err()),
        ConfigError::NotFound(_)
        | ConfigError::Unplaced(_)
        | ConfigError::Option { .. }
        | ConfigError::OpenToStrangers(_) => panic!("nowhere: {error}"),
    }
}
