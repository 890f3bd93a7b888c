//! The kinds of server that stand behind, and how they are configured.

use std::net::SocketAddr;

use crate::bed::Failure;

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
    /// Over HTTP with 5 tools.
    Few,
}

impl Upstream {
    /// Every kind.
    pub(super) const ALL: [Self; 6] = [
        Self::Http,
        Self::Stdio,
        Self::Sse,
        Self::Stateless,
        Self::Ten,
        Self::Few,
    ];

    /// Where one can be reached without a gateway, and with nginx.
    pub(super) fn path(self) -> Option<&'static str> {
        match self {
            Self::Http => Some("/mcp"),
            Self::Stateless => Some("/2026"),
            Self::Ten => Some("/list/all"),
            Self::Few => Some("/few"),
            Self::Stdio | Self::Sse => None,
        }
    }

    /// As `[servers.*]` of mcpgate.
    pub(super) fn servers(self, address: SocketAddr) -> Result<String, Failure> {
        Ok(match self {
            Self::Http => format!("[servers.up]\nurl = \"http://{address}/mcp\"\n"),
            Self::Few => format!("[servers.up]\nurl = \"http://{address}/few\"\n"),
            Self::Stateless => format!("[servers.up]\nurl = \"http://{address}/2026\"\n"),
            Self::Sse => {
                format!("[servers.up]\nurl = \"http://{address}/sse\"\ntransport = \"sse\"\n")
            }
            // What a server does is not counted as the gateway's doing: see `train`.
            Self::Stdio => format!(
                "[servers.up]\n{}env = {{ LLVM_PROFILE_FILE = \"/dev/null\" }}\n",
                ourselves()?
            ),
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
            Self::Few => Some(http("up".to_owned(), "/few".to_owned())),
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
