//! Reading the files again: all of it counts, or nothing.
//!
//! Everything is read and checked first. Then the plan is replaced whole, once: a server whose table
//! has not changed stays as it is, with its children and sessions, and so does what limits have
//! counted. One that is gone or has changed is let go when the calls under way there have ended; a
//! new one is connected to meanwhile.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, MutexGuard, OnceLock, PoisonError},
};

use tokio::{sync::Mutex, task::spawn_blocking};

use super::{
    GatewayConfig, Material, keepers::Keepers, policy, reloaded::Reloaded, systemd, tls::Tls, watch,
};
use crate::{
    authenticate::jwt::Tokens,
    config::{Config, ConfigError, Files, Paths},
    observe::{MetricsConfig, audit::AuditConfig},
};

type Read = dyn Fn(&Paths) -> Result<Config, ConfigError> + Send + Sync;

/// Where a configuration comes from: the same for the start and for each reload.
pub struct Source {
    paths: Paths,
    read: Box<Read>,
}

impl Source {
    /// These files, read so. `read` may wait for the disk.
    pub fn new(
        paths: Paths,
        read: impl Fn(&Paths) -> Result<Config, ConfigError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            paths,
            read: Box::new(read),
        }
    }

    /// Where the files are.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// Reads and checks them.
    ///
    /// # Errors
    /// As [`crate::config::load`].
    pub fn read(&self) -> Result<Config, ConfigError> {
        (self.read)(&self.paths)
    }
}

/// Why a reload has changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The gateway does not know where its configuration came from.
    #[error("this gateway was not started from files, so there is nothing to read again")]
    NoFiles,
    /// The files say something wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file is empty that was not: whoever writes it has only begun.
    #[error(
        "{} has become empty, as if it were half written; if that is meant, leave a comment in it",
        .0.display()
    )]
    Emptied(PathBuf),
    /// The reading was broken off.
    #[error("the files were not read to their end: {0}")]
    Unread(#[from] tokio::task::JoinError),
    /// The certificate would be one that has expired, in the place of one that has not.
    #[error(
        "the certificate in {} has expired on {}, and the one that is served has not: it stays",
        .0.file.display(), .0.certificate.expires
    )]
    Expired(Material),
    /// The gateway is about to end.
    #[error("the gateway is stopping")]
    Stopping,
}

/// Reads a gateway's files again. Clones do so for the same gateway.
#[derive(Clone)]
pub struct Reloader(Arc<Inner>);

struct Inner {
    keepers: Keepers,
    source: OnceLock<Arc<Source>>,
    /// What it speaks TLS with, if it does.
    tls: Option<Arc<Tls>>,
    /// Where it listens.
    addresses: std::sync::Mutex<Vec<SocketAddr>>,
    /// One reload at a time.
    running: Mutex<Running>,
}

/// The configuration in force.
struct Running {
    config: Config,
    /// What only the start looks at.
    started: (GatewayConfig, AuditConfig, MetricsConfig),
}

impl Reloader {
    pub(super) fn new(keepers: Keepers, config: &Config) -> Self {
        Self(Arc::new(Inner {
            keepers,
            source: OnceLock::new(),
            tls: config.tls.clone().map(|tls| Arc::new(Tls::new(tls))),
            addresses: std::sync::Mutex::default(),
            running: Mutex::new(Running {
                config: config.clone(),
                started: (
                    config.gateway.clone(),
                    config.audit.clone(),
                    config.metrics.clone(),
                ),
            }),
        }))
    }

    pub(super) fn keepers(&self) -> &Keepers {
        &self.0.keepers
    }

    pub(super) fn set_source(&self, source: Source) {
        // A gateway is started once.
        drop(self.0.source.set(Arc::new(source)));
    }

    /// It serves there from now on.
    pub(super) fn serves(&self, address: SocketAddr) {
        self.addresses().push(address);
    }

    /// What it speaks TLS with, if it does; from now on somebody looks whether the certificate ends.
    pub(super) fn tls(&self) -> Option<Arc<Tls>> {
        let tls = self.0.tls.clone()?;
        tls.kept(&self.0.keepers);
        Some(tls)
    }

    fn addresses(&self) -> MutexGuard<'_, Vec<SocketAddr>> {
        let addresses = self.0.addresses.lock();
        addresses.unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads all files again, and puts in force what they say.
    ///
    /// # Errors
    /// When they cannot be read, or say anything that is not understood. Then nothing has changed.
    pub async fn reload(&self) -> Result<Reloaded, ReloadError> {
        let outcome = self.attempt(false).await;
        outcome.unwrap_or_else(|| Ok(Reloaded::default()))
    }

    /// The same where they differ from what is in force, or from what was wrong with them before.
    pub(super) async fn reload_if_changed(&self) {
        // It has been said already how it went.
        drop(self.attempt(true).await);
    }

