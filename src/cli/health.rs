//! `health`: for those who run the gateway in a container, which need not have curl.

use std::{net::SocketAddr, process::ExitCode, time::Duration};

use http::{Method, StatusCode, Uri};
use tokio::{net::TcpStream, time::timeout};

use super::{CliError, Options, control::exchange, log};

/// How long a gateway may take to say that it is ready.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn run(url: Option<String>, options: &Options) -> Result<ExitCode, CliError> {
    let authority = match url {
        Some(url) => authority(&url)?,
        None => reachable(options.gateway()?.listen).to_string(),
    };
    let asked = timeout(PATIENCE, ask(&authority)).await;
    let unanswered = |why: String| {
        let words = format!("no gateway answers at {authority}: {why}");
        Err(CliError::Answer(words))
    };
    match asked {
        Ok(Ok(StatusCode::OK)) => {
            log::print("ready")?;
            Ok(ExitCode::SUCCESS)
        }
        Ok(Ok(StatusCode::SERVICE_UNAVAILABLE)) => Err(CliError::Answer("not ready".to_owned())),
        Ok(Ok(status)) => unanswered(format!("HTTP {status}, which is no word of a gateway's")),
        Ok(Err(error)) => unanswered(error.to_string()),
        Err(_elapsed) => unanswered(format!("nothing within {PATIENCE:?}")),
    }
}

async fn ask(authority: &str) -> Result<StatusCode, CliError> {
    let stream = TcpStream::connect(authority).await?;
    let response = exchange(stream, Method::GET, authority, "/readyz").await?;
    Ok(response.status())
}

/// Host and port of a URL, whatever path it has: `http://127.0.0.1:8765/mcp` will do.
fn authority(url: &str) -> Result<String, CliError> {
    let parsed: Option<Uri> = url.parse().ok();
    let parsed = parsed.filter(|uri| uri.scheme_str() == Some("http"));
    let found = parsed.and_then(|uri| {
        let host = uri.host()?.to_owned();
        Some(format!("{host}:{}", uri.port_u16().unwrap_or(80)))
    });
    found.ok_or_else(|| {
        let words = format!("--url {url}: expected a URL such as http://127.0.0.1:8765");
        CliError::Usage(words)
    })
}

/// Where one connects to who listens there: at "0.0.0.0", this machine is meant.
fn reachable(mut listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() {
        listen.set_ip(match listen {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    listen
}
