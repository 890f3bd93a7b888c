//! Has a gateway do a little of everything that is measured, and end of itself: so a build that counts
//! what it does (`-Cprofile-generate`) gets to write it down.

use std::time::Duration;

use super::{behind::Upstream, say, scenarios};
use crate::bed::{
    Failure,
    gateway::Running,
    load::{self, Aim, Limit},
};

/// How much of each.
const LITTLE: Limit = Limit {
    calls: 4000,
    time: Duration::from_millis(300),
};

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
            let (_, clients) = load::run(clients, LITTLE).await?;
            load::close(clients).await?;
        }
        gateway.process.end().await?;
    }
    Ok(())
}
