//! How many instances of a server there are at once.

use serde_json::json;

use crate::pipe::{Client, Gate, gone, server};

async fn pid(client: &mut Client) -> u32 {
    client.text("s__pid", json!({})).await.parse().unwrap()
}

#[tokio::test]
async fn beyond_the_most_instances_an_idle_one_makes_room_and_else_the_newcomer_is_refused() {
    let text = format!("{}scope = 'session'\nmax_instances = 2\n", server("s", &[]));
    let gate = Gate::start(&text).await;
    let mut clients = [
        gate.client().await,
        gate.client().await,
        gate.client().await,
    ];
    let [ann, bob, cleo] = &mut clients;
    let held = ann.begin_call("s__hold", json!({})).await;
    ann.received("s", r#""name":"hold""#, 1).await;
    let idle = pid(bob).await;

    let newcomer = pid(cleo).await;

    gone(idle).await;
    let also_held = cleo.begin_call("s__hold", json!({})).await;
    cleo.received("s", r#""name":"hold""#, 1).await;
    let refused = bob.call("s__pid", json!({})).await;
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("all 2 instances are in use"), "{message}");
    assert!(message.contains("[servers.s] max_instances"), "{message}");

    for (client, held) in [(ann, held), (cleo, also_held)] {
        client.call("s__release", json!({})).await;
        assert!(client.answer(&held).await["result"].is_object());
    }
    assert_ne!(pid(bob).await, newcomer);
    gate.stop().await;
}
