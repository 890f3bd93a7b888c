//! `health`: for those who run the gateway in a container, which need not have curl.

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use clap::Args;
use http::{Method, StatusCode, Uri};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use super::{
    CliError, Options,
    control::exchange,
    log,
    trust::{self, TrustArgs},
};

/// How long a gateway may take to say that it is ready.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which gateway is asked, and how.
#[derive(Debug, Args)]
pub(super) struct Probe {
    /// Where it listens [default: `[gateway] listen` of the config file; with [gateway.tls], whatever
    /// its certificate says]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    trust: TrustArgs,
}

/// Where to ask.
struct Place {
    authority: String,
    tls: Option<(ServerName<'static>, ClientConfig)>,
}

pub(super) async fn run(probe: Probe, options: &Options) -> Result<ExitCode, CliError> {
    let place = probe.place(options)?;
    let asked = timeout(PATIENCE, ask(&place)).await;
    let unanswered = |why: String| {
        let words = format!("no gateway answers at {}: {why}", place.authority);
        Err(CliError::Answer(words))
    };
    match asked {
        Ok(Ok(StatusCode::OK)) => {
            log::print("ready")?;
            Ok(ExitCode::SUCCESS)
        }
        Ok(Ok(StatusCode::SERVICE_UNAVAILABLE)) => Err(CliError::Answer("not ready".to_owned())),
        Ok(Ok(StatusCode::BAD_REQUEST)) if place.tls.is_none() => {
            unanswered("HTTP 400; does it speak https? --url https://…".to_owned())
        }
        Ok(Ok(status)) => unanswered(format!("HTTP {status}, which is no word of a gateway's")),
        Ok(Err(error)) => unanswered(error.to_string()),
        Err(_elapsed) => unanswered(format!("nothing within {PATIENCE:?}")),
    }
}

impl Probe {
    fn place(&self, options: &Options) -> Result<Place, CliError> {
        if let Some(url) = &self.url {
            return self.named(url);
        }
        let config = options.gateway()?;
        let address = reachable(config.listen);
        let tls = config
            .tls
            .map(|_| self.trust.config_for_own())
            .transpose()?;
        Ok(Place {
            authority: address.to_string(),
            tls: tls.map(|tls| (ServerName::from(address.ip()), tls)),
        })
    }

    /// Host and port of a URL, whatever path it has: `http://127.0.0.1:8765/mcp` will do.
    fn named(&self, url: &str) -> Result<Place, CliError> {
        let words = || {
            let words = format!(
                "--url {url}: expected a URL such as http://127.0.0.1:8765 or https://gate.lan"
            );
            CliError::Usage(words)
        };
        let uri: Uri = url.parse().map_err(|_no_url| words())?;
        let host = uri.host().ok_or_else(words)?;
        let (port, is_secure) = match uri.scheme_str() {
            Some("http") => (80, false),
            Some("https") => (443, true),
            Some(_) | None => return Err(words()),
        };
        let tls = match is_secure {
            false => None,
            true => {
                let bare = host
                    .trim_start_matches('[')
                    .trim_end_matches(']')
                    .to_owned();
                let name = ServerName::try_from(bare).map_err(|_no_name| words())?;
                Some((name, self.trust.config()?))
            }
        };
        Ok(Place {
            authority: format!("{host}:{}", uri.port_u16().unwrap_or(port)),
            tls,
        })
    }
}

async fn ask(place: &Place) -> Result<StatusCode, CliError> {
    let stream = TcpStream::connect(&place.authority).await?;
    let response = match &place.tls {
        None => exchange(stream, Method::GET, &place.authority, "/readyz").await?,
        Some((name, config)) => {
            let connector = TlsConnector::from(Arc::new(config.clone()));
            let connected = connector.connect(name.clone(), stream).await;
            let stream = connected.map_err(|error| {
                let hint = trust::hint(&error);
                let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
                CliError::Answer(format!("{error}{hint}"))
            })?;
            exchange(stream, Method::GET, &place.authority, "/readyz").await?
        }
    };
    Ok(response.status())
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
