//! Keys that are fetched: how often, how long they are good, and what an outage does.
//!
//! The clock stands still only where it is moved: a request over a socket takes real time.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Tokens, testing::*};

async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

const MINUTE: Duration = Duration::from_secs(60);
/// After which a fetch may follow another.
const PAUSE: Duration = Duration::from_secs(11);

/// How a token with this `kid` fares. Its id makes it one that was not seen before.
async fn verdict(tokens: &Tokens, kid: Option<&str>, signer: &Sign<'_>) -> &'static str {
    let header = match kid {
        Some(kid) => json!({"alg": "ES256", "kid": kid}),
        None => json!({"alg": "ES256"}),
    };
    let mut random = [0; 8];
    getrandom::fill(&mut random).unwrap();
    let id = u64::from_ne_bytes(random).to_string();
    let token = sign(&header, &payload(&json!({"sub": id})), signer);
    let result = tokens.verify_at(&token, NOW).await;
    result.map_or_else(|rejected| rejected.reason(), |_| "believed")
}

#[tokio::test]
async fn keys_are_fetched_once_for_all_who_wait_and_kept() {
    let (signer, jwk) = p256("a");
    let issuer = Issuer::start(Answer::Keys(vec![jwk])).await;
    let tokens = issuer.tokens();
    assert_eq!(issuer.asked(), 0, "nothing is fetched before it is needed");

    let verdicts = join_all((0..20).map(|_| verdict(&tokens, Some("a"), &signer))).await;

    assert_eq!(verdicts, ["believed"; 20]);
    assert_eq!(verdict(&tokens, None, &signer).await, "believed");
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn whoever_hangs_up_takes_the_keys_from_nobody() {
    let (signer, jwk) = p256("a");
    let issuer = Issuer::start(Answer::Keys(vec![jwk])).await;
    let tokens = issuer.tokens();

    // Polled once, then dropped.
    let hung_up = futures_util::poll!(Box::pin(verdict(&tokens, Some("a"), &signer)));

    assert!(hung_up.is_pending());
    assert_eq!(verdict(&tokens, Some("a"), &signer).await, "believed");
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn a_key_is_used_as_its_set_says() {
    let ((signer, jwk), (_, edwards)) = (p256("a"), ed25519("e"));
    let (_, mut second) = p256("b");
    second["alg"] = "ES256".into();
    let (_, mut for_others) = p256("enc");
    for_others["use"] = "enc".into();
    let issuer = Issuer::start(Answer::Keys(vec![jwk, edwards, second, for_others])).await;
    let tokens = issuer.tokens();

    for (kid, expected) in [
        (Some("a"), "believed"),
        (Some("b"), "signature"),
        (Some("e"), "algorithm"),
        (Some("enc"), "unknown_key"),
        (Some(""), "unknown_key"),
        (None, "unknown_key"), // which of the two?
    ] {
        assert_eq!(verdict(&tokens, kid, &signer).await, expected, "{kid:?}");
    }
}

#[tokio::test]
async fn a_new_key_is_fetched_and_an_old_one_forgotten() {
    let ((old, old_jwk), (new, new_jwk)) = (p256("old"), p256("new"));
    let issuer = Issuer::start(Answer::Keys(vec![old_jwk])).await;
    let tokens = issuer.tokens();
    assert_eq!(verdict(&tokens, Some("old"), &old).await, "believed");

    issuer.answers(Answer::Keys(vec![new_jwk]));
    assert_eq!(verdict(&tokens, Some("new"), &new).await, "unknown_key");
    pass(PAUSE).await;

    assert_eq!(verdict(&tokens, Some("new"), &new).await, "believed");
    assert_eq!(verdict(&tokens, Some("old"), &old).await, "unknown_key");
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn a_withdrawn_key_is_forgotten_when_the_keys_are_old() {
    let (signer, jwk) = p256("a");
    let issuer = Issuer::start(Answer::Keys(vec![jwk])).await;
    let tokens = issuer.tokens();
    assert_eq!(verdict(&tokens, Some("a"), &signer).await, "believed");

    issuer.answers(Answer::Keys(Vec::new()));
    pass(10 * MINUTE).await;

    assert_eq!(verdict(&tokens, Some("a"), &signer).await, "unknown_key");
}

#[tokio::test]
async fn a_flood_of_made_up_key_ids_is_no_flood_for_the_issuer() {
    let (signer, jwk) = p256("a");
    let issuer = Issuer::start(Answer::Keys(vec![jwk])).await;
    let tokens = issuer.tokens();
    let flood = |round: usize| {
        let (tokens, signer) = (&tokens, &signer);
        async move {
            let ids: Vec<String> = (0..100).map(|number| format!("{round}-{number}")).collect();
            let all = ids.iter().map(|kid| verdict(tokens, Some(kid), signer));
            assert_eq!(join_all(all).await, ["unknown_key"; 100]);
        }
    };

    for round in 0..3 {
        flood(round).await;
    }
    assert_eq!(issuer.asked(), 1);
    pass(PAUSE).await;
    for round in 3..6 {
        flood(round).await;
    }

    assert_eq!(issuer.asked(), 2);
    assert_eq!(verdict(&tokens, Some("a"), &signer).await, "believed");
}

#[tokio::test]
async fn an_outage_leaves_the_old_keys_for_an_hour() {
    let (signer, jwk) = p256("a");
    let issuer = Issuer::start(Answer::Keys(vec![jwk.clone()])).await;
    let tokens = issuer.tokens();
    assert_eq!(verdict(&tokens, Some("a"), &signer).await, "believed");

    issuer.answers(Answer::Status(500));
    pass(10 * MINUTE).await;
    assert_eq!(verdict(&tokens, Some("a"), &signer).await, "believed");
    assert_eq!(issuer.asked(), 2);
    assert_eq!(verdict(&tokens, Some("b"), &signer).await, "unavailable");
    pass(59 * MINUTE).await;
    assert_eq!(verdict(&tokens, Some("a"), &signer).await, "believed");
    pass(2 * MINUTE).await;
    assert_eq!(verdict(&tokens, Some("a"), &signer).await, "unavailable");

    issuer.answers(Answer::Keys(vec![jwk]));
    pass(PAUSE).await;
    assert_eq!(verdict(&tokens, Some("a"), &signer).await, "believed");
}

#[tokio::test]
async fn what_is_no_key_set_is_an_outage() {
    let huge = json!({"keys": [], "padding": "x".repeat(1024 * 1024)});
    let many: Vec<Value> = (0..101).map(|number| p256(&number.to_string()).1).collect();
    for (name, answer) in [
        ("too large", Answer::Text(huge.to_string())),
        ("too many", Answer::Keys(many)),
        ("a page", Answer::Text("<html>".to_owned())),
        ("nowhere", Answer::Status(404)),
        ("elsewhere", Answer::Status(302)),
    ] {
        let issuer = Issuer::start(answer).await;
        let (signer, _) = p256("0");
        let tokens = issuer.tokens();
        for _ in 0..3 {
            assert_eq!(
                verdict(&tokens, Some("0"), &signer).await,
                "unavailable",
                "{name}"
            );
        }
        assert_eq!(issuer.asked(), 1, "{name}");
    }
}

#[tokio::test]
async fn an_issuer_that_nobody_reaches_is_unavailable_and_says_so() {
    let issuer = Issuer::start(Answer::Silence).await;
    let tokens = issuer.tokens();
    drop(issuer);
    tokio::task::yield_now().await;

    let (signer, _) = p256("a");
    let token = sign(&json!({"alg": "ES256"}), &payload(&json!({})), &signer);
    let rejected = tokens.verify_at(&token, NOW).await.unwrap_err();

    let words = "jwks unavailable: the keys of [tokens.corp] cannot be fetched";
    assert_eq!(rejected.to_string(), words);
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_hangs_holds_nobody_for_longer_than_five_seconds() {
    let issuer = Issuer::start(Answer::Silence).await;
    let tokens = issuer.tokens();
    let (signer, _) = p256("a");
    let start = tokio::time::Instant::now();

    let verdicts = join_all((0..20).map(|_| verdict(&tokens, Some("a"), &signer))).await;

    assert_eq!(verdicts, ["unavailable"; 20]);
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test]
async fn a_reload_keeps_what_was_fetched() {
    let (signer, jwk) = p256("a");
    let issuer = Issuer::start(Answer::Keys(vec![jwk])).await;
    let tokens = issuer.tokens();
    tokens.prefetch();
    assert_eq!(verdict(&tokens, Some("a"), &signer).await, "believed");
    issuer.answers(Answer::Status(500));

    let reloaded = issuer.tokens().inheriting(&tokens);
    assert_eq!(verdict(&reloaded, Some("a"), &signer).await, "believed");
    assert_eq!(issuer.asked(), 1);

    let other = Issuer::start(Answer::Keys(Vec::new())).await;
    let moved = other.tokens().inheriting(&reloaded);
    assert_eq!(verdict(&moved, Some("a"), &signer).await, "unknown_key");
}

#[tokio::test]
async fn a_token_that_was_verified_is_not_verified_again() {
    let (signer, jwk) = p256("a");
    let issuer = Issuer::start(Answer::Keys(vec![jwk])).await;
    let tokens = Arc::new(issuer.tokens());
    let header = json!({"alg": "ES256", "kid": "a"});
    let token = sign(&header, &payload(&json!({"exp": NOW + 40})), &signer);
    let first = tokens.verify_at(&token, NOW).await.unwrap();
    issuer.answers(Answer::Keys(Vec::new()));
    pass(10 * MINUTE).await;

    // Its key is gone by now, and a minute is as long as that goes unnoticed.
    assert_eq!(tokens.verify_at(&token, NOW + 59).await, Ok(first));
    let rejected = tokens.verify_at(&token, NOW + 60).await.unwrap_err();
    assert_eq!(rejected.reason(), "unknown_key");
}
