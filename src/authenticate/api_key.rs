//! API keys.

use serde::Deserialize;

/// One `[keys.<name>]` table of a policy file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    /// `sha256:` and 64 hexadecimal digits, made by `mcpgate hash-key`.
    pub hash: String,
}
