//! The authorities that a table names for what it connects to.

use std::path::Path;

use super::{Fault, files::Reader};
use crate::{forward::Trust, gateway::pem};

/// Whom connections trust, where a table has `ca`.
///
/// # Errors
/// When the file cannot be read, or has nobody in it.
pub(super) fn read(ca: Option<&Path>, reader: &Reader) -> Result<Option<Trust>, Fault> {
    let Some(path) = ca else { return Ok(None) };
    let shown = path.display();
    let wrong = |words: String| Fault::at(["ca"], words);
    let text = reader.bytes(path);
    let text = text.map_err(|error| wrong(format!("cannot read {shown}: {error}")))?;
    let roots = pem::authorities(&text).map_err(|words| wrong(format!("{shown} {words}")))?;
    let trust = Trust::only(roots, &text).map_err(|error| wrong(error.to_string()))?;
    Ok(Some(trust))
}
