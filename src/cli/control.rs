//! A client of the control socket, and what a command needs of the config to find it.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use clap::Args;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::UnixStream,
};

use super::{CliError, Options};
use crate::{
    config::{self, ConfigError},
    gateway::GatewayConfig,
};

/// Where a service of systemd has it (deploy/systemd).
const OF_SERVICE: &str = "/run/mcpgate/mcpgate.sock";

/// Where the running gateway is.
#[derive(Debug, Default, Args)]
pub(super) struct At {
    /// The control socket of the running gateway [default: `control_socket` of the config file,
    /// else mcpgate.sock in $RUNTIME_DIRECTORY or $XDG_RUNTIME_DIR, else /run/mcpgate/mcpgate.sock]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

/// A running gateway.
pub(super) struct Control {
    path: PathBuf,
}

impl Options {
    /// `[gateway]` of the config, if there is one.
    ///
    /// # Errors
    /// When the file that was named is not there, or says something wrong.
    pub(super) fn gateway(&self) -> Result<GatewayConfig, CliError> {
        match self.paths() {
            Ok(paths) => Ok(config::load_gateway(&paths)?),
            Err(ConfigError::NotFound(_)) if self.config.is_none() => Ok(GatewayConfig::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// The gateway that is meant.
    ///
    /// # Errors
    /// When nothing says where it is.
    pub(super) fn control(&self, at: At) -> Result<Control, CliError> {
        if let Some(path) = at.socket {
            return Ok(Control { path });
        }
        let config = self.gateway()?;
        let found = config.control_socket(|name| std::env::var_os(name));
        let found = match config.control_socket {
            Some(_) => found,
            None => existing(found, Path::new(OF_SERVICE)),
        };
        let path = found.ok_or_else(|| {
            let words = "no control socket is known: name it with --socket PATH, or as \
                         `control_socket` in [gateway]";
            CliError::Usage(words.to_owned())
        })?;
        Ok(Control { path })
    }
}

impl Control {
    /// Asks, and gives the head of the answer.
    ///
    /// # Errors
    /// When nobody answers, or the answer is no.
    pub(super) async fn ask(
        &self,
        verb: Method,
        path: &str,
    ) -> Result<Response<Incoming>, CliError> {
        let stream = UnixStream::connect(&self.path)
            .await
            .map_err(|error| self.unanswered(&error))?;
        let response = exchange(stream, verb, "mcpgate", path).await?;
        if response.status() == StatusCode::OK {
            return Ok(response);
        }
        let body = text(response).await?;
        let said: Value = serde_json::from_str(&body).unwrap_or_default();
        let words = said.get("error").and_then(Value::as_str);
        Err(CliError::Answer(words.unwrap_or(&body).to_owned()))
    }

    /// Asks, and gives what is said.
    ///
    /// # Errors
    /// As for [`Control::ask`].
    pub(super) async fn told(&self, verb: Method, path: &str) -> Result<String, CliError> {
        text(self.ask(verb, path).await?).await
    }

    /// Whether there is something where it would be.
    pub(super) fn is_there(&self) -> bool {
        self.path.exists()
    }

    fn unanswered(&self, error: &std::io::Error) -> CliError {
        let path = Path::display(&self.path);
        let nobody = [ErrorKind::NotFound, ErrorKind::ConnectionRefused];
        CliError::Answer(match nobody.contains(&error.kind()) {
            true => format!("no gateway answers at {path}; is `mcpgate serve` running?"),
            false => format!("no gateway answers at {path}: {error}"),
        })
    }
}

/// Where nobody has said which: that of the service, if there is one and none of our own.
fn existing(own: Option<PathBuf>, of_service: &Path) -> Option<PathBuf> {
    match &own {
        Some(path) if path.exists() => own,
        _ if of_service.exists() => Some(of_service.to_owned()),
        _ => own,
    }
}

/// One request and its answer.
///
/// # Errors
/// When the connection breaks.
pub(super) async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    verb: Method,
    host: &str,
    path: &str,
) -> Result<Response<Incoming>, CliError> {
    let broken = |error: hyper::Error| CliError::Answer(format!("the gateway hung up: {error}"));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    // Its error is the answer's, too.
    tokio::spawn(async move { drop(connection.await) });
    let request = Request::builder().method(verb).uri(path);
    let request = request.header(http::header::HOST, host);
    let request = request
        .body(Empty::<Bytes>::new())
        .map_err(|error| CliError::Usage(error.to_string()))?;
    sender.send_request(request).await.map_err(broken)
}

/// What an answer says.
///
/// # Errors
/// When the connection breaks.
pub(super) async fn text(response: Response<Incoming>) -> Result<String, CliError> {
    let body = response.into_body().collect().await;
    let body = body.map_err(|error| CliError::Answer(format!("the gateway hung up: {error}")))?;
    Ok(String::from_utf8_lossy(&body.to_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_of_the_service_is_taken_where_there_is_none_of_our_own() {
        let folder = tempfile::tempdir().unwrap();
        let [own, service] = ["own", "service"].map(|name| folder.path().join(name));
        let found = |own: &Path| existing(Some(own.to_owned()), &service);

        assert_eq!(existing(None, &service), None);
        assert_eq!(found(&own).as_ref(), Some(&own));
        std::fs::write(&service, "").unwrap();
        assert_eq!(found(&own).as_ref(), Some(&service));
        assert_eq!(existing(None, &service).as_ref(), Some(&service));
        std::fs::write(&own, "").unwrap();
        assert_eq!(found(&own).as_ref(), Some(&own));
    }
}
