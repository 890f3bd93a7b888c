//! The chaos run and the soak: the real program between real servers and many clients.
//!
//! ```text
//! tests/chaos/run                 half a minute of chaos, as CI runs it
//! tests/chaos/run --minutes 10    a long one
//! tests/chaos/run --seed 7        the same choices again
//! tests/chaos/run --soak          five minutes with 10,000 sessions, 1,000 streams and reloads
//! ```
//!
//! **Chaos.** Clients in every form call servers of every kind, while some of the servers are killed,
//! hang, garble, fail, disappear and return, the config is rewritten at random, valid and broken, and
//! the gateway is restarted, sometimes by SIGKILL. What must hold, whatever happens:
//!
//! - each answer is right: each call carries a nonce that stands in the answer;
//! - each call ends within its limit, in an answer or an error;
//! - a server that is left alone serves every call, but for those that a restart cuts off;
//! - no call reaches a server twice, and none that the policy forbids reaches one at all;
//! - each call that was answered, or has reached a server, has one line in the audit, but for those
//!   just before a SIGKILL;
//! - nobody gets in without a key;
//! - once all is well again, all servers serve, and the gateway holds no more files, sessions and
//!   memory than before;
//! - none of its processes is left behind.
//!
//! What is counted is printed as a table. The exit code is 1 where something did not hold.
#![expect(
    clippy::indexing_slicing,
    reason = "of JSON only, where what is missing reads as null"
)]

mod acts;
mod cast;
mod clients;
mod files;
mod gateway;
mod ledger;
mod measure;
mod processes;
mod random;
mod servers;
mod soak;
mod trouble;
mod turmoil;
mod verdict;
mod world;

use std::{
    process::ExitCode,
    time::{Duration, SystemTime},
};

use clap::Parser;

/// Any reason to give up.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The chaos run and the soak of mcpgate.
#[derive(Parser)]
struct Options {
    /// How long the trouble lasts, or the soak [default: 15 s of trouble; 5 minutes of soak, which is the least]
    #[arg(long, value_name = "N")]
    minutes: Option<f64>,
    /// The seed of the choices [default: the time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// 10,000 sessions, 1,000 idle streams, a reload each second
    #[arg(long)]
    soak: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.unwrap_or_default().as_secs();
    let seed = options.seed.unwrap_or(now);
    let time = |short: f64| Duration::from_secs_f64(options.minutes.map_or(short, |m| m * 60.0));
    verdict::say(&format!("seed {seed}"));
    let done = match options.soak {
        true => soak::run(time(300.0).max(soak::LEAST), seed).await,
        false => acts::run(time(15.0), seed).await,
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            verdict::say(&format!("it could not be run: {error}"));
            ExitCode::FAILURE
        }
    }
}
