//! mcp-proxy 0.6.0 with nothing switched on: no keys, no audit, no metrics, only errors in its log.

use std::{env, fs, net::SocketAddr};

use tempfile::TempDir;
use tokio::process::Command;

use super::rivals::{free_address, until_listening};
use crate::bed::{Failure, process::Process};

/// Where the program is, if it is not in the path.
const PROGRAM: &str = "MCP_PROXY";

/// An mcp-proxy that runs.
pub(super) struct McpProxy {
    /// The process.
    pub(super) process: Process,
    /// Where it listens.
    pub(super) address: SocketAddr,
    _folder: TempDir,
}

impl McpProxy {
    /// Starts one with these `[[backends]]`.
    pub(super) async fn start(backends: &str) -> Result<Self, Failure> {
        let proxy = Self::launch(backends)?;
        until_listening(proxy.address).await?;
        Ok(proxy)
    }

    /// Launches one.
    pub(super) fn launch(backends: &str) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let address = free_address()?;
        let config = folder.path().join("proxy.toml");
        let text = format!(
            "[proxy]\nname = \"bench\"\n[proxy.listen]\nhost = \"127.0.0.1\"\nport = {}\n\
             [observability]\nlog_level = \"error\"\n{backends}",
            address.port()
        );
        fs::write(&config, text)?;
        let process = Process::launch(program().arg("--config").arg(&config))
            .map_err(|error| format!("mcp-proxy: {error} (benches/run installs it)"))?;
        Ok(Self {
            process,
            address,
            _folder: folder,
        })
    }
}

/// The program.
pub(super) fn program() -> Command {
    Command::new(env::var_os(PROGRAM).unwrap_or_else(|| "mcp-proxy".into()))
}
