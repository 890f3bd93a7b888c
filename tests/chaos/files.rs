//! The files of the gateway, and how they are rewritten: with what is valid, and with what is not.

use std::{
    collections::HashMap,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use mcpgate::authenticate::hash_of;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    cast::{Actor, CAST, Fate, Speech},
    random::Random,
};

/// The keys of the callers who may call everything, and of the one whose role changes.
pub(crate) const KEYS: [&str; 3] = ["key-of-alice", "key-of-bob", FICKLE];
pub(crate) const FICKLE: &str = "key-of-carol";

/// What the role of the last one may say.
const ROLES: [&str; 5] = [
    "allow = ['*']\n",
    "allow = ['calm_*/*']\n",
    "allow = ['*/echo*']\nlimits = [{ calls = 20, per = '1s' }]\n",
    "allow = ['*']\nlimits = [{ concurrent = 2 }]\n",
    "allow = []\n",
];

/// What may vary.
#[derive(Debug, Clone, Default)]
struct Setup {
    /// Whether each guest is there.
    guests: [bool; 2],
    /// Something of the wild ones differs, so that they are connected to anew.
    variant: u64,
    role: usize,
}

/// The files in their folder.
pub(crate) struct Files {
    folder: PathBuf,
    fake: PathBuf,
    /// `[gateway]` beyond what is always there.
    settings: &'static str,
    required: bool,
    addresses: HashMap<&'static str, SocketAddr>,
    setup: Setup,
}

