//! Those that are compared, in front of one kind of server.

use std::{
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use tokio::{
    net::TcpStream,
    time::{Instant, sleep},
};

use super::{mcp_proxy::McpProxy, nginx::Nginx};
use crate::bed::{Failure, gateway::Running, load::Aim, process::Process};

/// A kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upstream {
    /// Over HTTP, with sessions (2025-11-25).
    Http,
    /// On stdin and stdout.
    Stdio,
    /// Over the legacy HTTP+SSE.
    Sse,
    /// Over HTTP, without sessions (2026-07-28).
    Stateless,
    /// Ten over HTTP with 50 tools each.
    Ten,
}

impl Upstream {
    /// Every kind.
    pub(super) const ALL: [Self; 5] = [
        Self::Http,
        Self::Stdio,
        Self::Sse,
        Self::Stateless,
        Self::Ten,
    ];

    /// Where one can be reached without a gateway, and with nginx.
    fn path(self) -> Option<&'static str> {
        match self {
            Self::Http => Some("/mcp"),
            Self::Stateless => Some("/2026"),
            Self::Ten => Some("/list/all"),
            Self::Stdio | Self::Sse => None,
        }
    }

    /// As `[servers.*]` of mcpgate.
    pub(super) fn servers(self, address: SocketAddr) -> Result<String, Failure> {
        Ok(match self {
            Self::Http => format!("[servers.up]\nurl = \"http://{address}/mcp\"\n"),
            Self::Stateless => format!("[servers.up]\nurl = \"http://{address}/2026\"\n"),
            Self::Sse => {
                format!("[servers.up]\nurl = \"http://{address}/sse\"\ntransport = \"sse\"\n")
            }
            Self::Stdio => format!("[servers.up]\n{}", ourselves()?),
            Self::Ten => (0..10)
                .map(|server| {
                    format!("[servers.up{server}]\nurl = \"http://{address}/list/{server}\"\n")
                })
                .collect(),
        })
    }

    /// As `[[backends]]` of mcp-proxy, if it knows this kind.
    pub(super) fn backends(self, address: SocketAddr) -> Result<Option<String>, Failure> {
        let http = |name: String, path: String| {
            format!(
                "[[backends]]\nname = \"{name}\"\ntransport = \"http\"\nurl = \"http://{address}{path}\"\n"
            )
        };
        Ok(match self {
            Self::Http => Some(http("up".to_owned(), "/mcp".to_owned())),
            Self::Stdio => Some(format!(
                "[[backends]]\nname = \"up\"\ntransport = \"stdio\"\n{}",
                ourselves()?
            )),
            Self::Ten => Some(
                (0..10)
                    .map(|server| http(format!("up{server}"), format!("/list/{server}")))
                    .collect(),
            ),
            Self::Sse | Self::Stateless => None,
        })
    }
}

/// This program, as a server on stdin and stdout.
fn ourselves() -> Result<String, Failure> {
    let program = std::env::current_exe()?;
    Ok(format!(
        "command = \"{}\"\nargs = [\"{}\"]\n",
        program.display(),
        super::STDIO
    ))
}

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
