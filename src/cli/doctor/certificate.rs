//! The gateway's own certificate: whether clients take it, and who may read its key.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use super::{Finding, Report};
use crate::{
    config::Config,
    gateway::{Material, Soundness},
};

/// Looks at the files of `[gateway.tls]`, where it is there.
pub(super) fn look(config: &Config, report: &mut Report) {
    let (Some(tls), Some(material)) = (&config.gateway.tls, &config.tls) else {
        return;
    };
    report.add(finding(material));
    key(&tls.key, report);
}

fn finding(material: &Material) -> Finding {
    let about = "tls";
    match material.soundness() {
        Soundness::Good => {
            let says = &material.certificate;
            let words = format!("{} is valid until {}", says.shown(), says.expires);
            Finding::good(about, words)
        }
        Soundness::EndsSoon(ailment) => Finding::warning(about, ailment.words, ailment.fix),
        Soundness::Unusable(ailment) => Finding::problem(about, ailment.words, ailment.fix),
    }
}

/// That a group may read it is how programs share one.
fn key(path: &Path, report: &mut Report) {
    let Ok(about) = fs::metadata(path) else {
        return;
    };
    let (shown, mode) = (path.display(), about.mode() & 0o7777);
    // In a container it may be nobody's business, as with other secrets.
    let (others, finding): (_, fn(_, String, String) -> Finding) =
        match (mode & 0o022 != 0, mode & 0o004 != 0) {
            (true, _) => ("may change", Finding::problem),
            (false, true) => ("may read", Finding::warning),
            (false, false) => return,
        };
    let words = format!(
        "others {others} {shown} (mode {mode:04o}): whoever has that key can pass for the gateway"
    );
    let fix =
        format!("`chmod 600 {shown}`, and a new certificate with another key if others were here");
    report.add(finding("tls", words, fix));
}
