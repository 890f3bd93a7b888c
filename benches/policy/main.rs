//! What policy costs: the gateway's CPU for each call, with 50 roles, 500 keys, 1,000 tools and the
//! audit log, against the same calls with no policy at all. Both in one run, in turns.
//!
//!   cargo bench --bench policy
//!
//! `ROUNDS` (default 7) and `CALLS` of each round (default 20000) change how long it takes. Exits 1
//! when the ratio of the medians is above `MOST` (default 1.15).

#![expect(clippy::print_stdout, reason = "its figures are what it is for")]

mod gateway;
mod load;
mod upstream;

use std::{env, error::Error, process::ExitCode};

type Failure = Box<dyn Error + Send + Sync>;

fn setting<T: std::str::FromStr>(name: &str, default: T) -> T {
    let set = env::var(name).ok().and_then(|text| text.parse().ok());
    set.unwrap_or(default)
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

#[tokio::main]
async fn main() -> Result<ExitCode, Failure> {
    let (rounds, calls) = (setting("ROUNDS", 7), setting("CALLS", 20_000));
    let upstream = upstream::serve().await?;
    let open = gateway::Running::start(&upstream, false).await?;
    let guarded = gateway::Running::start(&upstream, true).await?;
    let mut costs = [Vec::new(), Vec::new()];
    for round in 0..=rounds {
        for (costs, gateway) in costs.iter_mut().zip([&open, &guarded]) {
            let before = gateway.cpu()?;
            load::run(gateway, calls).await?;
            let cost = (gateway.cpu()? - before) * 1e6 / calls as f64;
            // The first is to warm up.
            if round > 0 {
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
        upstream::TOOLS
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
