//! `mcpgate top`, before a real gateway and on a real terminal.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::OwnedFd,
    process::Stdio,
    sync::mpsc,
    thread,
    time::Duration,
};

use mcpgate::authenticate::hash_of;
use nix::{
    pty::{Winsize, openpty},
    sys::termios::{LocalFlags, tcgetattr},
};
use tokio::{process::Child, time::Instant};

use super::{Running, folder, told};
use crate::pipe::{program, run, server, soon};

/// The cells of the line that begins with this word.
fn line<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    let mut lines = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let found = lines.find(|cells| cells.first() == Some(&word));
    found.unwrap_or_else(|| panic!("no {word}: {text}"))
}

#[tokio::test]
async fn once_shows_what_the_gateway_has_done() {
    let folder = folder(&server("s", &[]));
    let running = Running::start(&folder).await;
    for _ in 0..3 {
        running.pid_of("s__pid").await;
    }

    let (code, text, err) = told(&folder, &["top", "--once"]).await;

    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_eq!(line(&text, "s")[..4], ["s", "up", "3", "0"]);
    assert_eq!(line(&text, "pid")[..5], ["pid", "s", "(none)", "3", "0"]);
    assert!(
        text.starts_with(concat!("mcpgate ", env!("CARGO_PKG_VERSION"), " · up ")),
        "{text}"
    );
    // Where stdout is no terminal, it is the same without being told.
    let (code, piped, _) = told(&folder, &["top"]).await;
    assert_eq!((code, line(&piped, "pid")[3]), (Some(0), "3"));
    let (_, json, _) = told(&folder, &["top", "--json"]).await;
    let page: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(page["servers"]["s"]["requests"]["ok"], 3);
}

#[tokio::test]
async fn from_afar_it_takes_the_key_of_an_admin() {
    let folder = folder(&server("s", &[]));
    std::fs::create_dir(folder.path().join("policies")).unwrap();
    let roles = "[roles.boss]\nallow = ['*']\nadmin = true\n[roles.user]\nallow = ['*']\n";
    let key = |name: &str| {
        let hash = hash_of(&format!("mcpg_{name}"));
        format!("[keys.{name}]\nrole = '{name}'\nhash = '{hash}'\n")
    };
    let policy = [roles.to_owned(), key("boss"), key("user")].concat();
    std::fs::write(folder.path().join("policies/all.toml"), policy).unwrap();
    let running = Running::start(&folder).await;
    let asked = async |more: &[&str]| {
        let words = [&["top", "--once", "--url", &running.url], more].concat();
        let output = run("", &words).await;
        let err = String::from_utf8(output.stderr).unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            err,
        )
    };

    let (code, text, _) = asked(&["--key", "mcpg_boss"]).await;
    assert_eq!((code, line(&text, "s")[1]), (Some(0), "up"));
    for (shown, words) in [
        (&["--key", "mcpg_user"][..], "admin = true"),
        (&["--key", "mcpg_nobody"], "does not know this key (401)"),
        (&[], "asks for a key: --key"),
    ] {
        let (code, out, err) = asked(shown).await;
        assert_eq!((code, out.as_str()), (Some(1), ""));
        assert!(err.contains(words), "{err}");
    }
}

#[tokio::test]
async fn who_watches_nothing_is_told_so() {
    let folder = folder("");

    let (code, _, err) = told(&folder, &["top"]).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("is `mcpgate serve` running?"), "{err}");
    let (code, _, err) = told(&folder, &["top", "--url", "gate.lan"]).await;
    assert_eq!(code, Some(2));
    assert!(err.contains("expected a URL such as"), "{err}");
}

/// `mcpgate top` on a terminal of its own.
struct Watching {
    process: Child,
    terminal: OwnedFd,
    keys: File,
    shown: mpsc::Receiver<Vec<u8>>,
    seen: String,
}

impl Watching {
    fn start(folder: &tempfile::TempDir) -> Self {
        let size = Winsize {
            ws_row: 24,
            ws_col: 140,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pair = openpty(&size, None).unwrap();
        let side = || Stdio::from(pair.slave.try_clone().unwrap());
        let mut command = program(folder.path());
        command.args(["top", "-d", "0.1"]);
        command.stdin(side()).stdout(side()).stderr(side());
        let process = command.spawn().unwrap();
        let mut screen = File::from(pair.master.try_clone().unwrap());
        let (sender, shown) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            process,
            terminal: pair.slave,
            keys: File::from(pair.master),
            shown,
            seen: String::new(),
        }
    }

    /// Waits until it shows this, after all that it was seen to show before.
    fn shows(&mut self, words: &str) {
        let start = Instant::now();
        loop {
            if let Some(at) = self.seen.find(words) {
                self.seen.drain(..at + words.len());
                return;
            }
            let left = Duration::from_secs(20).saturating_sub(start.elapsed());
            let more = self.shown.recv_timeout(left);
            let more = more.unwrap_or_else(|_| panic!("no {words}: {:?}", self.seen));
            self.seen.push_str(&String::from_utf8_lossy(&more));
        }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Whether lines are edited and shown as they are typed, as a shell wants it.
    fn is_sane(&self) -> bool {
        let flags = tcgetattr(&self.terminal).unwrap().local_flags;
        flags.contains(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG)
    }

    /// Waits for its end; the screen is given back.
    async fn ends(mut self) -> Option<i32> {
        let status = soon("its end", self.process.wait()).await.unwrap();
        self.shows("\u{1b}[?1049l");
        assert!(self.is_sane());
        status.code()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_terminal_it_goes_on_while_the_gateway_is_away_and_gives_the_screen_back() {
    let folder = folder(&server("s", &[]));
    let running = Running::start(&folder).await;
    let mut watching = Watching::start(&folder);

    watching.shows("\u{1b}[?1049h");
    watching.shows("RESTARTS");
    assert!(!watching.is_sane());
    running.end().await;
    watching.shows("trying");
    let again = Running::start(&folder).await;
    watching.shows("sorts");
    watching.press("?");
    watching.shows("Keys");
    watching.press("xq");

    assert_eq!(watching.ends().await, Some(0));
    again.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn control_c_and_a_signal_give_the_screen_back() {
    let folder = folder(&server("s", &[]));
    let _running = Running::start(&folder).await;

    let mut watching = Watching::start(&folder);
    watching.shows("RESTARTS");
    watching.press("\u{3}");
    assert_eq!(watching.ends().await, Some(0));

    let mut watching = Watching::start(&folder);
    watching.shows("RESTARTS");
    crate::pipe::signal("TERM", watching.process.id().unwrap()).await;
    assert_eq!(watching.ends().await, Some(0));
}
