//! The compact form of a JWS: three pieces of base64url with two dots between.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use serde_json::{Map, Value};

use super::{Rejected, strict};

/// The longest token that is looked at. Servers of HTTP rarely accept a longer header.
pub(super) const LONGEST: usize = 16 * 1024;

/// A token in its parts. Nothing of it is verified.
pub(super) struct Token<'a> {
    /// `alg`, as it is written.
    pub(super) algorithm: String,
    /// `kid`
    pub(super) kid: Option<String>,
    pub(super) payload: Map<String, Value>,
    /// The bytes that the signature is about.
    pub(super) signed: &'a [u8],
    pub(super) signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Takes a token apart. Of the header, only `alg` and `kid` are ever looked at: keys that a
    /// token brings along (`jwk`, `x5c`) or points to (`jku`, `x5u`) are its author's, whoever
    /// that is.
    ///
    /// # Errors
    /// When it is not three pieces, a piece is not what it must be, or `crit` is set.
    pub(super) fn parse(text: &'a str) -> Result<Self, Rejected> {
        let malformed = |reason| move || Rejected::Malformed(reason);
        let three = malformed("it is not three pieces with dots between");
        let (signed, signature) = text.rsplit_once('.').ok_or_else(three)?;
        let (header, payload) = signed.split_once('.').ok_or_else(three)?;
        if payload.contains('.') {
            return Err(three());
        }
        let no_base64 = malformed("a piece is not base64url without padding");
        let decode = |piece: &str| BASE64.decode(piece).map_err(|_error| no_base64());
        let (header, payload) = (decode(header)?, decode(payload)?);
        let signature = decode(signature)?;

        let no_object = malformed("header or payload is not one JSON object, each name once");
        let header = strict::object(&header).ok_or_else(no_object)?;
        let payload = strict::object(&payload).ok_or_else(no_object)?;
        if header.contains_key("crit") {
            // By RFC 7515 whoever does not know an extension must refuse it, and we know none.
            return Err(Rejected::Malformed("it needs an extension (`crit`)"));
        }
        let algorithm = header.get("alg").and_then(Value::as_str);
        let algorithm = algorithm.ok_or_else(malformed("its header has no `alg`"))?;
        let kid = match header.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            Some(_) => return Err(Rejected::Malformed("its `kid` is not a string")),
        };
        Ok(Self {
            algorithm: algorithm.to_owned(),
            kid,
            payload,
            signed: signed.as_bytes(),
            signature,
        })
    }
}