    /// Reads all files again whenever one of them changes, until the gateway ends.
    pub fn watch(&self) {
        let (reloader, stop) = (self.clone(), self.0.keepers.stop.clone());
        let watching = async move {
            stop.run_until_cancelled(watch::follow(&reloader)).await;
        };
        self.0.keepers.tasks.spawn(watching);
    }

    /// Where the files are, and which were read for what is in force.
    pub(super) async fn files(&self) -> Option<(Paths, Files)> {
        let source = self.0.source.get()?;
        let running = self.0.running.lock().await;
        Some((source.paths().clone(), running.config.files.clone()))
    }

    async fn attempt(&self, if_changed: bool) -> Option<Result<Reloaded, ReloadError>> {
        let Some(source) = self.0.source.get().cloned() else {
            return Some(Err(ReloadError::NoFiles));
        };
        let mut running = self.0.running.lock().await;
        let reloads = &self.0.keepers.pipeline.metrics.reloads;
        let read = read(source).await;
        let read = read.and_then(|read| match read.0.files.emptied(&running.config.files) {
            Some(file) => Err(ReloadError::Emptied(file.to_owned())),
            None => Ok(read),
        });
        let before = reloads.last().and_then(|last| last.error);
        let told = match &read {
            Ok((config, _)) => before.is_none() && *config == running.config,
            Err(error) => before == Some(error.to_string()),
        };
        if if_changed && told {
            return None;
        }
        // From here on nothing waits: who gives up has changed nothing, or all of it.
        systemd::reloading();
        let outcome = read.and_then(|(config, tokens)| self.apply(&mut running, config, tokens));
        systemd::ready();
        match &outcome {
            Ok(reloaded) => {
                tracing::info!("reloaded: {reloaded}");
                if !reloaded.needs_restart.is_empty() {
                    let keys = reloaded.needs_restart.join(", ");
                    tracing::warn!("needs a restart to take effect: {keys}");
                }
                reloads.succeeded(reloaded.needs_restart.clone());
            }
            Err(error) => {
                tracing::error!("not reloaded, nothing has changed: {error}");
                reloads.failed(error.to_string());
            }
        }
        Some(outcome)
    }

    fn apply(
        &self,
        running: &mut Running,
        mut config: Config,
        tokens: Tokens,
    ) -> Result<Reloaded, ReloadError> {
        let keepers = &self.0.keepers;
        if keepers.stop.is_cancelled() {
            return Err(ReloadError::Stopping);
        }
        for address in self.addresses().iter() {
            config.may_serve(*address)?;
        }
        if let (Some(tls), Some(material)) = (&self.0.tls, &config.tls)
            && tls.loses_by(material)
        {
            return Err(ReloadError::Expired(material.clone()));
        }
        // The same authorities need not be asked again for those who are connected.
        if config.tls == running.config.tls {
            config.tls = running.config.tls.clone();
        }
        let before = keepers.pipeline.plan();
        let policy = policy::policy(&config, tokens, Some(&before.policy));
        let (gateway, audit, metrics) = &running.started;
        let servers = before.servers.after(&config.servers, gateway.max_message);
        let servers = Arc::new(servers);
        let mut reloaded = Reloaded::between(&before.servers, &servers);
        reloaded.restart("gateway", &config.gateway.restarts(gateway));
        reloaded.restart("audit", &config.audit.restarts(audit));
        let metrics = config.metrics.restarts(metrics);
        reloaded.restart("metrics", &metrics);
        if config.traces != running.config.traces {
            keepers.pipeline.trace_as(config.traces.as_ref());
        }
        keepers.pipeline.replace(Arc::new(policy), servers.clone());
        if !self.addresses().is_empty() {
            let plan = keepers.pipeline.plan();
            plan.policy.credentials.tokens.prefetch();
        }
        for (_, server) in before.servers.iter() {
            if !servers.have(server) {
                keepers.dismiss(server, &before.servers);
            }
        }
        for (_, server) in servers.iter() {
            if !before.servers.have(server) {
                keepers.keep(server);
            }
        }
        if let (Some(tls), Some(material)) = (&self.0.tls, &config.tls) {
            tls.replace(material);
            tls.look(&keepers.pipeline.metrics);
        }
        // Once for each that has come, not at each file that is saved.
        let open = config.opened_since(&running.config);
        for words in open.into_iter().chain(config.warnings()) {
            tracing::warn!("{words}");
        }
        running.config = config;
        Ok(reloaded)
    }
}

/// Apart from the threads that serve calls, which must not wait for a disk.
async fn read(source: Arc<Source>) -> Result<(Config, Tokens), ReloadError> {
    let read = move || {
        let config = source.read()?;
        let tokens = policy::tokens(&config)?;
        Ok((config, tokens))
    };
    spawn_blocking(read).await?
}
