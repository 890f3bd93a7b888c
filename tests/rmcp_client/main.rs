//! One client of the matrix: rmcp over stdio, in one of its lifecycle modes. Says on stdout what
//! worked. Its arguments: `initialize`, `discover` or `auto`, then `stdio`, then the command.
#![expect(
    deprecated,
    reason = "logging, sampling, roots and subscriptions as 2025-11-25 has them"
)]

mod checks;
mod handler;

use std::{collections::BTreeMap, error::Error, io::Write, process::Stdio, time::Duration};

use rmcp::{
    ClientLifecycleMode, ClientServiceExt, RoleClient, model::ProtocolVersion,
    service::RunningService,
};
use tokio::process::Command;

use checks::Checks;
use handler::{Handler, Heard};

type Client = RunningService<RoleClient, Handler>;
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
    let newest = vec![ProtocolVersion::V_2026_07_28];
    let lifecycle = match arguments.next().as_deref() {
        Some("initialize") => ClientLifecycleMode::Initialize,
        Some("discover") => ClientLifecycleMode::Discover {
            preferred_versions: newest,
        },
        Some("auto") => ClientLifecycleMode::Auto {
            preferred_versions: newest,
            legacy_version: None,
        },
        _ => return Err("which lifecycle?".into()),
    };
    let command = arguments.nth(1).ok_or("which command?")?;
    let mut child = Command::new(command)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let output = child.stdout.take().ok_or("no stdout")?;
    let input = child.stdin.take().ok_or("no stdin")?;

    let newer = lifecycle != ClientLifecycleMode::Initialize;
    let heard = Heard::default();
    let handler = Handler::new(heard.clone());
    let client = handler
        .serve_with_lifecycle((output, input), lifecycle)
        .await?;
    tokio::time::timeout(4 * PATIENCE, client.list_all_tools()).await??;

    let mut report = BTreeMap::new();
    for server in std::env::var("MATRIX_SERVERS")?.split(' ') {
        let checks = Checks::new(&client, &heard, newer, server);
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
    child.wait().await?;
    Ok(())
}
