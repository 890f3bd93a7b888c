//! Reading the files of a folder into one policy.

use std::{
    collections::HashMap,
    hash::Hash,
    io,
    path::{Path, PathBuf},
};

use indexmap::IndexMap;

use super::PolicyConfig;
use crate::{
    authorise::{RuleConfig, Source},
    call::ServerName,
    config::{
        ConfigError, Environment, Fault, Paths, authorities,
        document::Document,
        file::{PolicyFile, ServersFile},
        files::Reader,
        folder_of,
        open::Places,
    },
    forward::ServerConfig,
};

/// Reads every policy file, in the order of their names, and checks what they say together.
pub(in crate::config) fn load(
    paths: &Paths,
    (environment, reader): (&Environment<'_>, &Reader),
    servers: &ServersFile,
) -> Result<(PolicyConfig, Places), ConfigError> {
    let mut texts = Vec::new();
    for path in files(paths)? {
        let text = reader.document(&path)?;
        texts.push((path, text));
    }
    let mut merged = Merged::default();
    for (path, text) in &texts {
        let document = Document::parse(path, text, (environment, reader))?;
        let file: PolicyFile = document.decode()?;
        merged.add(document, file)?;
    }
    let folder = folder_of(paths.config())?;
    for token in merged.policy.tokens.values_mut() {
        token.resolve(&folder);
        if let Some(path) = &token.key_file {
            reader.look(path);
        }
    }
    merged.check_holders()?;
    merged.check_tests(&servers.servers)?;
    let checked = merged.policy.check(&servers.servers);
    checked.map_err(|fault| merged.locate(&fault))?;
    let mut policy = std::mem::take(&mut merged.policy);
    for (name, token) in &mut policy.tokens {
        let trust = authorities::read(token.ca.as_deref(), reader);
        let located = |fault: Fault| merged.locate(&fault.under(["tokens", name.as_str()]));
        token.trust = trust.map_err(located)?;
    }
    let mut places = Places::default();
    for document in &merged.documents {
        places.note_policies(document);
    }
    Ok((policy, places))
}

/// The files so far.
#[derive(Default)]
struct Merged<'a> {
    policy: PolicyConfig,
    documents: Vec<Document<'a>>,
    /// Which of the documents has a table: `["roles", "analyst"]`.
    tables: HashMap<Vec<String>, usize>,
    /// In which of the documents each test stands, and as which of its tests.
    tests: Vec<(usize, usize)>,
}

impl<'a> Merged<'a> {
    fn add(&mut self, document: Document<'a>, file: PolicyFile) -> Result<(), ConfigError> {
        let index = self.documents.len();
        let mut tables: Vec<Vec<String>> = Vec::new();
        let roles = file
            .roles
            .iter()
            .map(|(name, role)| ("roles", name.as_str(), &role.allow, &role.deny));
        let views = file
            .views
            .iter()
            .map(|(name, view)| ("views", name.as_str(), &view.allow, &view.deny));
        for (section, name, allow, deny) in roles.chain(views) {
            self.note(&document, [section, name, "allow"], allow);
            self.note(&document, [section, name, "deny"], deny);
        }
        for (local, test) in file.tests.into_iter().enumerate() {
            let place = document.line(&["tests".to_owned(), local.to_string()]);
            self.policy.tests.push((place, test));
            self.tests.push((index, local));
        }
        let policy = &mut self.policy;
        extend(&mut policy.keys, file.keys, "keys", &mut tables);
        let certificates = file.certificates;
        extend(
            &mut policy.certificates,
            certificates,
            "certificates",
            &mut tables,
        );
        extend(&mut policy.roles, file.roles, "roles", &mut tables);
        extend(&mut policy.views, file.views, "views", &mut tables);
        extend(&mut policy.limits, file.limits, "limits", &mut tables);
        extend(&mut policy.tokens, file.tokens, "tokens", &mut tables);
        if let Some(trusted) = file.trusted_headers {
            policy.trusted_headers = Some(trusted);
            tables.push(vec!["trusted_headers".to_owned()]);
        }
        if let Some(anonymous) = file.anonymous {
            policy.anonymous = Some(anonymous);
            tables.push(vec!["anonymous".to_owned()]);
        }
        for table in tables {
            if self.tables.contains_key(&table) {
                let message = format!("already defined at {}", self.place(&table));
                return Err(document.locate(&Fault::about(table, message)));
            }
            self.tables.insert(table, index);
        }
        self.documents.push(document);
        Ok(())
    }

    /// Refuses a key that two names hold: an audit line names exactly one holder.
    fn check_holders(&self) -> Result<(), ConfigError> {
        let mut held = HashMap::new();
        for (name, key) in &self.policy.keys {
            let Some(other) = held.insert(key.hash, name) else {
                continue;
            };
            let place = self.place(&["keys".to_owned(), other.to_string()]);
            let message = format!("the same key is already held by another name, at {place}");
            return Err(self.locate(&Fault::at(["keys", name.as_str(), "hash"], message)));
        }
        Ok(())
    }

    /// Refuses a test of what is not there: it would pass as a denial of anything does.
    fn check_tests(&self, servers: &IndexMap<ServerName, ServerConfig>) -> Result<(), ConfigError> {
        for ((_, test), (document, local)) in self.policy.tests.iter().zip(&self.tests) {
            let checked = test.check(&self.policy, servers);
            checked.map_err(|fault| {
                let fault = fault.under(["tests", &local.to_string()]);
                match self.documents.get(*document) {
                    Some(document) => document.locate(&fault),
                    None => ConfigError::Unplaced(fault),
                }
            })?;
        }
        Ok(())
    }

    /// Remembers where the rules of a list stand.
    fn note(&mut self, document: &Document<'_>, list: [&str; 3], rules: &[RuleConfig]) {
        let [section, name, kind] = list;
        let list = list.map(str::to_owned);
        let place = |(index, rule): (usize, &RuleConfig)| {
            let mut path = list.to_vec();
            path.push(index.to_string());
            let when = rule.when.as_ref().map_or("", |_| " when …");
            let rule = format!("{kind} {:?}{when} of [{section}.{name}]", rule.target);
            Source::new(document.line(&path), rule)
        };
        let sources = rules.iter().enumerate().map(place).collect();
        self.policy.sources.insert(list, sources);
    }

    /// Finds the file and the line of a fault.
    fn locate(&self, fault: &Fault) -> ConfigError {
        let path = fault.path();
        let of = |depth: usize| self.tables.get(path.get(..depth)?);
        let document = of(2).or_else(|| of(1));
        match document.and_then(|index| self.documents.get(*index)) {
            Some(document) => document.locate(fault),
            None => ConfigError::Unplaced(fault.clone()),
        }
    }

    fn place(&self, table: &[String]) -> String {
        let document = self.tables.get(table);
        let document = document.and_then(|index| self.documents.get(*index));
        document.map_or_else(String::new, |document| document.place(table))
    }
}

fn extend<K: Hash + Eq + ToString, V>(
    into: &mut IndexMap<K, V>,
    from: IndexMap<K, V>,
    section: &str,
    tables: &mut Vec<Vec<String>>,
) {
    for (name, value) in from {
        tables.push(vec![section.to_owned(), name.to_string()]);
        into.insert(name, value);
    }
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
