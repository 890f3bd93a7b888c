//! Who is calling.

mod api_key;

pub use api_key::{ApiKeys, KeyConfig, KeyHash, KeyName, generate, hash_of};
