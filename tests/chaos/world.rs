//! What everybody shares.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::{
    Failure, files::Files, gateway::Gateway, ledger::Ledger, servers::Servers, turmoil::Turmoil,
};

/// What everybody shares.
pub(crate) struct World {
    /// The gateway's address, which stays.
    pub(crate) address: SocketAddr,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) turmoil: Turmoil,
    pub(crate) servers: Servers,
    /// Held by whoever restarts it: and then the files are what they should be.
    pub(crate) gateway: Mutex<Gateway>,
    pub(crate) files: Mutex<Files>,
    folder: PathBuf,
    /// Removed at the end.
    kept: std::sync::Mutex<Option<TempDir>>,
}

impl World {
    /// Servers, files and a gateway that serves them.
    pub(crate) async fn build(settings: (&'static str, bool)) -> Result<Arc<Self>, Failure> {
        let folder = tempfile::Builder::new()
            .prefix("mcpgate-chaos-")
            .tempdir()?;
        let ledger: Arc<Ledger> = Arc::default();
        let servers = Servers::start(&ledger)?;
        let here = std::env::current_exe()?;
        let fake = here.with_file_name("fake_server");
        if !fake.exists() {
            return Err("build it first: cargo build --example fake_server".into());
        }
        let mut files = Files::new(folder.path(), fake, servers.addresses(), settings);
        files.reset()?;
        let mut gateway = Gateway::new(folder.path(), ledger.clone())?;
        gateway.start().await?;
        Ok(Arc::new(Self {
            address: gateway.address()?,
            ledger,
            turmoil: Turmoil::default(),
            servers,
            gateway: Mutex::new(gateway),
            files: Mutex::new(files),
            folder: folder.path().to_owned(),
            kept: std::sync::Mutex::new(Some(folder)),
        }))
    }

    /// The folder of the gateway's files.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Leaves the folder there, to be looked at.
    pub(crate) fn keep(&self) {
        let mut kept = self
            .kept
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(kept) = kept.take() {
            drop(kept.keep());
        }
    }
}
