//! The address that it listens on: whether it is free, and if not, who has it.

use std::{fs, io::ErrorKind, net::SocketAddr};

use tokio::net::TcpSocket;

use super::{Finding, Report, Running};
use crate::config::Config;

/// Looks whether it can be listened on. Nobody is answered there meanwhile.
pub(super) fn look(config: &Config, running: Option<&Running>, report: &mut Report) {
    let listen = config.gateway.listen;
    if let Err(error) = config.may_serve(listen) {
        let fix = "`mcpgate hash-key` makes a key";
        report.add(Finding::problem("port", error.to_string(), fix));
    }
    for words in config.open_doors() {
        report.add(Finding::open(words));
    }
    let Err(error) = bound(listen) else {
        return report.add(Finding::good("port", format!("{listen} is free")));
    };
    let kind = error.kind();
    if kind == ErrorKind::AddrInUse {
        return taken(listen, running, report);
    }
    let (words, fix) = if kind == ErrorKind::PermissionDenied {
        (
            format!("{listen}: ports below 1024 are root's"),
            "let systemd open it (mcpgate.socket), or take a higher one",
        )
    } else {
        (
            format!("{listen} cannot be listened on: {error}"),
            "`listen` in [gateway] names another address",
        )
    };
    report.add(Finding::problem("port", words, fix));
}

/// What to do where an address cannot be listened on.
pub(in crate::cli) fn advice(listen: SocketAddr, error: &std::io::Error) -> String {
    let another = "name another with --port, --host, or `listen` in [gateway]";
    match (error.kind(), holder(listen.port())) {
        (ErrorKind::AddrInUse, Some((pid, name))) => {
            format!("`{name}` (pid {pid}) has it: stop that (`kill {pid}`), or {another}")
        }
        (ErrorKind::AddrInUse, None) => {
            format!("`ss -ltnp` as root shows who has it: stop that, or {another}")
        }
        (ErrorKind::PermissionDenied, _) => {
            format!(
                "ports below 1024 are root's: let systemd open it (mcpgate.socket), or {another}"
            )
        }
        (ErrorKind::AddrNotAvailable, _) => {
            format!("this machine has no such address (`ip address` shows which it has): {another}")
        }
        _ => another.to_owned(),
    }
}

fn bound(listen: SocketAddr) -> std::io::Result<()> {
    let socket = match listen {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // As the gateway does: a connection that has just ended does not hold the port.
    socket.set_reuseaddr(true)?;
    socket.bind(listen)
}

fn taken(listen: SocketAddr, running: Option<&Running>, report: &mut Report) {
    let holder = holder(listen.port());
    let ours = running.map(|running| running.pid);
    match &holder {
        Some((pid, _)) if Some(*pid) == ours => {
            report.add(Finding::good(
                "port",
                format!("{listen} is the running gateway's"),
            ));
        }
        None if ours.is_some() => {
            report.add(Finding::good(
                "port",
                format!("{listen} is taken, as a gateway runs"),
            ));
        }
        Some((pid, name)) => {
            let words = format!("{listen} is taken by `{name}` (pid {pid})");
            let fix = format!("stop it (`kill {pid}`), or `listen` in [gateway] names another");
            report.add(Finding::problem("port", words, fix));
        }
        None => {
            let words = format!("{listen} is taken by another program");
            let fix = "`ss -ltnp` as root shows which; `listen` in [gateway] names another address";
            report.add(Finding::problem("port", words, fix));
        }
    }
}

/// The process that listens on a port, and its name, as far as this user may know.
fn holder(port: u16) -> Option<(u32, String)> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let inode = tables.iter().find_map(|table| {
        let text = fs::read_to_string(table).ok()?;
        text.lines().find_map(|line| inode(line, port))
    })?;
    let wanted = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").ok()?;
    processes.flatten().find_map(|process| {
        let pid: u32 = process.file_name().to_str()?.parse().ok()?;
        let mut files = fs::read_dir(process.path().join("fd")).ok()?.flatten();
        let holds = files.any(|file| {
            let leads = fs::read_link(file.path());
            leads.is_ok_and(|place| place.as_os_str() == wanted.as_str())
        });
        let name = || fs::read_to_string(process.path().join("comm")).ok();
        holds.then(|| (pid, name().unwrap_or_default().trim().to_owned()))
    })
}

/// The socket of a line of /proc/net/tcp that listens on the port (state 0A).
fn inode(line: &str, port: u16) -> Option<String> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (_, local) = fields.get(1)?.rsplit_once(':')?;
    let listens = u16::from_str_radix(local, 16).ok()? == port && fields.get(3) == Some(&"0A");
    let inode = fields.get(9).filter(|_| listens);
    inode.map(|inode| (*inode).to_owned())
}
