//! The gateway itself: a process that is restarted, on a socket that outlives it.

use std::{
    env, fs,
    io::Write,
    net::{SocketAddr, TcpListener},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{self, ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use nix::sys::signal::Signal;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpSocket,
    process::{Child, ChildStderr, Command},
    sync::oneshot,
    time::timeout,
};

use crate::{
    Failure,
    ledger::Ledger,
    processes::{self, Holdings, MARK, holdings},
};

/// How long it may take to start, or to end: the drain, the servers, the audit.
const PATIENCE: Duration = Duration::from_secs(40);

/// The gateway, which has a new process after each restart.
pub(crate) struct Gateway {
    program: PathBuf,
    folder: PathBuf,
    socket: TcpListener,
    ledger: Arc<Ledger>,
    generation: u32,
    child: Option<Child>,
}

/// The program under test: what `MCPGATE` names, or what was built along with this one.
pub(crate) fn program() -> Result<PathBuf, Failure> {
    let beside = env::current_exe()?;
    let folder = beside
        .ancestors()
        .nth(2)
        .ok_or("no folder above this one")?;
    let program = env::var_os("MCPGATE").map_or_else(|| folder.join("mcpgate"), PathBuf::from);
    match program.exists() {
        true => Ok(fs::canonicalize(program)?),
        false => Err(format!("{} is not there: build it first", program.display()).into()),
    }
}

impl Gateway {
    /// One that serves the files in that folder, not started yet.
    pub(crate) fn new(folder: &Path, ledger: Arc<Ledger>) -> Result<Self, Failure> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        // What comes while it is restarted waits there.
        let socket = socket.listen(4096)?.into_std()?;
        Ok(Self {
            program: program()?,
            folder: folder.to_owned(),
            socket,
            ledger,
            generation: 0,
            child: None,
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> Result<SocketAddr, Failure> {
        Ok(self.socket.local_addr()?)
    }

    fn mark(&self) -> String {
        format!("{}-{}", process::id(), self.generation)
    }

    /// Starts a process, and waits until it serves.
    pub(crate) async fn start(&mut self) -> Result<(), Failure> {
        self.generation += 1;
        let mut child = self.command()?.spawn()?;
        let stderr = child.stderr.take().ok_or("it has no stderr")?;
        let (serves, served) = oneshot::channel();
        let log = self.folder.join("gateway.log");
        tokio::spawn(listen(stderr, log, serves, self.ledger.clone()));
        self.child = Some(child);
        match timeout(PATIENCE, served).await {
            Ok(Ok(())) => Ok(()),
            _ => Err("the gateway does not start".into()),
        }
    }

    /// As systemd starts it: the socket is its third file, and the number its own.
    fn command(&self) -> Result<Command, Failure> {
        let words =
            "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" serve --log-level \"$1\" 3<&0 </dev/null";
        let level = env::var("CHAOS_LOG").unwrap_or_else(|_unset| "warn".to_owned());
        let mut command = Command::new("sh");
        for name in ["MCPGATE_CONFIG", "MCPGATE_POLICIES", "MCPGATE_LOG"] {
            command.env_remove(name);
        }
        for name in ["API_KEYS", "ALLOWED_IPS", "RATE_LIMIT", "MAX_CONNECTIONS"] {
            command.env_remove(name);
        }
        command
            .args(["-c", words])
            .arg(&self.program)
            .arg(level)
            .current_dir(&self.folder)
            .env("HOME", &self.folder)
            .env(MARK, self.mark())
            .env_remove("NOTIFY_SOCKET")
            .stdin(Stdio::from(OwnedFd::from(self.socket.try_clone()?)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        Ok(command)
    }

    /// Its process.
    pub(crate) fn pid(&self) -> Result<i32, Failure> {
        let pid = self.child.as_ref().and_then(Child::id);
        Ok(i32::try_from(pid.ok_or("the gateway has ended")?)?)
    }

    /// What it holds now.
    pub(crate) fn holdings(&self) -> Result<Holdings, Failure> {
        Ok(holdings(self.pid()?).ok_or("the gateway has ended")?)
    }

    /// The processes of its servers whose command line has this in it.
    pub(crate) fn children(&self, words: &str) -> Vec<i32> {
        let gateway = self.pid().unwrap_or_default();
        let mut all = processes::marked(&self.mark());
        all.retain(|(pid, line)| *pid != gateway && line.contains(words));
        all.into_iter().map(|(pid, _)| pid).collect()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Failure> {
        processes::signal(self.pid()?, signal);
        Ok(())
    }

    /// Ends it with a signal; gives how it ended.
    pub(crate) async fn end(&mut self, signal: Signal) -> Result<ExitStatus, Failure> {
        self.signal(signal)?;
        let mut child = self.child.take().ok_or("the gateway has ended")?;
        Ok(timeout(PATIENCE, child.wait()).await??)
    }

    /// What is left of the servers of the last process once it has ended, after a moment's time to
    /// notice. Ends it.
    pub(crate) async fn orphans(&self) -> Vec<String> {
        let mut left = Vec::new();
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        for _ in 0..100 {
            looks.tick().await;
            left = processes::marked(&self.mark());
            if left.is_empty() {
                break;
            }
        }
        for (pid, _) in &left {
            processes::signal(*pid, Signal::SIGKILL);
        }
        left.into_iter().map(|(_, line)| line).collect()
    }
}

/// Keeps what it says, tells when it serves, and notes what it must never say.
async fn listen(
    stderr: ChildStderr,
    log: PathBuf,
    serves: oneshot::Sender<()>,
    ledger: Arc<Ledger>,
) {
    let mut serves = Some(serves);
    let log = fs::OpenOptions::new().create(true).append(true).open(log);
    let mut log = log.ok();
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(log) = &mut log {
            drop(writeln!(log, "{line}"));
        }
        if line.contains("panicked at") {
            ledger.fault(format!("the gateway panicked: {line}"));
        }
        if line.contains(" serves http://")
            && let Some(serves) = serves.take()
        {
            serves.send(()).unwrap_or_default();
        }
    }
}
