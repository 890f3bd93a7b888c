//! One client of the matrix: rmcp in one of its lifecycle modes. Says on stdout what worked. Its
//! arguments: `initialize`, `discover` or `auto`, then `http` and the URL, or `stdio` and the command.
#![expect(
    deprecated,
    reason = "logging, sampling, roots and subscriptions as 2025-11-25 has them"
)]

mod checks;
mod handler;
mod over_http;

use std::{collections::BTreeMap, error::Error, io::Write, process::Stdio, time::Duration};

use rmcp::{
    ClientLifecycleMode, ClientServiceExt, RoleClient, model::ProtocolVersion,
    service::RunningService,
};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use checks::Checks;
use handler::{Handler, Heard};

type Client = RunningService<RoleClient, Handler>;
type Launched = (Child, (ChildStdout, ChildStdin));
type Failure = Box<dyn Error + Send + Sync>;

const PATIENCE: Duration = Duration::from_secs(15);

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(Box::pin(run()))
}

async fn run() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let lifecycle = lifecycle(arguments.next().as_deref())?;
    let newer = lifecycle != ClientLifecycleMode::Initialize;
    let way = arguments.next();
    let target = arguments.next().ok_or("to where?")?;
    let heard = Heard::default();
    let handler = Handler::new(heard.clone());
    match way.as_deref() {
        Some("http") => {
            let (transport, _folder) = over_http::to(&target)?;
            let client = handler.serve_with_lifecycle(transport, lifecycle).await?;
            report(client, &heard, newer).await
        }
        Some("stdio") => {
            let (mut child, pipes) = launch(&target, arguments)?;
            let client = handler.serve_with_lifecycle(pipes, lifecycle).await?;
            report(client, &heard, newer).await?;
            child.wait().await?;
            Ok(())
        }
        _ => Err("which way?".into()),
    }
}

fn lifecycle(name: Option<&str>) -> Result<ClientLifecycleMode, Failure> {
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    match name {
        Some("initialize") => Ok(ClientLifecycleMode::Initialize),
        Some("discover") => Ok(ClientLifecycleMode::Discover { preferred_versions }),
        Some("auto") => Ok(ClientLifecycleMode::Auto {
            preferred_versions,
            legacy_version: None,
        }),
        _ => Err("which lifecycle?".into()),
    }
}

fn launch(command: &str, arguments: impl Iterator<Item = String>) -> Result<Launched, Failure> {
    let mut child = Command::new(command)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let output = child.stdout.take().ok_or("no stdout")?;
    let input = child.stdin.take().ok_or("no stdin")?;
    Ok((child, (output, input)))
}

/// Every check with every server.
async fn report(client: Client, heard: &Heard, newer: bool) -> Result<(), Failure> {
    let spoken = client.peer_info().map(|it| it.protocol_version.clone());
    if (spoken == Some(ProtocolVersion::V_2026_07_28)) != newer {
        return Err(format!("it speaks {spoken:?}").into());
    }
    tokio::time::timeout(4 * PATIENCE, client.list_all_tools()).await??;
    let mut report = BTreeMap::new();
    for server in std::env::var("MATRIX_SERVERS")?.split(' ') {
        let checks = Checks::new(&client, heard, newer, server);
        let mut seen = BTreeMap::new();
        for feature in checks::FEATURES {
            let tried = tokio::time::timeout(PATIENCE, Box::pin(checks.check(feature))).await;
            let result = match tried {
                Ok(Ok(())) => "✓".to_owned(),
                Ok(Err(failure)) => failure.to_string(),
                Err(elapsed) => elapsed.to_string(),
            };
            seen.insert(feature, result);
        }
        report.insert(server.to_owned(), seen);
    }
    std::io::stdout().write_all(&serde_json::to_vec(&report)?)?;
    client.cancel().await?;
    Ok(())
}
