//! An MCP client on a pipe to a gateway in this very process. It works on raw messages, so that
//! `--json` prints what the server wrote.

use tokio::io::{AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};

use super::CliError;
use crate::{
    config::Config,
    gateway::Gateway,
    mcp::{Frame, Kind, Lines, Method, Part, Revision, fields, message},
};

/// A client and the gateway that serves it.
pub(super) struct Client {
    gateway: Gateway,
    served: tokio::task::JoinHandle<()>,
    write: WriteHalf<DuplexStream>,
    read: Lines<ReadHalf<DuplexStream>>,
    next_id: u64,
    /// Whether it is a gateway that runs, instead of what a config says.
    remote: bool,
}

impl Client {
    /// Starts a gateway on `config` and says hello to it.
    pub(super) async fn start(config: &Config) -> Result<Self, CliError> {
        let gateway = Gateway::start(config);
        let (ours, theirs) = duplex(64 * 1024);
        let (read, write) = split(ours);
        let pipe = gateway.serve_pipe_detached(theirs);
        let limit = config.gateway.max_message;
        let served = tokio::spawn(pipe);
        let mut client = Self {
            gateway,
            served,
            write,
            read: Lines::new(read, limit),
            next_id: 0,
            remote: config.files.names().next().is_none(),
        };
        let params = format!(
            r#"{{"protocolVersion":"{}","capabilities":{{}},"clientInfo":{{"name":"mcpgate-cli","version":"{}"}}}}"#,
            Revision::LATEST,
            env!("CARGO_PKG_VERSION")
        );
        client.ask(Method::Initialize, &params, |_| {}).await?;
        client
            .say(message::notification(Method::Initialized, None))
            .await?;
        Ok(client)
    }

    /// The gateway.
    pub(super) fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Whether it is of a gateway that runs: `--url`.
    pub(super) fn is_remote(&self) -> bool {
        self.remote
    }

    /// Asks, and waits for the answer; gives its result as it was written. `meanwhile` hears
    /// the notifications that come before it.
    pub(super) async fn ask(
        &mut self,
        method: Method,
        params: &str,
        mut meanwhile: impl FnMut(&Frame),
    ) -> Result<String, CliError> {
        self.next_id += 1;
        let id = self.next_id.to_string();
        self.say(message::request(self.next_id, method, params))
            .await?;
        let gone = || CliError::Answer("the gateway closed the connection".to_owned());
        loop {
            let line = self.read.next().await?.ok_or_else(gone)?;
            let frame = Frame::parse(line).map_err(|error| CliError::Answer(error.to_string()))?;
            if frame.kind() != Kind::Response {
                meanwhile(&frame);
                continue;
            }
            if frame.raw(Part::Id) != Some(&id) {
                continue;
            }
            return match frame.raw(Part::Result) {
                Some(result) => Ok(result.to_owned()),
                None => Err(CliError::Answer(words(
                    frame.raw(Part::Error).unwrap_or_default(),
                ))),
            };
        }
    }

    async fn say(&mut self, message: bytes::Bytes) -> Result<(), CliError> {
        self.write.write_all(&message).await?;
        self.write.write_all(b"\n").await?;
        Ok(())
    }

    /// Stops the gateway.
    pub(super) async fn stop(self) {
        let Self {
            gateway, served, ..
        } = self;
        gateway.stop().await;
        served.abort();
    }
}

/// An error, for a person.
fn words(error: &str) -> String {
    let message = fields::field(error, "message")
        .and_then(fields::string)
        .unwrap_or_default();
    let code = fields::field(error, "code").unwrap_or("?");
    match fields::field(error, "data") {
        Some(data) => format!("{message} ({code}) {data}"),
        None => format!("{message} ({code})"),
    }
}
