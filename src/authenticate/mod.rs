//! Who is calling.

mod api_key;

pub use api_key::{ApiKeys, KeyConfig, KeyHash, generate, hash_of};

use http::{HeaderMap, header};

use crate::{call::Caller, refusal::Refusal};

/// Finds out who sent these headers.
///
/// Where no key is configured everybody is anonymous. Where one is, nobody is: a key that is
/// missing and one that is wrong are refused alike.
///
/// # Errors
/// When a key is needed, and this is not one.
pub fn identify(keys: &ApiKeys, headers: &HeaderMap) -> Result<Caller, Refusal> {
    if keys.is_empty() {
        return Ok(Caller::Anonymous);
    }
    let holder = presented(headers).and_then(|key| keys.find(key));
    holder
        .map(|name| Caller::Key(name.clone()))
        .ok_or(Refusal::Unauthenticated)
}

/// The key in `Authorization: Bearer` or `X-API-Key`. Two of a kind are none: whoever stands
/// before us may have looked at the other one.
fn presented(headers: &HeaderMap) -> Option<&str> {
    let only = |name: &str| {
        let mut values = headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    };
    if headers.contains_key(header::AUTHORIZATION) {
        let (scheme, key) = only("authorization")?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| key.trim());
    }
    only("x-api-key")
}