impl Files {
    /// Files in that folder; nothing is written yet.
    pub(crate) fn new(
        folder: &Path,
        fake: PathBuf,
        addresses: HashMap<&'static str, SocketAddr>,
        (settings, required): (&'static str, bool),
    ) -> Self {
        Self {
            folder: folder.to_owned(),
            fake,
            settings,
            required,
            addresses,
            setup: Setup::default(),
        }
    }

    /// Writes them as they are when nothing has been changed yet.
    pub(crate) fn reset(&mut self) -> io::Result<()> {
        self.setup = Setup {
            guests: [true; 2],
            ..Setup::default()
        };
        self.write()
    }

    /// Puts whole new files in the place of the old ones.
    fn write(&self) -> io::Result<()> {
        let policies = self.folder.join("policies");
        fs::create_dir_all(&policies)?;
        replace(&policies.join("all.toml"), &self.policy())?;
        replace(&self.path(), &self.servers())
    }

    fn path(&self) -> PathBuf {
        self.folder.join("servers.toml")
    }

    /// Changes something, and stays valid.
    pub(crate) fn change(&mut self, random: &mut Random) -> io::Result<()> {
        match random.below(4) {
            0 => self.setup.guests = [random.percent(50), random.percent(50)],
            1 => self.setup.variant = random.below(4),
            2 => self.setup.role = random.below(ROLES.len() as u64) as usize,
            _ => {
                self.setup.guests.swap(0, 1);
                self.setup.role = random.below(ROLES.len() as u64) as usize;
            }
        }
        self.write()
    }

    /// The guests come or go: whoever may call them sees another list.
    pub(crate) fn toggle(&mut self) -> io::Result<()> {
        self.setup.guests = self.setup.guests.map(|there| !there);
        self.write()
    }

    /// Writes what cannot be, and after a while what was there before.
    pub(crate) async fn spoil(&mut self, random: &mut Random, time: Duration) -> io::Result<()> {
        let (path, whole) = (self.path(), self.servers());
        let broken = match random.below(7) {
            0 => format!("{whole}[servers.\n"),
            1 => format!("{whole}[servers.more]\ncommnd = 'x'\n"),
            2 => whole.replacen("timeout = '2s'", "timeout = 2", 1),
            3 => format!("{whole}[servers.more]\ncommand = '${{file:/nowhere}}'\n"),
            4 => String::from("\0"),
            // Only begun: a shell empties it before the program starts that is to fill it.
            5 => String::new(),
            // Half written: it ends within a string.
            _ => {
                let half = whole.rfind("http://").unwrap_or_default();
                whole.get(..half + 4).unwrap_or_default().to_owned()
            }
        };
        match random.percent(50) {
            // In place, as a shell does it.
            true => fs::write(&path, broken)?,
            false => replace(&path, &broken)?,
        }
        sleep(time).await;
        self.write()
    }

    fn servers(&self) -> String {
        let mut text = format!(
            "[gateway]\nlisten = '127.0.0.1:0'\nstate_dir = 'state'\ncontrol_socket = ''\n\
             drain = '8s'\nfailed_sign_ins = 1000000\nfirst_list_wait = '10s'\n{}\n\
             [audit]\nfile = 'audit.jsonl'\nmax_size = 0\nrequired = {}\n\
             show_arguments = {{ '*/*' = ['nonce'] }}\n",
            self.settings, self.required
        );
        let mut guests = self.setup.guests.iter();
        for actor in &CAST {
            if actor.fate != Fate::Guest || guests.next() == Some(&true) {
                text.push_str(&self.table(actor));
            }
        }
        text
    }

    fn table(&self, actor: &Actor) -> String {
        let name = actor.name;
        let mut text = format!(
            "[servers.{name}]\ntimeout = '2s'\ntimeout_total = '4s'\nconnect_timeout = '2s'\n{}",
            actor.more
        );
        let said = match (actor.speech, self.addresses.get(name)) {
            (Speech::Example, _) => "command = 'mcpgate'\nargs = ['example']\n".to_owned(),
            (Speech::Child, _) => self.child(actor),
            (Speech::Legacy, Some(address)) => format!("url = 'http://{address}/sse'\n"),
            (Speech::Sessions | Speech::Stateless, Some(address)) => {
                format!("url = 'http://{address}/mcp'\n")
            }
            (Speech::Sessions | Speech::Stateless | Speech::Legacy, None) => String::new(),
        };
        text.push_str(&said);
        let is_child = matches!(actor.speech, Speech::Child | Speech::Example);
        if is_child {
            text.push_str("stop_timeout = '500ms'\n");
        } else {
            let breaker = "failures = 5, pause = '100ms', longest_pause = '1s'";
            text.push_str("dial_timeout = '1s'\ncheck_interval = '1s'\n");
            text.push_str(&format!("breaker = {{ {breaker} }}\n"));
        }
        if actor.fate == Fate::Wild && self.setup.variant > 0 {
            let variant = self.setup.variant;
            text.push_str(&match is_child {
                true => format!("env = {{ VARIANT = '{variant}' }}\n"),
                false => format!("headers = {{ X-Variant = '{variant}' }}\n"),
            });
        }
        text
    }

    fn child(&self, actor: &Actor) -> String {
        let tool = |name: String| json!({"name": name, "inputSchema": {"type": "object"}});
        let tools = json!([tool(actor.tool()), tool(actor.secret())]).to_string();
        let args = ["--name", actor.name, "--forget", "all", "--tools", &tools];
        let program = Value::from(self.fake.to_string_lossy().as_ref());
        format!("command = {program}\nargs = {}\n", Value::from(&args[..]))
    }

    fn policy(&self) -> String {
        let role = ROLES.get(self.setup.role).copied().unwrap_or_default();
        let deny = "deny = ['*/secret_*']\n";
        let mut text = format!("[roles.all]\nallow = ['*']\n{deny}[roles.fickle]\n{role}{deny}");
        for (number, key) in KEYS.iter().enumerate() {
            let role = if *key == FICKLE { "fickle" } else { "all" };
            let hash = hash_of(key);
            text.push_str(&format!(
                "[keys.caller{number}]\nhash = '{hash}'\nrole = '{role}'\n"
            ));
        }
        text
    }
}

/// As editors do it: a new file takes the place of the old one.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, text)?;
    fs::rename(new, path)
}
