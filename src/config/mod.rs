//! From files to one checked, immutable configuration.
//!
//! [`load`] is the only way in: boot, `mcpgate check` and reload all call it,
//! so that a file which passes one passes all. It reads `servers.toml`, then `policies/*.toml` in the
//! order of their names, and stops at the first thing it does not understand.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use indexmap::IndexMap;

use crate::{
    authenticate::KeyConfig,
    call::{KeyName, ServerName},
    forward::ServerConfig,
    gateway::GatewayConfig,
};

mod document;
mod error;
mod expand;
mod fault;
mod file;
mod paths;
mod policies;
mod wording;

pub use error::ConfigError;
pub use expand::Environment;
pub use fault::Fault;
pub use paths::Paths;

use document::Document;
use file::ServersFile;

/// Everything the files say, checked and with every reference resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `[gateway]`.
    pub gateway: GatewayConfig,
    /// `[servers.*]`, in the order of the file: the earlier one wins where names collide.
    pub servers: IndexMap<ServerName, ServerConfig>,
    /// `[keys.*]` of all policy files.
    pub keys: IndexMap<KeyName, KeyConfig>,
    /// The folder of the config file, absolute: relative paths start here.
    pub folder: PathBuf,
}

/// Reads and checks all files, with the variables of this process.
///
/// # Errors
///
/// When a file cannot be read, or says anything that is not understood.
pub fn load(paths: &Paths) -> Result<Config, ConfigError> {
    load_with(paths, &Environment::of_process())
}

/// [`load`], with the variables that the caller chooses.
///
/// # Errors
///
/// As [`load`].
pub fn load_with(paths: &Paths, environment: &Environment<'_>) -> Result<Config, ConfigError> {
    let text = document::read(paths.config())?;
    let document = Document::parse(paths.config(), &text, environment)?;
    let file: ServersFile = document.decode()?;
    file.check().map_err(|fault| document.locate(&fault))?;

    let keys = policies::load(paths, environment)?;
    let folder = folder_of(paths.config())?;
    let mut servers = file.servers;
    for server in servers.values_mut() {
        server.resolve(&folder, environment.program);
    }
    Ok(Config {
        gateway: file.gateway,
        servers,
        keys,
        folder,
    })
}

impl Config {
    /// A configuration of one server and nothing else, for `mcpgate list --url …`.
    ///
    /// # Errors
    ///
    /// When the server's settings contradict each other or are malformed.
    pub fn one_server(name: ServerName, mut server: ServerConfig) -> Result<Self, ConfigError> {
        server
            .check()
            .map_err(|fault| ConfigError::Unplaced(fault.under(["servers", name.as_str()])))?;
        let folder = folder_of(Path::new("servers.toml"))?;
        server.resolve(&folder, Environment::of_process().program);
        Ok(Self {
            gateway: GatewayConfig::default(),
            servers: IndexMap::from([(name, server)]),
            keys: IndexMap::new(),
            folder,
        })
    }

    /// Whether `listen` may be served: strangers who reach it need a key, or an explicit welcome.
    ///
    /// Asked when serving starts and not by [`load`], because `mcpgate stdio` listens nowhere.
    ///
    /// # Errors
    ///
    /// When the address is not loopback, no key is configured, and no setting allows that.
    pub fn may_serve(&self, listen: SocketAddr) -> Result<(), ConfigError> {
        let reachable_by_strangers = !listen.ip().to_canonical().is_loopback();
        if reachable_by_strangers && self.keys.is_empty() && !self.gateway.allow_unauthenticated {
            return Err(ConfigError::OpenToStrangers(listen));
        }
        Ok(())
    }
}

fn folder_of(file: &Path) -> Result<PathBuf, ConfigError> {
    let absolute = std::path::absolute(file)
        .map_err(|error| ConfigError::Unreadable(file.to_path_buf(), error))?;
    Ok(absolute.parent().unwrap_or(Path::new("/")).to_path_buf())
}
