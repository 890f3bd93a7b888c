//! What is known of the clients that people use.

use mcpgate::{
    clients::{Client, OURS},
    gateway::GatewayConfig,
};

#[test]
fn the_names_we_expose_fit_into_every_client() {
    let budget = GatewayConfig::default().name_budget;
    for client in Client::ALL {
        let room = client.facts().limits.room(OURS);
        assert!(room >= budget, "{client}: {room}");
    }
}
