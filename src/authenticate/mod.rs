//! Who is calling.

pub mod api_key;
