//! Those that are compared, in front of one kind of server.

use std::{
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use tokio::{
    net::TcpStream,
    time::{Instant, sleep},
};

use super::{behind::Upstream, mcp_proxy::McpProxy, nginx::Nginx};
use crate::bed::{Failure, gateway::Running, load::Aim, process::Process};

/// All who can stand in front of one kind of server.
pub(super) struct Rivals {
    upstream: Upstream,
    address: SocketAddr,
    nginx: Option<Nginx>,
    mcpgate: Running,
    mcp_proxy: Option<McpProxy>,
}

/// One of them.
pub(super) struct Rival<'a> {
    pub(super) name: &'static str,
    pub(super) aim: Aim,
    pub(super) process: Option<&'a Process>,
}

pub(super) const DIRECT: &str = "direct";
pub(super) const NGINX: &str = "nginx";
pub(super) const MCPGATE: &str = "mcpgate";
pub(super) const MCP_PROXY: &str = "mcp-proxy";

impl Rivals {
    /// Starts them.
    pub(super) async fn start(upstream: Upstream, address: SocketAddr) -> Result<Self, Failure> {
        let nginx = match upstream.path() {
            Some(_) => Some(Nginx::start(address).await?),
            None => None,
        };
        let servers = upstream.servers(address)?;
        let mut rivals = Self {
            upstream,
            address,
            nginx,
            mcpgate: Running::in_front_of(&servers, true).await?,
            mcp_proxy: None,
        };
        rivals.restart_mcp_proxy().await?;
        Ok(rivals)
    }

    /// Starts mcp-proxy, again if it runs.
    pub(super) async fn restart_mcp_proxy(&mut self) -> Result<(), Failure> {
        self.mcp_proxy = match self.upstream.backends(self.address)? {
            Some(backends) => Some(McpProxy::start(&backends).await?),
            None => None,
        };
        Ok(())
    }

    /// Those that can serve clients of this era, and how each is called.
    pub(super) fn for_clients(&self, stateless: bool) -> Vec<Rival<'_>> {
        let gateway = Aim {
            stateless,
            ..self.mcpgate.aim.clone()
        };
        let mut all = Vec::new();
        let same_era = (self.upstream == Upstream::Stateless) == stateless;
        if let Some(path) = self.upstream.path().filter(|_| same_era) {
            let direct = direct(&gateway, self.address, path);
            if let Some(nginx) = &self.nginx {
                let aim = Aim {
                    address: nginx.address,
                    ..direct.clone()
                };
                all.push(rival(DIRECT, direct, None));
                all.push(rival(NGINX, aim, Some(&nginx.process)));
            }
        }
        all.push(rival(MCPGATE, gateway.clone(), Some(&self.mcpgate.process)));
        if let Some(proxy) = self.mcp_proxy.as_ref().filter(|_| !stateless) {
            let aim = through_mcp_proxy(&gateway, proxy.address);
            all.push(rival(MCP_PROXY, aim, Some(&proxy.process)));
        }
        all
    }
}

fn rival<'a>(name: &'static str, aim: Aim, process: Option<&'a Process>) -> Rival<'a> {
    Rival { name, aim, process }
}

/// As the gateway is called, but without it.
pub(super) fn direct(gateway: &Aim, address: SocketAddr, path: &str) -> Aim {
    Aim {
        address,
        path: path.to_owned(),
        key: None,
        tool: gateway.tool.replace("up__", ""),
        ..gateway.clone()
    }
}

/// As the gateway is called, but through mcp-proxy, which serves at `/` and puts `/` after the
/// server's name.
pub(super) fn through_mcp_proxy(gateway: &Aim, address: SocketAddr) -> Aim {
    Aim {
        address,
        path: "/".to_owned(),
        key: None,
        tool: gateway.tool.replace("__", "/"),
        ..gateway.clone()
    }
}

/// Where nobody listens.
pub(super) fn free_address() -> Result<SocketAddr, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Waits until somebody does.
pub(super) async fn until_listening(address: SocketAddr) -> Result<(), Failure> {
    let patience = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(address).await.is_err() {
        if Instant::now() > patience {
            return Err(format!("nobody listens at {address}").into());
        }
        // Neither nginx nor mcp-proxy says when it is ready.
        sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}
