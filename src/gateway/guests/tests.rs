use std::{future::pending, pin::pin};

use futures_util::{FutureExt, poll};
use tokio::time::advance;

use super::*;

fn guests(most: usize, each: Option<usize>) -> Arc<Guests> {
    Guests::new(&GatewayConfig {
        max_connections: most,
        max_connections_per_address: each,
        ..GatewayConfig::default()
    })
}

fn enter(guests: &Arc<Guests>, from: &str) -> Result<Stay, Full> {
    guests.enter(from.parse().unwrap(), false)
}

/// So many from there; the rest is refused for that reason.
fn fill(guests: &Arc<Guests>, from: &str, most: usize, then: Full) -> Vec<Stay> {
    let stays = (0..most)
        .map(|_| enter(guests, from).ok().unwrap())
        .collect();
    assert_eq!(enter(guests, from).err(), Some(then), "{from}");
    stays
}

fn goes(stay: &Stay) -> bool {
    let connection = pin!(pending::<()>());
    stay.guest.stays(connection).now_or_never().is_some()
}

#[tokio::test]
async fn when_all_are_sent_away_who_comes_then_goes_too() {
    let guests = guests(3, None);
    let here = enter(&guests, "192.0.2.1").ok().unwrap();
    let guest = here.guest.clone();
    let mut staying = pin!(tokio::spawn(async move {
        guest.stays(pin!(pending::<()>())).await
    }));
    assert!(poll!(&mut staying).is_pending());
    tokio::task::yield_now().await;

    guests.dismiss();

    assert_eq!(staying.await.unwrap(), None);
    assert!(goes(&enter(&guests, "192.0.2.2").ok().unwrap()));
    assert_eq!(here.guest.stays(pin!(async { 7 })).await, Some(7));
}

#[tokio::test]
async fn one_address_does_not_hold_all_connections() {
    let guests = guests(10, None);
    let one = fill(&guests, "192.0.2.1", 5, Full::Address);
    assert!(enter(&guests, "::ffff:192.0.2.1").is_err());
    let _other = fill(&guests, "192.0.2.2", 5, Full::Address);
    assert_eq!(enter(&guests, "192.0.2.3").err(), Some(Full::All));
    drop(one);
    assert!(enter(&guests, "192.0.2.1").is_ok());
    assert_eq!(guests.inside().each.len(), 1);
}

#[tokio::test]
async fn a_household_of_ipv6_is_one_address() {
    let guests = guests(10, Some(2));
    let _one = fill(&guests, "2001:db8::1", 2, Full::Address);
    assert!(enter(&guests, "2001:db8::aaaa:1").is_err());
    assert!(enter(&guests, "2001:db8:0:1::1").is_ok());
}

#[tokio::test]
async fn who_stands_for_many_may_hold_all_and_this_machine_unless_it_is_said() {
    let unsaid = guests(4, None);
    drop(fill(&unsaid, "127.0.0.1", 4, Full::All));
    drop(fill(&unsaid, "::1", 4, Full::All));
    let proxy = "192.0.2.1".parse().unwrap();
    let all: Vec<_> = (0..4).map(|_| unsaid.enter(proxy, true).ok()).collect();
    assert!(all.iter().all(Option::is_some));
    let said = guests(4, Some(1));
    drop(fill(&said, "127.0.0.1", 1, Full::Address));
    let all: Vec<_> = (0..4).map(|_| said.enter(proxy, true).ok()).collect();
    assert!(all.iter().all(Option::is_some));
}

#[tokio::test(start_paused = true)]
async fn the_one_that_has_been_idle_for_longest_goes_for_a_newcomer_and_no_busy_one() {
    let guests = guests(3, None);
    let [busy, longest, shortest] =
        ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|from| enter(&guests, from).ok().unwrap());
    assert!(!guests.make_room(), "none has been asked anything");
    longest.guest.rests();
    advance(RESTED / 2).await;
    shortest.guest.rests();
    busy.guest.rests();
    busy.guest.asks();
    assert!(!guests.make_room(), "none has rested");
    advance(RESTED).await;

    assert!(guests.make_room());
    assert!(goes(&longest));
    assert!(!goes(&shortest));
    let newcomer = guests.wait("192.0.2.4".parse().unwrap(), false);
    let mut newcomer = Box::pin(newcomer);
    assert!(poll!(&mut newcomer).is_pending());
    drop(longest);
    let newcomer = newcomer.await.ok().unwrap();
    assert!(guests.make_room());
    assert!(goes(&shortest));
    assert!(!guests.make_room(), "one is told once");
    let late = guests.wait("192.0.2.5".parse().unwrap(), false).await;
    assert_eq!(late.err(), Some(Full::All), "it does not go");
    drop(newcomer);
}
