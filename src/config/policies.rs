//! `policies/*.toml`, merged.

use std::{
    io,
    path::{Path, PathBuf},
};

use indexmap::IndexMap;

use super::{
    ConfigError, Environment, Fault, Paths,
    document::{self, Document},
    file::PolicyFile,
};
use crate::authenticate::KeyConfig;
use crate::call::KeyName;

/// Reads every policy file, in the order of their names.
pub(super) fn load(
    paths: &Paths,
    environment: &Environment<'_>,
) -> Result<IndexMap<KeyName, KeyConfig>, ConfigError> {
    let mut keys = IndexMap::new();
    for path in files(paths)? {
        let text = document::read(&path)?;
        let document = Document::parse(&path, &text, environment)?;
        let file: PolicyFile = document.decode()?;
        for (name, key) in file.keys {
            add(&mut keys, &document, name, key)?;
        }
    }
    let without_places = keys.into_iter().map(|(name, (key, _))| (name, key));
    Ok(without_places.collect())
}

/// Adds a key, unless its name or its hash is taken: an audit line names exactly one holder.
fn add(
    keys: &mut IndexMap<KeyName, (KeyConfig, String)>,
    document: &Document<'_>,
    name: KeyName,
    key: KeyConfig,
) -> Result<(), ConfigError> {
    if let Some((_, earlier)) = keys.get(&name) {
        let message = format!("this name is already taken at {earlier}");
        return Err(document.locate(&Fault::at_key(["keys", name.as_str()], message)));
    }
    let same_key = keys.values().find(|(other, _)| other.hash == key.hash);
    if let Some((_, earlier)) = same_key {
        let message = format!("the same key is already held by another name, at {earlier}");
        return Err(document.locate(&Fault::at(["keys", name.as_str(), "hash"], message)));
    }
    let place = document.place(&["keys".to_owned(), name.as_str().to_owned()]);
    keys.insert(name, (key, place));
    Ok(())
}

fn files(paths: &Paths) -> Result<Vec<PathBuf>, ConfigError> {
    let folder = paths.policies();
    match list(folder) {
        Ok(files) => Ok(files),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !paths.policies_expected() => {
            Ok(Vec::new())
        }
        Err(error) => Err(ConfigError::Unreadable(folder.to_path_buf(), error)),
    }
}

fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        // Editors leave hidden files beside the one they have open.
        if name.ends_with(".toml") && !name.starts_with('.') {
            files.push(folder.join(name.as_ref()));
        }
    }
    files.sort();
    Ok(files)
}
