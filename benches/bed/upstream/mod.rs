//! A server that answers at once: over HTTP with sessions, over HTTP of 2026-07-28, over the legacy
//! HTTP+SSE, and on stdin and stdout. Raw bytes, prepared answers: it is not what is measured.

pub(crate) mod answers;
mod http;
mod legacy;
pub(crate) mod stdio;

use std::net::{SocketAddr, TcpListener};

use super::Failure;

/// What its thread is called; so its CPU time is told apart.
pub(crate) const THREAD: &str = "upstream";

/// Serves on a thread of its own until the process ends; gives the URL of the server with sessions.
pub(crate) fn serve() -> Result<String, Failure> {
    let (listener, url) = listen()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    std::thread::Builder::new()
        .name(THREAD.to_owned())
        .spawn(move || runtime.block_on(http::serve(listener)))?;
    Ok(url)
}

/// The same on the runtime of whoever calls this, for as long as that runs.
pub(crate) fn serve_here() -> Result<String, Failure> {
    let (listener, url) = listen()?;
    tokio::spawn(http::serve(listener));
    Ok(url)
}

fn listen() -> Result<(TcpListener, String), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let url = format!("http://{}/mcp", listener.local_addr()?);
    Ok((listener, url))
}

/// The address in its URL.
pub(crate) fn address(url: &str) -> Result<SocketAddr, Failure> {
    let address = url
        .strip_prefix("http://")
        .and_then(|url| url.strip_suffix("/mcp"));
    Ok(address.ok_or("not a URL of ours")?.parse()?)
}
