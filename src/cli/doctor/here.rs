//! This machine: its clock, and how many files a process may have open.

use jiff::Timestamp;
use nix::sys::resource::{Resource, getrlimit};

use super::{Finding, Report};
use crate::config::Config;

/// Nobody runs this before it was written: 2026-01-01.
const WRITTEN: i64 = 1_767_225_600;
/// Files that are open beside those of clients: servers, logs, runtimes.
const BESIDE: u64 = 128;

/// The clock, as far as it can be judged without another one.
pub(super) fn look(report: &mut Report) {
    let now = Timestamp::now();
    if now.as_second() < WRITTEN {
        let words =
            format!("this machine says it is {now:.0}: tokens and certificates will not be good");
        report.add(Finding::problem(
            "clock",
            words,
            "`timedatectl set-ntp true`",
        ));
    }
}

/// Whether a process that this user starts may have as many connections open as the config says.
pub(super) fn room(config: &Config, report: &mut Report) {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return;
    };
    // A client's connection, and often one to a server for it.
    let wanted = config.gateway.max_connections as u64 * 2 + BESIDE;
    if soft >= wanted {
        let words = format!("{soft} may be open, {wanted} are enough");
        return report.add(Finding::good("files", words));
    }
    let words = format!(
        "{soft} may be open at once; `max_connections = {}` may take {wanted}",
        config.gateway.max_connections
    );
    let fix = match hard >= wanted {
        true => {
            format!("`ulimit -n {wanted}` before it starts; under systemd, LimitNOFILE={wanted}")
        }
        false => format!(
            "LimitNOFILE={wanted} (systemd) or /etc/security/limits.conf, or fewer `max_connections`"
        ),
    };
    report.add(Finding::warning("files", words, fix));
}
