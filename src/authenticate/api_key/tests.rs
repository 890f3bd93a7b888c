//! Which keys open the door.

use super::*;

fn keys(tables: &str) -> ApiKeys {
    let tables = ["a", "b", "c", "d"]
        .iter()
        .fold(tables.to_owned(), |text, key| {
            text.replace(&format!("<{key}>"), &format!("hash = '{}'", hash_of(key)))
        });
    ApiKeys::new(&toml::from_str(&tables).unwrap(), &Standing::Everything)
}

fn holder(keys: &ApiKeys, key: &str) -> Result<String, KeyFault> {
    let found = keys.find(key, Some([10, 0, 0, 1].into()));
    found.map(|who| format!("{} {:?}", who.identity, who.standing.role()))
}

#[test]
fn a_key_is_known_by_its_holder_and_its_role() {
    let keys = keys("[alice]\n<a>\n[bob]\n<b>\nrole = 'analyst'\n[bob-2]\n<c>\ncaller = 'bob'");

    assert_eq!(holder(&keys, "a").unwrap(), "key:alice None");
    assert!(holder(&keys, "b").unwrap().starts_with("key:bob Some"));
    assert_eq!(holder(&keys, "c").unwrap(), "key:bob None");
}

#[test]
fn a_key_that_is_unknown_expired_switched_off_or_elsewhere_opens_nothing() {
    let keys = keys(
        "[a]\n<a>\nexpires = '2020-01-31'\n[b]\n<b>\ndisabled = true\n\
         [c]\n<c>\nfrom = ['192.168.0.0/16']\n[d]\n<d>\nexpires = '2999-01-01T00:00:00Z'",
    );

    assert_eq!(holder(&keys, "a"), Err(KeyFault::Expired));
    assert_eq!(holder(&keys, "b"), Err(KeyFault::Disabled));
    assert_eq!(holder(&keys, "c"), Err(KeyFault::Address));
    assert_eq!(holder(&keys, "d").unwrap(), "key:d None");
    for stranger in ["", "A", "a ", "aa", &hash_of("a").to_string()] {
        assert_eq!(
            holder(&keys, stranger),
            Err(KeyFault::Unknown),
            "{stranger}"
        );
    }
}

#[test]
fn a_generated_key_is_found_by_its_hash_and_never_repeats() {
    let (key, hash) = generate().unwrap();

    assert_eq!(key.len(), "mcpg_".len() + 64);
    assert_eq!(hash, hash_of(&key));
    assert_ne!(key, generate().unwrap().0);
}

#[test]
fn a_hash_reads_back_as_it_was_written() {
    let hash = hash_of("");
    let written = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    assert_eq!(hash.to_string(), written);
    assert_eq!(KeyHash::try_from(written.to_owned()), Ok(hash));
    assert_eq!(
        KeyHash::try_from(written.to_uppercase().replace("SHA", "sha")),
        Ok(hash)
    );
}

#[test]
fn a_malformed_hash_is_refused() {
    let digits = "a".repeat(64);
    let cases = [
        String::new(),
        digits.clone(),
        format!("md5:{digits}"),
        format!("sha256:{digits}0"),
        format!("sha256:{}", digits.replace('a', "g")),
        format!("sha256:{}", "é".repeat(32)),
        "mcpg_1234".to_owned(),
    ];
    for case in cases {
        assert!(KeyHash::try_from(case.clone()).is_err(), "{case}");
    }
}

#[test]
fn all_keys_are_compared_wherever_the_right_one_stands() {
    let keys = keys("[a]\n<a>\n[b]\n<b>\n[c]\n<c>");
    let mut alike: Vec<Key> = keys.by_start.into_values().flatten().collect();
    alike.sort_by_key(|key| key.who.name.clone());
    for (right, found) in [(Some(0), "a"), (Some(1), "b"), (Some(2), "c"), (None, "")] {
        let mut compared = 0;
        let key = compare(&alike, |_| {
            compared += 1;
            Some(compared - 1) == right
        });

        assert_eq!(compared, 3, "{right:?}");
        let name = key.and_then(|key| key.who.id.clone());
        assert_eq!(name.as_deref().unwrap_or_default(), found);
    }
}
