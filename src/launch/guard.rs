//! What sees to it that nothing outlives this process, even if it is killed: another one, which is
//! told of each group of processes. The system itself ends only those that were launched here, and
//! not what they have launched in turn (`npx` does).

use std::{
    collections::BTreeSet,
    io::{self, BufRead, Write},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    process::{Command, ExitCode, Stdio},
    thread::sleep,
    time::Duration,
};

use nix::{
    sys::signal::{SigSet, Signal, killpg},
    unistd::{Pid, setsid},
};

/// The one argument of this program that makes it the other one.
pub const GUARD: &str = "guard";
/// How often it is looked whether processes have ended by themselves, and again after SIGTERM, and
/// how long it is in between: a second in all.
const LOOKS: usize = 50;
const LOOK: Duration = Duration::from_millis(20);

/// The other process. It ends with this one.
#[derive(Debug)]
pub struct Guard(UnixStream);

impl Guard {
    /// Launches it by this program.
    ///
    /// # Errors
    /// When that cannot be done.
    pub fn start(launcher: &Path) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        // Whoever launches a server does not wait for it.
        ours.set_nonblocking(true)?;
        // It holds nothing of ours: no folder, no pipe, no secret.
        Command::new(launcher)
            .arg(GUARD)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self(ours))
    }

    /// That group is to end with us.
    ///
    /// # Errors
    /// When the other process is gone, or stuck.
    pub fn watch(&self, group: u32) -> io::Result<()> {
        (&self.0).write_all(format!("+{group}\n").as_bytes())
    }

    /// It has ended: its number may become another's.
    ///
    /// # Errors
    /// As for [`Guard::watch`].
    pub fn forget(&self, group: u32) -> io::Result<()> {
        (&self.0).write_all(format!("-{group}\n").as_bytes())
    }
}

/// Is that process: reads which groups there are, and ends those that are left at the end.
pub fn guard() -> ExitCode {
    // What is meant for all processes of the gateway is not meant for the one that comes after them.
    let signals = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP];
    let blocked = signals.into_iter().collect::<SigSet>().thread_block();
    let is_apart = blocked.and(setsid()).is_ok();
    let mut groups = BTreeSet::new();
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        match line
            .split_at_checked(1)
            .map(|(sign, group)| (sign, group.parse()))
        {
            // 0 and 1 would be ourselves, and everybody.
            Some(("+", Ok(group @ 2..))) => drop(groups.insert(group)),
            Some(("-", Ok(group))) => drop(groups.remove(&group)),
            _ => {}
        }
    }
    see_out(groups);
    match is_apart {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Their input has ended with the gateway: that should do. Else they are told, and then killed.
fn see_out(mut groups: BTreeSet<i32>) {
    wait(&mut groups);
    signal(&mut groups, Some(Signal::SIGTERM));
    wait(&mut groups);
    signal(&mut groups, Some(Signal::SIGKILL));
}

fn wait(groups: &mut BTreeSet<i32>) {
    for _ in 0..LOOKS {
        signal(groups, None);
        if groups.is_empty() {
            return;
        }
        sleep(LOOK);
    }
}

/// Signals groups, or only looks; those that have ended are no longer among them.
fn signal(groups: &mut BTreeSet<i32>, signal: Option<Signal>) {
    groups.retain(|group| killpg(Pid::from_raw(*group), signal).is_ok());
}
