//! What a token that is signed well may say.

use ring::hmac::HMAC_SHA256;
use serde_json::{Value, json};

use super::{Claims, Rejected, testing::*};

/// What becomes of a payload that is well signed.
async fn read(lines: &str, changes: &Value) -> Result<Claims, Rejected> {
    let tokens = tokens(&format!("secret = \"{SECRET}\"\n{lines}")).unwrap();
    let signer = hmac(HMAC_SHA256, SECRET.as_bytes());
    let token = sign(&json!({"alg": "HS256"}), &payload(changes), &signer);
    tokens.verify_at(&token, NOW).await
}

#[test]
fn a_token_can_be_verified_by_any_thread() {
    fn check<T: Send>(_: T) {}
    check(
        tokens(&format!("secret = \"{SECRET}\""))
            .unwrap()
            .verify(""),
    );
}

#[tokio::test]
async fn a_good_token_says_who_it_is() {
    let claims = read("roles = { mcp-admins = \"admin\" }", &json!({}))
        .await
        .unwrap();

    assert_eq!((&*claims.issuer, &*claims.id), ("corp", "sam"));
    assert_eq!(claims.email.as_deref(), Some("sam@example.com"));
    assert_eq!(claims.roles, ["admin".into()]);
    assert_eq!(claims.until, NOW + 630);
}

#[tokio::test]
async fn claims_that_are_not_for_us_or_not_for_now_are_refused() {
    let cases = [
        ("another issuer", json!({"iss": "https://evil/"}), "issuer"),
        ("almost the issuer", json!({"iss": "https://idp"}), "issuer"),
        ("no issuer", json!({"iss": null}), "issuer"),
        ("issuers", json!({"iss": ["https://idp/"]}), "issuer"),
        ("another audience", json!({"aud": "shop"}), "audience"),
        (
            "other audiences",
            json!({"aud": ["shop", "gat", 1, null]}),
            "audience",
        ),
        ("no audience", json!({"aud": null}), "audience"),
        (
            "an audience of a kind",
            json!({"aud": {"gate": "gate"}}),
            "audience",
        ),
        (
            "ours among others",
            json!({"aud": ["shop", "other"]}),
            "believed",
        ),
        ("no end", json!({"exp": null}), "claims"),
        ("an end in words", json!({"exp": "9999999999"}), "claims"),
        ("over", json!({"exp": NOW - 30}), "expired"),
        ("over before 1970", json!({"exp": -1}), "expired"),
        ("only just not over", json!({"exp": NOW - 29}), "believed"),
        (
            "with a fraction",
            json!({"exp": 1_800_000_000.5}),
            "believed",
        ),
        ("at the end of time", json!({"exp": u64::MAX}), "believed"),
        ("not yet", json!({"nbf": NOW + 31}), "not_yet_valid"),
        ("only just", json!({"nbf": NOW + 30}), "believed"),
        ("a start in words", json!({"nbf": "soon"}), "claims"),
    ];
    for (name, changes, expected) in cases {
        let result = read("", &changes).await;
        let reason = result.map_or_else(|rejected| rejected.reason(), |_| "believed");
        assert_eq!(reason, expected, "{name}");
    }
}

#[tokio::test]
async fn claims_that_could_become_a_header_of_their_own_are_refused() {
    let long = "é".repeat(256);
    let texts = [
        ("a line", json!("sam\r\nX-User-Role: ADMIN")),
        ("a newline", json!("sam\n")),
        ("a zero", json!("s\0m")),
        ("delete", json!("s\u{7f}m")),
        ("next line", json!("s\u{85}m")),
        ("empty", json!("")),
        ("too long", json!(format!("{long}é"))),
        ("a number", json!(7)),
        ("an object", json!({"a": "b"})),
    ];
    for (name, text) in texts {
        let claims = [
            json!({"sub": text}),
            json!({"email": text}),
            json!({"roles": text}),
            json!({"roles": ["dev", text]}),
        ];
        for changes in claims {
            let rejected = read("", &changes).await.unwrap_err();
            assert_eq!(rejected.reason(), "claims", "{name} {changes}");
            assert!(!rejected.to_string().contains(char::is_control), "{name}");
        }
    }
    assert_eq!(
        read("", &json!({"sub": long}))
            .await
            .unwrap()
            .id
            .chars()
            .count(),
        256
    );
    assert_eq!(
        read("", &json!({"sub": null})).await.unwrap_err().reason(),
        "claims"
    );
    assert_eq!(read("", &json!({"email": null})).await.unwrap().email, None);
}

#[tokio::test]
async fn an_address_that_its_issuer_has_not_verified_is_nobodys() {
    let own = "claims = { email = \"mail\" }";
    for (lines, changes, expected) in [
        ("", json!({}), true),
        ("", json!({"email_verified": true}), true),
        ("", json!({"email_verified": "true"}), true),
        ("", json!({"email_verified": false}), false),
        ("", json!({"email_verified": "false"}), false),
        ("", json!({"email_verified": 1}), false),
        (own, json!({"mail": "s@x", "email_verified": false}), true),
    ] {
        let claims = read(lines, &changes).await.unwrap();
        assert_eq!(claims.email.is_some(), expected, "{lines} {changes}");
    }
}

#[tokio::test]
async fn roles_are_found_and_mapped() {
    let mapped = "roles = { dev = \"user\", ops = \"user\", mcp-admins = \"admin\" }";
    let path = "claims = { role = \"realm_access.roles\" }";
    let dotted = "claims = { role = \"https://a.b/roles\" }";
    let cases = [
        ("", json!({"roles": ["b", "a", "b"]}), vec!["b", "a"]),
        ("", json!({"roles": "one"}), vec!["one"]),
        ("", json!({"roles": null}), vec![]),
        ("", json!({"roles": []}), vec![]),
        (
            mapped,
            json!({"roles": ["mcp-admins", "x", "ops", "dev"]}),
            vec!["admin", "user"],
        ),
        (mapped, json!({"roles": ["admin", "user"]}), vec![]),
        (path, json!({"realm_access": {"roles": ["r"]}}), vec!["r"]),
        (path, json!({"realm_access": ["roles"]}), vec![]),
        (dotted, json!({"https://a.b/roles": ["r"]}), vec!["r"]),
    ];
    for (lines, changes, expected) in cases {
        let roles = read(lines, &changes).await.unwrap().roles;
        let roles: Vec<&str> = roles.iter().map(|role| &**role).collect();
        assert_eq!(roles, expected, "{lines} {changes}");
    }
}
