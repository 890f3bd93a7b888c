//! What every command can be told: which files it reads, or which gateway it asks instead.

use std::path::Path;

use super::{CliError, Options, Remote, launch};
use crate::{
    call::ServerName,
    config::{self, Config, ConfigError, Overrides, Paths},
    forward::{ServerConfig, Trust},
    gateway::Source,
};

impl Options {
    pub(super) fn paths(&self) -> Result<Paths, ConfigError> {
        Paths::find(self.config.clone(), self.policies.clone())
    }

    /// The files, read with what the command line says beside them: now, and at each reload.
    pub(super) fn files(&self, overrides: Overrides) -> Result<Source, ConfigError> {
        let read = move |paths: &Paths| {
            let config = config::load(paths)?.overlay(&overrides)?;
            Ok(config.launched_through(&launch::launcher()))
        };
        Ok(Source::new(self.paths()?, read))
    }

    /// The same, with these files.
    pub(super) fn named(&self, config: &Path, policies: &Path) -> Self {
        Self {
            config: Some(config.to_owned()),
            // A folder that is not there may be so only where nobody names it.
            policies: policies.exists().then(|| policies.to_owned()),
            log_level: self.log_level.clone(),
            log_format: self.log_format,
        }
    }

    pub(super) fn load(&self) -> Result<Config, CliError> {
        Ok(config::load(&self.paths()?)?.launched_through(&launch::launcher()))
    }

    /// The config, or one that has the running gateway as its only server, under bare names.
    pub(super) fn source(&self, remote: &Remote) -> Result<Config, CliError> {
        let Some(url) = &remote.url else {
            if !remote.trust.is_empty() {
                let words = "--client-cert and --client-key are for a gateway that runs: name it \
                             with --url URL";
                return Err(CliError::Usage(words.to_owned()));
            }
            return self.load();
        };
        let mut server = ServerConfig {
            url: Some(url.as_str().into()),
            prefix: Some(String::new()),
            ..ServerConfig::default()
        };
        if url.starts_with("https://") || !remote.trust.is_empty() {
            server.trust = Some(Trust::of_options(remote.trust.config()?));
        }
        // A variable that is empty counts as not set.
        if let Some(key) = remote.key.as_ref().filter(|key| !key.is_empty()) {
            if !key.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
                let words = "--key, or MCPGATE_KEY: a key is one line of visible characters";
                return Err(CliError::Usage(words.to_owned()));
            }
            let value = format!("Bearer {key}");
            server
                .headers
                .insert("authorization".to_owned(), value.as_str().into());
        }
        let name = ServerName::try_from("remote".to_owned());
        let name = name.map_err(|error| CliError::Usage(error.to_owned()))?;
        let mut config = Config::one_server(name, server)?;
        config.gateway.names = crate::gateway::Names::Verbatim;
        Ok(config)
    }
}
