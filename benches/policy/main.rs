//! What policy costs: the gateway's CPU for each call, with 50 roles, 500 keys, 1,000 tools and the
//! audit log, against the same calls with no policy at all. Both in one run, in turns.
//!
//!   cargo bench --bench policy
//!
//! `ROUNDS` (default 7) and `CALLS` of each round (default 20000) change how long it takes. Exits 1
//! when the ratio of the medians is above `MOST` (default 1.15).

#![expect(clippy::print_stdout, reason = "its figures are what it is for")]

#[path = "../bed/mod.rs"]
#[expect(dead_code, reason = "shared with the other benchmark")]
mod bed;

use std::{process::ExitCode, time::Duration};

use bed::{Failure, gateway, load, load::Limit, median, setting, upstream};

/// Sessions at once.
const SESSIONS: usize = 16;

/// No round takes longer.
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Failure> {
    let (rounds, calls) = (setting("ROUNDS", 7), setting("CALLS", 20_000));
    let upstream = upstream::serve()?;
    let open = gateway::Running::start(&upstream, false).await?;
    let guarded = gateway::Running::start(&upstream, true).await?;
    let mut costs = [Vec::new(), Vec::new()];
    for round in 0..=rounds {
        let mut both = [(0, &open), (1, &guarded)];
        // Who comes second finds the machine as the first has left it.
        if round % 2 == 1 {
            both.reverse();
        }
        for (index, gateway) in both {
            let clients = load::open(&gateway.aim, SESSIONS).await?;
            let before = gateway.process.cpu()?;
            let time = MINUTE;
            let (_, clients) = load::run(clients, Limit { calls, time }).await?;
            let cost = (gateway.process.cpu()? - before) * 1e6 / calls as f64;
            load::close(clients).await?;
            // The first is to warm up.
            if let Some(costs) = costs.get_mut(index).filter(|_| round > 0) {
                costs.push(cost);
            }
        }
    }
    let [without, with] = costs.map(median);
    let ratio = with / without;
    println!(
        "{} roles, {} keys, {} tools, audit on",
        gateway::ROLES,
        gateway::KEYS,
        upstream::answers::TOOLS
    );
    println!("CPU for each call, median of {rounds} rounds of {calls} calls:");
    println!("  no policy   {without:6.2} µs");
    println!("  policy      {with:6.2} µs");
    println!("  ratio       {ratio:6.3}");
    let most = setting("MOST", 1.15);
    Ok(match ratio <= most {
        true => ExitCode::SUCCESS,
        false => {
            println!("above {most}");
            ExitCode::FAILURE
        }
    })
}
