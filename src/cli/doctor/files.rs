//! Files that hold secrets, and folders that the gateway writes to.

use std::{
    fs::{self, Metadata, OpenOptions},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use super::{Finding, Report};
use crate::config::Config;

/// Looks at all that was read for the config, and at what is to be written.
pub(super) fn look(config: &Config, report: &mut Report) {
    let tls = config.gateway.tls.as_ref();
    let own_key = tls.map(|tls| tls.key.as_path());
    // More is said of that one elsewhere.
    let others = |path: &&Path| Some(*path) != own_key;
    for path in config.files.names().filter(others) {
        let Ok(about) = fs::metadata(path) else {
            continue;
        };
        let is_config = path
            .extension()
            .is_some_and(|extension| extension == "toml");
        match is_config {
            true => written(path, &about, report),
            false => secret(path, &about, report),
        }
    }
    let folder = config.gateway.state_dir(|name| std::env::var_os(name));
    match folder {
        Some(folder) if folder.as_os_str().is_empty() => {}
        Some(folder) => state(&folder, report),
        None => report.add(Finding::warning(
            "state",
            "there is no folder for what outlives the process: a restart ends all sessions",
            "`state_dir` in [gateway]; under systemd, StateDirectory=mcpgate",
        )),
    }
    if let Some(folder) = config.audit.file.as_deref().and_then(Path::parent) {
        writable("audit", folder, "[audit] file", report);
    }
}

/// A config that others may change is theirs to decide.
fn written(path: &Path, about: &Metadata, report: &mut Report) {
    let (shown, mode) = (path.display(), about.mode() & 0o7777);
    if mode & 0o022 != 0 {
        let words = format!("others may change {shown} (mode {mode:04o})");
        report.add(Finding::problem(
            "secrets",
            words,
            format!("`chmod go-w {shown}`"),
        ));
    }
    let open = mode & 0o004 != 0;
    let text = fs::read_to_string(path).unwrap_or_default();
    if open && text.lines().any(holds_a_secret) {
        let words = format!(
            "{shown} seems to hold a token, and everybody here may read it (mode {mode:04o})"
        );
        let fix = format!("`chmod o-r {shown}`, or write ${{VAR}} or ${{file:…}} in its place");
        report.add(Finding::warning("secrets", words, fix));
    }
}

/// Whether a line has a token in so many letters.
fn holds_a_secret(line: &str) -> bool {
    let line = line.trim_start();
    let letters = |c: char| c.is_ascii_alphanumeric() || "-_.+/=".contains(c);
    let long = |text: &str| text.chars().take_while(|c| letters(*c)).count() >= 16;
    // A word that only ends like a mark (`task-`) is none.
    let begins = |at: usize| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| c.is_ascii_alphanumeric())
    };
    let shows = ["Bearer ", "mcpg_", "ghp_", "sk-"].iter().any(|mark| {
        let mut marks = line.match_indices(mark);
        marks.any(|(at, _)| begins(at) && line.get(at + mark.len()..).is_some_and(long))
    });
    shows && !line.starts_with('#')
}

/// What `${file:…}` names. A public key is no secret.
fn secret(path: &Path, about: &Metadata, report: &mut Report) {
    let (shown, mode) = (path.display(), about.mode() & 0o7777);
    let text = fs::read(path).unwrap_or_default();
    let has = |words: &str| memchr::memmem::find(&text, words.as_bytes()).is_some();
    let is_public = !has("PRIVATE KEY-----")
        && ["PUBLIC KEY", "CERTIFICATE", "X509 CRL"]
            .iter()
            .any(|kind| has(&format!("-----BEGIN {kind}-----")));
    if mode & 0o007 != 0 && !is_public {
        let words = format!("everybody on this machine may read {shown} (mode {mode:04o})");
        report.add(Finding::warning(
            "secrets",
            words,
            format!("`chmod 600 {shown}`"),
        ));
    }
}

/// The folder of what outlives the process.
fn state(folder: &Path, report: &mut Report) {
    let key = folder.join("session.key");
    if let Ok(about) = fs::metadata(&key)
        && about.mode() & 0o077 != 0
    {
        let shown = key.display();
        let words = format!(
            "{shown} is open to others (mode {:04o}): whoever has read it can make up sessions",
            about.mode() & 0o7777
        );
        let fix = format!("`rm {shown}`: a new one is made");
        return report.add(Finding::problem("state", words, fix));
    }
    // Where it is not there yet, it is made.
    if let Some(there) = folder.ancestors().find(|folder| folder.exists()) {
        writable("state", there, "[gateway] state_dir", report);
    }
}

/// Whether this user can write there, found out by doing it.
fn writable(about: &'static str, folder: &Path, key: &str, report: &mut Report) {
    let folder = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let shown = folder.display();
    let draft = folder.join(format!(".mcpgate-doctor-{}", std::process::id()));
    let mut file = OpenOptions::new();
    match file.write(true).create_new(true).mode(0o600).open(&draft) {
        Ok(_) => {
            // It is empty, and of a name that nobody else has.
            drop(fs::remove_file(&draft));
            report.add(Finding::good(about, format!("{shown} can be written to")));
        }
        Err(error) => {
            let words = format!("{shown} cannot be written to by this user: {error} ({key})");
            let fix = format!("run this as the gateway's user, or `chown` {shown} to it");
            report.add(Finding::problem(about, words, fix));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_so_many_letters_is_seen_and_a_variable_is_not_one() {
        for line in [
            r#"headers = { Authorization = "Bearer abcdefghijklmnop.qrstuv" }"#,
            r#"args = ["--token", "ghp_0123456789abcdef"]"#,
        ] {
            assert!(holds_a_secret(line), "{line}");
        }
        for line in [
            r#"headers = { Authorization = "Bearer ${OIL_TOKEN}" }"#,
            r##"#headers = { Authorization = "Bearer abcdefghijklmnop.qrstuv" }"##,
            r#"args = ["task-master", "risk-assessment-of-the-day"]"#,
        ] {
            assert!(!holds_a_secret(line), "{line}");
        }
    }
}
