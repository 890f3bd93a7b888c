//! From files to one checked, immutable configuration.
//!
//! The config file is our own `servers.toml`, or that of a client (`foreign.rs`).
//!
//! [`load`] is the only way in: every command calls it, so that a file which passes one passes
//! all. It reads `servers.toml`, then `policies/*.toml` in the order of their names, and stops at
//! the first thing it does not understand.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use indexmap::IndexMap;

use crate::{
    call::ServerName,
    forward::ServerConfig,
    gateway::{GatewayConfig, Material, TlsConfig},
    observe::{MetricsConfig, audit::AuditConfig, trace::TracesConfig},
};

mod authorities;
pub mod change;
mod document;
mod error;
mod expand;
mod fault;
mod file;
mod files;
mod foreign;
mod open;
mod overrides;
mod paths;
mod policies;
mod role;
mod test_case;
mod warnings;
mod wording;

pub use error::ConfigError;
pub use expand::Environment;
pub use fault::Fault;
pub use files::Files;
pub use foreign::{check_entry, misplaced, read_client};
pub use overrides::Overrides;
pub use paths::Paths;
pub use policies::PolicyConfig;
pub use role::{AnonymousConfig, RoleConfig, ViewConfig};
pub use test_case::{Expect, TestCaller, TestConfig};

use document::Document;
use file::ServersFile;
use files::Reader;
use open::Places;

/// Everything the files say, checked and with every reference resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `[gateway]`.
    pub gateway: GatewayConfig,
    /// `[audit]`.
    pub audit: AuditConfig,
    /// `[metrics]`.
    pub metrics: MetricsConfig,
    /// `[traces]`, with what it takes from the environment.
    pub traces: Option<TracesConfig>,
    /// `[servers.*]`, in the order of the file: the earlier one wins where names collide.
    pub servers: IndexMap<ServerName, ServerConfig>,
    /// What all policy files say.
    pub policy: PolicyConfig,
    /// The folder of the config file, absolute: relative paths start here.
    pub folder: PathBuf,
    /// The certificate that is served with, as it stood in the files of `[gateway.tls]`.
    pub tls: Option<Material>,
    /// All that was read for it.
    pub files: Files,
    /// Where some of it stands.
    places: Places,
    /// Where the config file is a client's: what it says and is not served, with its place.
    pub left_out: Vec<String>,
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
    let reader = Reader::default();
    let text = reader.document(paths.config())?;
    read(paths, environment, (&text, reader))
}

/// [`load_with`], as if the config file said this.
fn load_text(
    paths: &Paths,
    environment: &Environment<'_>,
    text: &str,
) -> Result<Config, ConfigError> {
    read(paths, environment, (text, Reader::default()))
}

