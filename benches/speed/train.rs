//! Has a gateway do a little of everything that is measured, and end of itself: so a build that counts
//! what it does (`-Cprofile-generate`) gets to write it down.

use std::time::Duration;

use super::{behind::Upstream, say, scenarios};
use crate::bed::{
    Failure,
    gateway::Running,
    load::{self, Aim, Limit},
};

/// How much of what is small, and of what is not: bytes that pass by the thousand would make all
/// else look rare.
const MUCH: Limit = Limit {
    calls: 20_000,
    time: Duration::from_secs(2),
};
const LITTLE: Limit = Limit {
    calls: 50,
    time: Duration::from_millis(300),
};
/// What is small, in bytes.
const SMALL: usize = 100;

pub(super) async fn train(address: std::net::SocketAddr) -> Result<(), Failure> {
    for upstream in Upstream::ALL {
        let gateway = Running::in_front_of(&upstream.servers(address)?, true).await?;
        let scenarios = scenarios::all().into_iter();
        for scenario in scenarios.filter(|scenario| scenario.upstream == upstream) {
            say(&scenario.name);
            let aim = scenario.aim(&Aim {
                stateless: scenario.stateless,
                ..gateway.aim.clone()
            });
            let clients = load::open(&aim, scenario.sessions).await?;
            let limit = if scenario.size <= SMALL { MUCH } else { LITTLE };
            let (_, clients) = load::run(clients, limit).await?;
            load::close(clients).await?;
        }
        gateway.process.end().await?;
    }
    Ok(())
}
