//! The authorities that a table names for what it connects to.

use std::path::Path;

use super::{Environment, Fault, files::Reader};
use crate::{forward::Trust, gateway::pem, observe::trace::TracesConfig};

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

/// What `[traces]` does not say itself, and whom it trusts.
///
/// # Errors
/// When a variable or a file that it needs says what cannot be.
pub(super) fn resolve(
    traces: &mut TracesConfig,
    folder: &Path,
    (environment, reader): (&Environment<'_>, &Reader),
) -> Result<(), Fault> {
    let is_said = traces.ca.is_some();
    traces.resolve(folder, environment.variable)?;
    let trust = read(traces.ca.as_deref(), reader);
    traces.authorities = trust.map_err(|fault| match is_said {
        true => fault,
        false => {
            let words = format!(
                "the variable `OTEL_EXPORTER_OTLP_CERTIFICATE`: {}",
                fault.message()
            );
            Fault::at([], words)
        }
    })?;
    Ok(())
}