/// Tries something as if every variable were set: what they will hold nobody knows, but most likely
/// it is a word, or an address.
fn as_if_set<T>(
    does: impl Fn(&Environment<'_>) -> Result<T, ConfigError>,
) -> Result<T, ConfigError> {
    let with = |unset: &str| {
        let environment = Environment {
            variable: &|name| std::env::var(name).ok().or_else(|| Some(unset.to_owned())),
            ..Environment::of_process()
        };
        does(&environment)
    };
    with("x").or_else(|error| with("http://x").map_err(|_second| error))
}

fn read(
    paths: &Paths,
    environment: &Environment<'_>,
    (text, reader): (&str, Reader),
) -> Result<Config, ConfigError> {
    let document = Document::parse(paths.config(), text, (environment, &reader))?;
    let file: ServersFile = document.decode()?;
    file.check().map_err(|fault| document.locate(&fault))?;

    let (policy, mut places) = policies::load(paths, (environment, &reader), &file)?;
    places.note_gateway(&document);
    let checked = policy.check_gateway(&file.gateway);
    checked.map_err(|fault| document.locate(&fault))?;
    let folder = folder_of(paths.config())?;
    let left_out = document.left_out();
    for words in &left_out {
        tracing::warn!("{words}");
    }
    let (mut gateway, mut servers) = (file.gateway, file.servers);
    gateway.resolve(&folder);
    let tls = gateway.tls.as_ref();
    let tls = tls.map(|tls| Material::read(tls, |path| reader.bytes(path)));
    let tls = tls.transpose().map_err(|fault| {
        let fault = fault.under(["gateway", "tls"]);
        document.locate(&fault)
    })?;
    let (metrics, mut audit) = (file.metrics, file.audit);
    audit.resolve(&folder);
    let mut traces = file.traces;
    if let Some(traces) = &mut traces {
        let resolved = authorities::resolve(traces, &folder, (environment, &reader));
        resolved.map_err(|fault| document.locate(&fault.under(["traces"])))?;
    }
    for (name, server) in &mut servers {
        server.resolve(&folder, environment.program);
        let trust = authorities::read(server.ca.as_deref(), &reader);
        server.trust =
            trust.map_err(|fault| document.locate(&fault.under(["servers", name.as_str()])))?;
    }
    Ok(Config {
        gateway,
        audit,
        metrics,
        traces,
        servers,
        policy,
        folder,
        tls,
        files: reader.files(),
        places,
        left_out,
    })
}

/// `[gateway]` alone, for who talks to a gateway that runs: what else the files need may be there
/// for the gateway only.
///
/// # Errors
///
/// When the file cannot be read, or its `[gateway]` is not understood.
pub fn load_gateway(paths: &Paths) -> Result<GatewayConfig, ConfigError> {
    let (environment, reader) = (Environment::of_process(), Reader::default());
    let text = reader.document(paths.config())?;
    let outside = (&environment, &reader);
    let document = Document::parse_section(paths.config(), &text, "gateway", outside)?;
    let mut gateway = document.decode::<ServersFile>()?.gateway;
    gateway.resolve(&folder_of(paths.config())?);
    Ok(gateway)
}

/// What is said to somebody who names a server that is not there.
pub(crate) fn no_server<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    wording::no_table("servers", typed, known)
}

impl Config {
    /// A configuration of one server and nothing else, for `mcpgate list --url …`.
    ///
    /// # Errors
    ///
    /// When the server's settings contradict each other or are malformed.
    pub fn one_server(name: ServerName, mut server: ServerConfig) -> Result<Self, ConfigError> {
        let unplaced =
            |fault: Fault| ConfigError::Unplaced(fault.under(["servers", name.as_str()]));
        server.check().map_err(unplaced)?;
        let folder = folder_of(Path::new("servers.toml"))?;
        server.resolve(&folder, Environment::of_process().program);
        let reader = Reader::default();
        let named = authorities::read(server.ca.as_deref(), &reader).map_err(unplaced)?;
        server.trust = named.or(server.trust);
        Ok(Self {
            gateway: GatewayConfig::default(),
            audit: AuditConfig::default(),
            metrics: MetricsConfig::default(),
            traces: None,
            servers: IndexMap::from([(name, server)]),
            policy: PolicyConfig::default(),
            folder,
            tls: None,
            files: reader.files(),
            places: Places::default(),
            left_out: Vec::new(),
        })
    }

    /// The same, with servers that are launched through this program: `mcpgate` itself. It sees to
    /// it that they end with the gateway. Left out, they are launched directly.
    #[must_use]
    pub fn launched_through(mut self, mcpgate: &Path) -> Self {
        for server in self.servers.values_mut() {
            server.launcher = Some(mcpgate.to_path_buf());
        }
        self
    }

    /// The server of that name.
    ///
    /// # Errors
    /// When there is none; the words have the nearest.
    pub fn server(&self, name: &str) -> Result<&ServerConfig, String> {
        let known = self.servers.keys().map(ServerName::as_str);
        let found = self.servers.get(name);
        found.ok_or_else(|| wording::no_table("servers", name, known))
    }

    /// Whether `listen` may be served: strangers who reach it need a key, or an explicit welcome.
    ///
    /// Asked when serving starts and not by [`load`], because `mcpgate stdio` listens nowhere.
    ///
    /// # Errors
    ///
    /// When the address is not loopback, no key is configured, and no setting allows that.
    pub fn may_serve(&self, listen: SocketAddr) -> Result<(), ConfigError> {
        let tls = self.gateway.tls.as_ref();
        let reachable_by_strangers = !listen.ip().to_canonical().is_loopback()
            && !tls.is_some_and(TlsConfig::keeps_strangers_out);
        if reachable_by_strangers
            && self.policy.asks_nobody()
            && !self.gateway.allow_unauthenticated
        {
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
