//! How long it takes from the launch to the first answer.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    time::{Instant, sleep, timeout},
};

use super::{
    Settings,
    behind::Upstream,
    mcp_proxy::McpProxy,
    nginx::Nginx,
    rivals::{MCP_PROXY, MCPGATE, NGINX, direct, free_address, through_mcp_proxy},
};
use crate::bed::{
    Failure, gateway,
    load::{Aim, Client, Job},
    median,
    process::Process,
};

const PATIENCE: Duration = Duration::from_secs(10);

/// Milliseconds to the first `initialize` while a server does not answer yet (`connecting`, mcpgate
/// alone), and to `initialize` and to the first list with one that answers at once.
pub(super) async fn measure(upstream: SocketAddr, settings: &Settings) -> Result<Value, Failure> {
    // It accepts, and says nothing.
    let mute = TcpListener::bind("127.0.0.1:0").await?;
    let mute = mute.local_addr().map(|address| (mute, address))?;
    let names = ["connecting", NGINX, MCPGATE, MCP_PROXY];
    let mut all = names.map(|name| (name, Vec::new(), Vec::new()));
    for _ in 0..settings.starts {
        for (name, initialized, listed) in &mut all {
            let address = if *name == "connecting" {
                mute.1
            } else {
                upstream
            };
            let lists = *name != "connecting";
            let took = timeout(PATIENCE, start(name, address, lists)).await;
            let [first, list] =
                took.unwrap_or_else(|_late| Err(format!("{name} does not start").into()))?;
            initialized.push(first);
            listed.push(list);
        }
    }
    let mut figures = serde_json::Map::new();
    for (name, initialized, listed) in all {
        let medians = [median(initialized.clone()), median(listed.clone())];
        super::say(&format!(
            "  {name:<10} initialize, list, in ms: {medians:.1?}"
        ));
        let both = json!({ "initialize": initialized, "list": listed });
        figures.insert(name.to_owned(), both);
    }
    Ok(Value::Object(figures))
}

/// Launches one; gives the time to `initialize` and to its first list.
async fn start(name: &str, upstream: SocketAddr, lists: bool) -> Result<[f64; 2], Failure> {
    let address = free_address()?;
    let aim = Aim {
        job: Job::List(1),
        answer: "inputSchema".to_owned(),
        ..gateway::aim(address, true)
    };
    let folder = tempfile::tempdir()?;
    let servers = Upstream::Http.servers(upstream)?;
    let begun = Instant::now();
    match name {
        NGINX => {
            let nginx = Nginx::launch(upstream)?;
            let aim = direct(&aim, nginx.address, "/mcp");
            first(aim, &nginx.process, begun, lists).await
        }
        MCP_PROXY => {
            let backends = Upstream::Http.backends(upstream)?.unwrap_or_default();
            let proxy = McpProxy::launch(&backends)?;
            let aim = through_mcp_proxy(&aim, proxy.address);
            first(aim, &proxy.process, begun, lists).await
        }
        _ => {
            let listen = address.to_string();
            let process = gateway::launch(&folder, &listen, &servers, true)?;
            first(aim, &process, begun, lists).await
        }
    }
}

/// Asks until it is answered. The process is held until then.
async fn first(
    aim: Aim,
    _process: &Process,
    begun: Instant,
    lists: bool,
) -> Result<[f64; 2], Failure> {
    let so_far = || begun.elapsed().as_secs_f64() * 1e3;
    let mut client = loop {
        match Client::connect(aim.clone()).await {
            Ok(client) => break client,
            // Nothing tells when a port begins to listen.
            Err(_) => sleep(Duration::from_micros(200)).await,
        }
    };
    client.initialize().await?;
    let initialized = so_far();
    if lists {
        client.turn().await?;
    }
    Ok([initialized, so_far()])
}
